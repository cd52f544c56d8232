//! What a configuration says is served, and how it changes while the server runs.

use std::path::Path;

use bootwire::ServerHandle;
use bootwire::router::App;
use bootwire_sandbox::{Access, Grant, Reach, Sandbox, Tcp};

use super::args::Args;

use super::settings::Settings;
use super::watch::Watch;
use crate::config::{Config, Problem, Problems};
use crate::exit::in_one_line;
use crate::out;
use crate::site::{self, Secrets, Shared, Site};

/// A configuration in force.
pub(super) struct Configured {
    config: Config,
    settings: Settings,
    site: Site,
    shared: Shared,
    watch: Watch,
}

impl Configured {
    /// Opens what the configuration names. Within tokio, and within the sandbox: what can be opened
    /// now can be opened again when the configuration changes.
    pub(super) async fn open(config: Config, settings: Settings) -> Result<Self, Problems> {
        // What changes from now on is news.
        let watch = Watch::new(&config);
        let mut shared = Shared::default();
        let site = Site::open(&config, &mut shared).await?;
        Ok(Self {
            config,
            settings,
            site,
            shared,
            watch,
        })
    }

    pub(super) fn app(&self) -> App {
        self.site.app()
    }

    /// What must not be in the log.
    pub(super) fn secrets(&self) -> Secrets {
        self.site.secrets()
    }

    /// What is served, in lines for the log: in few, or `verbose`.
    pub(super) fn describe(&self, verbose: bool) -> Vec<String> {
        let (location, summary) = (&self.config.location, self.site.summary());
        let mut lines = vec![format!("serves {location}: {summary}")];
        if verbose {
            lines.extend(self.site.describe());
        }
        lines.extend(
            self.config
                .warnings
                .iter()
                .map(|warning| format!("warning: {warning}")),
        );
        lines.extend(
            self.site
                .problems()
                .iter()
                .map(|problem| format!("problem: {problem}")),
        );
        lines
    }

    /// Fetches what shall be there before anybody asks.
    pub(super) fn prefetch(&self) {
        self.site.prefetch();
    }

    /// Waits until the files of the configuration have changed, and are still.
    pub(super) async fn changed(&mut self) {
        self.watch.changed().await;
    }

    /// Waits until nobody writes to the files any more.
    pub(super) async fn still(&mut self) {
        self.watch.still().await;
    }

    /// Reads the configuration again and serves what it says. If anything is wrong with it,
    /// everything stays as it is, and the log says why.
    pub(super) async fn reload(&mut self, args: &Args, server: &ServerHandle) {
        match self.renew(args).await {
            Ok(lines) => {
                server.serve(self.app());
                self.prefetch();
                let (location, summary) = (&self.config.location, self.site.summary());
                out::note(&format!("reloaded {location}: {summary}"));
                lines.iter().for_each(|line| out::note(line));
            }
            Err(problems) => {
                for problem in &problems {
                    out::complaint(problem);
                }
                out::complaint(&format!(
                    "{} was not reloaded: what was in force before stays",
                    self.config.location
                ));
            }
        }
    }

    async fn renew(&mut self, args: &Args) -> Result<Vec<String>, Vec<String>> {
        let told = |problems: Problems| -> Vec<String> {
            problems.0.iter().map(ToString::to_string).collect()
        };
        let location = self.config.location.clone();
        // The file may be on a network that does not answer.
        let loaded = tokio::task::spawn_blocking(move || Config::read(&location)).await;
        let config = match loaded {
            Ok(loaded) => loaded.and_then(Config::with_routes).map_err(told)?,
            Err(lost) => return Err(vec![lost.to_string()]),
        };
        self.expect_written(&config).map_err(told)?;
        let settings =
            Settings::of_config(args, &config).map_err(|error| vec![in_one_line(&error)])?;
        let site = Site::open(&config, &mut self.shared).await.map_err(told)?;
        // Of a hundred routes those count that are not as they were.
        let before = self.site.describe();
        let mut lines = site.describe();
        lines.retain(|line| !before.contains(line));
        lines.extend(
            config
                .warnings
                .iter()
                .map(|warning| format!("warning: {warning}")),
        );
        lines.extend(
            site.problems()
                .iter()
                .map(|problem| format!("problem: {problem}")),
        );
        let waiting = self.settings.needs_restart(&settings);
        if !waiting.is_empty() {
            let keys = waiting.join(", ");
            lines.push(format!(
                "warning: {keys}: changed, and in force after a restart"
            ));
        }
        self.watch.follow(&config);
        self.config = config;
        self.site = site;
        Ok(lines)
    }

