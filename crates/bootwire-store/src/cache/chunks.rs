//! Objects in chunks: the unit that is fetched, checked and remembered.

use std::ops::Range;

use ring::digest::{Context, SHA256};

/// Bytes of a chunk; the last of an object may be shorter. Other sizes are fractions of it, so that
/// the tests of this crate fetch many objects in little time.
pub(crate) const CHUNK: u64 = if cfg!(test) { 64 << 10 } else { 4 << 20 };

/// Chunks of an object of `size` bytes.
pub(crate) const fn count(size: u64) -> usize {
    size.div_ceil(CHUNK) as usize
}

/// The chunk that byte `at` is in.
pub(crate) const fn index_of(at: u64) -> usize {
    (at / CHUNK) as usize
}

/// The bytes of chunk `index` of an object of `size` bytes.
pub(crate) fn range(index: usize, size: u64) -> Range<u64> {
    let start = (index as u64 * CHUNK).min(size);
    start..(start + CHUNK).min(size)
}

/// The SHA-256 of a chunk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sum([u8; 32]);

impl Sum {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut summing = Summing::new();
        summing.update(bytes);
        summing.finish()
    }

    /// Reads 64 hexadecimal digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut sum = [0; 32];
        for (byte, pair) in sum.iter_mut().zip(digits.chunks_exact(2)) {
            let high = char::from(pair[0]).to_digit(16)?;
            let low = char::from(pair[1]).to_digit(16)?;
            *byte = (high * 16 + low) as u8;
        }
        Some(Self(sum))
    }

    /// The first eight bytes as a number: a name for what was summed.
    pub(crate) fn short(&self) -> u64 {
        self.0[..8]
            .iter()
            .fold(0, |number, &byte| number << 8 | u64::from(byte))
    }
}

impl std::fmt::Display for Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// A sum in the making.
pub(crate) struct Summing(Context);

impl Summing {
    pub(crate) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> Sum {
        let mut sum = [0; 32];
        sum.copy_from_slice(self.0.finish().as_ref());
        Sum(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_chunk_is_what_is_left() {
        assert_eq!(count(0), 0);
        assert_eq!((count(1), count(CHUNK), count(CHUNK + 1)), (1, 1, 2));
        assert_eq!(range(1, CHUNK + 5), CHUNK..CHUNK + 5);
        assert_eq!(range(2, CHUNK + 5), CHUNK + 5..CHUNK + 5);
        assert_eq!((index_of(CHUNK - 1), index_of(CHUNK)), (0, 1));
    }

    #[test]
    fn a_sum_is_what_sha256sum_prints() {
        let sum = Sum::of(b"abc");
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sum.to_string(), text);
        assert_eq!(Sum::parse(text), Some(sum));
        assert_eq!(Sum::parse("ba"), None);
        assert_eq!(Sum::parse(&text.replace('b', "x")), None);
        assert_eq!(sum.short(), 0xba78_16bf_8f01_cfea);
    }
}
