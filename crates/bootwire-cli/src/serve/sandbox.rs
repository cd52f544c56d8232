//! The flags of the sandbox.

use anyhow::anyhow;
use bootwire_sandbox::{Level as Wants, UserName, Wanted};

use crate::config::model::Sandbox;

#[derive(Debug, clap::Args)]
#[group(skip)] // as named as those of the other parts
pub(super) struct Args {
    /// Serve as this user once the sockets are open: a name or a number, with a group if it is not
    /// the user's own [default: nobody if started as root; root stays root]
    #[arg(long, value_name = "USER[:GROUP]", help_heading = "Sandbox")]
    pub(super) user: Option<UserName>,
    /// Give up what serving does not need: capabilities, new privileges, files outside the
    /// directories served (Landlock), unused system calls (seccomp) [default: best-effort]
    #[arg(long, value_name = "LEVEL", help_heading = "Sandbox")]
    pub(super) sandbox: Option<Level>,
}

/// What the configuration alone wants.
///
/// # Errors
/// If it names a user that is none.
pub(super) fn of_config(config: &Sandbox) -> anyhow::Result<Wanted> {
    let nothing = Args {
        user: None,
        sandbox: None,
    };
    nothing.over(config)
}

impl Args {
    /// The flags, and what they leave open from the configuration.
    ///
    /// # Errors
    /// If the configuration names a user that is none.
    pub(super) fn over(&self, config: &Sandbox) -> anyhow::Result<Wanted> {
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
            level: level.map_or(Wants::default(), Wants::from),
        })
    }
}

/// How much must be given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Level {
    /// Nothing; root stays root unless --user is given
    Off,
    /// What this kernel lets go of; a line at the start says what that is
    BestEffort,
    /// Everything, or the server does not start
    Require,
}

impl From<Level> for Wants {
    fn from(level: Level) -> Self {
        match level {
            Level::Off => Self::Off,
            Level::BestEffort => Self::BestEffort,
            Level::Require => Self::Require,
        }
    }
}
