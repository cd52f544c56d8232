//! What a site requires of the system: what a sandbox has to leave within reach.

use std::path::{Path, PathBuf};

use super::cache::CacheSettings;
use super::identity::IdentitySettings;
use super::templates;
use crate::boots::BootsPlace;
use crate::config::model::OriginKind;
use crate::config::route::{Action, Method, Step};
use crate::config::{Config, model};

/// What must stay within reach for a configuration to be served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Requirements {
    /// Files and directories that are read. Of files that others may replace, the directory.
    pub read: Vec<PathBuf>,
    /// Those of them that may be replaced as a whole: served ones, templates, machines in files.
    pub served: Vec<PathBuf>,
    /// The files of whose directories `read` has the whole.
    pub files: Vec<PathBuf>,
    /// Directories that are written to, and directories made in them.
    pub write: Vec<PathBuf>,
    /// Whether files are locked there, as the cache and SQLite do.
    pub locks: bool,
    /// Whether uploads make directories there.
    pub makes_directories: bool,
    /// Programs that are run, each with the place that names it.
    pub programs: Vec<(String, PathBuf)>,
    /// Where they are, and what else they need.
    pub beside_programs: Vec<PathBuf>,
    /// TCP ports that are connected to.
    pub connect: Vec<u16>,
    /// Whether any port may be connected to: nobody knows which.
    pub any_connect: bool,
    /// Whether a database is connected to.
    pub databases: bool,
    /// Whether the kernel's neighbour table is asked.
    pub neighbours: bool,
    /// Whether connections are taken, on sockets that were opened before.
    pub accepts: bool,
    /// A directory that is written to if it is there and the server may.
    pub state: Option<PathBuf>,
}

/// Ports where clouds tell their machines who they are.
const METADATA: u16 = 80;
const HTTPS: u16 = 443;
const POSTGRES: u16 = 5432;

impl Config {
    /// What serving this configuration requires, by its text alone.
    #[must_use]
    pub fn requirements(&self) -> Requirements {
        let mut required = self.opened_again();
        required.accepts = self.document.metrics.listen.is_some();
        required.add_export(self);
        required.add_boots(self);
        let admin = &self.document.admin;
        // A certificate is read again when it was renewed.
        required.read_files(self, admin.cert.iter().chain(&admin.key));
        required.tidied()
    }

    /// What of that a running server opens when the configuration changes: the rest waits for a
    /// restart.
    pub(super) fn opened_again(&self) -> Requirements {
        let document = &self.document;
        let mut required = Requirements::default();
        for step in self.routes.iter().flat_map(|route| route.step.all()) {
            required.add_step(self, step);
        }
        for origin in document.origin.values() {
            required.add_origin(self, origin);
        }
        if !document.origin.is_empty() {
            required.write.push(CacheSettings::of(self).dir);
            required.locks = true;
        }
        required.add_identity(self);
        required.add_inventory(self, &document.inventory);
        required.add_served(templates::directory(self));
        required.read_files(self, document.told().flat_map(|(_, files)| files).flatten());
        // The configuration itself is read again.
        for file in &self.files {
            required.read_beside(file);
        }
        required.read.extend(self.watched.iter().cloned());
        let sandbox = &document.sandbox;
        let paths = |list: &Option<crate::config::value::Many<PathBuf>>| -> Vec<PathBuf> {
            let list = list.iter().flat_map(|list| &list.0);
            list.map(|path| self.path(path)).collect()
        };
        required.read.extend(paths(&sandbox.read));
        required.write.extend(paths(&sandbox.write));
        required.beside_programs.extend(paths(&sandbox.execute));
        required.tidied()
    }
}

impl Requirements {
    /// Whether programs are run.
    #[must_use]
    pub const fn runs_programs(&self) -> bool {
        !self.programs.is_empty()
    }

    /// What a step of a route requires.
    pub(super) fn of_step(config: &Config, step: &Step) -> Self {
        let mut required = Self::default();
        required.add_step(config, step);
        required
    }

    /// What an origin requires.
    pub(super) fn of_origin(config: &Config, origin: &model::Origin) -> Self {
        let mut required = Self::default();
        required.add_origin(config, origin);
        required
    }

    /// What finding out who asks requires.
    pub(super) fn of_identity(config: &Config) -> Self {
        let mut required = Self::default();
        required.add_identity(config);
        required
    }

    /// What the inventory requires.
    pub(super) fn of_inventory(config: &Config) -> Self {
        let mut required = Self::default();
        required.add_inventory(config, &config.document.inventory);
        required
    }

    fn tidied(mut self) -> Self {
        for paths in [
            &mut self.read,
            &mut self.served,
            &mut self.files,
            &mut self.write,
            &mut self.beside_programs,
        ] {
            paths.sort();
            paths.dedup();
        }
        self.read.retain(|path| !self.write.contains(path));
        self.connect.sort_unstable();
        self.connect.dedup();
        self
    }

    /// A directory that somebody may replace as a whole.
    fn add_served(&mut self, directory: Option<PathBuf>) {
        self.served.extend(directory.clone());
        self.read.extend(directory);
    }

