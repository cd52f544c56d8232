//! How much a line matters to whoever is on duty.

use bootwire::Outcome;

/// How much a line matters, in the numbers of syslog and journald.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Priority {
    /// Somebody has to do something: an origin, a disk or the server failed.
    Error = 3,
    /// A machine did not get what it asked for.
    Warning = 4,
    /// The server refused, as it was told to.
    Notice = 5,
    /// All is well.
    Info = 6,
}

impl Priority {
    /// That of a transfer that ended so.
    #[must_use]
    pub const fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Complete | Outcome::Probe => Self::Info,
            Outcome::NotFound | Outcome::Denied | Outcome::Malformed | Outcome::TooLarge => {
                Self::Notice
            }
            Outcome::OriginError | Outcome::DiskFull | Outcome::Internal => Self::Error,
            // A client that broke off or fell silent, a server that had too much to do.
            _ => Self::Warning,
        }
    }

    /// What journald and syslog take from the beginning of a line: `<6>`.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Error => "<3>",
            Self::Warning => "<4>",
            Self::Notice => "<5>",
            Self::Info => "<6>",
        }
    }
}
