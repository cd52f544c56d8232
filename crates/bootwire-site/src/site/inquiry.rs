//! An origin that is asked about an object, and not read: for `bootwire explain`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bootwire::{BoxFuture, Endpoint, Refusal, Reply, Request};
use bootwire_store::origin::{
    Ask, Condition, Got, ObjectName, Origin, OriginError, OriginErrorKind, Version,
};

/// How long the origin may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Objects that should be there and are asked for, at most.
const KNOWN_MAX: usize = 8;

/// What no origin has.
const NOBODYS: &[u8] = b"bootwire-check";

/// An origin without a cache.
#[derive(Clone)]
pub(super) struct Inquiry {
    origin: Arc<dyn Origin>,
    run: bool,
    seen: Arc<Mutex<Option<Object>>>,
}

/// An object as its origin describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    /// Its name, percent-encoded.
    pub(crate) object: String,
    /// ETag or time of the last change, if the origin says either.
    pub(crate) version: Option<String>,
}

impl Inquiry {
    /// `run`: whether the origin is asked at all.
    pub(super) fn new(origin: Arc<dyn Origin>, run: bool) -> Self {
        Self {
            origin,
            run,
            seen: Arc::default(),
        }
    }

    /// One that remembers by itself.
    pub(super) fn anew(&self) -> Self {
        Self::new(Arc::clone(&self.origin), self.run)
    }

    /// The object that was last asked for.
    pub(super) fn object(&self) -> Option<Object> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clone()
    }

    /// Asks for the objects that should be there, `known`; if there are none, for one that hardly
    /// is: any answer about it is one. With a warning if the path looks wrong.
    pub(super) async fn check(
        &self,
        known: &[String],
        patience: Duration,
    ) -> Result<Option<String>, String> {
        for path in known.iter().take(KNOWN_MAX) {
            let name = path.trim_start_matches('/');
            if !self.has(name.as_bytes(), patience).await? {
                return Err(format!(
                    "has no {path}, which prefetch names: look at its path, and at the name"
                ));
            }
        }
        if !known.is_empty() || self.has(NOBODYS, patience).await? {
            return Ok(None);
        }
        let missing = tokio::time::timeout(patience, self.origin.is_missing()).await;
        Ok(missing.unwrap_or(false).then(|| {
            "answers that this folder is not there: look at its path; to be sure, name an object \
             in prefetch"
                .to_owned()
        }))
    }

    /// Whether the origin has an object.
    async fn has(&self, path: &[u8], patience: Duration) -> Result<bool, String> {
        let object = ObjectName::new(path).map_err(|refusal| refusal.to_string())?;
        let ask = Ask {
            range: Some(0..1),
            condition: Condition::None,
        };
        match tokio::time::timeout(patience, self.origin.get(&object, &ask)).await {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(error)) => match error.kind() {
                OriginErrorKind::NotFound => Ok(false),
                OriginErrorKind::TooLarge => Ok(true),
                _ => Err(error.to_string()),
            },
            Err(_) => Err(format!("no answer within {patience:?}")),
        }
    }

    fn note(&self, object: &ObjectName, version: Option<Version>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = Some(Object {
            object: object.to_string(),
            version: version.and_then(|version| version.etag.or(version.modified)),
        });
    }

    /// Content of the object's size; nobody reads it.
    pub(super) async fn reply(&self, path: &[u8]) -> Result<Reply, Refusal> {
        let object = ObjectName::new(path)?;
        self.note(&object, None);
        let origin = self.origin.name();
        if !self.run {
            let detail = format!("{origin} was not asked for {object}");
            return Err(Refusal::origin().because(detail));
        }
        let ask = Ask {
            range: Some(0..1),
            condition: Condition::None,
        };
        let got = tokio::time::timeout(PATIENCE, self.origin.get(&object, &ask)).await;
        let got = got.unwrap_or_else(|_| {
            let late = format_args!("no answer within {PATIENCE:?}");
            Err(OriginError::new(OriginErrorKind::Unavailable, late))
        });
        match got.map_err(|error| error.refusal(origin))? {
            Got::Unchanged => Err(Refusal::origin().because("an answer to nobody's question")),
            Got::Content(content) => {
                self.note(&object, Some(content.version));
                Ok(match content.size {
                    Some(size) => Reply::sized_stream(tokio::io::empty(), size),
                    None => Reply::stream(tokio::io::empty()),
                })
            }
        }
    }
}

impl Endpoint<Reply> for Inquiry {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Reply, Refusal>> {
        Box::pin(async move { self.reply(request.rest_bytes()).await })
    }
}

impl std::fmt::Debug for Inquiry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inquiry")
            .field("origin", &self.origin.name())
            .field("run", &self.run)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use bootwire::Reason;
    use bootwire_store::HttpOrigin;

    use super::super::tests::get;
    use super::super::tests::origins::Web;
    use super::*;

    #[tokio::test]
    async fn a_path_that_is_wrong_is_noticed() {
        let web = Web::with(&[("/boot/", "listing"), ("/boot/vmlinuz", "kernel")]).await;
        let check = async |folder: &str, known: &[&str]| {
            let url = format!("{}{folder}", web.url());
            let origin: Arc<dyn Origin> = Arc::new(HttpOrigin::new(&url).unwrap());
            let known: Vec<_> = known.iter().map(|&name| name.to_owned()).collect();
            Inquiry::new(origin, true).check(&known, PATIENCE).await
        };
        assert_eq!(check("boot/", &[]).await, Ok(None));
        assert_eq!(check("boot/", &["/vmlinuz"]).await, Ok(None));
        let warned = check("bot/", &[]).await.unwrap().unwrap();
        assert!(warned.contains("path"), "{warned}");
        let failed = check("bot/", &["vmlinuz"]).await.unwrap_err();
        assert!(failed.contains("vmlinuz"), "{failed}");
    }

    #[tokio::test]
    async fn an_origin_is_asked_for_size_and_version_only_to_run() {
        let web = Web::with(&[("/linux/vmlinuz", "kernel")]).await;
        let origin: Arc<dyn Origin> = Arc::new(HttpOrigin::new(&web.url()).unwrap());
        let asked = Inquiry::new(Arc::clone(&origin), true);
        let reply = asked.call(get("/linux/vmlinuz", "10.0.0.7", &[])).await;
        assert_eq!(reply.unwrap().size(), Some(6));
        let seen = asked.object().unwrap();
        assert_eq!(seen.object, "linux/vmlinuz");
        assert_eq!(seen.version.as_deref(), Some("\"6-6b65726e656c\""));
        let missing = asked.call(get("/none", "10.0.0.7", &[])).await;
        assert_eq!(missing.unwrap_err().reason(), Reason::NotFound);

        let unasked = Inquiry::new(origin, false);
        let refused = unasked.call(get("/linux/vmlinuz", "10.0.0.7", &[])).await;
        assert_eq!(refused.unwrap_err().reason(), Reason::Origin);
        assert_eq!(web.asked(), 2);
    }
}
