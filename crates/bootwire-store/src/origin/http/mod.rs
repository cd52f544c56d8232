//! Objects on a web server.

mod answer;
mod client;
mod redirect;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bootwire::BoxFuture;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{StatusCode, Url};

use self::client::Clients;
use self::redirect::Redirects;
use super::access::Access;
use super::{
    Ask, Condition, Got, InvalidOrigin, ObjectName, Origin, OriginError, OriginErrorKind, Secret,
};
use crate::cache::{Cache, Cached};

/// How long a connection may take to be made, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How who asks is told to the origin.
#[derive(Clone, Copy, Debug)]
enum Scheme {
    Bearer,
    Basic,
}

/// A web server, and the folder on it that objects lie in.
///
/// An object's URL is the origin's, with the object's [encoded name](ObjectName) added to the path;
/// the query, if the origin's URL has one, is sent with every request. Only GET is used, with
/// `Range` and the conditions of RFC 9110; a server that ignores either is coped with. Compressed
/// answers are not asked for, and refused.
///
/// ```no_run
/// use bootwire_store::{Cache, HttpOrigin, Secret};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let cache = Cache::builder("/var/cache/bootwire").open().await?;
/// let images = HttpOrigin::new("https://repo.example.com/boot/")?
///     .ca("/etc/bootwire/ca.pem")
///     .bearer(Secret::file("/run/secrets/repo-token"))
///     .cached(&cache);
/// let app: bootwire::Router = bootwire::Router::new().read("/images/{*path}", images);
/// # Ok(())
/// # }
/// ```
pub struct HttpOrigin {
    base: Url,
    name: String,
    headers: HeaderMap,
    credential: Option<(Scheme, Secret)>,
    redirects: Redirects,
    clients: Clients,
}

impl HttpOrigin {
    /// The origin at `url`, `http` or `https`. Its path is a folder, with or without a slash at the
    /// end.
    ///
    /// # Errors
    /// If that is no such URL, or holds a user name or password: those belong into a
    /// [header](Self::header) or a [token](Self::bearer).
    pub fn new(url: &str) -> Result<Self, InvalidOrigin> {
        let invalid = |why: &str| InvalidOrigin(format!("{url:?} is no origin: {why}"));
        let mut base = Url::parse(url).map_err(|error| invalid(&error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(invalid("not http or https"));
        }
        if !base.username().is_empty() || base.password().is_some() {
            // The URL is not repeated: it holds a secret.
            return Err(InvalidOrigin(
                "an origin's URL cannot hold a user name or password".to_owned(),
            ));
        }
        base.set_fragment(None);
        if !base.path().ends_with('/') {
            let folder = format!("{}/", base.path());
            base.set_path(&folder);
        }
        // A query may be a signature.
        let mut shown = base.clone();
        shown.set_query(None);
        Ok(Self {
            redirects: Redirects::new(&base),
            name: shown.into(),
            base,
            headers: HeaderMap::new(),
            credential: None,
            clients: Clients::default(),
        })
    }

    /// Sends a header with every request, as far as they go to the origin itself.
    ///
    /// # Errors
    /// If it is no header, or one that Bootwire sets itself.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, InvalidOrigin> {
        let refused = |why: &str| InvalidOrigin(format!("header {name:?}: {why}"));
        let parsed: HeaderName = name.parse().map_err(|_| refused("not a header name"))?;
        if OWN_HEADERS.contains(&parsed) {
            return Err(refused("is set by the server"));
        }
        let mut value: HeaderValue = value.parse().map_err(|_| refused("not a header value"))?;
        value.set_sensitive(true);
        self.headers.append(parsed, value);
        Ok(self)
    }

    /// Sends a bearer token (RFC 6750) with every request to the origin itself.
    #[must_use]
    pub fn bearer(mut self, token: Secret) -> Self {
        self.credential = Some((Scheme::Bearer, token));
        self
    }

    /// Sends a user name and a password (RFC 7617) with every request to the origin itself. The secret
    /// is both, as `USER:PASSWORD`.
    #[must_use]
    pub fn basic(mut self, user_and_password: Secret) -> Self {
        self.credential = Some((Scheme::Basic, user_and_password));
        self
    }

