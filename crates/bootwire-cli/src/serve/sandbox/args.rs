//! The flags of the sandbox.

use anyhow::anyhow;

use super::account::UserName;
use crate::config::model::Sandbox;

#[derive(Debug, clap::Args)]
#[group(skip)] // as named as those of the other parts
pub(in crate::serve) struct Args {
    /// Serve as this user once the sockets are open: a name or a number, with a group if it is not
    /// the user's own [default: nobody if started as root; root stays root]
    #[arg(long, value_name = "USER[:GROUP]", help_heading = "Sandbox")]
    pub(in crate::serve) user: Option<UserName>,
    /// Give up what serving does not need: capabilities, new privileges, files outside the
    /// directories served (Landlock), unused system calls (seccomp) [default: best-effort]
    #[arg(long, value_name = "LEVEL", help_heading = "Sandbox")]
    pub(in crate::serve) sandbox: Option<Level>,
}

/// What is wanted of the sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::serve) struct Wanted {
    pub(super) user: Option<UserName>,
    pub(super) level: Level,
}

impl Wanted {
    /// What the configuration alone wants.
    ///
    /// # Errors
    /// If it names a user that is none.
    pub(in crate::serve) fn of_config(config: &Sandbox) -> anyhow::Result<Self> {
        let nothing = Args {
            user: None,
            sandbox: None,
        };
        nothing.over(config)
    }
}

impl Args {
    /// The flags, and what they leave open from the configuration.
    ///
    /// # Errors
    /// If the configuration names a user that is none.
    pub(in crate::serve) fn over(&self, config: &Sandbox) -> anyhow::Result<Wanted> {
        let user = match (&self.user, &config.user) {
            (Some(user), _) => Some(user.clone()),
            (None, Some(text)) => Some(
                text.parse()
                    .map_err(|help| anyhow!("sandbox.user = {text:?}: {help}"))?,
            ),
            (None, None) => None,
        };
        let level = self.sandbox.or(config.level.map(Level::from));
        Ok(Wanted {
            user,
            level: level.unwrap_or(Level::BestEffort),
        })
    }
}

/// How much must be given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::serve) enum Level {
    /// Nothing; root stays root unless --user is given
    Off,
    /// What this kernel lets go of; a line at the start says what that is
    BestEffort,
    /// Everything, or the server does not start
    Require,
}
