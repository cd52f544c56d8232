//! Objects in buckets: S3, Google Cloud Storage, Azure Blob Storage.

mod client;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::task::{Context, Poll};

use bootwire::BoxFuture;
use bytes::Bytes;
use futures_core::Stream;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::path::Path;
use object_store::{ClientConfigKey, Error, GetOptions, GetRange, ObjectStore, RetryConfig};

use self::client::{Connector, Unfit};
use super::access::Access;
use super::{
    Ask, Body, Condition, Content, Got, InvalidOrigin, ObjectName, Origin, OriginError,
    OriginErrorKind, Version,
};
use crate::cache::{Cache, Cached};

/// What the HTTP client goes by unless settings say otherwise. A body may take its time; the cache
/// watches that it moves.
const CLIENT: [(ClientConfigKey, &str); 2] = [
    (ClientConfigKey::ConnectTimeout, "5 seconds"),
    (ClientConfigKey::Timeout, "3600 seconds"),
];

/// A builder with the client's settings and those of a configuration, and what of these decides who may
/// read. The builders of the three providers have no trait in common.
macro_rules! configured {
    ($builder:expr, $client:path, $settings:expr) => {{
        let mut builder = $builder
            .with_http_connector(Connector)
            .with_retry(no_retries());
        for (key, value) in CLIENT {
            builder = builder.with_config($client(key), value);
        }
        let mut access = Settings::default();
        for (name, value) in $settings {
            access.add(name, value);
            builder = builder.with_config(setting(name)?, value);
        }
        (builder, access)
    }};
}

/// A bucket, and the prefix in it that objects lie under.
///
/// Settings are those of the crate `object_store`, by name (`endpoint`, `region`, `allow_http`,
/// `service_account` and many more); what is not set is taken from the environment, as the tools of
/// the three providers do, but for proxies. No redirect is followed, and no proxy used that is not set
/// (`proxy_url`). Objects that are stored compressed (`Content-Encoding`) are refused. Buckets that anyone may read need `skip_signature` set to `true`.
///
/// ```no_run
/// use bootwire_store::{Cache, ObjectOrigin};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let cache = Cache::builder("/var/cache/bootwire").open().await?;
/// let images = ObjectOrigin::s3("netboot", "images", [("region", "eu-central-1")])?;
/// let app: bootwire::Router =
///     bootwire::Router::new().read("/images/{*path}", images.cached(&cache));
/// # Ok(())
/// # }
/// ```
pub struct ObjectOrigin {
    store: Arc<dyn ObjectStore>,
    name: String,
    prefix: String,
    access: Vec<u8>,
}