    /// Trusts the certificate authorities in this PEM file, and no others, and servers that show
    /// one of these very certificates, as with a self-signed one. Read again when it changes. Default: those the system trusts.
    #[must_use]
    pub fn ca(mut self, file: impl Into<PathBuf>) -> Self {
        self.clients.files.ca = Some(file.into());
        self
    }

    /// Shows this certificate (PEM, with its chain) to servers that ask for one, and its private
    /// key in another file. Read again when they change.
    #[must_use]
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.clients.files.identity = Some((certificate.into(), key.into()));
        self
    }

    /// Lets the origin redirect to `host`, on any port. The origin's headers and token are not sent
    /// there. Default: only to the origin's own host.
    #[must_use]
    pub fn redirect_to(mut self, host: &str) -> Self {
        self.redirects.allow(host);
        self
    }

    /// Reads the origin through `cache`.
    #[must_use]
    pub fn cached(self, cache: &Cache) -> Cached {
        Cached::new(Arc::new(self), cache)
    }

    /// Whether the files it needs can be read: certificates, key, token. Asks the origin nothing.
    ///
    /// # Errors
    /// What is wrong.
    pub async fn check(&self) -> Result<(), OriginError> {
        self.clients.get().await?;
        self.authorization().await?;
        Ok(())
    }

    /// Where `object` is.
    fn url(&self, object: &ObjectName) -> Url {
        let mut url = self.base.clone();
        // Encoded already; what is left as it is cannot be a separator.
        url.set_path(&format!("{}{object}", self.base.path()));
        url
    }

    /// Who asks, as a header.
    async fn authorization(&self) -> Result<Option<HeaderValue>, OriginError> {
        let Some((scheme, secret)) = &self.credential else {
            return Ok(None);
        };
        let secret = secret.read().await?;
        let value = match scheme {
            Scheme::Bearer => format!("Bearer {secret}"),
            Scheme::Basic if secret.contains(':') => {
                format!("Basic {}", BASE64_STANDARD.encode(secret.as_bytes()))
            }
            // It is not repeated: a password alone is one, too.
            Scheme::Basic => {
                return Err(OriginError::unavailable(
                    "the user name and password have no colon between them: write USER:PASSWORD",
                ));
            }
        };
        let mut value = HeaderValue::try_from(value)
            .map_err(|_| OriginError::unavailable("the token holds what no header can"))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    async fn answer(&self, object: &ObjectName, ask: &Ask) -> Result<Got, OriginError> {
        self.answer_at(self.url(object), ask).await
    }

    async fn answer_at(&self, mut url: Url, ask: &Ask) -> Result<Got, OriginError> {
        let client = self.clients.get().await?;
        let mut own = self.headers.clone();
        if let Some(value) = self.authorization().await? {
            own.insert(header::AUTHORIZATION, value);
        }
        for _ in 0..=redirect::MAX {
            let mut request = client.get(url.clone()).headers(conditions(ask));
            if self.redirects.is_own(&url) {
                request = request.headers(own.clone());
            }
            let response = request.send().await.map_err(|error| failed(&error))?;
            if !is_redirect(response.status()) {
                return answer::read(response, ask);
            }
            url = self.redirects.follow(&url, &response)?;
        }
        Err(OriginError::unusable("redirects go in a circle"))
    }
}

/// Headers an origin's settings cannot change.
const OWN_HEADERS: [HeaderName; 12] = [
    header::RANGE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
    header::IF_RANGE,
    header::ACCEPT_ENCODING,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::HOST,
    header::TE,
];

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Range and condition as headers.
fn conditions(ask: &Ask) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        header::ACCEPT_ENCODING,
        HeaderValue::from_static("identity"),
    );
    let mut set = |name: HeaderName, text: &str| {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    };
    if let Some(range) = &ask.range {
        let last = range.end.saturating_sub(1);
        set(header::RANGE, &format!("bytes={}-{last}", range.start));
    }
    match &ask.condition {
        Condition::None => {}
        Condition::Unless(version) => {
            if let Some(etag) = &version.etag {
                set(header::IF_NONE_MATCH, etag);
            } else if let Some(modified) = &version.modified {
                set(header::IF_MODIFIED_SINCE, modified);
            }
        }
        // A weak ETag never matches here; the answer's own is compared instead.
        Condition::Only(version) => {
            if let Some(etag) = version.strong_etag() {
                set(header::IF_MATCH, etag);
            } else if let (None, Some(modified)) = (&version.etag, &version.modified) {
                set(header::IF_UNMODIFIED_SINCE, modified);
            }
        }
    }
    headers
}

