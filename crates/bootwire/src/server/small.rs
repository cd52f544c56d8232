//! Packets of a few bytes that belong to no running transfer.

use bootwire_io::Destination;
use bootwire_proto::ErrorCode;
use bootwire_proto::encode::{self, MAX_ERROR_TEXT};

/// A short packet for a peer that has no transfer, or none any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Small {
    pub(super) lane: u16,
    pub(super) to: Destination,
    bytes: [u8; 5 + MAX_ERROR_TEXT],
    len: u8,
}

impl Small {
    pub(super) fn error(lane: u16, to: Destination, code: ErrorCode, text: &str) -> Self {
        let mut bytes = [0; 5 + MAX_ERROR_TEXT];
        let len = encode::error(code, text, &mut bytes).len() as u8;
        Self {
            lane,
            to,
            bytes,
            len,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}