impl ObjectOrigin {
    /// A bucket of S3, or of a server that speaks its protocol.
    ///
    /// # Errors
    /// If a setting is not known or makes no sense.
    pub fn s3<'s>(
        bucket: &str,
        prefix: &str,
        settings: impl IntoIterator<Item = (&'s str, &'s str)>,
    ) -> Result<Self, InvalidOrigin> {
        let builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
        let (builder, mut access) = configured!(builder, AmazonS3ConfigKey::Client, settings);
        for key in [AmazonS3ConfigKey::Endpoint, AmazonS3ConfigKey::AccessKeyId] {
            access.add_known(key.as_ref(), builder.get_config_value(&key));
        }
        Self::new("s3", (bucket, prefix), access, || builder.build())
    }

    /// A bucket of Google Cloud Storage.
    ///
    /// # Errors
    /// If a setting is not known or makes no sense.
    pub fn gcs<'s>(
        bucket: &str,
        prefix: &str,
        settings: impl IntoIterator<Item = (&'s str, &'s str)>,
    ) -> Result<Self, InvalidOrigin> {
        let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket);
        let (builder, mut access) = configured!(builder, GoogleConfigKey::Client, settings);
        let key = GoogleConfigKey::ServiceAccount;
        access.add_known(key.as_ref(), builder.get_config_value(&key));
        Self::new("gs", (bucket, prefix), access, || builder.build())
    }

    /// A container of Azure Blob Storage; `account` and its key are settings.
    ///
    /// # Errors
    /// If a setting is not known or makes no sense.
    pub fn azure<'s>(
        container: &str,
        prefix: &str,
        settings: impl IntoIterator<Item = (&'s str, &'s str)>,
    ) -> Result<Self, InvalidOrigin> {
        let builder = MicrosoftAzureBuilder::from_env().with_container_name(container);
        let (builder, mut access) = configured!(builder, AzureConfigKey::Client, settings);
        for key in [AzureConfigKey::AccountName, AzureConfigKey::Endpoint] {
            access.add_known(key.as_ref(), builder.get_config_value(&key));
        }
        Self::new("az", (container, prefix), access, || builder.build())
    }

    fn new<S: ObjectStore>(
        scheme: &str,
        (bucket, prefix): (&str, &str),
        access: Settings,
        build: impl FnOnce() -> Result<S, Error>,
    ) -> Result<Self, InvalidOrigin> {
        bootwire_tls::install_provider();
        let prefix = prefix.trim_matches('/');
        let name = format!("{scheme}://{bucket}/{prefix}");
        let store = build().map_err(|error| InvalidOrigin(format!("{name}: {error}")))?;
        Ok(Self {
            store: Arc::new(store),
            name,
            prefix: prefix.to_owned(),
            access: access.into_bytes(),
        })
    }

    /// Reads the bucket through `cache`.
    #[must_use]
    pub fn cached(self, cache: &Cache) -> Cached {
        Cached::new(Arc::new(self), cache)
    }

    /// The key of `object`.
    fn path(&self, object: &ObjectName) -> Result<Path, OriginError> {
        let not_found = |why: &dyn Display| OriginError::new(OriginErrorKind::NotFound, why);
        let name = object
            .decoded()
            .ok_or_else(|| not_found(&"keys are UTF-8"))?;
        let key = if self.prefix.is_empty() {
            name
        } else {
            format!("{}/{name}", self.prefix)
        };
        // As it is: no second encoding.
        Path::parse(key).map_err(|error| not_found(&error))
    }

    async fn answer(&self, object: &ObjectName, ask: &Ask) -> Result<Got, OriginError> {
        let path = self.path(object)?;
        let result = match self.store.get_opts(&path, options(ask)).await {
            Ok(result) => result,
            Err(Error::NotModified { .. }) if matches!(ask.condition, Condition::Unless(_)) => {
                return Ok(Got::Unchanged);
            }
            Err(error) if is_unsatisfiable(&error, ask) => return self.empty(&path).await,
            Err(error) => return Err(failed(&error)),
        };
        let (start, end) = (result.range.start, result.range.end);
        let (version, size) = (version(&result.meta), result.meta.size);
        let stream = result.into_stream();
        let left = end.saturating_sub(start);
        Ok(Got::Content(Content {
            version,
            size: Some(size),
            start,
            end: Some(end),
            body: Box::new(Streamed { stream, left }),
        }))
    }

    /// An object that has no range at all, if that is what it is.
    async fn empty(&self, path: &Path) -> Result<Got, OriginError> {
        let options = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        let result = self.store.get_opts(path, options).await;
        let meta = result.map_err(|error| failed(&error))?.meta;
        if meta.size > 0 {
            return Err(OriginError::unusable("refuses ranges"));
        }
        Ok(Got::Content(Content {
            version: version(&meta),
            size: Some(0),
            start: 0,
            end: Some(0),
            body: Box::new(None::<Bytes>),
        }))
    }
}

/// What decides where a bucket is and who may read it.
#[derive(Default)]
struct Settings(BTreeMap<String, String>);

impl Settings {
    fn add(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_ascii_lowercase(), value.to_owned());
    }

    /// What was not set, and is known all the same.
    fn add_known(&mut self, name: &str, value: Option<String>) {
        if let Some(value) = value {
            self.0.entry(format!("known {name}")).or_insert(value);
        }
    }

    fn into_bytes(self) -> Vec<u8> {
        let mut access = Access::default();
        for (name, value) in &self.0 {
            access.add(name, value);
        }
        access.into_bytes()
    }
}

fn setting<K: FromStr>(name: &str) -> Result<K, InvalidOrigin> {
    name.parse()
        .map_err(|_| InvalidOrigin(format!("{name:?} is no setting of a bucket")))
}

/// The cache sees to retries, chunk by chunk.
fn no_retries() -> RetryConfig {
    RetryConfig {
        max_retries: 0,
        ..RetryConfig::default()
    }
}

fn options(ask: &Ask) -> GetOptions {
    let mut options = GetOptions {
        range: ask.range.clone().map(GetRange::Bounded),
        ..GetOptions::default()
    };
    match &ask.condition {
        Condition::None => {}
        Condition::Unless(version) => options.if_none_match.clone_from(&version.etag),
        Condition::Only(version) => {
            options.if_match = version.strong_etag().map(str::to_owned);
        }
    }
    options
}

fn version(meta: &object_store::ObjectMeta) -> Version {
    Version {
        etag: meta.e_tag.clone(),
        modified: Some(meta.last_modified.to_rfc3339()),
    }
}

/// Whether a range from the start was refused, as it is for an empty object.
fn is_unsatisfiable(error: &Error, ask: &Ask) -> bool {
    let from_start = ask.range.as_ref().is_some_and(|range| range.start == 0);
    from_start && matches!(error, Error::Generic { .. }) && error.to_string().contains("416")
}

