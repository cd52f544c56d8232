//! What a sender puts on the wire.

use core::ops::Range;

use crate::{Rollover, encode};

/// What to put on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transmit {
    /// The packet that opens the transfer: a server's OACK, a client's request.
    Opening,
    /// Some blocks of DATA.
    Data(Run),
}

/// Consecutive blocks of DATA: all full but perhaps the last. All of them are new, or all of them
/// were sent before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Position of the first block, from 1.
    pub first: u64,
    /// Number of blocks, at least 1.
    pub blocks: u16,
    /// Bytes in a full block.
    pub blksize: u16,
    /// Bytes in the last block: `blksize` unless it ends the content.
    pub last_len: u16,
    /// Whether the last block ends the content.
    pub end: bool,
    /// Whether the blocks were sent before.
    pub resend: bool,
    pub(super) rollover: Rollover,
}

impl Run {
    /// The content bytes the run carries; empty for a lone empty last block.
    #[must_use]
    pub fn bytes(&self) -> Range<u64> {
        let blksize = u64::from(self.blksize);
        let start = self.first.saturating_sub(1).saturating_mul(blksize);
        let full = u64::from(self.blocks.saturating_sub(1)).saturating_mul(blksize);
        start
            ..start
                .saturating_add(full)
                .saturating_add(u64::from(self.last_len))
    }

    /// The DATA header of each block, in order.
    pub fn headers(&self) -> impl ExactSizeIterator<Item = [u8; 4]> + use<> {
        let Self {
            first, rollover, ..
        } = *self;
        // The sender never makes a run that reaches beyond the last number its rollover allows.
        (0..self.blocks).map(move |index| {
            let position = first.saturating_add(u64::from(index));
            encode::data_header(rollover.wire(position).unwrap_or(u16::MAX))
        })
    }

    /// Position of the last block.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.first
            .saturating_add(u64::from(self.blocks.saturating_sub(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(first: u64, blocks: u16, last_len: u16, rollover: Rollover) -> Run {
        Run {
            first,
            blocks,
            blksize: 512,
            last_len,
            end: last_len < 512,
            resend: false,
            rollover,
        }
    }

    #[test]
    fn bytes_follow_from_positions() {
        assert_eq!(run(1, 1, 512, Rollover::Zero).bytes(), 0..512);
        assert_eq!(
            run(3, 4, 100, Rollover::Zero).bytes(),
            1024..1024 + 3 * 512 + 100
        );
        assert_eq!(
            run(3, 1, 0, Rollover::Zero).bytes(),
            1024..1024,
            "an empty last block"
        );
    }

    // spec: rollover-zero, rollover-one
    #[test]
    fn headers_wrap() {
        let numbers = |rollover| {
            run(65_534, 4, 512, rollover)
                .headers()
                .map(|[_, _, high, low]| u16::from_be_bytes([high, low]))
                .collect::<Vec<_>>()
        };
        assert_eq!(numbers(Rollover::Zero), [65_534, 65_535, 0, 1]);
        assert_eq!(numbers(Rollover::One), [65_534, 65_535, 1, 2]);
    }
}
