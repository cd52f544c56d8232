//! What names an object among all origins.

use std::sync::Arc;

use super::chunks::Sum;
use crate::origin::{ObjectName, Version};

/// An object of an origin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) origin: Arc<str>,
    /// Who may fetch it, as [`Salt::name`](super::salt::Salt::name) has it.
    pub(crate) access: Arc<str>,
    pub(crate) object: ObjectName,
}

/// Most characters of an origin or object in a file name.
const SHOWN_MAX: usize = 120;

impl Key {
    /// A number for `version` of it. `nonce` tells versions apart of which the origin says nothing.
    pub(crate) fn id(&self, version: &Version, size: u64, nonce: u64) -> u64 {
        let nonce = if version.is_known() { 0 } else { nonce };
        let text = format!(
            "{}\0{}\0{}\0{:?}\0{:?}\0{size}\0{nonce}",
            self.origin, self.access, self.object, version.etag, version.modified
        );
        Sum::of(text.as_bytes()).short()
    }

    /// A number for all its versions.
    pub(crate) fn short(&self) -> u64 {
        let text = format!("{}\0{}\0{}", self.origin, self.access, self.object);
        Sum::of(text.as_bytes()).short()
    }

    /// The folder of its origin in the cache.
    pub(crate) fn folder(&self) -> String {
        let origin = self.origin.trim_end_matches('/');
        let name = origin.split_once("://").map_or(origin, |(_, rest)| rest);
        // Two origins with the same readable name may share a folder: files have numbers.
        readable(name)
    }

    /// The name of its files in the cache, without suffix.
    pub(crate) fn file_name(&self, id: u64) -> String {
        format!("{}-{id:016x}", readable(self.object.as_str()))
    }
}

/// Letters a shell, `ls` and every file system like; never empty or hidden.
fn readable(text: &str) -> String {
    let plain = |letter: char| match letter {
        letter if letter.is_ascii_alphanumeric() || "._-".contains(letter) => letter,
        _ => '_',
    };
    let tail = text.len().saturating_sub(SHOWN_MAX);
    // The end of a path tells more than its beginning.
    let shown: String = text
        .get(tail..)
        .unwrap_or_default()
        .chars()
        .map(plain)
        .collect();
    match shown.chars().next() {
        None | Some('.' | '-') => format!("_{shown}"),
        Some(_) => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(origin: &str, object: &str) -> Key {
        Key {
            origin: origin.into(),
            access: "".into(),
            object: ObjectName::new(object.as_bytes()).unwrap(),
        }
    }

    #[test]
    fn file_names_can_be_read_and_lead_nowhere() {
        let key = key("https://repo.example.com:8443/boot/", "linux 6/.vmlinuz");
        assert_eq!(key.folder(), "repo.example.com_8443_boot");
        assert_eq!(key.file_name(0xab), "linux_206_.vmlinuz-00000000000000ab");
        assert_eq!(readable(".."), "_..");
        assert_eq!(readable(""), "_");
        assert!(readable(&"x".repeat(4000)).len() < 200);
    }

    #[test]
    fn versions_have_numbers_of_their_own() {
        let key = key("http://o/", "x");
        let version = |etag: Option<&str>| Version {
            etag: etag.map(str::to_owned),
            modified: None,
        };
        let one = key.id(&version(Some("\"1\"")), 10, 1);
        assert_eq!(one, key.id(&version(Some("\"1\"")), 10, 2), "is known");
        assert_ne!(one, key.id(&version(Some("\"2\"")), 10, 1));
        assert_ne!(one, key.id(&version(Some("\"1\"")), 11, 1));
        let other = Key {
            access: "0123".into(),
            ..key.clone()
        };
        assert_ne!(one, other.id(&version(Some("\"1\"")), 10, 1));
        assert_ne!(key.short(), other.short());
        let unknown = key.id(&version(None), 10, 1);
        assert_ne!(unknown, key.id(&version(None), 10, 2));
    }
}
