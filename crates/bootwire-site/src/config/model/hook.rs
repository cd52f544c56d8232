//! Hooks of routes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::value::{Size, Time};

/// An HTTP service that decides what a client gets: one of post, get.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Http {
    /// The URL the question is posted to
    pub(crate) post: Option<String>,
    /// The URL to fetch; {path}, {mac}, {uuid}, {serial}, {ip} … are filled in
    pub(crate) get: Option<String>,
    /// What the answer is [default: "decision" for post, "content" for get]
    pub(crate) output: Option<Output>,
    /// Headers to send with each question
    pub(crate) headers: BTreeMap<String, String>,
    /// The file that holds the bearer token
    pub(crate) bearer_file: Option<PathBuf>,
    /// The environment variable that holds the bearer token
    pub(crate) bearer_env: Option<String>,
    /// Certificates of a private authority, PEM
    pub(crate) ca: Option<PathBuf>,
    /// Time for a decision [default: 3s]
    pub(crate) deadline: Option<Time>,
    /// Questions at the same time [default: 16]
    pub(crate) concurrency: Option<usize>,
    /// Most questions that wait for a turn, 7 s at most [default: 16384]
    pub(crate) queue: Option<usize>,
    /// Largest answer [default: 4 MiB]
    pub(crate) size_max: Option<Size>,
    /// Leave the client out of the question, so that all who ask for a path ask once
    /// [default: false]
    pub(crate) anonymous: Option<bool>,
}

/// A program that decides what a client gets.
#[derive(Clone, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Exec {
    /// The program: an absolute path, or one from the configuration's directory
    pub(crate) program: PathBuf,
    /// Its arguments; {path}, {mac}, {uuid}, {serial}, {ip} … are filled in
    pub(crate) args: Vec<String>,
    /// Environment variables beside BOOTWIRE_…
    pub(crate) env: BTreeMap<String, String>,
    /// What its output is [default: "content"]
    pub(crate) output: Option<Output>,
    /// Time for a decision [default: 3s]
    pub(crate) deadline: Option<Time>,
    /// Programs at the same time [default: 16]
    pub(crate) concurrency: Option<usize>,
    /// Most questions that wait for a turn, 7 s at most [default: 16384]
    pub(crate) queue: Option<usize>,
    /// Largest answer [default: 4 MiB]
    pub(crate) size_max: Option<Size>,
    /// Leave the client out of the question [default: false]
    pub(crate) anonymous: Option<bool>,
}

/// The bounds that both kinds have.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) deadline: Option<Time>,
    pub(crate) concurrency: Option<usize>,
    pub(crate) queue: Option<usize>,
    pub(crate) size_max: Option<Size>,
    pub(crate) anonymous: bool,
}

macro_rules! bounds {
    ($($table:ident),*) => {$(
        impl $table {
            pub(crate) fn bounds(&self) -> Bounds {
                Bounds {
                    deadline: self.deadline,
                    concurrency: self.concurrency,
                    queue: self.queue,
                    size_max: self.size_max,
                    anonymous: self.anonymous.unwrap_or(false),
                }
            }
        }
    )*};
}

bounds!(Http, Exec);

/// What a hook's answer is.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Output {
    /// What the client gets.
    Content,
    /// A JSON object that decides.
    Decision,
}
