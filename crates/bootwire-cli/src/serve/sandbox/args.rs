//! The flags of the sandbox.

use super::account::UserName;

#[derive(Debug, clap::Args)]
#[group(skip)] // as named as those of the other parts
pub(in crate::serve) struct Args {
    /// Serve as this user once the sockets are open: a name or a number, with a group if it is not
    /// the user's own [default: nobody if started as root; root stays root]
    #[arg(long, value_name = "USER[:GROUP]", help_heading = "Sandbox")]
    pub(in crate::serve) user: Option<UserName>,
    /// Give up what serving does not need: capabilities, new privileges, files outside the
    /// directories served (Landlock), unused system calls (seccomp)
    #[arg(
        long,
        value_name = "LEVEL",
        default_value = "best-effort",
        help_heading = "Sandbox"
    )]
    pub(in crate::serve) sandbox: Level,
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
