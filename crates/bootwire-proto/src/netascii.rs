//! netascii both ways, as a stream (RFC 764 as used by RFC 1350): LF ⇄ CR LF, CR ⇄ CR NUL.

/// Local text to netascii.
#[derive(Clone, Debug, Default)]
pub struct Encoder {}

impl Encoder {
    /// Appends the netascii form of `text` to `out`.
    pub fn push(&mut self, text: &[u8], out: &mut Vec<u8>) {
        todo!("{text:?} {out:?}")
    }
}

/// netascii to local text. A CR at the end of one piece is held until the next.
#[derive(Clone, Debug, Default)]
pub struct Decoder {}

impl Decoder {
    /// Appends the local form of `wire` to `out`.
    pub fn push(&mut self, wire: &[u8], out: &mut Vec<u8>) {
        todo!("{wire:?} {out:?}")
    }

    /// Ends the text: a CR held back is a bare CR.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        todo!("{out:?}")
    }
}