    /// A file that somebody may replace: another by its name is another file to the kernel.
    fn read_beside(&mut self, file: &Path) {
        self.read.extend(file.parent().map(Path::to_owned));
        self.files.push(file.to_owned());
    }

    fn read_files<'a>(&mut self, config: &Config, files: impl IntoIterator<Item = &'a PathBuf>) {
        for file in files {
            self.read_beside(&config.path(file));
        }
    }

    fn run(&mut self, config: &Config, step: &Step, program: &Path) {
        let program = config.path(program);
        self.beside_programs
            .extend(program.parent().map(Path::to_owned));
        let program = (config.place(step.place), program);
        if !self.programs.contains(&program) {
            self.programs.push(program);
        }
    }

    fn connect_to(&mut self, url: &str) {
        match port(url) {
            Some(port) => self.connect.push(port),
            None => self.any_connect = true,
        }
    }

    fn add_step(&mut self, config: &Config, step: &Step) {
        match &step.action {
            Action::Dir(dir) => self.add_served(Some(config.path(&dir.path))),
            Action::Upload(upload) => {
                self.write.push(config.path(&upload.dir));
                self.makes_directories |= upload.create_dirs;
                self.read_files(config, &upload.secret_suffix_file);
                if let Some(finished) = &upload.finished {
                    self.run(config, step, &finished.program);
                }
            }
            Action::Exec { table, .. } => self.run(config, step, &table.program),
            Action::Http { method, table, .. } => {
                let (Method::Post(url) | Method::Get(url)) = method;
                self.connect_to(url);
                self.read_files(config, table.bearer_file.iter().chain(&table.ca));
            }
            // Origins, templates and what they need are the site's; so is what is tried.
            Action::Origin(_)
            | Action::Template { .. }
            | Action::Text(_)
            | Action::Refuse(_)
            | Action::Rename(_)
            | Action::Try(_) => {}
        }
    }

    fn add_origin(&mut self, config: &Config, origin: &model::Origin) {
        let files = origin.bearer_file.iter().chain(&origin.basic_file);
        let files = files.chain(&origin.ca);
        let files = files
            .chain(&origin.client_certificate)
            .chain(&origin.client_key);
        self.read_files(config, files.chain(origin.settings_file.values()));
        match origin.kind() {
            // Redirects may go to any port of a host.
            Some(OriginKind::Web(_)) if origin.redirect_to.is_some() => self.any_connect = true,
            Some(OriginKind::Web(url)) => {
                self.connect_to(url);
                self.connect.push(HTTPS);
            }
            None => {}
            Some(OriginKind::S3(_) | OriginKind::Gcs(_) | OriginKind::Azure(_)) => {
                self.connect.extend([METADATA, HTTPS]);
                for (name, value) in &origin.settings {
                    if name.contains("endpoint") {
                        self.connect_to(value);
                    }
                }
                let elsewhere = origin
                    .settings_env
                    .keys()
                    .chain(origin.settings_file.keys());
                // Whatever it says there.
                self.any_connect |= elsewhere.into_iter().any(|name| name.contains("endpoint"));
                self.any_connect |= ENDPOINTS
                    .iter()
                    .any(|name| std::env::var_os(name).is_some());
            }
        }
    }

    /// Who is told what happens: files of the log, web servers. What the latter are shown is read on
    /// each reload.
    fn add_export(&mut self, config: &Config) {
        let document = &config.document;
        // Another file takes the name of one that was moved away.
        if document.log.format != model::LogFormat::Journald
            && let Some(file) = &document.log.file
        {
            self.write
                .extend(config.path(file).parent().map(Path::to_owned));
        }
        for (url, _) in document.told() {
            self.connect_to(url);
        }
    }

    fn add_identity(&mut self, config: &Config) {
        let identity = IdentitySettings::of(config);
        // DHCP servers write new files and rename them.
        for file in identity.files() {
            self.read_beside(file);
        }
        self.neighbours = identity.neighbours();
    }

    fn add_inventory(&mut self, config: &Config, inventory: &model::Inventory) {
        for place in inventory.files.iter().flat_map(|files| &files.0) {
            let place = config.path(place);
            if place.is_dir() {
                self.add_served(Some(place));
            } else {
                self.read_beside(&place);
            }
        }
        if let Some(file) = &inventory.sqlite {
            self.locks = true;
            // Beside it SQLite keeps what is not yet in it.
            self.write
                .extend(config.path(file).parent().map(Path::to_owned));
        }
        if let Some(url) = &inventory.postgres {
            self.databases = true;
            let own = port(url);
            self.connect.push(own.unwrap_or(POSTGRES));
        }
        for url in inventory.http.iter().flat_map(|urls| &urls.0) {
            self.connect_to(url);
        }
        let files = inventory.bearer_file.iter().chain(&inventory.ca);
        self.read_files(config, files.chain(&inventory.password_file));
    }
}

