//! What a configuration says is served, and how it changes while the server runs.

use std::path::PathBuf;

use bootwire::ServerHandle;
use bootwire_admin::api::Reloaded;
use bootwire_site::{Config, Problems, Site};

use crate::OwnRoutes;
use crate::boots::Follow;
use crate::notes::Notes;
use crate::reporting::Caching;

/// A configuration in force.
pub(crate) struct Served {
    /// Open, and looked at as it is.
    pub(crate) site: Site,
    notes: Notes,
}

impl Served {
    /// Opens what the configuration names. Within tokio, and within the sandbox: what can be opened
    /// now can be opened again when the configuration changes. Programs start from the directories in
    /// `executable` alone, if the sandbox sees to that.
    pub(crate) async fn open(
        config: Config,
        follow: Follow,
        executable: Option<Vec<PathBuf>>,
        own: OwnRoutes,
        notes: Notes,
    ) -> Result<Self, Problems> {
        let mut site = Site::builder()
            .routes(move |configured| follow.around(own(configured)))
            .notes(notes.taker());
        if let Some(executable) = executable {
            site = site.executable(executable);
        }
        Ok(Self {
            site: site.open(config).await?,
            notes,
        })
    }

    pub(crate) fn config(&self) -> &Config {
        self.site.config()
    }

    /// The cache of origins, if there is one.
    pub(crate) fn caching(&self) -> Option<Caching> {
        let (cache, max) = self.site.cache()?;
        Some(Caching {
            cache: cache.clone(),
            max,
        })
    }

    /// Whether it comes from a file, and not from flags alone.
    pub(crate) fn has_file(&self) -> bool {
        self.config().location.is_file()
    }

    /// What is served, in lines for the log: in few, or `verbose`.
    pub(crate) fn describe(&self, verbose: bool) -> Vec<String> {
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
    pub(crate) fn how_to_allow(&self) -> &'static str {
        if self.has_file() {
            "allow = [...]"
        } else {
            "--allow"
        }
    }

    /// Waits until the files of the configuration have changed, and are still.
    pub(crate) async fn changed(&mut self) {
        if !self.has_file() {
            return std::future::pending().await;
        }
        self.site.changed().await;
    }

    /// Reads the configuration again and serves what it says. If anything is wrong with it,
    /// everything stays as it is, and the log says why.
    ///
    /// Tells what came of it.
    pub(crate) async fn reload(&mut self, server: &ServerHandle) -> Reloaded {
        if !self.has_file() {
            let why = "there is no configuration to read again";
            self.notes.note(&format!("SIGHUP: {why}"));
            return Reloaded {
                reloaded: false,
                lines: vec![why.to_owned()],
            };
        }
        let location = self.config().location.clone();
        let result = self.site.reload().await;
        match &result {
            Ok(lines) => {
                server.serve(self.site.app());
                self.site.prefetch();
                self.notes
                    .note(&format!("reloaded {location}: {}", self.site.summary()));
                lines.iter().for_each(|line| self.notes.note(line));
            }
            Err(problems) => {
                for problem in &problems.0 {
                    self.notes.complain(&problem.to_string());
                }
                self.notes.complain(&format!(
                    "{location} not reloaded: the server keeps the configuration it had"
                ));
            }
        }
        result.into()
    }
}
