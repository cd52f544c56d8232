//! The W3C trace context at the end of a file name.
//!
//! A DHCP server that traces boots (Tinkerbell's smee) appends it to the boot file it names, as
//! `-00-TRACE-PARENT-FLAGS`: the client knows nothing of it and asks for the whole.

/// Bytes of a trace context: `00-`, 32 digits, `-`, 16 digits, `-`, 2 digits.
const LEN: usize = 55;

/// The name without the trace context at its end, and that; `None` if there is none. As the W3C has
/// it: version 00, hexadecimal digits in lower case, and neither of the two numbers zero.
///
/// ```
/// let name = b"ipxe.efi-00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let (name, trace) = bootwire::traceparent::split(name).unwrap();
/// assert_eq!(name, b"ipxe.efi");
/// assert_eq!(trace, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
/// ```
#[must_use]
pub fn split(name: &[u8]) -> Option<(&[u8], &str)> {
    let (rest, trace) = name.split_at_checked(name.len().checked_sub(LEN)?)?;
    let name = rest.strip_suffix(b"-").filter(|name| !name.is_empty())?;
    let trace = std::str::from_utf8(trace).ok()?;
    let mut parts = trace.split('-');
    let mut digits = |count| {
        let part = parts.next()?;
        let are_digits = part
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (part.len() == count && are_digits).then_some(part)
    };
    let (version, trace_id, parent_id) = (digits(2)?, digits(32)?, digits(16)?);
    digits(2)?;
    let is_zero = |number: &str| number.bytes().all(|digit| digit == b'0');
    let is_valid =
        version == "00" && !is_zero(trace_id) && !is_zero(parent_id) && parts.next().is_none();
    is_valid.then_some((name, trace))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_trace_context_at_the_end_is_taken_off() {
        for name in ["ipxe.efi", "52:54:00:12:34:56/undionly.kpxe", "a-b-00", "-"] {
            let traced = format!("{name}-{TRACE}");
            assert_eq!(split(traced.as_bytes()), Some((name.as_bytes(), TRACE)));
        }
        assert_eq!(
            split(b"\xff-00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff")
                .unwrap()
                .0,
            b"\xff"
        );
    }

    #[test]
    fn what_is_none_stays() {
        for name in [
            "",
            "ipxe.efi",
            TRACE,
            &format!("-{TRACE}"),
            &format!("ipxe.efi{TRACE}"),
            &format!("ipxe.efi-{TRACE}-"),
            &format!("ipxe.efi-{}", TRACE.to_uppercase()),
            "a-01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "a-00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "a-00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "a-00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-001",
            "a-00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
            "a-00-4bf92f3577b34da6a3ce929d0e0e4736000f067aa0ba902b7001",
        ] {
            assert_eq!(split(name.as_bytes()), None, "{name}");
        }
    }
}
