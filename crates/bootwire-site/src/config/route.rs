//! What a `[[route]]` means: its table, parsed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bootwire::router::{ParamText, Pattern, Rewrite};
use bootwire::{Op, Refusal, Terms};
use serde_json::{Map, Value};

use super::model::{Exec, Existing, Fallback, Finished, Http, Links, Output, PerClient, Unknown};
use super::source::Place;
use crate::conditions::Conditions;
use crate::text::Text;

/// Which requests, and what they get.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) pattern: Pattern,
    /// Whether paths match in any case, whatever the configuration says of all routes.
    pub(crate) ignore_case: bool,
    pub(crate) conditions: Arc<Conditions>,
    /// What it answers: reads or writes.
    pub(crate) op: Op,
    pub(crate) step: Step,
    /// How what it answers is sent.
    pub(crate) terms: Terms,
    /// How long an answer may take; `None` for the server's.
    pub(crate) deadline: Option<Duration>,
}

/// One thing a route does, or one of those it tries.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) place: Place,
    /// The path looked for instead.
    pub(crate) rewrite: Option<Rewrite>,
    pub(crate) action: Action,
}

/// What is done with a request, with all that is set for it.
#[derive(Clone)]
pub(crate) enum Action {
    /// The routes that follow see another path.
    Rename(Rewrite),
    Dir(Dir),
    /// By its name, which is one of those there are.
    Origin(String),
    Template {
        name: String,
        unknown: Option<Unknown>,
        vars: Map<String, Value>,
        probes: bool,
    },
    Text(Text),
    Refuse(Refusal),
    Http {
        method: Method,
        table: Box<Http>,
        probes: bool,
    },
    Exec {
        table: Box<Exec>,
        probes: bool,
    },
    /// Each is asked for what the one before it does not have.
    Try(Vec<Step>),
    Upload(Upload),
}

/// A directory, and how names are looked up in it.
#[derive(Clone)]
pub(crate) struct Dir {
    pub(crate) path: PathBuf,
    /// Directories below it that depend on the request.
    pub(crate) below: Option<ParamText>,
    pub(crate) links: Links,
    pub(crate) case_insensitive: bool,
    pub(crate) per_client: PerClient,
    pub(crate) fallback: Fallback,
    pub(crate) public_only: bool,
}

/// How an HTTP service is asked, and the URL.
#[derive(Clone)]
pub(crate) enum Method {
    Post(String),
    Get(String),
}

/// Where uploads go, and the rules.
#[derive(Clone)]
pub(crate) struct Upload {
    pub(crate) dir: PathBuf,
    pub(crate) existing: Existing,
    pub(crate) size_max: Option<u64>,
    pub(crate) keep_free: Option<u64>,
    pub(crate) create_dirs: bool,
    pub(crate) public_only: bool,
    pub(crate) mode: u32,
    pub(crate) secret_suffix_file: Option<PathBuf>,
    pub(crate) finished: Option<Finished>,
}

impl Upload {
    /// Permissions of the files, unless told otherwise.
    pub(crate) const MODE: u32 = 0o644;
}

impl Step {
    /// This, and what it tries.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Self> {
        let tried = match &self.action {
            Action::Try(tried) => tried.as_slice(),
            _ => &[],
        };
        std::iter::once(self).chain(tried)
    }
}

impl Action {
    /// Whether requests come back from it unanswered: it renames them, or a hook may pass.
    pub(super) const fn passes(&self) -> bool {
        matches!(
            self,
            Self::Rename(_) | Self::Http { .. } | Self::Exec { .. }
        )
    }

    /// Whether it may send a client to any origin.
    pub(super) fn redirects(&self) -> bool {
        match self {
            Self::Http { method, table, .. } => match table.output {
                Some(output) => output == Output::Decision,
                None => matches!(method, Method::Post(_)),
            },
            Self::Exec { table, .. } => table.output == Some(Output::Decision),
            _ => false,
        }
    }
}
