//! `[origin.NAME]`: where images come from that are not on this machine.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::value::{Many, Size, Time};

/// A web server or bucket that files come from: one of url, s3, gcs, azure.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Origin {
    /// A web server: the URL that names are added to
    pub(crate) url: Option<String>,
    /// A bucket of S3 or a service like it
    pub(crate) s3: Option<String>,
    /// A bucket of Google Cloud Storage
    pub(crate) gcs: Option<String>,
    /// A container of Azure Blob Storage
    pub(crate) azure: Option<String>,
    /// Buckets: what goes before each name
    pub(crate) prefix: Option<String>,
    /// Buckets: settings like region, endpoint, access_key_id, secret_access_key
    pub(crate) settings: BTreeMap<String, String>,
    /// Buckets: settings whose values are in environment variables, by setting
    pub(crate) settings_env: BTreeMap<String, String>,
    /// Buckets: settings whose values are in files, by setting
    pub(crate) settings_file: BTreeMap<String, PathBuf>,
    /// Web servers: headers to send with each request
    pub(crate) headers: BTreeMap<String, String>,
    /// Web servers: the file that holds the bearer token; read again when it changes
    pub(crate) bearer_file: Option<PathBuf>,
    /// Web servers: the environment variable that holds the bearer token
    pub(crate) bearer_env: Option<String>,
    /// Web servers: the file that holds the user name and password, as USER:PASSWORD; read again when
    /// it changes
    pub(crate) basic_file: Option<PathBuf>,
    /// Web servers: certificates of a private authority, PEM
    pub(crate) ca: Option<PathBuf>,
    /// Web servers: the certificate to show, PEM
    pub(crate) client_certificate: Option<PathBuf>,
    /// Web servers: its key, PEM
    pub(crate) client_key: Option<PathBuf>,
    /// Web servers: hosts it may redirect to, beside its own
    pub(crate) redirect_to: Option<Many<String>>,
    /// How long to send an object without asking whether it changed [default: 60s]
    pub(crate) ttl: Option<Time>,
    /// How long to send objects while the origin is down [default: 7days]
    pub(crate) max_stale: Option<Time>,
    /// How long to remember "no such file" [default: 10s]
    pub(crate) negative_ttl: Option<Time>,
    /// Keep a machine at the versions of its first request: "boot" for 15 minutes, or a time
    pub(crate) pin: Option<Pin>,
    /// Largest object [default: no limit but the cache's]
    pub(crate) object_max: Option<Size>,
    /// How many bytes to fetch ahead of the fastest reader [default: 16 MiB]
    pub(crate) read_ahead: Option<Size>,
    /// Most bytes on their way from this origin at a time [default: 32 MiB]
    pub(crate) in_flight: Option<Size>,
    /// How long the origin may take to answer
    pub(crate) answer_within: Option<Time>,
    /// How long the origin may send less than 16 KiB [default: 10s]
    pub(crate) stall: Option<Time>,
    /// How long the origin may bring nothing before the transfers that need it end [default: 30s]
    pub(crate) give_up: Option<Time>,
    /// Objects to fetch before anybody asks
    pub(crate) prefetch: Option<Many<String>>,
}

/// What an origin is, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) enum OriginKind<'a> {
    /// A web server, by its URL.
    Web(&'a str),
    /// A bucket of S3.
    S3(&'a str),
    /// A bucket of Google Cloud Storage.
    Gcs(&'a str),
    /// A container of Azure Blob Storage.
    Azure(&'a str),
}

impl Origin {
    /// The keys of which each origin has one.
    pub(in crate::config) const KINDS: &[&str] = &["url", "s3", "gcs", "azure"];

    /// What it is; `None` where the key is missing.
    pub(crate) fn kind(&self) -> Option<OriginKind<'_>> {
        let web = self.url.as_deref().map(OriginKind::Web);
        let s3 = self.s3.as_deref().map(OriginKind::S3);
        let gcs = self.gcs.as_deref().map(OriginKind::Gcs);
        let azure = self.azure.as_deref().map(OriginKind::Azure);
        web.or(s3).or(gcs).or(azure)
    }
}

/// How long a machine stays at one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pin(pub(crate) Time);
