//! What stays within reach once the sandbox is closed.

use std::path::{Path, PathBuf};

use super::{Access, Grant, etc};

/// Files, and ways out. By default no files, no TCP and no programs.
#[derive(Debug, Default)]
pub struct Reach {
    /// Files and directories.
    pub grants: Vec<Grant>,
    /// Whom TCP connections may be opened to.
    pub tcp: Tcp,
    /// Whether programs are started. They are as confined as the server.
    pub programs: bool,
    /// Whether files are locked and their times set, as databases and the cache do.
    pub stores: bool,
    /// Whether a database is connected to, which may be on this host.
    pub databases: bool,
    /// Whether the kernel's neighbour table is asked.
    pub neighbours: bool,
    /// Whether connections are taken, on sockets that listen already.
    pub accepts: bool,
}

/// Whom TCP connections may be opened to. The port is all that the kernel looks at.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum Tcp {
    /// None: there is no TCP.
    #[default]
    Nobody,
    /// These ports, and name servers.
    Ports(Vec<u16>),
    /// Whoever is asked for.
    Anybody,
}

impl Reach {
    /// Whether connections are made at all.
    pub(super) const fn connects(&self) -> bool {
        !matches!(self.tcp, Tcp::Nobody)
    }

    /// Adds the system's settings: all, or for root those that everybody may read.
    pub fn add_settings(&mut self, for_root: bool) {
        let settings = Path::new("/etc");
        if !for_root {
            return self.add_if_there(settings, Access::Read);
        }
        for path in etc::public(settings) {
            self.add_if_there(&path, Access::Read);
        }
    }

    /// Adds the files that finding a host by its name and knowing it by its certificate take,
    /// beside the settings.
    pub fn add_network_files(&mut self) {
        for path in [
            "/run/systemd/resolve",
            "/run/resolvconf",
            "/usr/share/ca-certificates",
            "/usr/local/share/ca-certificates",
            "/var/lib/ca-certificates",
            "/usr/lib/ssl",
        ] {
            self.add_if_there(Path::new(path), Access::Read);
        }
        for variable in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
            if let Some(path) = std::env::var_os(variable) {
                self.add_if_there(Path::new(&path), Access::Read);
            }
        }
    }

    /// Adds what programs need whatever they are beside the settings: the system's programs and
    /// libraries, and the devices without which nothing runs.
    pub fn add_program_files(&mut self) {
        for path in [
            "/usr",
            "/bin",
            "/sbin",
            "/lib",
            "/lib32",
            "/lib64",
            "/opt",
            "/nix/store",
        ] {
            self.add_if_there(Path::new(path), Access::Execute);
        }
        for path in ["/dev/urandom", "/dev/random", "/dev/zero"] {
            self.add_if_there(Path::new(path), Access::Read);
        }
        for path in ["/dev/null", "/dev/full"] {
            self.add_if_there(Path::new(path), Access::Write);
        }
    }

    /// The places from which programs may be started, without links.
    pub fn executable(&self) -> Vec<PathBuf> {
        let grants = self.grants.iter();
        grants.filter_map(Grant::executable).collect()
    }

    /// Adds a path, or nothing if there is none: whoever needs it says so better.
    pub fn add_if_there(&mut self, path: &Path, access: Access) {
        if let Ok(grant) = Grant::new(path, access) {
            self.grants.push(grant.optional());
        }
    }
}

/// Only files.
impl From<Vec<Grant>> for Reach {
    fn from(grants: Vec<Grant>) -> Self {
        Self {
            grants,
            ..Self::default()
        }
    }
}
