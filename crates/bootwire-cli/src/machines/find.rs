//! Which machine a word names.

use bootwire_render::inventory::LookupKey;

/// The keys a word may be, in the order in which they are tried: what has a form of its own goes
/// before names and serial numbers, which can be anything.
pub(super) fn keys(word: &str) -> Vec<LookupKey> {
    let word = word.trim();
    let lower = word.to_ascii_lowercase();
    let keys = [
        word.parse().ok().map(LookupKey::Mac),
        word.parse().ok().map(LookupKey::Uuid),
        word.parse().ok().map(LookupKey::Ip),
        Some(LookupKey::Hostname(lower.clone())),
        Some(LookupKey::Serial(lower)),
    ];
    keys.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_tried_as_what_they_look_like_first() {
        for (word, first, count) in [
            ("52-54-00-12-34-56", "mac 52:54:00:12:34:56", 3),
            ("525400123456", "mac 52:54:00:12:34:56", 3),
            (
                "4C4C4544-0042-3510-8051-B4C04F4D3233",
                "uuid 4c4c4544-0042-3510-8051-b4c04f4d3233",
                3,
            ),
            ("10.0.0.7", "ip 10.0.0.7", 3),
            ("FD00::7", "ip fd00::7", 3),
            (" Node-7 ", "hostname node-7", 2),
        ] {
            let keys = keys(word);
            assert_eq!(keys[0].to_string(), first, "{word}");
            assert_eq!(keys.len(), count, "{word}");
        }
    }
}
