//! What happened, line by line, or as one number.

use std::fmt;
use std::io::Write;

use bootwire_proto::Instant;

/// Where events go.
pub struct Trace {
    out: Option<Box<dyn Write>>,
    digest: u64,
}

impl Trace {
    /// Only counts.
    #[must_use]
    pub fn quiet() -> Self {
        Self {
            out: None,
            digest: 0xCBF2_9CE4_8422_2325,
        }
    }

    /// Writes every event to `out`.
    #[must_use]
    pub fn to(out: Box<dyn Write>) -> Self {
        Self {
            out: Some(out),
            ..Self::quiet()
        }
    }

    /// Notes an event. `key` is what must be the same in every run of the same seed; `line` is for
    /// people, and made only if one reads.
    pub fn event(&mut self, now: Instant, key: &[u8], line: impl FnOnce() -> String) {
        self.mix(&now.as_micros().to_le_bytes());
        self.mix(key);
        if let Some(out) = &mut self.out {
            let time = Time(now);
            // A reader that has gone wants no more.
            let _ = writeln!(out, "{time}  {}", line());
        }
    }

    /// FNV-1a.
    fn mix(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }

    /// A number that stands for all events so far.
    #[must_use]
    pub const fn digest(&self) -> u64 {
        self.digest
    }
}

/// Virtual time in seconds.
struct Time(Instant);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        write!(f, "{:6}.{:06}", micros / 1_000_000, micros % 1_000_000)
    }
}
