//! Which trace a span belongs to.

use bootwire_boots::Boot;

/// Where a span belongs, as W3C's `traceparent` says it: `00-TRACE-SPAN-FLAGS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parent {
    pub(super) trace: [u8; 16],
    pub(super) span: [u8; 8],
    pub(super) flags: u8,
}

impl Parent {
    /// `None` of what is none, and of identifiers that are all zeros, which are none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace) = (parts.next()?, parts.next()?);
        let (span, flags) = (parts.next()?, parts.next()?);
        let version: [u8; 1] = hex(version)?;
        // Later versions may have more parts; this one has not, and no version is ff.
        if version == [0xff] || (version == [0] && parts.next().is_some()) {
            return None;
        }
        let parent = Self {
            trace: hex(trace)?,
            span: hex(span)?,
            flags: hex::<1>(flags)?[0],
        };
        (parent.trace != [0; 16] && parent.span != [0; 8]).then_some(parent)
    }
}

fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let text = text.as_bytes();
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// The trace of what has this name: the same for everybody who asks, so that spans which are sent at
/// different times meet in it.
pub(super) fn trace_of(name: &str) -> [u8; 16] {
    nonzero(fnv(name.as_bytes()).to_be_bytes())
}

/// The span of what has this name.
pub(super) fn span_of(name: &str) -> [u8; 8] {
    let hash = fnv(name.as_bytes());
    // The upper half alone would hardly depend on the last letters.
    let folded = (hash >> 64) as u64 ^ hash as u64;
    nonzero(folded.to_be_bytes())
}

fn nonzero<const N: usize>(mut id: [u8; N]) -> [u8; N] {
    if id == [0; N] {
        id[N - 1] = 1;
    }
    id
}

/// FNV-1a of 128 bits.
fn fnv(bytes: &[u8]) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(BASIS, |hash, &byte| {
        (hash ^ u128::from(byte)).wrapping_mul(PRIME)
    })
}

/// The trace and the span of a boot.
pub(super) fn root_of(boot: &Boot) -> ([u8; 16], [u8; 8]) {
    let parent = boot.traceparent.as_deref().and_then(Parent::parse);
    let trace = parent.map_or_else(|| trace_of(&boot.id), |parent| parent.trace);
    (trace, span_of(&boot.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_read_or_is_none() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let parent = Parent::parse(good).unwrap();
        assert_eq!(parent.trace[..2], [0x0a, 0xf7]);
        assert_eq!(
            parent.span,
            [0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31]
        );
        assert_eq!(parent.flags, 1);
        assert!(
            Parent::parse("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what").is_some()
        );
        for bad in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
            "00-äf7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(Parent::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn names_have_traces_and_spans_of_their_own() {
        assert_eq!(fnv(b""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(fnv(b"a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
        let mut spans = std::collections::HashSet::new();
        for number in 0..10_000 {
            spans.insert(span_of(&format!("boot-{number}")));
        }
        assert_eq!(spans.len(), 10_000);
        assert_ne!(trace_of("a"), trace_of("b"));
    }
}
