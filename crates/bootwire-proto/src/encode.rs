//! Writing packets into a caller's buffer.

use crate::{Ack, ErrorCode, Mode, Op, OptionKind};

/// Longest text put into an ERROR, in bytes: one line of a boot screen, and too short to amplify.
pub const MAX_ERROR_TEXT: usize = 60;

/// The four bytes in front of a DATA payload.
#[must_use]
pub const fn data_header(block: u16) -> [u8; 4] {
    let [high, low] = block.to_be_bytes();
    [0, 3, high, low]
}

/// An ACK of `block`; the byte of `msftwindow` follows if `ack.next_window` is set.
pub fn ack(ack: Ack, buffer: &mut [u8; 5]) -> &[u8] {
    todo!("{ack:?} {buffer:?}")
}

/// An ERROR with at most [`MAX_ERROR_TEXT`] bytes of `text` (cut at a character), control
/// characters replaced, and its NUL. Returns the packet within `buffer`.
pub fn error<'b>(code: ErrorCode, text: &str, buffer: &'b mut [u8; 5 + MAX_ERROR_TEXT]) -> &'b [u8] {
    todo!("{code:?} {text} {buffer:?}")
}

/// Appends RRQ or WRQ with options in the order given.
pub fn request(op: Op, filename: &[u8], mode: Mode, options: &[(OptionKind, u64)], out: &mut Vec<u8>) {
    todo!("{op:?} {filename:?} {mode:?} {options:?} {out:?}")
}
