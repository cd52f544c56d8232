//! What a configuration serves: everything it names, opened and put together.
//!
//! One module a concern. [`routes`] puts them together, [`evaluate`] makes of each step what answers,
//! to serve it and to explain it.

pub(crate) mod action;
mod after_upload;
mod below;
mod cache;
mod dependencies;
pub(crate) mod evaluate;
mod export;
mod hooks;
mod http;
mod identity;
mod in_force;
pub(crate) mod inquiry;
mod inventory;
mod materials;
mod opening;
mod origins;
mod out_of_reach;
mod reload;
mod requirements;
mod resources;
pub(crate) mod routes;
mod secret;
mod templates;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod uploads;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bootwire::router::App;
use bootwire::{BoxFuture, Router, Server};
use bootwire_render::identity::{Identifier, Identity};
use bootwire_render::inventory::{InventoryError, Machine};
use bootwire_render::template::Templates;
use bootwire_store::Cache;

pub use export::Exports;
pub use in_force::{InForce, InventoryInForce, KeyInForce};
pub use origins::OriginInForce;
pub use requirements::Requirements;
pub use secret::Secrets;

use crate::config::{Config, Problems};
use crate::server::LISTEN;
use identity::IdentitySettings;
use inventory::Machines;
use materials::Materials;
use opening::{Notes, Opening, Purpose};
use origins::{Origins, Prefetching};
use reload::Fixed;
use resources::Resources;
use routes::OpenRoute;
use watch::Watch;

/// A configuration, open: what it names, and the application that serves it.
///
/// ```no_run
/// use bootwire_site::Site;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let site = Site::open("/etc/bootwire/bootwire.toml").await?;
/// site.server().run().await?;
/// # Ok(())
/// # }
/// ```
///
/// See [`SiteBuilder`] for routes, handlers and layers of the program's own. All of it needs a tokio
/// runtime with several threads.
pub struct Site {
    config: Arc<Config>,
    purpose: Purpose,
    notes: Notes,
    compose: Compose,
    /// See [`SiteBuilder::executable`].
    executable: Executable,
    open: Arc<Open>,
    /// What a reload leaves open.
    resources: Resources,
    /// What the configuration said at first of what a running server cannot change.
    fixed: Fixed,
    watch: Watch,
}

/// The directories from which programs start, if there are others.
type Executable = Option<Arc<[PathBuf]>>;

/// Puts the configuration's routes among others.
type Compose = Arc<dyn Fn(Router) -> Router + Send + Sync>;

/// How a [`Site`] is opened: what the program adds to the configuration.
///
/// ```no_run
/// use bootwire::Router;
/// use bootwire_site::{Config, Site};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let config = Config::load("/etc/bootwire/bootwire.toml".as_ref())?;
/// let site = Site::builder()
///     .routes(|configured| {
///         Router::new()
///             .read("/status", async || "well\n")
///             .merge(configured)
///     })
///     .notes(|line| eprintln!("{line}"))
///     .open(config)
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct SiteBuilder {
    compose: Compose,
    notes: Notes,
    executable: Executable,
}

impl SiteBuilder {
    /// Makes the application's router: from the configuration's, with routes before or behind it, and
    /// layers. Called again at each reload.
    pub fn routes(mut self, compose: impl Fn(Router) -> Router + Send + Sync + 'static) -> Self {
        self.compose = Arc::new(compose);
        self
    }

    /// Hears lines for the log: a directory that was replaced, a template that broke, objects that are
    /// in the cache. By default nobody does.
    pub fn notes(mut self, tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.notes = Notes::new(tell);
        self
    }

    /// From which directories alone programs start, where a sandbox that is closed around the process
    /// sees to that: the kernel says so only to who starts one. A configuration with programs elsewhere,
    /// or with scripts that others run, is refused. Whatever else the sandbox grants, the kernel is asked.
    /// One that is [looked](Self::look) at is not refused: [`Site::check`] tells it.
    pub fn executable(mut self, directories: impl IntoIterator<Item = PathBuf>) -> Self {
        self.executable = Some(directories.into_iter().collect());
        self
    }

    /// Opens everything that the configuration names, to serve it.
    ///
    /// # Errors
    /// All problems at once, with file and line.
    pub async fn open(self, config: Config) -> Result<Site, Problems> {
        self.open_for(Purpose::Serve, config).await
    }

