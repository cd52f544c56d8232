//! What a completion is about, in the 64 bits that come back with it.

/// What a completion is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// A datagram, or the end of receiving, of the token's socket of a generation.
    Receive { token: u32, generation: u32 },
    /// A packet sent.
    Send { slot: u16 },
    /// Another thread calls.
    Wake,
    /// A socket is no longer to be received from.
    Cancel,
}

/// Generations are told apart by this many bits: a completion is never as old as 2^30 sockets.
pub(super) const GENERATION: u32 = (1 << 30) - 1;

impl About {
    pub(super) const fn to_bits(self) -> u64 {
        match self {
            Self::Receive { token, generation } => {
                ((generation & GENERATION) as u64) << 32 | token as u64
            }
            Self::Send { slot } => 1 << 62 | slot as u64,
            Self::Wake => 2 << 62,
            Self::Cancel => 3 << 62,
        }
    }

    pub(super) const fn from_bits(bits: u64) -> Self {
        match bits >> 62 {
            0 => Self::Receive {
                token: bits as u32,
                generation: (bits >> 32) as u32 & GENERATION,
            },
            1 => Self::Send { slot: bits as u16 },
            2 => Self::Wake,
            _ => Self::Cancel,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for about in [
            About::Receive {
                token: 0,
                generation: 0,
            },
            About::Receive {
                token: u32::MAX,
                generation: GENERATION,
            },
            About::Send { slot: 0 },
            About::Send { slot: u16::MAX },
            About::Wake,
            About::Cancel,
        ] {
            assert_eq!(About::from_bits(about.to_bits()), about);
        }
    }
}
