//! File names that differ from client to client.

/// A name with its places for numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Vec<u8>),
    Client,
    Transfer,
    Mac,
}

/// How the places are written.
const PLACES: [(&[u8], Part); 3] = [
    (b"{client}", Part::Client),
    (b"{transfer}", Part::Transfer),
    (b"{mac}", Part::Mac),
];

impl Template {
    pub(super) fn new(name: &[u8]) -> Self {
        let mut parts = Vec::new();
        let mut text = Vec::new();
        let mut rest = name;
        while let Some((&first, behind)) = rest.split_first() {
            let place = PLACES
                .iter()
                .find_map(|(written, part)| Some((part, rest.strip_prefix(*written)?)));
            if let Some((part, behind)) = place {
                parts.push(Part::Text(std::mem::take(&mut text)));
                parts.push(part.clone());
                rest = behind;
            } else {
                text.push(first);
                rest = behind;
            }
        }
        parts.push(Part::Text(text));
        Self { parts }
    }

    /// Whether it is the same name for everyone.
    pub(super) fn is_fixed(&self) -> bool {
        self.parts.len() == 1
    }

    pub(super) fn fill(&self, client: u32, transfer: u64) -> Vec<u8> {
        let mut name = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => name.extend_from_slice(text),
                Part::Client => name.extend_from_slice(client.to_string().as_bytes()),
                Part::Transfer => name.extend_from_slice(transfer.to_string().as_bytes()),
                Part::Mac => {
                    let [a, b, c, d] = client.to_be_bytes();
                    // Locally administered.
                    let mac = format!("02-00-{a:02x}-{b:02x}-{c:02x}-{d:02x}");
                    name.extend_from_slice(mac.as_bytes());
                }
            }
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled() {
        for (name, filled, fixed) in [
            ("a/b", "a/b", true),
            ("", "", true),
            ("{client}", "300", false),
            ("x-{client}-{transfer}.cfg", "x-300-7.cfg", false),
            ("grub.cfg-01-{mac}", "grub.cfg-01-02-00-00-00-01-2c", false),
            ("{other}{", "{other}{", true),
        ] {
            let template = Template::new(name.as_bytes());
            assert_eq!(template.fill(300, 7), filled.as_bytes());
            assert_eq!(template.is_fixed(), fixed, "{name}");
        }
    }
}
