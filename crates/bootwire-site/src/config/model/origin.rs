//! `[origin.NAME]`: where images come from that are not on this machine.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::value::{Many, Size, Time};

/// Where images come from that are not on this machine. One of url, s3, gcs, azure.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Origin {
    /// A web server: the URL that names are added to
    pub(crate) url: Option<String>,
    /// A bucket of S3 or something like it
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
    /// Web servers: headers sent with each request
    pub(crate) headers: BTreeMap<String, String>,
    /// Web servers: a file with the bearer token; read again when it changes
    pub(crate) bearer_file: Option<PathBuf>,
    /// Web servers: the environment variable with the bearer token
    pub(crate) bearer_env: Option<String>,
    /// Web servers: certificates of a private authority, PEM
    pub(crate) ca: Option<PathBuf>,
    /// Web servers: the certificate to show, PEM
    pub(crate) client_certificate: Option<PathBuf>,
    /// Web servers: its key, PEM
    pub(crate) client_key: Option<PathBuf>,
    /// Web servers: hosts it may redirect to, beside its own
    pub(crate) redirect_to: Option<Many<String>>,
    /// How long an object is sent without asking whether it changed [default: 60s]
    pub(crate) ttl: Option<Time>,
    /// How long it is still sent while the origin is down [default: 7days]
    pub(crate) max_stale: Option<Time>,
    /// How long "no such file" is remembered [default: 10s]
    pub(crate) negative_ttl: Option<Time>,
    /// Keeps a machine at the versions of its first request: "boot" for 15 minutes, or a time
    pub(crate) pin: Option<Pin>,
    /// Largest object [default: no limit but the cache's]
    pub(crate) object_max: Option<Size>,
    /// How far to fetch ahead of the fastest reader [default: 16 MiB]
    pub(crate) read_ahead: Option<Size>,
    /// Most that may be on its way from this origin at a time [default: 32 MiB]
    pub(crate) in_flight: Option<Size>,
    /// How long it may take to answer
    pub(crate) answer_within: Option<Time>,
    /// How long it may send less than 16 KiB [default: 10s]
    pub(crate) stall: Option<Time>,
    /// How long it may bring nothing before its transfers end [default: 30s]
    pub(crate) give_up: Option<Time>,
    /// Objects to have in the cache before anybody asks
    pub(crate) prefetch: Option<Many<String>>,
}

/// How long a machine stays at one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pin(pub(crate) Time);
