//! Saying no: an intent, a line for the boot screen, and a reason for the log.

use std::borrow::Cow;
use std::fmt;

use bootwire_proto::ErrorCode;

use crate::Outcome;
use crate::provenance::Carried;

/// Why a request is refused. The server picks the error code that makes real clients do the right
/// thing: U-Boot stops on codes 1 and 2 and starts over on any other, so "try again later" must be
/// 0 and everything permanent 1 or 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// There is no such file: code 1. The client tries the next name or stops.
    NotFound,
    /// Not allowed, and asking again will not help: code 2.
    Denied,
    /// Too much to do right now; ask again: code 0.
    Busy,
    /// The place the content comes from failed; ask again: code 0.
    Origin,
    /// The handler or the server failed; ask again: code 0.
    Internal,
    /// No space for an upload: code 3.
    DiskFull,
    /// An upload larger than uploads may be, which RFC 1350 calls "allocation exceeded": code 3.
    TooLarge,
    /// The file changed while it was sent, and the client has a mix of two versions; ask again:
    /// code 0.
    Changed,
    /// An upload would replace a file that must stay: code 6.
    Exists,
    /// The request makes no sense: code 4.
    Illegal,
    /// A packet from someone who has no transfer here: code 5.
    UnknownTid,
    /// The options cannot be agreed on: code 8.
    Options,
}

impl Reason {
    /// The error code sent.
    // spec: error-codes
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::NotFound => ErrorCode::NotFound,
            Self::Denied => ErrorCode::AccessViolation,
            Self::Busy | Self::Origin | Self::Changed | Self::Internal => ErrorCode::NotDefined,
            Self::DiskFull | Self::TooLarge => ErrorCode::DiskFull,
            Self::Exists => ErrorCode::FileExists,
            Self::Illegal => ErrorCode::IllegalOperation,
            Self::UnknownTid => ErrorCode::UnknownTid,
            Self::Options => ErrorCode::OptionRefused,
        }
    }

    /// The word records, logs and metrics use.
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::NotFound => Outcome::NotFound,
            Self::Denied | Self::Exists | Self::Illegal | Self::UnknownTid | Self::Options => {
                Outcome::Denied
            }
            Self::Busy => Outcome::Busy,
            Self::Origin => Outcome::OriginError,
            Self::Internal => Outcome::Internal,
            Self::DiskFull => Outcome::DiskFull,
            Self::TooLarge => Outcome::TooLarge,
            Self::Changed => Outcome::Changed,
        }
    }

    const fn default_text(self) -> &'static str {
        match self {
            Self::NotFound => "File not found",
            Self::Denied => "Access denied",
            Self::Busy => "Server busy, try again",
            Self::Origin => "Content not available now, try again",
            Self::Internal => "Server error, try again",
            Self::DiskFull => "Disk full",
            Self::TooLarge => "File too large",
            Self::Changed => "File changed, try again",
            Self::Exists => "File already exists",
            Self::Illegal => "Illegal request",
            Self::UnknownTid => "Unknown transfer ID",
            Self::Options => "Options not acceptable",
        }
    }
}

/// A request turned down, or a transfer ended early.
///
/// The text goes to the client, cut to 60 bytes: it is read on boot screens, and must never name
/// internal paths. What helps the operator goes into [`Refusal::because`], which only the record
/// and the log carry.
#[derive(Clone, Debug)]
pub struct Refusal {
    reason: Reason,
    text: Cow<'static, str>,
    detail: Option<String>,
    silent: bool,
    pub(crate) provenance: Carried,
}

impl Refusal {
    /// A refusal with the usual text for `reason`.
    #[must_use]
    pub const fn new(reason: Reason) -> Self {
        Self {
            reason,
            text: Cow::Borrowed(reason.default_text()),
            detail: None,
            silent: false,
            provenance: Carried::nothing(),
        }
    }

    /// No such file.
    #[must_use]
    pub const fn not_found() -> Self {
        Self::new(Reason::NotFound)
    }

    /// Not allowed.
    #[must_use]
    pub const fn denied() -> Self {
        Self::new(Reason::Denied)
    }

