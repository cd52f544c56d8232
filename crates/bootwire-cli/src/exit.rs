//! Exit codes, which scripts rely on, and the failures that lead to them.

use std::fmt;
use std::process::ExitCode;

use bootwire::ErrorCode;
use bootwire::client::ClientError;

/// The part of `--help` that promises them.
pub(crate) const HELP: &str = "Exit codes:
  0  the whole file was transferred
  1  the transfer could not begin: no such host, no network
  2  the command line is wrong
  3  the server has no such file
  4  the server does not allow it
  5  the server did not answer, or stopped answering
  6  the server reported another error
  7  the local file cannot be read or written, or is there already
  8  the answer broke the protocol, or its size is not the one announced
  130, 143  interrupted (Ctrl-C), terminated";

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Anything that has no code of its own.
    Failed,
    /// A command line that only turns out to be wrong when it is used.
    Usage,
    NotFound,
    /// Not all of it could be done.
    Incomplete,
    Denied,
    NoAnswer,
    Remote,
    LocalFile,
    Protocol,
    /// A signal, by its number.
    Signal(u8),
}

impl Exit {
    const fn code(self) -> u8 {
        match self {
            Self::Failed => 1,
            // As clap ends the process itself for most mistakes.
            Self::Usage => 2,
            Self::NotFound | Self::Incomplete => 3,
            Self::Denied => 4,
            Self::NoAnswer => 5,
            Self::Remote => 6,
            Self::LocalFile => 7,
            Self::Protocol => 8,
            Self::Signal(number) => 128_u8.saturating_add(number),
        }
    }

    /// What a client's error means to a script.
    pub(crate) const fn of(error: &ClientError) -> Self {
        match error {
            ClientError::Remote { code, .. } => match code {
                ErrorCode::NotFound => Self::NotFound,
                ErrorCode::AccessViolation | ErrorCode::FileExists | ErrorCode::NoSuchUser => {
                    Self::Denied
                }
                _ => Self::Remote,
            },
            ClientError::TimedOut { .. } | ClientError::Refused => Self::NoAnswer,
            ClientError::Local(_) => Self::LocalFile,
            ClientError::OptionNegotiation(_)
            | ClientError::Malformed(_)
            | ClientError::Oversize
            | ClientError::TooManyBlocks
            | ClientError::SizeMismatch { .. } => Self::Protocol,
            _ => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    error: anyhow::Error,
    /// What to look at, a line each.
    help: Vec<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self {
            exit,
            error: error.into(),
            help: Vec::new(),
        }
    }

    /// An end that needs no words: somebody asked for it.
    pub(crate) fn silent(exit: Exit) -> Self {
        Self {
            exit,
            error: anyhow::anyhow!(""),
            help: Vec::new(),
        }
    }

    /// Says what to look at as well.
    pub(crate) fn with_help(mut self, line: impl Into<String>) -> Self {
        self.help.push(line.into());
        self
    }

    /// A failure that has no exit code of its own.
    pub(crate) fn failed(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Exit::Failed, error)
    }

    /// A failure to read or write a local file.
    pub(crate) fn local(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Exit::LocalFile, error)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(Exit::Failed, error)
    }
}

/// Mistakes in flags are of the command line, those in files are not.
impl From<bootwire_site::Problems> for Failure {
    fn from(problems: bootwire_site::Problems) -> Self {
        let is_usage = problems.0.iter().all(bootwire_site::Problem::is_in_a_flag);
        Self::new(if is_usage { Exit::Usage } else { Exit::Failed }, problems)
    }
}

impl From<bootwire_machines::MachinesError> for Failure {
    fn from(error: bootwire_machines::MachinesError) -> Self {
        use bootwire_machines::MachinesError;

        let exit = match &error {
            MachinesError::NotFound(_) => Exit::NotFound,
            MachinesError::File(_) => Exit::LocalFile,
            _ => Exit::Failed,
        };
        Self::new(exit, error)
    }
}

/// The error and its causes in one line, and what to look at below.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&in_one_line(&self.error))?;
        self.help
            .iter()
            .try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// An error and its causes. Many say their cause themselves: what was said is not said again.
pub(crate) fn in_one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if line.is_empty() {
            line = cause;
        } else if !line.ends_with(&cause) {
            line = format!("{line}: {cause}");
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_the_help_promises() {
        for (exit, promise) in [
            (Exit::Failed, "1  the transfer could not begin"),
            (Exit::Usage, "2  the command line is wrong"),
            (Exit::NotFound, "3  the server has no such file"),
            (Exit::Denied, "4  the server does not allow it"),
            (Exit::NoAnswer, "5  the server did not answer"),
            (Exit::Remote, "6  the server reported another error"),
            (Exit::LocalFile, "7  the local file"),
            (Exit::Protocol, "8  the answer broke the protocol"),
        ] {
            assert!(promise.starts_with(&exit.code().to_string()));
            assert!(HELP.contains(promise), "{promise}");
        }
        assert_eq!(Exit::Signal(2).code(), 130);
        assert_eq!(Exit::Signal(15).code(), 143);
    }

    #[test]
    fn a_cause_is_said_once() {
        use anyhow::Context as _;
        let missing = || std::io::Error::from_raw_os_error(2);
        let bind = bootwire::ServerError::Bind {
            address: "0.0.0.0:69".parse().unwrap(),
            source: missing(),
        };
        let error = anyhow::Error::new(bind).context("cannot start");
        assert_eq!(
            in_one_line(&error),
            "cannot start: cannot listen on 0.0.0.0:69: No such file or directory (os error 2)"
        );
        let error = bootwire_store::Dir::open("/no/such").unwrap_err();
        assert_eq!(
            in_one_line(&error.into()),
            "cannot use the directory /no/such: No such file or directory (os error 2)"
        );
        let error = Err::<(), _>(missing())
            .context("cannot read x")
            .unwrap_err();
        assert_eq!(
            in_one_line(&error),
            "cannot read x: No such file or directory (os error 2)"
        );
    }

    #[test]
    fn what_the_server_said_decides() {
        let remote = |code| {
            Exit::of(&ClientError::Remote {
                code,
                text: String::new(),
            })
        };
        assert_eq!(remote(ErrorCode::NotFound), Exit::NotFound);
        assert_eq!(remote(ErrorCode::AccessViolation), Exit::Denied);
        assert_eq!(remote(ErrorCode::FileExists), Exit::Denied);
        assert_eq!(remote(ErrorCode::NotDefined), Exit::Remote);
        assert_eq!(remote(ErrorCode::DiskFull), Exit::Remote);
        assert_eq!(
            Exit::of(&ClientError::TimedOut { answered: false }),
            Exit::NoAnswer
        );
        assert_eq!(Exit::of(&ClientError::Refused), Exit::NoAnswer);
        assert_eq!(
            Exit::of(&ClientError::SizeMismatch {
                expected: 2,
                bytes: 1
            }),
            Exit::Protocol
        );
        assert_eq!(Exit::of(&ClientError::Name("")), Exit::Failed);
    }
}
