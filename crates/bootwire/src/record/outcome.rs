//! How a transfer ended.

use std::fmt;

/// How a transfer ended, in the words used by records, logs and metrics alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// Every byte arrived.
    Complete,
    /// The client asked for the size and then ended the transfer, as UEFI does before each boot
    /// file. Not a failure.
    Probe,
    /// There was no such file.
    NotFound,
    /// The request was not allowed.
    Denied,
    /// What was sent cannot be read as a request: no file name, an unknown mode.
    Malformed,
    /// The client ended it with an ERROR, or started another transfer in its place.
    ClientAbort,
    /// The client fell silent.
    Timeout,
    /// The place the content comes from failed.
    OriginError,
    /// The server had too much to do.
    Busy,
    /// An upload found no space.
    DiskFull,
    /// An upload is larger than uploads may be.
    TooLarge,
    /// The file changed while it was sent.
    Changed,
    /// The handler or the server failed.
    Internal,
}

impl Outcome {
    /// Every outcome, in a fixed order.
    pub const ALL: [Self; 13] = [
        Self::Complete,
        Self::Probe,
        Self::NotFound,
        Self::Denied,
        Self::Malformed,
        Self::ClientAbort,
        Self::Timeout,
        Self::OriginError,
        Self::Busy,
        Self::DiskFull,
        Self::TooLarge,
        Self::Changed,
        Self::Internal,
    ];

    /// The word, such as `client_abort`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Probe => "probe",
            Self::NotFound => "not_found",
            Self::Denied => "denied",
            Self::Malformed => "malformed",
            Self::ClientAbort => "client_abort",
            Self::Timeout => "timeout",
            Self::OriginError => "origin_error",
            Self::Busy => "busy",
            Self::DiskFull => "disk_full",
            Self::TooLarge => "too_large",
            Self::Changed => "changed",
            Self::Internal => "internal",
        }
    }
}

impl Outcome {
    /// The inverse of [`Outcome::as_str`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
