//! Bytes that nobody could mistake for others.

use bytes::Bytes;

use crate::random::Random;

/// `len` bytes that depend on `key` and nothing else.
#[must_use]
pub fn bytes(key: u64, len: usize) -> Bytes {
    let mut random = Random::new(key);
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        bytes.extend_from_slice(&random.next().to_le_bytes());
    }
    bytes.truncate(len);
    bytes.into()
}
