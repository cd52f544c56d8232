//! What a server gives up before it answers anyone.
//!
//! In this order: the sockets are open, then [`Sandbox::enter`] becomes another user, empties the
//! capabilities, forbids new privileges, leaves only the served directories in sight (Landlock) and
//! only the system calls a server needs (seccomp); then the threads start. The order matters: each
//! of these calls reaches the calling thread and those it makes later, and no others.
//!
//! A part of the server that needs more says so before: a path as another [`Grant`], a system call
//! in a group of its own in `calls`.
#![forbid(unsafe_code)]

mod account;
#[cfg(all(
    target_os = "linux",
    any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64"
    )
))]
mod calls;
/// Numbers of system calls differ: the list is made for some architectures only.
#[cfg(all(
    target_os = "linux",
    not(any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64"
    ))
))]
mod calls {
    #[derive(Clone, Copy)]
    pub(super) struct Needed;

    impl Needed {
        pub(super) const fn of(_reach: &super::Reach) -> Self {
            Self
        }

        /// Restricts nothing, and says so.
        pub(super) fn restrict(self) -> Result<String, String> {
            Err(format!("no seccomp filter for {}", std::env::consts::ARCH))
        }
    }
}
mod error;
mod etc;
#[cfg(target_os = "linux")]
mod files;
mod grant;
mod make;
#[cfg(target_os = "linux")]
mod privileges;
mod reach;
mod report;
mod stand_in;
#[cfg(all(test, target_os = "linux"))]
mod tests;
#[cfg(target_os = "linux")]
mod threads;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub use account::UserName;
pub use error::SandboxError;
pub use grant::{Access, Grant};
pub use reach::{Reach, Tcp};
pub use report::Report;
pub use stand_in::{StandIn, user_name};

use account::Account;

/// What to do about a place that the server's user cannot use.
pub const HELP: &str = "move it, open it (chmod, chown), or name a user with --user";

/// How much must be given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Nothing; root stays root unless another user is named.
    Off,
    /// What this kernel lets go of; the report says what that is.
    #[default]
    BestEffort,
    /// Everything, or it is an error.
    Require,
}

/// What is wanted of the sandbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Whom to become; if none is named, root becomes nobody.
    pub user: Option<UserName>,
    /// How much must be given up.
    pub level: Level,
}

/// What will be given up.
#[derive(Debug)]
pub struct Sandbox {
    level: Level,
    /// Who the process will be; `None` leaves it who it is.
    account: Option<Account>,
    /// Whether the account was named, and not only the default.
    named: bool,
}

impl Sandbox {
    /// Looks up the user while `/etc/passwd` is in sight.
    ///
    /// # Errors
    /// If there is no such user, or this process cannot become one.
    pub fn new(wanted: &Wanted) -> Result<Self, SandboxError> {
        let me = rustix::process::geteuid();
        let account = match &wanted.user {
            Some(user) => Some(user.look_up()?),
            None if me.is_root() && wanted.level != Level::Off => Some(Account::nobody()),
            None => None,
        };
        let names_group = wanted.user.as_ref().is_some_and(UserName::names_group);
        let account = account.filter(|account| account.uid() != me || names_group);
        if let Some(account) = &account
            && !me.is_root()
        {
            return Err(SandboxError::User(format!(
                "cannot become user {account}: only root can, and this is UID {}; start as root, \
                 or leave out --user",
                me.as_raw()
            )));
        }
        Ok(Self {
            level: wanted.level,
            account,
            named: wanted.user.is_some(),
        })
    }

    /// Whether the process will lose a right it may have now.
    pub const fn takes_rights(&self) -> bool {
        self.account.is_some() || !matches!(self.level, Level::Off)
    }

    /// Gives it all up. What is in force afterwards, for the log.
    ///
    /// # Errors
    /// If the user cannot use what is granted; at level [`Level::Require`] also if anything cannot
    /// be given up.
    pub fn enter(self, reach: Reach) -> Result<Report, SandboxError> {
        #[cfg(target_os = "linux")]
        if self.takes_rights() {
            threads::expect_none()?;
        }
        self.confine_thread(reach)
    }

    /// Leaves root who it is if the default user could not use these paths by their names: a
    /// configuration in root's own directory shall work. Each comes with whether it is written to.
    ///
    /// Answers with the reason if that is so.
    ///
    /// # Errors
    /// At level [`Level::Require`], if that is so.
    pub fn stay_if_stopped<'a>(
        &mut self,
        paths: impl IntoIterator<Item = (&'a PathBuf, bool)>,
    ) -> Result<Option<String>, SandboxError> {
        let Some(account) = self.account.as_ref().filter(|_| !self.named) else {
            return Ok(None);
        };
        let mut paths = paths.into_iter();
        let stopped = paths.find_map(|(path, to_write)| {
            let place = account.stopped_at(path, to_write)?;
            let verb = if place == *path && to_write {
                "write into"
            } else {
                "enter"
            };
            Some(format!("user {account} may not {verb} {}", place.display()))
        });
        let Some(why) = stopped else {
            return Ok(None);
        };
        if self.level == Level::Require {
            return Err(SandboxError::Denied(format!("{why}: {HELP}")));
        }
        self.account = None;
        Ok(Some(why))
    }

