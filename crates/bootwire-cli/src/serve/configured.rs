//! What a configuration says is served, and how it changes while the server runs.

use std::path::Path;

use bootwire::ServerHandle;
use bootwire::router::App;
use bootwire_sandbox::{Access, Grant, Reach, Sandbox, Tcp};
use bootwire_site::{Config, Problem, Problems, Secrets, Site};

use super::args::Args;
use super::settings::Settings;
use crate::exit::in_one_line;
use crate::out;

/// A configuration in force.
pub(super) struct Configured {
    settings: Settings,
    site: Site,
}

impl Configured {
    /// Opens what the configuration names. Within tokio, and within the sandbox: what can be opened
    /// now can be opened again when the configuration changes.
    pub(super) async fn open(config: Config, settings: Settings) -> Result<Self, Problems> {
        let site = Site::builder().notes(out::note).open(config).await?;
        Ok(Self { settings, site })
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
        let config = self.site.config();
        let (location, summary) = (&config.location, self.site.summary());
        let mut lines = vec![format!("serves {location}: {summary}")];
        if verbose {
            lines.extend(self.site.describe());
        }
        let warnings = config.warnings.iter();
        lines.extend(warnings.map(|warning| format!("warning: {warning}")));
        let problems = self.site.problems();
        lines.extend(problems.iter().map(|problem| format!("problem: {problem}")));
        lines
    }

    /// Fetches what shall be there before anybody asks.
    pub(super) fn prefetch(&self) {
        self.site.prefetch();
    }

    /// Waits until the files of the configuration have changed, and are still.
    pub(super) async fn changed(&mut self) {
        self.site.changed().await;
    }

    /// Waits until nobody writes to the files any more.
    pub(super) async fn still(&mut self) {
        self.site.still().await;
    }

    /// Reads the configuration again and serves what it says. If anything is wrong with it,
    /// everything stays as it is, and the log says why.
    pub(super) async fn reload(&mut self, args: &Args, server: &ServerHandle) {
        let mut waiting = Vec::new();
        let settings = &self.settings;
        let reloaded = self.site.reload_if(|config| {
            let new = Settings::of_config(args, config)
                .map_err(|error| Problem::new(config.location.to_string(), in_one_line(&error)))?;
            waiting = settings.needs_restart(&new);
            Ok(())
        });
        match reloaded.await {
            Ok(lines) => {
                server.serve(self.app());
                self.prefetch();
                let location = &self.site.config().location;
                out::note(&format!("reloaded {location}: {}", self.site.summary()));
                lines.iter().for_each(|line| out::note(line));
                if !waiting.is_empty() {
                    let keys = waiting.join(", ");
                    out::note(&format!(
                        "warning: {keys}: changed, and in force after a restart"
                    ));
                }
            }
            Err(problems) => {
                for problem in &problems.0 {
                    out::complaint(&problem.to_string());
                }
                out::complaint(&format!(
                    "{} was not reloaded: what was in force before stays",
                    self.site.config().location
                ));
            }
        }
    }
}

/// Directories with root's secrets. Of files right in them root gets the files alone: one that
/// replaces another is read after a restart.
const HOLDS_SECRETS: [&str; 3] = ["/", "/etc", "/root"];

/// What has to stay within reach of the sandbox, and makes the directories that are written to.
pub(super) fn reach(config: &Config, sandbox: &mut Sandbox) -> anyhow::Result<Reach> {
    let needs = config.requirements();
    let read = needs.read.iter().map(|path| (path, false));
    let written = needs.write.iter().map(|path| (path, true));
    let stopped = sandbox.stay_if_stopped(read.chain(written))?;
    if needs.runs_programs() {
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
        tcp: match (
            needs.any_connect || needs.runs_programs(),
            needs.connect.is_empty(),
        ) {
            (true, _) => Tcp::Anybody,
            (false, true) => Tcp::Nobody,
            (false, false) => Tcp::Ports(needs.connect.clone()),
        },
        programs: needs.runs_programs(),
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
    if reach.tcp != Tcp::Nobody || needs.runs_programs() {
        reach.add_settings(is_root);
    }
    if reach.tcp != Tcp::Nobody {
        reach.add_network_files();
    }
    if needs.neighbours {
        reach.add_if_there(Path::new("/proc/net"), Access::Read);
    }
    if needs.runs_programs() {
        reach.add_program_files();
    }
    for path in &needs.beside_programs {
        reach.add_if_there(path, Access::Execute);
    }
    Ok(reach)
}