/// An error of the HTTP client with its causes; without the URL, which may hold a signature.
fn failed(error: &reqwest::Error) -> OriginError {
    use std::error::Error;
    use std::fmt::Write;

    let mut detail = if error.is_connect() {
        "cannot connect".to_owned()
    } else if error.is_timeout() {
        "timed out".to_owned()
    } else {
        "the connection failed".to_owned()
    };
    let mut cause = error.source();
    // Bounded, should a cause be its own.
    for _ in 0..8 {
        let Some(error) = cause else { break };
        let _ = write!(detail, ": {error}");
        cause = error.source();
    }
    if is_forbidden(error) {
        detail.push_str(
            ": that is this server's sandbox, which opens the ports its configuration names and no \
             others; for a redirect to another port name the host in redirect_to",
        );
        return OriginError::unusable(detail);
    }
    OriginError::unavailable(detail)
}

/// Whether the kernel forbade to connect.
fn is_forbidden(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    for _ in 0..8 {
        let Some(error) = cause else { break };
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            let errno = rustix::io::Errno::from_io_error(error);
            if errno == Some(rustix::io::Errno::ACCESS) {
                return true;
            }
        }
        cause = error.source();
    }
    false
}

impl Origin for HttpOrigin {
    fn name(&self) -> &str {
        &self.name
    }

    fn is_missing(&self) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            let ask = Ask {
                range: Some(0..1),
                condition: Condition::None,
            };
            let answer = self.answer_at(self.base.clone(), &ask).await;
            answer.is_err_and(|error| error.kind() == OriginErrorKind::NotFound)
        })
    }

    fn access(&self) -> Vec<u8> {
        use std::os::unix::ffi::OsStrExt;

        let mut access = Access::default();
        if let Some(query) = self.base.query() {
            access.add("query", query);
        }
        for (name, value) in &self.headers {
            access.add(name.as_str(), value);
        }
        match &self.credential {
            Some((Scheme::Bearer, token)) => access.add("bearer", token.place()),
            Some((Scheme::Basic, secret)) => access.add("basic", secret.place()),
            None => {}
        }
        let mut others: Vec<_> = self.redirects.others().collect();
        others.sort_unstable();
        others.dedup();
        for host in others {
            access.add("redirect_to", host);
        }
        let files = &self.clients.files;
        if let Some(ca) = &files.ca {
            access.add("ca", ca.as_os_str().as_bytes());
        }
        if let Some((certificate, key)) = &files.identity {
            access.add("client_certificate", certificate.as_os_str().as_bytes());
            access.add("client_key", key.as_os_str().as_bytes());
        }
        access.into_bytes()
    }

    fn get<'a>(
        &'a self,
        object: &'a ObjectName,
        ask: &'a Ask,
    ) -> BoxFuture<'a, Result<Got, OriginError>> {
        Box::pin(self.answer(object, ask))
    }
}