    /// The same to look at, by [`Site::explain`] and [`Site::check`]: nothing is written, the cache is
    /// left alone, uploads are not opened. Origins, hooks and services are asked, and secrets read,
    /// only to `ask`.
    ///
    /// # Errors
    /// All problems at once, with file and line.
    pub async fn look(self, config: Config, ask: bool) -> Result<Site, Problems> {
        self.open_for(Purpose::Look { ask }, config).await
    }

    /// A future of one type is compiled here, once, and not in every program that opens a site.
    fn open_for(
        self,
        purpose: Purpose,
        config: Config,
    ) -> BoxFuture<'static, Result<Site, Problems>> {
        Box::pin(async move {
            // What changes from now on is news.
            let watch = Watch::new(&config);
            let resources = Resources::default();
            let mut opening = Opening::new(&config, purpose, &self.notes);
            opening.expect_within_reach(self.executable.as_deref())?;
            let (open, resources) = Open::new(opening, &resources, &self.compose).await?;
            Ok(Site {
                fixed: Fixed::of(&config),
                config: Arc::new(config),
                purpose,
                notes: self.notes,
                compose: self.compose,
                executable: self.executable,
                open: Arc::new(open),
                resources,
                watch,
            })
        })
    }
}

impl Site {
    /// Opens a configuration as `bootwire serve` does: the file at `path`, its drop-ins, the
    /// environment.
    ///
    /// # Errors
    /// All problems at once, with file and line.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, Problems> {
        Self::builder().open(Config::load(path.as_ref())?).await
    }

    /// How to open one with routes of the program's own.
    pub fn builder() -> SiteBuilder {
        SiteBuilder {
            compose: Arc::new(|configured| configured),
            notes: Notes::default(),
            executable: None,
        }
    }

    /// The places from which alone programs start, if that is known.
    pub(crate) fn executable(&self) -> Option<&[PathBuf]> {
        self.executable.as_deref()
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What answers requests now. After a reload it is another.
    #[must_use]
    pub fn app(&self) -> App {
        self.open.app.clone()
    }

    /// A server with the settings of the configuration, which serves [`Site::app`]. Where no address is
    /// named it listens on port 69 of all of them, IPv6 and IPv4.
    #[must_use]
    pub fn server(&self) -> Server {
        self.config.server(LISTEN).serve(self.app())
    }

    /// What must not appear in the log.
    #[must_use]
    pub fn secrets(&self) -> Secrets {
        let secrets = self.open.routes.iter().filter_map(OpenRoute::secret);
        Secrets(secrets.collect())
    }

    /// Who is told what happens. Of what it says now a server that runs takes nothing up.
    #[must_use]
    pub fn exports(&self) -> &Exports {
        &self.open.exports
    }

    /// The machine in the inventory; `None` if it has none such, or there is no inventory.
    ///
    /// # Errors
    /// If the inventory cannot be asked.
    pub async fn find_machine(
        &self,
        who: &Identity,
    ) -> Result<Option<Arc<Machine>>, InventoryError> {
        match &self.open.machines {
            Some(machines) => machines.inventory.find(who).await,
            None => Ok(None),
        }
    }

    /// What is served, in lines for the log.
    #[must_use]
    pub fn describe(&self) -> Vec<String> {
        self.open.describe(&self.config)
    }

    /// What each route answers with, and its pattern, in the order in which they are tried.
    #[must_use]
    pub fn answers(&self) -> Vec<(String, String)> {
        let routes = self.routes().iter();
        let told = |route: &OpenRoute| (route.pattern.to_string(), route.leads_to.to_string());
        routes.map(told).collect()
    }

    /// How much is served, in one line.
    #[must_use]
    pub fn summary(&self) -> String {
        self.open.summary()
    }

    /// What is wrong now with files that are read again while the server runs: templates,
    /// inventories.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        self.open.problems()
    }

    /// The cache of origins, and the bytes it may take on the disk; `None` where the configuration has no
    /// origin. After a reload it may be another.
    #[must_use]
    pub fn cache(&self) -> Option<(&Cache, u64)> {
        self.resources.origins.open_cache()
    }

    /// Fetches in the background what is to be in the cache before anybody asks, with a line in the
    /// log for each object. Ends with the site.
    pub fn prefetch(&self) {
        self.open.prefetching.start(&self.open.origins, &self.notes);
    }

    pub(crate) fn routes(&self) -> &[OpenRoute] {
        self.open.routes.as_slice()
    }

    pub(crate) fn parts(&self) -> &Open {
        &self.open
    }

    /// Whether those who are elsewhere may be asked.
    pub(crate) fn may_ask(&self) -> bool {
        self.purpose.may_ask()
    }
}

