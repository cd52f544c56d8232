//! Bytes as people read them.

use std::fmt;

/// A number of bytes, shown in the largest unit of which there is at least one.
pub(crate) struct Amount(pub(crate) u64);

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut whole, mut unit) = (self.0 as f64, "bytes");
        for larger in ["KiB", "MiB", "GiB", "TiB"] {
            if whole < 1024.0 {
                break;
            }
            whole /= 1024.0;
            unit = larger;
        }
        if unit == "bytes" || whole.fract() < 0.05 {
            write!(f, "{whole:.0} {unit}")
        } else {
            write!(f, "{whole:.1} {unit}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_units() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (64 << 20, "64 MiB"),
            (3 << 29, "1.5 GiB"),
            (u64::MAX, "16777216 TiB"),
        ] {
            assert_eq!(Amount(bytes).to_string(), text);
        }
    }
}
