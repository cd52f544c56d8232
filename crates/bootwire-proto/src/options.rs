//! Option lists on the wire (RFC 2347) and the names this implementation knows.

/// An option this implementation knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OptionKind {
    /// `blksize`, 8 to 65464 bytes (RFC 2348).
    Blksize,
    /// `blksize2`: as blksize, rounded down to a power of two (tftp-hpa).
    Blksize2,
    /// `timeout`, 1 to 255 s (RFC 2349).
    Timeout,
    /// `utimeout`, 10 000 to 255 000 000 µs (tftp-hpa).
    Utimeout,
    /// `tsize`, bytes (RFC 2349).
    Tsize,
    /// `windowsize`, 1 to 65535 blocks (RFC 7440).
    Windowsize,
    /// `rollover`, 0 or 1: the block number after 65535 (tftp-hpa).
    Rollover,
    /// `msftwindow`: asked with 31416, granted with 27182 (Windows boot manager).
    Msftwindow,
}

impl OptionKind {
    /// Every option, in the order of declaration.
    pub const ALL: [Self; 8] = [
        Self::Blksize,
        Self::Blksize2,
        Self::Timeout,
        Self::Utimeout,
        Self::Tsize,
        Self::Windowsize,
        Self::Rollover,
        Self::Msftwindow,
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blksize => "blksize",
            Self::Blksize2 => "blksize2",
            Self::Timeout => "timeout",
            Self::Utimeout => "utimeout",
            Self::Tsize => "tsize",
            Self::Windowsize => "windowsize",
            Self::Rollover => "rollover",
            Self::Msftwindow => "msftwindow",
        }
    }

    /// The option that sets the same thing under another name: a transfer has only one of the two.
    pub(crate) const fn alternative(self) -> Option<Self> {
        match self {
            Self::Blksize => Some(Self::Blksize2),
            Self::Blksize2 => Some(Self::Blksize),
            Self::Timeout => Some(Self::Utimeout),
            Self::Utimeout => Some(Self::Timeout),
            Self::Tsize | Self::Windowsize | Self::Rollover | Self::Msftwindow => None,
        }
    }

    /// The option with this name, in any case; `None` for one this implementation does not know.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        // spec: clients-rule-1
        Self::ALL
            .into_iter()
            .find(|kind| kind.name().as_bytes().eq_ignore_ascii_case(name))
    }
}

/// A set of options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct OptionSet(u8);

impl OptionSet {
    /// No option.
    #[must_use]
    pub const fn new() -> Self {
        Self(0)
    }

    /// These, and `kind`.
    #[must_use]
    pub const fn with(self, kind: OptionKind) -> Self {
        Self(self.0 | 1 << kind as u8)
    }

    /// The options of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether `kind` is one of them.
    #[must_use]
    pub const fn contains(self, kind: OptionKind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each, in the order of declaration.
    pub fn iter(self) -> impl Iterator<Item = OptionKind> {
        let all = OptionKind::ALL.into_iter();
        all.filter(move |kind| self.contains(*kind))
    }
}

/// The options of a request or OACK as they stand in the datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options<'a> {
    bytes: &'a [u8],
}

impl<'a> Options<'a> {
    /// Views the part of a datagram behind the mode (request) or the opcode (OACK).
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Name and value of each complete pair, in the order sent. A pair cut off at the end of the
    /// datagram is left out.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let mut rest = self.bytes;
        // spec: rfc2347-option-list
        core::iter::from_fn(move || {
            let (name, behind) = split_nul(rest)?;
            let (value, behind) = split_nul(behind)?;
            rest = behind;
            Some((name, value))
        })
    }

    /// Whether there is no complete pair.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

/// The bytes before the first NUL and those behind it.
pub(crate) fn split_nul(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let nul = bytes.iter().position(|&byte| byte == 0)?;
    let (before, rest) = bytes.split_at_checked(nul)?;
    Some((before, rest.get(1..)?))
}

/// The number `value` stands for: ASCII digits only, leading zeros allowed, at least one digit.
/// `None` for anything else and for what 64 bits cannot hold.
pub(crate) fn decimal(value: &[u8]) -> Option<u64> {
    is_decimal(value).then_some(())?;
    value.iter().try_fold(0_u64, |number, &digit| {
        number
            .checked_mul(10)?
            .checked_add(u64::from(digit.saturating_sub(b'0')))
    })
}

/// As [`decimal`], but a number too large reads as the largest: for options with a cap.
pub(crate) fn decimal_saturating(value: &[u8]) -> Option<u64> {
    is_decimal(value).then(|| decimal(value).unwrap_or(u64::MAX))
}

fn is_decimal(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(bytes: &[u8]) -> Vec<(&[u8], &[u8])> {
        Options::new(bytes).iter().collect()
    }

    // spec: rfc2347-option-list
    #[test]
    fn pairs_come_in_the_order_sent() {
        assert_eq!(
            pairs(b"tsize\x000\0x\0\0"),
            [(&b"tsize"[..], &b"0"[..]), (b"x", b"")]
        );
        assert!(Options::default().is_empty());
        assert!(!Options::new(b"\0\0").is_empty());
    }

    // spec: rfc2347-option-list
    #[test]
    fn an_incomplete_last_pair_is_left_out() {
        for cut in [
            &b"tsize\x000\0blk"[..],
            b"tsize\x000\0blksize\0",
            b"tsize\x000\0blksize\x00512",
        ] {
            assert_eq!(pairs(cut), [(&b"tsize"[..], &b"0"[..])]);
        }
        assert!(Options::new(b"tsize\x000").is_empty());
    }

    #[test]
    fn every_kind_is_found_by_its_name_in_any_case() {
        for kind in OptionKind::ALL {
            assert_eq!(OptionKind::from_name(kind.name().as_bytes()), Some(kind));
            assert_eq!(
                OptionKind::from_name(kind.name().to_uppercase().as_bytes()),
                Some(kind)
            );
        }
        assert_eq!(OptionKind::from_name(b"multicast"), None);
        assert_eq!(OptionKind::from_name(b"blksize "), None);
        assert_eq!(OptionKind::from_name(b""), None);
    }

    #[test]
    fn only_digits_are_a_number() {
        assert_eq!(decimal(b"0001468"), Some(1468));
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        for rubbish in [
            &b""[..],
            b"-1",
            b"+1",
            b" 1",
            b"1 ",
            b"1.5",
            b"0x10",
            b"1e3",
            b"\xd9\xa1",
        ] {
            assert_eq!(decimal(rubbish), None);
            assert_eq!(decimal_saturating(rubbish), None);
        }
    }

    #[test]
    fn a_number_beyond_64_bits_is_none_or_the_largest() {
        let forty = [b'9'; 40];
        for huge in [&forty[..], b"18446744073709551616"] {
            assert_eq!(decimal(huge), None);
            assert_eq!(decimal_saturating(huge), Some(u64::MAX));
        }
    }
}