impl std::fmt::Debug for HttpOrigin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpOrigin")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Version;
    use super::*;

    fn url_of(base: &str, path: &str) -> String {
        let origin = HttpOrigin::new(base).unwrap();
        origin
            .url(&ObjectName::new(path.as_bytes()).unwrap())
            .into()
    }

    #[test]
    fn no_name_leads_out_of_the_folder_or_adds_a_query() {
        for (path, url) in [
            ("linux/vmlinuz", "http://o/boot/linux/vmlinuz?sig=1"),
            ("a?b=c#d", "http://o/boot/a%3Fb%3Dc%23d?sig=1"),
            ("%2e%2e/%2E./x", "http://o/boot/%252e%252e/%252E./x?sig=1"),
            ("..\\x", "http://o/boot/..%5Cx?sig=1"),
            ("a%2f..%2fb", "http://o/boot/a%252f..%252fb?sig=1"),
            ("//evil/x", "http://o/boot/evil/x?sig=1"),
        ] {
            assert_eq!(url_of("http://o/boot?sig=1", path), url);
        }
    }

    #[test]
    fn an_origin_is_a_web_server_and_its_url_no_secret() {
        assert!(HttpOrigin::new("ftp://x/").is_err());
        assert!(HttpOrigin::new("x").is_err());
        let error = HttpOrigin::new("http://user:hunter2@x/").unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
        let origin = HttpOrigin::new("https://x/a?sig=hunter2").unwrap();
        assert_eq!(origin.name(), "https://x/a/");
        assert!(!format!("{origin:?}").contains("hunter2"));
    }

    #[test]
    fn whoever_may_fetch_other_things_is_another_origin() {
        let origin = || HttpOrigin::new("https://x/a").unwrap();
        let all = [
            origin().access(),
            HttpOrigin::new("https://x/a?sig=1").unwrap().access(),
            origin().header("X-Key", "1").unwrap().access(),
            origin().header("X-Key", "2").unwrap().access(),
            origin().header("X-Ke", "y1").unwrap().access(),
            origin().bearer(Secret::text("hunter2")).access(),
            origin().basic(Secret::text("hunter2")).access(),
            origin().bearer(Secret::file("/run/token")).access(),
            origin().bearer(Secret::environment("TOKEN")).access(),
            origin().ca("/etc/ca.pem").access(),
            origin().redirect_to("cdn").access(),
            origin().client_certificate("/c.pem", "/k.pem").access(),
            origin().client_certificate("/c.pem", "/l.pem").access(),
        ];
        for (index, access) in all.iter().enumerate() {
            assert!(!all[..index].contains(access), "{index}");
        }
        let two = |one, another| origin().redirect_to(one).redirect_to(another).access();
        assert_eq!(two("a", "b"), two("b", "a"));
    }

    #[test]
    fn headers_that_would_break_the_protocol_are_refused() {
        let origin = || HttpOrigin::new("http://x/").unwrap();
        assert!(origin().header("X-Key", "1").is_ok());
        assert!(origin().header("Range", "bytes=0-1").is_err());
        assert!(origin().header("a b", "1").is_err());
        assert!(origin().header("X", "1\r\nY: 2").is_err());
    }

    #[test]
    fn what_the_sandbox_forbids_is_told_from_other_failures() {
        #[derive(Debug, thiserror::Error)]
        #[error("tcp connect error")]
        struct Around(#[source] std::io::Error);
        let errno = |number| Around(std::io::Error::from_raw_os_error(number));
        assert!(is_forbidden(&errno(13)));
        assert!(!is_forbidden(&errno(111)));
    }

    #[test]
    fn conditions_become_the_right_headers() {
        let version = |etag: Option<&str>| Version {
            etag: etag.map(str::to_owned),
            modified: Some("Mon".to_owned()),
        };
        let headers = |condition| {
            conditions(&Ask {
                range: Some(10..20),
                condition,
            })
        };
        let only = headers(Condition::Only(version(Some("\"1\""))));
        assert_eq!(only["if-match"], "\"1\"");
        assert_eq!(only["range"], "bytes=10-19");
        assert_eq!(only["accept-encoding"], "identity");
        let only = headers(Condition::Only(version(Some("W/\"1\""))));
        assert!(!only.contains_key("if-match"));
        let only = headers(Condition::Only(version(None)));
        assert_eq!(only["if-unmodified-since"], "Mon");
        let unless = headers(Condition::Unless(version(Some("W/\"1\""))));
        assert_eq!(unless["if-none-match"], "W/\"1\"");
        let unless = headers(Condition::Unless(version(None)));
        assert_eq!(unless["if-modified-since"], "Mon");
    }
}