fn failed(error: &Error) -> OriginError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    // Bounded, should a cause be its own.
    for _ in 0..16 {
        let Some(error) = cause else { break };
        if let Some(unfit) = error.downcast_ref::<Unfit>() {
            return OriginError::unusable(unfit);
        }
        cause = error.source();
    }
    // Every object is missing from a bucket that is not there; the name is what is wrong.
    let text = error.to_string();
    if [
        "NoSuchBucket",
        "ContainerNotFound",
        "specified bucket does not exist",
    ]
    .iter()
    .any(|code| text.contains(code))
    {
        return OriginError::unusable(format_args!("there is no such bucket: {text}"));
    }
    let kind = match error {
        Error::NotFound { .. } | Error::InvalidPath { .. } => OriginErrorKind::NotFound,
        Error::Precondition { .. } => OriginErrorKind::Changed,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => OriginErrorKind::Denied,
        Error::NotSupported { .. } | Error::NotImplemented { .. } => OriginErrorKind::Unusable,
        _ => OriginErrorKind::Unavailable,
    };
    OriginError::new(kind, error)
}

/// A body that must have the length that was promised.
struct Streamed<S> {
    stream: S,
    left: u64,
}

impl<S: Stream<Item = Result<Bytes, Error>> + Unpin> Streamed<S> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, OriginError>> {
        let piece = std::task::ready!(Pin::new(&mut self.stream).poll_next(context));
        Poll::Ready(match piece.transpose() {
            Err(error) => Err(failed(&error)),
            Ok(Some(piece)) => match self.left.checked_sub(piece.len() as u64) {
                Some(left) => {
                    self.left = left;
                    Ok(Some(piece))
                }
                None => Err(OriginError::unusable("sent more than it had promised")),
            },
            Ok(None) if self.left > 0 => {
                let left = self.left;
                Err(OriginError::unavailable(format_args!(
                    "cut the body, {left} bytes are missing"
                )))
            }
            Ok(None) => Ok(None),
        })
    }
}

impl<S> Body for Streamed<S>
where
    S: Stream<Item = Result<Bytes, Error>> + Unpin + Send + 'static,
{
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, OriginError>> {
        Box::pin(std::future::poll_fn(|context| self.poll(context)))
    }
}

impl Origin for ObjectOrigin {
    fn name(&self) -> &str {
        &self.name
    }

    fn access(&self) -> Vec<u8> {
        self.access.clone()
    }

    fn get<'a>(
        &'a self,
        object: &'a ObjectName,
        ask: &'a Ask,
    ) -> BoxFuture<'a, Result<Got, OriginError>> {
        Box::pin(self.answer(object, ask))
    }
}

impl std::fmt::Debug for ObjectOrigin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectOrigin")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_known_by_name_and_secrets_not_shown() {
        let secret = [
            ("access_key_id", "x"),
            ("secret_access_key", "hunter2"),
            ("endpoint", "http://127.0.0.1:1"),
            ("allow_http", "true"),
            ("region", "here"),
        ];
        let origin = ObjectOrigin::s3("bucket", "/images/", secret).unwrap();
        assert_eq!(origin.name(), "s3://bucket/images");
        assert!(!format!("{origin:?}").contains("hunter2"));
        let error = ObjectOrigin::s3("bucket", "", [("colour", "red")]).unwrap_err();
        assert!(error.to_string().contains("colour"), "{error}");
        let gcs = ObjectOrigin::gcs("bucket", "", [("skip_signature", "true")]).unwrap();
        assert_eq!(gcs.name(), "gs://bucket/");
        let azure = [("account_name", "me"), ("skip_signature", "true")];
        assert_eq!(
            ObjectOrigin::azure("c", "p", azure).unwrap().name(),
            "az://c/p"
        );
    }

    #[test]
    fn keys_are_names_as_they_are() {
        let origin = ObjectOrigin::gcs("b", "boot/", [("skip_signature", "true")]).unwrap();
        for (name, key) in [
            ("linux 6/vmlinuz", "boot/linux 6/vmlinuz"),
            ("a%2fb?c#d", "boot/a%2fb?c#d"),
            ("ä", "boot/ä"),
        ] {
            let path = origin.path(&ObjectName::new(name.as_bytes()).unwrap());
            assert_eq!(path.unwrap().as_ref(), key);
        }
        let latin = ObjectName::new(b"\xe4").unwrap();
        let error = origin.path(&latin).unwrap_err();
        assert_eq!(error.kind(), OriginErrorKind::NotFound);
    }
}
