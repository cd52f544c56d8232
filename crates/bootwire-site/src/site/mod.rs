//! What a configuration serves: everything it names, opened and put together.
//!
//! [`Site::open`] makes the [`App`] of a server; `bootwire explain` looks at the same routes, made
//! by the same code with [`Site::explained`], which opens nothing that a running server needs for
//! itself. One module a concern; [`making`] puts them together to [`routes`].

mod asked;
mod cache;
pub(crate) mod conditions;
mod directories;
mod finished;
pub(crate) mod hooks;
mod http;
mod identity;
mod inventory;
mod kept;
mod making;
mod needs;
pub(crate) mod origins;
mod problems;
mod quirks;
pub(crate) mod routes;
mod secret;
mod templates;
pub(crate) mod terms;
#[cfg(test)]
mod tests;
mod text;
mod tried;
mod uploads;
mod wrap;

use std::sync::Arc;
use std::time::Duration;

use bootwire::router::App;
use bootwire::{Endpoint, Reply};
use bootwire_render::identity::Identifier;
use bootwire_render::template::Templates;

pub use directories::note_directory;
pub(crate) use inventory::Machines;
pub use kept::Shared;
pub use needs::{Needs, needs};
pub use secret::Secrets;

use crate::config::model::Document;
use crate::config::{Config, Problems};
use conditions::Names;
use identity::IdentitySettings;
use kept::Kept;
use making::Materials;
use origins::{Origins, Prefetching};
use problems::Wrong;
use quirks::{Quirk, Quirks};
use routes::{LeadsTo, Route, WriteAction};
use terms::{OnTerms, Terms};

/// What a site is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// To serve it.
    Serve,
    /// To say what it would serve. The cache is left alone, uploads are not opened; origins are
    /// asked only to `run`.
    Explain { run: bool },
}

/// What a configuration serves.
pub struct Site {
    pub(crate) app: App,
    /// In the order in which they are tried; the ones in `app`.
    pub(crate) routes: Vec<Route>,
    pub(crate) who: Identifier,
    pub(crate) machines: Option<Machines>,
    pub(crate) origins: Arc<Origins>,
    /// What must not appear in the log.
    secrets: Secrets,
    templates: Templates,
    shown: Vec<String>,
    prefetching: Prefetching,
}

impl Site {
    /// Opens everything, within tokio on several threads. What is open in `shared` already serves on if its settings
    /// have not changed. If there are problems nothing of `shared` changes.
    ///
    /// # Errors
    /// All problems at once.
    pub async fn open(config: &Config, shared: &mut Shared) -> Result<Self, Problems> {
        let (site, kept) = Self::make(config, Purpose::Serve, &shared.0).await?;
        shared.0 = kept;
        Ok(site)
    }

    /// The same to look at. The cache is left alone, uploads are not opened; origins are asked only
    /// to `run`.
    ///
    /// # Errors
    /// All problems at once.
    pub async fn explained(config: &Config, run: bool) -> Result<Self, Problems> {
        let (site, _) = Self::make(config, Purpose::Explain { run }, &Kept::default()).await?;
        Ok(site)
    }

    async fn make(config: &Config, purpose: Purpose, old: &Kept) -> Result<(Self, Kept), Problems> {
        let (mut new, mut wrong) = (Kept::default(), Wrong::default());
        let origins = Origins::open(config, purpose, (old, &mut new), &mut wrong).await;
        let origins = Arc::new(origins);
        let who = identity::open(config, purpose, (old, &mut new)).await;
        let machines = Machines::open(config, purpose, (old, &mut new), &mut wrong).await;
        let templates = templates::open(config, purpose, (old, &mut new), &mut wrong).await;
        // Without them routes would be wrong that are right.
        wrong.stop()?;
        let quirks = Arc::new(quirks(config, &mut wrong));
        let materials = Materials {
            config,
            purpose,
            origins: &origins,
            templates: &templates,
            who: &who,
            inventory: machines.as_ref().map(|machines| &machines.inventory),
            quirks: &quirks,
            names: &Arc::<Names>::default(),
        };
        // It opens directories, which may lie on a disk that sleeps.
        let routes = tokio::task::block_in_place(|| materials.routes(&mut wrong));
        wrong.stop()?;
        let ignore_case = config.document.case_insensitive.unwrap_or(false);
        let site = Self {
            app: routes::router(&routes, ignore_case).into(),
            secrets: secrets(&routes),
            shown: shown(config, &routes, &origins, machines.as_ref(), &templates),
            routes,
            who,
            machines,
            origins,
            templates,
            prefetching: Prefetching::default(),
        };
        Ok((site, new))
    }

