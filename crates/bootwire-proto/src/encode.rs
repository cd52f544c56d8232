//! Writing packets into a caller's buffer.

use crate::{Ack, ErrorCode, Mode, Op, OptionKind};

/// Longest text put into an ERROR, in bytes: one line of a boot screen, and too short to amplify.
pub const MAX_ERROR_TEXT: usize = 60;

/// The four bytes in front of a DATA payload.
#[must_use]
pub const fn data_header(block: u16) -> [u8; 4] {
    // spec: rfc1350-data
    let [high, low] = block.to_be_bytes();
    [0, 3, high, low]
}

/// An ACK of `block`; the byte of `msftwindow` follows if `ack.next_window` is set.
pub fn ack(ack: Ack, buffer: &mut [u8; 5]) -> &[u8] {
    // spec: rfc1350-ack, msftwindow-next
    let [high, low] = ack.block.to_be_bytes();
    *buffer = [0, 4, high, low, ack.next_window.unwrap_or(0)];
    match (ack.next_window, buffer) {
        (Some(_), packet) => packet,
        (None, [packet @ .., _]) => packet,
    }
}

/// An ERROR with at most [`MAX_ERROR_TEXT`] bytes of `text` (cut at a character), control
/// characters replaced by `?`, and its NUL. Returns the packet within `buffer`.
pub fn error<'b>(
    code: ErrorCode,
    text: &str,
    buffer: &'b mut [u8; 5 + MAX_ERROR_TEXT],
) -> &'b [u8] {
    // spec: rfc1350-error, error-text-bounded
    let mut out = Writer::new(buffer);
    out.put(&[0, 5]);
    out.put(&code.wire().to_be_bytes());
    let mut room = MAX_ERROR_TEXT;
    for letter in text.chars() {
        let letter = if letter.is_control() { '?' } else { letter };
        match room.checked_sub(letter.len_utf8()) {
            Some(left) => room = left,
            None => break,
        }
        out.put(letter.encode_utf8(&mut [0; 4]).as_bytes());
    }
    out.put(&[0]);
    out.finish()
}

/// Appends RRQ or WRQ with options in the order given.
pub fn request(
    op: Op,
    filename: &[u8],
    mode: Mode,
    options: &[(OptionKind, u64)],
    out: &mut Vec<u8>,
) {
    // spec: rfc1350-request, rfc2347-option-list
    out.extend_from_slice(match op {
        Op::Read => &[0, 1],
        Op::Write => &[0, 2],
    });
    for field in [filename, mode.name().as_bytes()] {
        out.extend_from_slice(field);
        out.push(0);
    }
    for &(kind, value) in options {
        out.extend_from_slice(kind.name().as_bytes());
        out.push(0);
        out.extend_from_slice(Decimal::new(value).digits());
        out.push(0);
    }
}

/// A buffer that fills from the front. What does not fit is left out whole.
pub(crate) struct Writer<'b> {
    buffer: &'b mut [u8],
    len: usize,
}

impl<'b> Writer<'b> {
    pub(crate) fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, len: 0 }
    }

    /// Appends `bytes`, unless they do not fit.
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        if let Some(room) = self.buffer.get_mut(self.len..end) {
            room.copy_from_slice(bytes);
            self.len = end;
        }
    }

    /// What was written.
    pub(crate) fn finish(self) -> &'b [u8] {
        let Self { buffer, len } = self;
        buffer.get(..len).unwrap_or_default()
    }
}

/// A number in decimal digits, without allocation.
pub(crate) struct Decimal {
    digits: [u8; 20],
    start: usize,
}

impl Decimal {
    pub(crate) fn new(value: u64) -> Self {
        let mut digits = [b'0'; 20];
        let mut start = digits.len();
        let mut rest = value;
        for digit in digits.iter_mut().rev() {
            let [.., ones] = (rest % 10).to_be_bytes();
            *digit = b'0' | ones;
            start = start.saturating_sub(1);
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        Self { digits, start }
    }

    pub(crate) fn digits(&self) -> &[u8] {
        self.digits.get(self.start..).unwrap_or_default()
    }
}
