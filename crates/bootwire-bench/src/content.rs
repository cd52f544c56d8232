//! What is expected to arrive, and what is sent.

use bootwire_io::Payload;

/// The content of a file to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Bytes(Vec<u8>),
    /// Whatever comes.
    Anything,
}

impl Expected {
    /// Whether a block at `offset`, the last one or not, is as expected.
    pub(super) fn matches(&self, offset: u64, block: &[u8], last: bool) -> bool {
        let Self::Bytes(bytes) = self else {
            return true;
        };
        let Some(rest) = usize::try_from(offset).ok().and_then(|at| bytes.get(at..)) else {
            return false;
        };
        rest.get(..block.len()) == Some(block) && (!last || rest.len() == block.len())
    }

    /// Its length, if known.
    pub(super) fn len(&self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::Anything => None,
        }
    }
}

/// After how many bytes an upload repeats itself.
const PERIOD: usize = 251;

/// What is uploaded: the byte at offset N is N modulo 251.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    /// Whole periods, more than the largest block.
    bytes: Vec<u8>,
    size: u64,
}

impl Pattern {
    pub(super) fn new(size: u64) -> Self {
        let periods = 65_536_usize.div_ceil(PERIOD);
        Self {
            bytes: (0..=250).cycle().take(periods * PERIOD).collect(),
            size,
        }
    }

    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// The bytes from `offset` on, as many as wanted and in as many pieces as it takes.
    pub(super) fn pieces(&self, offset: u64, len: u64) -> impl Iterator<Item = Payload<'_>> {
        let mut start = usize::try_from(offset % PERIOD as u64).unwrap_or(0);
        let mut left = usize::try_from(len).unwrap_or(usize::MAX);
        std::iter::from_fn(move || {
            let piece = self.bytes.get(start..)?;
            let piece = piece.get(..left).unwrap_or(piece);
            // The bytes end with a whole period.
            start = 0;
            left -= piece.len();
            (!piece.is_empty()).then_some(Payload::Bytes(piece))
        })
    }

    /// Appends the bytes from `offset` on.
    pub(super) fn copy(&self, offset: u64, len: u64, out: &mut Vec<u8>) {
        for piece in self.pieces(offset, len) {
            if let Payload::Bytes(bytes) = piece {
                out.extend_from_slice(bytes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_must_be_what_is_expected_at_its_place() {
        let expected = Expected::Bytes(b"abcdef".to_vec());
        assert!(expected.matches(0, b"abc", false));
        assert!(expected.matches(3, b"def", true));
        assert!(expected.matches(6, b"", true), "an empty last block");
        for (offset, block, last, why) in [
            (0, &b"abd"[..], false, "another byte"),
            (1, b"abc", false, "another place"),
            (3, b"defg", true, "too long"),
            (3, b"de", true, "too short"),
            (7, b"", true, "beyond the end"),
            (u64::MAX, b"a", false, "far beyond the end"),
        ] {
            assert!(!expected.matches(offset, block, last), "{why}");
        }
        assert!(Expected::Anything.matches(9, b"x", true));
    }

    #[test]
    fn the_pattern_is_the_offset_modulo_251() {
        let pattern = Pattern::new(1 << 20);
        for (offset, len) in [
            (0, 10),
            (250, 3),
            (65_520, 200_000),
            (5_000_000_000, 65_464),
        ] {
            let mut bytes = Vec::new();
            pattern.copy(offset, len, &mut bytes);
            assert_eq!(bytes.len() as u64, len);
            let right = |(index, &byte): (u64, &u8)| (offset + index) % 251 == u64::from(byte);
            assert!((0..).zip(&bytes).all(right), "{offset}");
        }
    }
}
