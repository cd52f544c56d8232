//! What can be wrong, sorted by whose fault it is.

/// TFTP error codes (RFC 1350 section 5 and appendix, RFC 2347).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// 0: see the text; clients such as U-Boot take it as "try again".
    NotDefined,
    /// 1: no such file.
    NotFound,
    /// 2: access violation.
    AccessViolation,
    /// 3: disk full or allocation exceeded.
    DiskFull,
    /// 4: illegal TFTP operation.
    IllegalOperation,
    /// 5: unknown transfer ID.
    UnknownTid,
    /// 6: file already exists.
    FileExists,
    /// 7: no such user.
    NoSuchUser,
    /// 8: the options cannot be agreed on (RFC 2347).
    OptionRefused,
}

impl ErrorCode {
    /// The number on the wire.
    #[must_use]
    pub const fn wire(self) -> u16 {
        match self {
            Self::NotDefined => 0,
            Self::NotFound => 1,
            Self::AccessViolation => 2,
            Self::DiskFull => 3,
            Self::IllegalOperation => 4,
            Self::UnknownTid => 5,
            Self::FileExists => 6,
            Self::NoSuchUser => 7,
            Self::OptionRefused => 8,
        }
    }

    /// The code for a number from the wire; unknown numbers read as [`ErrorCode::NotDefined`].
    #[must_use]
    pub const fn from_wire(code: u16) -> Self {
        match code {
            1 => Self::NotFound,
            2 => Self::AccessViolation,
            3 => Self::DiskFull,
            4 => Self::IllegalOperation,
            5 => Self::UnknownTid,
            6 => Self::FileExists,
            7 => Self::NoSuchUser,
            8 => Self::OptionRefused,
            _ => Self::NotDefined,
        }
    }
}

/// Why a datagram is not a TFTP packet: the peer's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Fewer bytes than the packet kind needs.
    #[error("packet too short")]
    TooShort,
    /// An opcode outside 1 to 6.
    #[error("unknown opcode {0}")]
    UnknownOpcode(u16),
    /// The file name or mode has no NUL at its end.
    #[error("file name or mode not terminated")]
    Unterminated,
    /// The file name is empty.
    #[error("empty file name")]
    EmptyName,
    /// The file name is longer than [`crate::packet::MAX_FILENAME`] bytes.
    #[error("file name too long")]
    NameTooLong,
    /// A mode other than `octet` and `netascii` (`mail` among them, RFC 1123 section 4.2.2.1).
    #[error("unknown transfer mode")]
    UnknownMode,
}

/// Why a client cannot accept an OACK: the server answered outside what was offered (RFC 2347).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unacceptable {
    /// An option that was not asked for.
    #[error("the server granted an option that was not asked for")]
    Unasked,
    /// A value outside the option's range, or above what was offered.
    #[error("the server granted an option value outside the offer")]
    OutOfRange,
}
