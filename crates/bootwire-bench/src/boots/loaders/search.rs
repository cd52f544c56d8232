//! The names under which boot loaders look for a machine's own configuration.

use std::net::Ipv4Addr;

/// The address in hex, with one digit less each time: `C0A80207`, `C0A8020` … `C`.
pub(super) fn shorter_and_shorter(address: Ipv4Addr) -> impl Iterator<Item = String> {
    let hex = format!("{:08X}", u32::from(address));
    (1..=8).rev().map(move |len| hex[..len].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_a_digit_each_time() {
        let names: Vec<_> = shorter_and_shorter([192, 168, 2, 7].into()).collect();
        assert_eq!(names.len(), 8);
        assert_eq!((names[0].as_str(), names[7].as_str()), ("C0A80207", "C"));
    }
}
