//! Hardware addresses inside DHCPv6 identifiers.

use bootwire::MacAddr;

/// The Ethernet address in a DUID of type 1 (link layer and time) or 3 (link layer), RFC 8415
/// section 11, written as hex bytes joined by colons.
pub(super) fn mac(text: &str) -> Option<MacAddr> {
    let bytes: Vec<u8> = text
        .split(':')
        .take(32)
        .map(|byte| u8::from_str_radix(byte, 16))
        .collect::<Result<_, _>>()
        .ok()?;
    match *bytes.as_slice() {
        [0, 1, 0, 1, _, _, _, _, a, b, c, d, e, f] | [0, 3, 0, 1, a, b, c, d, e, f] => {
            Some(MacAddr::new([a, b, c, d, e, f]))
        }
        _ => None,
    }
}
