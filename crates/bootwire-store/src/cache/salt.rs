//! Secrets that tell origins apart, made unreadable.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

use super::private;

const LEN: usize = 32;

/// The key of a cache directory: what decides who may fetch an object is kept as a keyed hash, so
/// that names and sidecars say nothing about tokens.
pub(crate) struct Salt(hmac::Key);

impl Salt {
    /// Reads the key, or makes one. Tells whether it was made: then no object here is anybody's.
    pub(super) fn open(path: &Path) -> io::Result<(Self, bool)> {
        let mut bytes = Vec::new();
        let found = File::open(path);
        match found.and_then(|file| file.take(LEN as u64 + 1).read_to_end(&mut bytes)) {
            Ok(LEN) => return Ok((Self::of(&bytes), false)),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut fresh = [0; LEN];
        SystemRandom::new()
            .fill(&mut fresh)
            .map_err(|_| io::Error::other("no random numbers"))?;
        private::create(path)?.write_all(&fresh)?;
        Ok((Self::of(&fresh), true))
    }

    fn of(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// A name for what decides who may fetch the objects of an origin; empty if nothing does.
    pub(super) fn name(&self, access: &[u8]) -> String {
        if access.is_empty() {
            return String::new();
        }
        let tag = hmac::sign(&self.0, access);
        let digits = tag.as_ref()[..16].iter();
        digits.map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_last_as_long_as_the_key_and_say_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("salt");
        let (salt, fresh) = Salt::open(&path).unwrap();
        assert!(fresh);
        let name = salt.name(b"hunter2");
        assert_eq!(name.len(), 32);
        assert_ne!(name, salt.name(b"hunter3"));
        assert_eq!(salt.name(b""), "");
        let (again, fresh) = Salt::open(&path).unwrap();
        assert!(!fresh);
        assert_eq!(again.name(b"hunter2"), name);
        std::fs::write(&path, "cut").unwrap();
        let (other, fresh) = Salt::open(&path).unwrap();
        assert!(fresh);
        assert_ne!(other.name(b"hunter2"), name);
    }
}
