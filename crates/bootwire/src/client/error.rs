//! What can go wrong for a client.

use std::io;

use bootwire_proto::{ErrorCode, ErrorPacket, Malformed, Unacceptable};

/// Why a transfer did not happen or did not finish.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The server said no, or ended the transfer (RFC 1350 section 5, ERROR).
    #[error("the server answered error {code}: {text}", code = code.wire())]
    Remote {
        /// Its code.
        code: ErrorCode,
        /// Its text, with everything escaped that a terminal would obey. Words for the code if
        /// it sent none.
        text: String,
    },
    /// The server fell silent, or never answered.
    #[error("{}", if *.answered { "the server stopped answering" } else { "no answer from the server" })]
    TimedOut {
        /// Whether it ever answered.
        answered: bool,
    },
    /// Nobody listens on the server's port, or a firewall says so (ICMP "port unreachable").
    #[error("nothing listens on that port")]
    Refused,
    /// The server granted options outside of what was asked, to a request without any.
    #[error("option negotiation failed: {0}")]
    OptionNegotiation(#[from] Unacceptable),
    /// What came back was not TFTP.
    #[error("the answer is not TFTP: {0}")]
    Malformed(#[from] Malformed),
    /// A block longer than agreed arrived.
    #[error("the server sent a block longer than agreed")]
    Oversize,
    /// The file has more than 65535 blocks and [`crate::Rollover::Refuse`] was set.
    #[error("the file needs more than 65535 blocks, and rollover is refused")]
    TooManyBlocks,
    /// The size announced and the bytes that came differ: the content is not right.
    #[error("{bytes} bytes arrived, but {expected} were announced")]
    SizeMismatch {
        /// Size announced: by the server on a get, by the caller on a put.
        expected: u64,
        /// Bytes seen; fewer than there are if the transfer was ended early.
        bytes: u64,
    },
    /// A file name no request can carry.
    #[error("this file name cannot be sent: {0}")]
    Name(&'static str),
    /// The caller's source or sink failed.
    #[error("{0}")]
    Local(#[source] io::Error),
    /// The socket failed.
    #[error("network: {0}")]
    Network(#[source] io::Error),
}

impl ClientError {
    pub(super) fn remote(packet: ErrorPacket<'_>) -> Self {
        let code = ErrorCode::from_wire(packet.code);
        let text = match packet.text {
            b"" => words(code).to_owned(),
            text => printable(text),
        };
        Self::Remote { code, text }
    }

    /// Whether a request without options may fare better: the server named them as the trouble,
    /// does not know what to make of them, or keeps silent.
    const fn blames_options(&self) -> bool {
        matches!(
            self,
            Self::Remote {
                code: ErrorCode::OptionRefused | ErrorCode::IllegalOperation,
                ..
            } | Self::TimedOut { answered: false }
                | Self::OptionNegotiation(_)
        )
    }
}

/// How one attempt ended without success.
#[derive(Debug)]
pub(super) enum Stop {
    /// Before anything moved, for a reason that may lie in the options.
    WithoutOptions(ClientError),
    /// For good.
    Failed(ClientError),
}

impl Stop {
    /// An error while the request waited for its answer; `asked` says whether it had options.
    pub(super) const fn opening(error: ClientError, asked: bool) -> Self {
        if asked && error.blames_options() {
            Self::WithoutOptions(error)
        } else {
            Self::Failed(error)
        }
    }
}

impl From<ClientError> for Stop {
    fn from(error: ClientError) -> Self {
        Self::Failed(error)
    }
}

impl From<Stop> for ClientError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::WithoutOptions(error) | Stop::Failed(error) => error,
        }
    }
}

const fn words(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::NotDefined => "no reason given",
        ErrorCode::NotFound => "file not found",
        ErrorCode::AccessViolation => "access denied",
        ErrorCode::DiskFull => "disk full",
        ErrorCode::IllegalOperation => "illegal operation",
        ErrorCode::UnknownTid => "unknown transfer",
        ErrorCode::FileExists => "file already exists",
        ErrorCode::NoSuchUser => "no such user",
        ErrorCode::OptionRefused => "options refused",
    }
}

/// A server's text, fit for a terminal: no control characters, nothing that turns the direction of
/// writing.
fn printable(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in String::from_utf8_lossy(text).chars() {
        let steers = matches!(letter, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if letter.is_control() || steers {
            out.extend(letter.escape_default());
        } else {
            out.push(letter);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_text_cannot_steer_a_terminal() {
        let remote = |text| ClientError::remote(ErrorPacket { code: 1, text }).to_string();
        assert_eq!(
            remote(b"no \x1b[31mfile\nhere"),
            "the server answered error 1: no \\u{1b}[31mfile\\nhere"
        );
        assert_eq!(
            remote("a\u{202e}b".as_bytes()),
            "the server answered error 1: a\\u{202e}b"
        );
        assert_eq!(remote(b"\xff"), "the server answered error 1: \u{fffd}");
        assert_eq!(remote(b""), "the server answered error 1: file not found");
    }

    #[test]
    fn options_are_blamed_only_before_anything_moved_and_if_there_were_any() {
        let refused = || ClientError::remote(ErrorPacket { code: 8, text: b"" });
        assert!(matches!(
            Stop::opening(refused(), true),
            Stop::WithoutOptions(_)
        ));
        assert!(matches!(Stop::opening(refused(), false), Stop::Failed(_)));
        let missing = ClientError::remote(ErrorPacket { code: 1, text: b"" });
        assert!(matches!(Stop::opening(missing, true), Stop::Failed(_)));
    }
}