    /// Too busy; ask again.
    #[must_use]
    pub const fn busy() -> Self {
        Self::new(Reason::Busy)
    }

    /// The origin of the content failed; ask again.
    #[must_use]
    pub const fn origin() -> Self {
        Self::new(Reason::Origin)
    }

    /// The handler failed; ask again.
    #[must_use]
    pub const fn internal() -> Self {
        Self::new(Reason::Internal)
    }

    /// Replaces the text the client is shown; at most 60 bytes of it are sent.
    #[must_use]
    pub fn text(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.text = text.into();
        self
    }

    /// Adds what the operator should know: goes to the record and the log, never to the client.
    #[must_use]
    pub fn because(mut self, detail: impl fmt::Display) -> Self {
        self.detail = Some(detail.to_string());
        self
    }

    /// Sends no ERROR. A client that hears nothing asks again by itself, seconds later and several
    /// times, while an ERROR ends many a boot: for when there will be an answer, but not yet.
    #[must_use]
    pub const fn silent(mut self) -> Self {
        self.silent = true;
        self
    }

    /// Whether no ERROR is sent.
    #[must_use]
    pub const fn is_silent(&self) -> bool {
        self.silent
    }

    /// Why.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// The text for the client.
    #[must_use]
    pub fn client_text(&self) -> &str {
        &self.text
    }

    /// The operator's detail.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.detail {
            Some(detail) => write!(f, "{} ({detail})", self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl std::error::Error for Refusal {}

/// Whether client and operator are told the same. Who says it makes no difference.
impl PartialEq for Refusal {
    fn eq(&self, other: &Self) -> bool {
        let told = |refusal: &Self| (refusal.reason, refusal.silent);
        told(self) == told(other) && self.text == other.text && self.detail == other.detail
    }
}

impl Eq for Refusal {}

/// Maps what the file system says to what a client should do.
impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind as Kind;
        let reason = match error.kind() {
            Kind::NotFound | Kind::NotADirectory | Kind::IsADirectory => Reason::NotFound,
            Kind::PermissionDenied | Kind::ReadOnlyFilesystem => Reason::Denied,
            Kind::StorageFull | Kind::QuotaExceeded => Reason::DiskFull,
            Kind::FileTooLarge => Reason::TooLarge,
            Kind::AlreadyExists => Reason::Exists,
            _ => Reason::Internal,
        };
        Self::new(reason).because(error)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;

    // spec: error-codes
    #[test]
    fn permanent_refusals_stop_clients_and_passing_ones_let_them_try_again() {
        for (reason, code) in [
            (Reason::NotFound, 1),
            (Reason::Denied, 2),
            (Reason::Busy, 0),
            (Reason::Origin, 0),
            (Reason::Internal, 0),
            (Reason::DiskFull, 3),
            (Reason::TooLarge, 3),
            (Reason::Changed, 0),
            (Reason::Illegal, 4),
            (Reason::UnknownTid, 5),
            (Reason::Exists, 6),
            (Reason::Options, 8),
        ] {
            assert_eq!(reason.code().wire(), code, "{reason:?}");
            assert!(reason.default_text().len() <= 60, "{reason:?}");
        }
    }

    #[test]
    fn what_the_file_system_says_reaches_the_operator_and_not_the_client() {
        for (kind, reason) in [
            (ErrorKind::NotFound, Reason::NotFound),
            (ErrorKind::IsADirectory, Reason::NotFound),
            (ErrorKind::PermissionDenied, Reason::Denied),
            (ErrorKind::StorageFull, Reason::DiskFull),
            (ErrorKind::AlreadyExists, Reason::Exists),
            (ErrorKind::TimedOut, Reason::Internal),
        ] {
            let refusal = Refusal::from(Error::new(kind, "/srv/secret/x: no"));
            assert_eq!(refusal.reason(), reason, "{kind:?}");
            assert!(!refusal.client_text().contains("secret"));
            assert!(
                refusal
                    .detail()
                    .is_some_and(|detail| detail.contains("secret"))
            );
        }
    }
}
