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

/// The last block number on the wire.
const LAST: u64 = u16::MAX as u64;

impl Rollover {
    /// The value of the `rollover` option that stands for this policy.
    pub(crate) const fn option_value(self) -> Option<u64> {
        match self {
            Self::Zero => Some(0),
            Self::One => Some(1),
            Self::Refuse => None,
        }
    }

    /// The policy a value of the `rollover` option stands for.
    pub(crate) const fn from_option_value(value: u64) -> Option<Self> {
        match value {
            0 => Some(Self::Zero),
            1 => Some(Self::One),
            _ => None,
        }
    }

    /// The wire number of the block at `position` (1 for the first DATA, 0 for ACK 0); `None` where
    /// [`Rollover::Refuse`] forbids it.
    #[must_use]
    pub const fn wire(self, position: u64) -> Option<u16> {
        let number = match self {
            // spec: rollover-zero, clients-rule-10
            Self::Zero => position % (LAST + 1),
            // spec: rollover-one
            Self::One => match position.checked_sub(1) {
                Some(index) => (index % LAST).saturating_add(1),
                None => 0,
            },
            // spec: rollover-refuse
            Self::Refuse if position > LAST => return None,
            Self::Refuse => position,
        };
        let [.., high, low] = number.to_be_bytes();
        Some(u16::from_be_bytes([high, low]))
    }

    /// The position within `low..=high` that `wire` stands for, nearest to `high` if the range is
    /// wider than the number space; `None` if there is none.
    #[must_use]
    pub const fn position(self, wire: u16, low: u64, high: u64) -> Option<u64> {
        let [wire_high, wire_low] = wire.to_be_bytes();
        let wire = u64::from_be_bytes([0, 0, 0, 0, 0, 0, wire_high, wire_low]);
        // The lowest position with this number is the number itself.
        let Some(beyond) = high.checked_sub(wire) else {
            return None;
        };
        let excess = match (self, wire) {
            (Self::Zero, _) => beyond % (LAST + 1),
            (Self::One, 1..) => beyond % LAST,
            // No other position has this number.
            (Self::One, 0) | (Self::Refuse, _) => beyond,
        };
        let position = high.saturating_sub(excess);
        if low <= position && position <= high {
            Some(position)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: rollover-zero
    #[test]
    fn zero_follows_65535() {
        let wire = |position| Rollover::Zero.wire(position).unwrap();
        assert_eq!(
            [0, 1, 65_535, 65_536, 65_537].map(wire),
            [0, 1, 65_535, 0, 1]
        );
        assert_eq!(wire(u64::MAX), 65_535);
    }

    // spec: rollover-one
    #[test]
    fn one_follows_65535() {
        let wire = |position| Rollover::One.wire(position).unwrap();
        assert_eq!(
            [0, 1, 65_535, 65_536, 131_070, 131_071].map(wire),
            [0, 1, 65_535, 1, 65_535, 1]
        );
    }

    // spec: rollover-refuse
    #[test]
    fn nothing_follows_65535_when_refused() {
        assert_eq!(Rollover::Refuse.wire(65_535), Some(65_535));
        assert_eq!(Rollover::Refuse.wire(65_536), None);
        assert_eq!(Rollover::Refuse.position(0, 65_536, 70_000), None);
    }

    #[test]
    fn a_number_outside_the_range_has_no_position() {
        assert_eq!(Rollover::Zero.position(5, 6, 10), None);
        assert_eq!(Rollover::Zero.position(11, 6, 10), None);
        assert_eq!(Rollover::Zero.position(5, 10, 6), None);
        assert_eq!(Rollover::One.position(0, 1, u64::MAX), None);
    }

    #[test]
    fn the_nearest_to_the_high_end_wins() {
        assert_eq!(Rollover::Zero.position(1, 0, 131_072), Some(65_537));
        assert_eq!(Rollover::One.position(1, 0, 131_070), Some(65_536));
    }

    // spec: rollover-zero, rollover-one
    #[test]
    fn a_window_across_the_wrap_is_read_back() {
        for rollover in [Rollover::Zero, Rollover::One] {
            for high in 65_530..65_560_u64 {
                for position in high - 16..=high {
                    let wire = rollover.wire(position).unwrap();
                    assert_eq!(rollover.position(wire, high - 16, high), Some(position));
                }
            }
        }
    }

    #[test]
    fn every_position_is_read_back_from_its_number() {
        for rollover in [Rollover::Zero, Rollover::One, Rollover::Refuse] {
            for position in (0..200_000).chain(u64::MAX - 70_000..=u64::MAX) {
                let Some(wire) = rollover.wire(position) else {
                    continue;
                };
                assert_eq!(rollover.position(wire, position, position), Some(position));
                assert_eq!(
                    rollover.position(wire, position.saturating_sub(65_534), position),
                    Some(position)
                );
            }
        }
    }
}