    /// Whether the process will be root, whom file modes keep from nothing.
    pub fn stays_root(&self) -> bool {
        match &self.account {
            Some(account) => account.uid().is_root(),
            None => rustix::process::geteuid().is_root(),
        }
    }

    /// Programs never run as root unless root was named. What to say about it if it was.
    ///
    /// # Errors
    /// If root would run them only because it stays root; `why` it does.
    pub fn allow_programs(&self, why: Option<&str>) -> Result<Option<&'static str>, SandboxError> {
        if let Some(why) = why {
            return Err(SandboxError::Programs(format!(
                "{why}, and programs (exec, finished) do not run as root by accident: {HELP}; \
                 --user root if you mean root"
            )));
        }
        let is_told = self.stays_root() && self.level != Level::Off;
        Ok(is_told.then_some(
            "warning: programs run as root, without capabilities: they can change modes of root's \
             files and reach root's Unix sockets; name another user with --user",
        ))
    }

    /// Grants a directory to write to. One that is not there is made, and those above it, for the
    /// user the process will be.
    ///
    /// # Errors
    /// If it cannot be made or opened.
    pub fn grant_made(&self, path: &Path, access: Access) -> Result<Grant, SandboxError> {
        // Whoever becomes somebody else opens it as that one; a grant gives no right that file
        // modes do not.
        if self.account.is_some() && path.is_dir() {
            return Grant::new(path, access);
        }
        let owner = self.account.as_ref().map(|account| make::Owner {
            account,
            required: self.named,
        });
        let place = make::directory(path, owner.as_ref())?;
        Ok(Grant::of_directory(place, path, access))
    }

    /// What served directories are in, to be read: the kernel grants directories and not their
    /// names, and whoever replaces one as a whole makes another. Not where that would lay open a
    /// home or everything, nor to root that stays root: there a restart has to follow.
    pub fn beside<'a>(&self, served: impl IntoIterator<Item = &'a Path>) -> Vec<Grant> {
        if self.account.is_none() && rustix::process::geteuid().is_root() {
            return Vec::new();
        }
        let home = std::env::var_os("HOME").map(PathBuf::from);
        let mut above = BTreeSet::new();
        for path in served {
            // Of a link the place it leads to as well: it may be turned to what is beside that.
            let names = [std::path::absolute(path), std::fs::canonicalize(path)];
            let parents = names.iter().flatten().filter_map(|name| name.parent());
            above.extend(parents.filter_map(|parent| std::fs::canonicalize(parent).ok()));
        }
        let is_narrow = |path: &PathBuf| {
            path.parent().is_some() && !home.as_ref().is_some_and(|home| home.starts_with(path))
        };
        let paths = above.iter().filter(|path| is_narrow(path));
        paths
            .filter_map(|path| Grant::new(path, Access::Read).ok())
            .map(Grant::beside)
            .collect()
    }

    /// As [`Sandbox::enter`], for this thread and those it makes, whatever others there are.
    #[cfg(target_os = "linux")]
    fn confine_thread(self, reach: Reach) -> Result<Report, SandboxError> {
        let mut report = Report::default();
        if self.level == Level::Off {
            if let Some(account) = &self.account {
                privileges::become_user(account)?;
                report.add(format!("off, user {account}"));
                grant::check(&reach.grants)?;
            }
            return Ok(report);
        }
        // rustix reads what the kernel told the process at its start once, when it is first asked;
        // on kernels before 6.4 that is a file in /proc.
        let _ = rustix::param::page_size();
        privileges::drop_bounding_set();
        match &self.account {
            None => report.add(privileges::who()),
            Some(account) => match privileges::become_user(account) {
                Ok(()) => report.add(format!("user {account}")),
                Err(failure) if self.named => return Err(failure),
                Err(failure) if reach.programs => {
                    self.allow_programs(Some(&failure.to_string()))?;
                }
                Err(failure) => {
                    report.add(privileges::who());
                    report.lacks(failure.to_string());
                }
            },
        }
        report.note(privileges::forbid_new(), "no_new_privs");
        report.note(privileges::empty_capabilities(), "no capabilities");
        // After the user, before the rest: what fails here is a matter of file modes.
        grant::check(&reach.grants)?;
        let calls = calls::Needed::of(&reach);
        match files::restrict(reach) {
            Ok(told) => {
                report.add(told);
                report.files = true;
            }
            Err(missing) => report.lacks(missing),
        }
        match calls.restrict() {
            Ok(told) => report.add(told),
            Err(missing) => report.lacks(missing),
        }
        if self.level == Level::Require {
            report.expect_whole()?;
        }
        Ok(report)
    }

    /// Other systems have other ways, which are not used here.
    #[cfg(not(target_os = "linux"))]
    fn confine_thread(self, reach: Reach) -> Result<Report, SandboxError> {
        let mut report = Report::default();
        if self.named && self.account.is_some() {
            return Err(SandboxError::User("--user needs Linux".to_owned()));
        }
        if self.level != Level::Off {
            report.lacks("no sandbox on this system".to_owned());
        }
        if self.level == Level::Require {
            report.expect_whole()?;
        }
        grant::check(&reach.grants)?;
        Ok(report)
    }
}

/// Runs the README's example as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
