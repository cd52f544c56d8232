//! What decides who may fetch from an origin, as one text.

/// Gathers the parts. Equal settings give equal bytes, and different ones never do.
#[derive(Default)]
pub(super) struct Access(Vec<u8>);

impl Access {
    pub(super) fn add(&mut self, name: &str, value: impl AsRef<[u8]>) {
        for part in [name.as_bytes(), value.as_ref()] {
            self.0.extend_from_slice(&(part.len() as u64).to_le_bytes());
            self.0.extend_from_slice(part);
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}