impl std::fmt::Debug for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Site")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// What is open of one configuration.
pub(crate) struct Open {
    /// With what the program adds.
    app: App,
    /// Without.
    pub(crate) configured: App,
    /// In the order in which they are tried.
    routes: Vec<OpenRoute>,
    pub(crate) who: Identifier,
    pub(crate) machines: Option<Machines>,
    origins: Arc<Origins>,
    templates: Templates,
    prefetching: Prefetching,
    pub(crate) exports: Exports,
}

impl Open {
    async fn new(
        mut opening: Opening<'_>,
        old: &Resources,
        compose: &Compose,
    ) -> Result<(Self, Resources), Problems> {
        let (origins, open_origins) = Origins::open(&mut opening, &old.origins).await;
        let origins = Arc::new(origins);
        let identity = identity::open(&opening, old.identity.as_ref()).await;
        let (machines, inventory) = Machines::open(&mut opening, old.inventory.as_ref()).await;
        let templates = templates::open(&mut opening, old.templates.as_ref()).await;
        let new = Resources {
            origins: open_origins,
            inventory,
            identity: Some(identity.clone()),
            templates: Some(templates.clone()),
        };
        let ((_, who), (_, templates)) = (identity, templates);
        let exports = Exports::open(&mut opening);
        // Without them routes would be wrong that are right.
        opening.stop()?;
        let materials = Materials {
            origins: &origins,
            templates: &templates,
            who: &who,
            inventory: machines.as_ref().map(|machines| &machines.inventory),
        };
        // It opens directories, which may lie on a disk that sleeps.
        let routes = tokio::task::block_in_place(|| open_routes(&materials, &mut opening));
        opening.stop()?;
        let ignore_case = opening.config.document.case_insensitive;
        let router = || routes::router(&routes, ignore_case);
        let open = Self {
            app: compose(router()).into(),
            configured: router().into(),
            routes,
            who,
            machines,
            origins,
            templates,
            prefetching: Prefetching::default(),
            exports,
        };
        Ok((open, new))
    }

    fn describe(&self, config: &Config) -> Vec<String> {
        let routes = self.routes.iter().enumerate();
        let mut lines: Vec<String> = routes
            .map(|(index, route)| format!("route {} {route}", index + 1))
            .collect();
        lines.extend(self.origins.describe(config));
        lines.extend(IdentitySettings::of(config).describe());
        lines.extend(self.machines.as_ref().map(Machines::describe));
        if let Some(dir) = templates::directory(config) {
            let count = self.templates.names().len();
            lines.push(format!(
                "templates: {count}, those of {} among them",
                dir.display()
            ));
        }
        lines.extend(self.exports.describe());
        lines
    }

    fn summary(&self) -> String {
        let count = |count: usize, one, many| crate::size::count(count as u64, one, many);
        let mut parts = vec![count(self.routes.len(), "route", "routes")];
        if !self.origins.is_empty() {
            parts.push(count(self.origins.len(), "origin", "origins"));
        }
        let inventory = self.machines.as_ref().map(|_| "an inventory".to_owned());
        parts.extend(inventory);
        parts.join(", ")
    }

    fn problems(&self) -> Vec<String> {
        let templates = self.templates.problems().into_iter();
        let templates = templates.map(|problem| format!("templates: {problem}"));
        let machines = self.machines.iter().flat_map(Machines::problems);
        templates.chain(machines).collect()
    }
}

/// All routes, in order; those that cannot be opened are problems.
fn open_routes(materials: &Materials<'_>, opening: &mut Opening<'_>) -> Vec<OpenRoute> {
    let config = opening.config;
    // For routes without a deadline, where others may take longer than the server's own.
    let usual = config.document.deadline.0;
    let usual = (usual < config.longest_deadline()).then_some(usual);
    let routes = config.routes.iter();
    routes
        .filter_map(|route| OpenRoute::open(route, usual, materials, opening))
        .collect()
}
