//! What can go wrong with an origin, and what a client is told.

use std::fmt;

use bootwire::{Reason, Refusal};

/// What went wrong with an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OriginErrorKind {
    /// The origin has no such object (404, 410). The client gets code 1.
    NotFound,
    /// The origin refuses us (401, 403, 407): a token is missing or has expired. The client gets
    /// code 2.
    Denied,
    /// The object is too large for this server. The client gets code 2.
    TooLarge,
    /// The object is another version than asked for. The client gets code 0: try again.
    Changed,
    /// It broke the rules: a compressed body, a wrong length, a redirect that is not allowed. Asking
    /// again will hardly help, but the client gets code 0.
    Unusable,
    /// It cannot be reached, answers 5xx, is too slow, or cut the connection. Worth another try; the
    /// client gets code 0.
    Unavailable,
}

/// What went wrong with an origin, for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginError {
    kind: OriginErrorKind,
    detail: String,
}

impl OriginError {
    /// An error of `kind`; `detail` says what to look at, without secrets.
    #[must_use]
    pub fn new(kind: OriginErrorKind, detail: impl fmt::Display) -> Self {
        let detail = detail.to_string();
        Self { kind, detail }
    }

    pub(crate) fn unavailable(detail: impl fmt::Display) -> Self {
        Self::new(OriginErrorKind::Unavailable, detail)
    }

    pub(crate) fn unusable(detail: impl fmt::Display) -> Self {
        Self::new(OriginErrorKind::Unusable, detail)
    }

    /// What went wrong.
    #[must_use]
    pub const fn kind(&self) -> OriginErrorKind {
        self.kind
    }

    /// For the log.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// What a client is told. `origin` is named to the operator.
    #[must_use]
    pub fn refusal(&self, origin: &str) -> Refusal {
        let refusal = match self.kind {
            OriginErrorKind::NotFound => return Refusal::not_found(),
            OriginErrorKind::Denied => Refusal::denied(),
            OriginErrorKind::TooLarge => Refusal::denied().text("File too large"),
            OriginErrorKind::Changed => Refusal::origin().text("File changed, try again"),
            OriginErrorKind::Unusable | OriginErrorKind::Unavailable => {
                Refusal::new(Reason::Origin)
            }
        };
        refusal.because(format_args!("{origin}: {}", self.detail))
    }
}

/// An origin that cannot be set up as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidOrigin(pub(crate) String);

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for OriginError {}
