//! Content that shows when a block is missing, doubled or out of place.

/// `len` bytes without a period: no two blocks are equal, and the same `seed` gives the same bytes.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        // splitmix64
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend_from_slice(&(word ^ (word >> 31)).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Text of about `len` bytes with the line ends that netascii must carry: LF, CR LF, and CR alone,
/// in ever changing places against the block borders.
pub(crate) fn text(len: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len + 64);
    let mut line = 0_usize;
    while bytes.len() < len {
        bytes.extend_from_slice(format!("line {line} {}", "x".repeat(line % 61)).as_bytes());
        bytes.extend_from_slice(match line % 5 {
            0 => b"\r\n".as_slice(),
            1 => b"\r",
            2 => b"\n\n",
            _ => b"\n",
        });
        line += 1;
    }
    bytes
}
