//! What a configuration says is served, and how it changes while the server runs.

use std::path::PathBuf;

use bootwire::ServerHandle;
use bootwire::router::App;
use bootwire_admin::api::Reloaded;
use bootwire_site::{Config, Exports, Problems, Secrets, Site};

use super::follow::Follow;
use super::reporting::Caching;
use crate::out;

/// A configuration in force.
pub(super) struct Served {
    site: Site,
}

impl Served {
    /// Opens what the configuration names. Within tokio, and within the sandbox: what can be opened
    /// now can be opened again when the configuration changes. Programs start from the directories in
    /// `executable` alone, if the sandbox sees to that.
    pub(super) async fn open(
        config: Config,
        follow: Follow,
        executable: Option<Vec<PathBuf>>,
    ) -> Result<Self, Problems> {
        let mut site = Site::builder()
            .routes(move |configured| follow.around(configured))
            .notes(out::note);
        if let Some(executable) = executable {
            site = site.executable(executable);
        }
        Ok(Self {
            site: site.open(config).await?,
        })
    }

    pub(super) const fn site(&self) -> &Site {
        &self.site
    }

    pub(super) fn config(&self) -> &Config {
        self.site.config()
    }

    pub(super) fn app(&self) -> App {
        self.site.app()
    }

    /// What must not be in the log.
    pub(super) fn secrets(&self) -> Secrets {
        self.site.secrets()
    }

    /// The cache of origins, if there is one.
    pub(super) fn caching(&self) -> Option<Caching> {
        let (cache, max) = self.site.cache()?;
        Some(Caching {
            cache: cache.clone(),
            max,
        })
    }

    /// Who is told what happens.
    pub(super) fn exports(&self) -> &Exports {
        self.site.exports()
    }

    /// Whether it comes from a file, and not from flags alone.
    pub(super) fn has_file(&self) -> bool {
        self.config().location.is_file()
    }

    /// What is served, in lines for the log: in few, or `verbose`.
    pub(super) fn describe(&self, verbose: bool) -> Vec<String> {
        let (config, summary) = (self.config(), self.site.summary());
        let mut lines = if self.has_file() {
            vec![format!("serves {}: {summary}", config.location)]
        } else {
            self.describe_directory()
        };
        if verbose && self.has_file() {
            lines.extend(self.site.describe());
        }
        let warnings = config.warnings.iter();
        lines.extend(warnings.map(|warning| format!("warning: {warning}")));
        let problems = self.site.problems();
        lines.extend(problems.iter().map(|problem| format!("problem: {problem}")));
        lines
    }

    /// The same of a directory that the command line names, and of uploads.
    fn describe_directory(&self) -> Vec<String> {
        let answers = self.site.answers();
        let Some(((_, dir), uploads)) = answers.split_last() else {
            return Vec::new();
        };
        let uploads = match uploads {
            [] => "off".to_owned(),
            [.., (_, into)] => into.trim_start_matches("uploads into ").to_owned(),
        };
        // Those below the directory have a route of their own.
        let below = match answers.as_slice() {
            [(pattern, _), _, _] => {
                let below = pattern.trim_start_matches('/').trim_end_matches("{*path}");
                format!(", as {below}NAME or NAME")
            }
            _ => String::new(),
        };
        vec![
            format!("serves {dir}"),
            format!("uploads: {uploads}{below}"),
        ]
    }

    /// How to serve other networks than those by default.
    pub(super) fn how_to_allow(&self) -> &'static str {
        if self.has_file() {
            "allow = [...]"
        } else {
            "--allow"
        }
    }

    /// Fetches what shall be there before anybody asks.
    pub(super) fn prefetch(&self) {
        self.site.prefetch();
    }

    /// Waits until the files of the configuration have changed, and are still.
    pub(super) async fn changed(&mut self) {
        if !self.has_file() {
            return std::future::pending().await;
        }
        self.site.changed().await;
    }

    /// Waits until nobody writes to the files any more.
    pub(super) async fn still(&mut self) {
        self.site.still().await;
    }

    /// Reads the configuration again and serves what it says. If anything is wrong with it,
    /// everything stays as it is, and the log says why.
    ///
    /// Tells what came of it.
    pub(super) async fn reload(&mut self, server: &ServerHandle) -> Reloaded {
        if !self.has_file() {
            let why = "there is no configuration to read again";
            out::note(&format!("SIGHUP: {why}"));
            return Reloaded {
                reloaded: false,
                lines: vec![why.to_owned()],
            };
        }
        let location = self.config().location.clone();
        let result = self.site.reload().await;
        match &result {
            Ok(lines) => {
                server.serve(self.app());
                self.prefetch();
                out::note(&format!("reloaded {location}: {}", self.site.summary()));
                lines.iter().for_each(|line| out::note(line));
            }
            Err(problems) => {
                for problem in &problems.0 {
                    out::complaint(&problem.to_string());
                }
                out::complaint(&format!(
                    "{location} not reloaded: the server keeps the configuration it had"
                ));
            }
        }
        result.into()
    }
}
