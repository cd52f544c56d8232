//! Block numbers: 64-bit positions inside, 16 bits on the wire.

/// What follows block 65535 on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Rollover {
    /// 65535 is followed by 0: what every client that can wrap expects.
    #[default]
    Zero,
    /// 65535 is followed by 1.
    One,
    /// The transfer ends with an ERROR instead.
    Refuse,
}

impl Rollover {
    /// The wire number of the block at `position` (1 for the first DATA, 0 for ACK 0); `None` where
    /// [`Rollover::Refuse`] forbids it.
    #[must_use]
    pub const fn wire(self, position: u64) -> Option<u16> {
        let _ = position;
        todo!()
    }

    /// The position within `low..=high` that `wire` stands for, nearest to `high` if the range is
    /// wider than the number space; `None` if there is none.
    #[must_use]
    pub const fn position(self, wire: u16, low: u64, high: u64) -> Option<u64> {
        let _ = (wire, low, high);
        todo!()
    }
}
