//! Who the server would be, without its sandbox: for commands that only look.

use std::path::PathBuf;

use rustix::process::{Uid, geteuid};

use super::account::{Account, UserName};
use super::{HELP, Level, Sandbox, SandboxError, Wanted};

/// The user a command judges as.
#[derive(Debug, Default)]
pub struct StandIn {
    /// The user this process is now.
    pub user: String,
    /// Whether it was another before.
    pub changed: bool,
    /// Why the server would fail, or fail to serve.
    pub problems: Vec<String>,
    /// What will not be as it seems.
    pub warnings: Vec<String>,
}

impl Sandbox {
    /// Becomes the server's user, but keeps files and system calls within reach. `paths` come with
    /// whether they are written to.
    ///
    /// # Errors
    /// If there is no such user, or the server would not start.
    pub fn stand_in(
        wanted: &Wanted,
        paths: Vec<(&PathBuf, bool)>,
        runs_programs: bool,
    ) -> Result<StandIn, SandboxError> {
        let mut found = StandIn::default();
        let account = wanted.user.as_ref().map(UserName::look_up).transpose()?;
        let me = geteuid();
        if let Some(account) = account.filter(|account| account.uid() != me && !me.is_root()) {
            found.user = user_name(me.as_raw());
            found.warnings.push(format!(
                "files are judged as user {} may use them, and the server will be user {account}: \
                 run this as root",
                found.user
            ));
            return Ok(found);
        }
        let mut sandbox = Self::new(wanted)?;
        let stopped = sandbox.stay_if_stopped(paths)?;
        if runs_programs {
            let warning = sandbox.allow_programs(stopped.as_deref())?;
            let told = |line: &str| line.trim_start_matches("warning: ").to_owned();
            found.warnings.extend(warning.map(told));
        }
        found.warnings.extend(
            stopped.map(|why| format!("{why}, so root stays root, without capabilities: {HELP}")),
        );
        sandbox.become_user(&mut found)?;
        found.user = user_name(geteuid().as_raw());
        found.changed = geteuid() != me;
        Ok(found)
    }

    #[cfg(target_os = "linux")]
    fn become_user(&self, found: &mut StandIn) -> Result<(), SandboxError> {
        use super::privileges;

        if let Some(account) = &self.account {
            match privileges::become_user(account) {
                Ok(()) => {}
                Err(failure) if self.named => return Err(failure),
                Err(failure) => found.warnings.push(failure.to_string()),
            }
        }
        // Without them file modes count for root, too.
        if self.level != Level::Off && privileges::empty_capabilities().is_err() {
            found
                .warnings
                .push("files are judged with capabilities that the server gives up".to_owned());
        }
        Ok(())
    }

    #[cfg(not(target_os = "linux"))]
    fn become_user(&self, _found: &mut StandIn) -> Result<(), SandboxError> {
        Ok(())
    }
}

/// The name of a user, or the number where there is none.
pub fn user_name(uid: u32) -> String {
    Account::name_of(Uid::from_raw(uid)).unwrap_or_else(|| uid.to_string())
}