    /// Refuses what was cut while it was written, as far as that can be told.
    fn expect_written(&self, new: &Config) -> Result<(), Problems> {
        let emptied: Vec<_> = new
            .emptied_since(&self.config)
            .map(|file| {
                let what = "the file is empty, and was not before: if that is meant, remove it or \
                            write a comment into it";
                Problem::new(new.location.show(file), what)
            })
            .collect();
        if emptied.is_empty() {
            Ok(())
        } else {
            Err(Problems(emptied))
        }
    }
}

/// Directories with root's secrets. Of files right in them root gets the files alone: one that
/// replaces another is read after a restart.
const HOLDS_SECRETS: [&str; 3] = ["/", "/etc", "/root"];

/// What has to stay within reach of the sandbox, and makes the directories that are written to.
pub(super) fn reach(config: &Config, sandbox: &mut Sandbox) -> anyhow::Result<Reach> {
    let needs = site::needs(config);
    let read = needs.read.iter().map(|path| (path, false));
    let written = needs.write.iter().map(|path| (path, true));
    let stopped = sandbox.stay_if_stopped(read.chain(written))?;
    if needs.execute {
        let warning = sandbox.allow_programs(stopped.as_deref())?;
        warning.into_iter().for_each(out::note);
    }
    if let Some(why) = stopped {
        out::note(&format!(
            "warning: {why}, so root stays root, without capabilities: {}",
            bootwire_sandbox::HELP
        ));
    }
    let is_root = sandbox.stays_root();
    let mut reach = Reach {
        tcp: match (needs.any_connect || needs.execute, needs.connect.is_empty()) {
            (true, _) => Tcp::Anybody,
            (false, true) => Tcp::Nobody,
            (false, false) => Tcp::Ports(needs.connect),
        },
        programs: needs.execute,
        stores: !needs.write.is_empty(),
        databases: needs.databases,
        neighbours: needs.neighbours,
        ..Reach::default()
    };
    for path in &needs.write {
        let grant = sandbox.grant_made(path, Access::WriteAndMakeDirs)?;
        reach.grants.push(grant);
    }
    // What is not there is told when it is opened, with the line that names it.
    for path in &needs.read {
        if is_root && HOLDS_SECRETS.iter().any(|holds| path == Path::new(holds)) {
            let files = needs.files.iter();
            let files = files.filter(|file| file.parent() == Some(path));
            files.for_each(|file| reach.add_if_there(file, Access::Read));
            continue;
        }
        if let Ok(grant) = Grant::new(path, Access::Read) {
            reach.grants.push(grant);
        }
    }
    let served = needs.served.iter().map(std::path::PathBuf::as_path);
    reach.grants.extend(sandbox.beside(served));
    for path in &config.watched {
        reach.add_if_there(path, Access::Read);
    }
    if reach.tcp != Tcp::Nobody || needs.execute {
        reach.add_settings(is_root);
    }
    if reach.tcp != Tcp::Nobody {
        reach.add_network_files();
    }
    if needs.neighbours {
        reach.add_if_there(Path::new("/proc/net"), Access::Read);
    }
    if needs.execute {
        reach.add_program_files();
    }
    for path in &needs.extra_execute {
        reach.add_if_there(path, Access::Execute);
    }
    Ok(reach)
}