    /// What answers requests.
    #[must_use]
    pub fn app(&self) -> App {
        self.app.clone()
    }

    /// What must not appear in the log.
    #[must_use]
    pub fn secrets(&self) -> Secrets {
        self.secrets.clone()
    }

    /// What is served, in lines for the log.
    #[must_use]
    pub fn describe(&self) -> Vec<String> {
        self.shown.clone()
    }

    /// How much is served, in one line.
    #[must_use]
    pub fn summary(&self) -> String {
        let count = |count: usize, one, many| crate::size::count(count as u64, one, many);
        let mut parts = vec![count(self.routes.len(), "route", "routes")];
        if !self.origins.is_empty() {
            parts.push(count(self.origins.len(), "origin", "origins"));
        }
        parts.extend(self.machines.as_ref().map(|_| "an inventory".to_owned()));
        parts.join(", ")
    }

    /// What is wrong now with files that are read again while the server runs: templates,
    /// inventories.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let templates = self.templates.problems().into_iter();
        let templates = templates.map(|problem| format!("templates: {problem}"));
        let machines = self.machines.iter().flat_map(Machines::problems);
        templates.chain(machines).collect()
    }

    /// Fetches in the background what is to be in the cache before anybody asks, with a line in the
    /// log for each object. Ends with the site.
    pub fn prefetch(&self) {
        self.prefetching.start(&self.origins);
    }
}

/// Answers with the built-in quirks, for what is served without a configuration.
pub fn with_built_in_quirks(inner: impl Endpoint<Reply>) -> impl Endpoint<Reply> {
    OnTerms {
        terms: Terms::default(),
        quirks: Arc::new(Quirks::new(Vec::new())),
        inner: Arc::new(inner),
    }
}

fn quirks(config: &Config, wrong: &mut Wrong) -> Quirks {
    let mut quirks = Vec::new();
    for (index, quirk) in config.document.quirk.iter().enumerate() {
        match Quirk::new(index + 1, quirk) {
            Ok(quirk) => quirks.push(quirk),
            Err(error) => wrong.at(config.place(quirk), error),
        }
    }
    Quirks::new(quirks)
}

fn secrets(routes: &[Route]) -> Secrets {
    let suffixes = routes.iter().filter_map(|route| match &route.leads_to {
        LeadsTo::Write(step) => match &step.action {
            WriteAction::Upload(rule) => rule.suffix.clone(),
            WriteAction::Refuse(_) => None,
        },
        LeadsTo::Rename(_) | LeadsTo::Read(_) => None,
    });
    Secrets(suffixes.collect())
}

fn shown(
    config: &Config,
    routes: &[Route],
    origins: &Origins,
    machines: Option<&Machines>,
    templates: &Templates,
) -> Vec<String> {
    let mut lines: Vec<String> = routes
        .iter()
        .enumerate()
        .map(|(index, route)| format!("route {} {route}", index + 1))
        .collect();
    lines.extend(origins.describe(config));
    lines.extend(IdentitySettings::of(config).describe());
    lines.extend(machines.map(Machines::describe));
    if let Some(dir) = templates::directory(config) {
        let count = templates.names().len();
        lines.push(format!(
            "templates: {count}, those of {} among them",
            dir.display()
        ));
    }
    lines
}

/// The time an answer may take to be found, unless told otherwise.
const DEADLINE: Duration = Duration::from_secs(10);

/// How long the slowest route may take to answer: what the server itself must not cut short.
#[must_use]
pub fn longest_deadline(document: &Document) -> Duration {
    let routes = document.route.iter().filter_map(|route| route.deadline);
    routes
        .map(|limit| limit.0)
        .chain([own_deadline(document)])
        .max()
        .unwrap_or(DEADLINE)
}

/// How long routes may take that have no deadline of their own.
fn own_deadline(document: &Document) -> Duration {
    document.deadline.map_or(DEADLINE, |limit| limit.0)
}