impl model::Document {
    /// The web servers that are told what happens, with the files that hold what they are shown.
    fn told(&self) -> impl Iterator<Item = (&str, [&Option<PathBuf>; 2])> {
        let otlp = (
            self.otlp.url.as_deref(),
            [&self.otlp.bearer_file, &self.otlp.ca],
        );
        let webhooks = self.webhook.iter();
        let webhooks = webhooks.map(|hook| (hook.url.as_deref(), [&hook.bearer_file, &hook.ca]));
        let all = std::iter::once(otlp).chain(webhooks);
        all.filter_map(|(url, files)| Some((url?, files)))
    }
}

impl Requirements {
    fn add_boots(&mut self, config: &Config) {
        match config.boots_place() {
            BootsPlace::Off | BootsPlace::Memory => {}
            // Beside it SQLite keeps what is not yet in it.
            BootsPlace::File { path, by_default } => {
                let directory = path.parent().map(Path::to_owned);
                if by_default {
                    self.state = directory;
                } else {
                    self.write.extend(directory);
                }
            }
            BootsPlace::Postgres { url, password_file } => {
                self.databases = true;
                self.connect.push(port(&url).unwrap_or(POSTGRES));
                self.read_files(config, &password_file);
            }
        }
    }
}

/// Variables that move buckets to another server.
const ENDPOINTS: [&str; 4] = [
    "AWS_ENDPOINT",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AZURE_ENDPOINT",
];

/// The port of a URL, its own or its scheme's.
fn port(url: &str) -> Option<u16> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#', '{']).next().unwrap_or_default();
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let own = match host.rsplit_once(']') {
        Some((_, behind)) => behind.strip_prefix(':'),
        None => host.rsplit_once(':').map(|(_, port)| port),
    };
    match own {
        Some(port) if !port.is_empty() => port.parse().ok(),
        _ => match scheme.to_ascii_lowercase().as_str() {
            "http" => Some(80),
            "https" => Some(HTTPS),
            "postgres" | "postgresql" => Some(POSTGRES),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::config;
    use super::*;

    #[test]
    fn ports_are_those_of_urls_or_of_their_schemes() {
        for (url, expected) in [
            ("http://h/x", Some(80)),
            ("https://h", Some(443)),
            ("http://h:8080/{path}", Some(8080)),
            ("https://user:secret@[fd00::1]:9443/x?y", Some(9443)),
            ("http://[fd00::1]/x", Some(80)),
            ("HTTP://h{path}", Some(80)),
            ("postgres://me@db.example.com/inventory", Some(5432)),
            ("postgres://db:5433/x", Some(5433)),
            ("http://h:99999/", None),
            ("ftp://h/", None),
            ("h", None),
        ] {
            assert_eq!(port(url), expected, "{url}");
        }
    }

    #[test]
    fn everything_named_stays_within_reach() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(
            dir.path(),
            r#"
            log = { format = "json", file = "log/transfers.json" }
            [cache]
            dir = "cache"
            [origin.images]
            url = "http://repo:8080/boot/"
            ca = "tls/ca.pem"
            [origin.bucket]
            s3 = "boot"
            settings = { endpoint = "http://minio:9000", region = "x" }
            [identity]
            dnsmasq = "/var/lib/misc/dnsmasq.leases"
            neighbours = true
            [inventory]
            sqlite = "state/machines.db"
            [otlp]
            url = "http://collector:4318"
            [[webhook]]
            url = "https://hooks.example.com:8443/boots"
            bearer_file = "secret/token"
            [[route]]
            path = "/boot/{mac}"
            exec = { program = "hooks/boot" }
            [[route]]
            path = "/up/{*path}"
            upload = "uploads"
            finished = { program = "/usr/local/bin/scan" }
            [[route]]
            try = [{ dir = "files" }, { http = { post = "https://boot.example.com/decide" } }]
            "#,
        );
        let needs = config.requirements();
        let path = |name: &str| dir.path().join(name);
        for read in ["files", "secret", "tls"] {
            assert!(needs.read.contains(&path(read)), "{read}: {needs:?}");
        }
        assert!(needs.read.contains(&"/var/lib/misc".into()));
        let written = ["cache", "log", "state", "uploads"];
        assert_eq!(needs.write, written.map(path));
        assert!(needs.runs_programs() && needs.neighbours && !needs.any_connect);
        for place in [PathBuf::from("/usr/local/bin"), path("hooks")] {
            assert!(needs.beside_programs.contains(&place), "{needs:?}");
        }
        assert_eq!(needs.connect, [80, 443, 4318, 8080, 8443, 9000]);
        // Who is told what happens waits for a restart.
        let again = config.opened_again().tidied();
        assert_eq!(again.connect, [80, 443, 8080, 9000]);
        let written = ["cache", "state", "uploads"];
        assert_eq!(again.write, written.map(path));
        assert!(again.read.contains(&path("secret")), "{again:?}");
    }

    #[test]
    fn where_redirects_lead_nobody_knows() {
        let dir = tempfile::tempdir().unwrap();
        let origin = "[origin.images]\nurl = 'http://repo/'\nredirect_to = 'cdn.example.com'";
        assert!(config(dir.path(), origin).requirements().any_connect);
    }
}
