//! What stays within reach once the sandbox is closed.

use std::path::Path;

use super::{Access, Grant, settings};

/// Files, and ways out. By default no files, no TCP and no programs.
#[derive(Debug, Default)]
pub(in crate::serve) struct Reach {
    pub(in crate::serve) grants: Vec<Grant>,
    /// Whom TCP connections may be opened to.
    pub(in crate::serve) tcp: Tcp,
    /// Whether programs are started. They are as confined as the server.
    pub(in crate::serve) programs: bool,
    /// Whether files are locked and their times set, as databases and the cache do.
    pub(in crate::serve) stores: bool,
    /// Whether a database is connected to, which may be on this host.
    pub(in crate::serve) databases: bool,
    /// Whether the kernel's neighbour table is asked.
    pub(in crate::serve) neighbours: bool,
}

/// Whom TCP connections may be opened to. The port is all that the kernel looks at.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::serve) enum Tcp {
    #[default]
    Nobody,
    /// These ports, and name servers.
    Ports(Vec<u16>),
    Anybody,
}

impl Reach {
    /// Whether connections are made at all.
    pub(super) const fn connects(&self) -> bool {
        !matches!(self.tcp, Tcp::Nobody)
    }

    /// Adds the system's settings: all, or for root those that everybody may read.
    pub(in crate::serve) fn add_settings(&mut self, for_root: bool) {
        let etc = Path::new("/etc");
        if !for_root {
            return self.add_if_there(etc, Access::Read);
        }
        for path in settings::public(etc) {
            self.add_if_there(&path, Access::Read);
        }
    }

    /// Adds the files that finding a host by its name and knowing it by its certificate take,
    /// beside the settings.
    pub(in crate::serve) fn add_network_files(&mut self) {
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
    pub(in crate::serve) fn add_program_files(&mut self) {
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

    /// Adds a path, or nothing if there is none: whoever needs it says so better.
    pub(in crate::serve) fn add_if_there(&mut self, path: &Path, access: Access) {
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
