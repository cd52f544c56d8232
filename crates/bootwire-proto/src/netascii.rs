//! netascii both ways, as a stream (RFC 764 as used by RFC 1350): LF ⇄ CR LF, CR ⇄ CR NUL.

const CR: u8 = b'\r';
const LF: u8 = b'\n';
const NUL: u8 = 0;

/// Local text to netascii.
///
/// Each byte is encoded for itself, so pieces may be cut anywhere.
#[derive(Clone, Debug, Default)]
pub struct Encoder {}

impl Encoder {
    /// Appends the netascii form of `text` to `out`: at most twice its length.
    pub fn push(&mut self, text: &[u8], out: &mut Vec<u8>) {
        // spec: netascii-encode
        for run in text.split_inclusive(|&byte| byte == CR || byte == LF) {
            match run.split_last() {
                Some((&LF, plain)) => {
                    out.extend_from_slice(plain);
                    out.extend_from_slice(&[CR, LF]);
                }
                Some((&CR, plain)) => {
                    out.extend_from_slice(plain);
                    out.extend_from_slice(&[CR, NUL]);
                }
                _ => out.extend_from_slice(run),
            }
        }
    }
}

/// netascii to local text. A CR at the end of one piece is held until the next.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    /// The last piece ended with a CR whose meaning the next byte tells.
    cr: bool,
}

impl Decoder {
    /// Appends the local form of `wire` to `out`: at most one byte more than its length.
    pub fn push(&mut self, wire: &[u8], out: &mut Vec<u8>) {
        // spec: netascii-decode
        for run in wire.split_inclusive(|&byte| byte == CR) {
            let rest = if self.cr {
                self.after_cr(run, out)
            } else {
                run
            };
            match rest.split_last() {
                Some((&CR, plain)) => {
                    out.extend_from_slice(plain);
                    self.cr = true;
                }
                _ => out.extend_from_slice(rest),
            }
        }
    }

    /// Ends the text: a CR held back is a bare CR.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if core::mem::take(&mut self.cr) {
            out.push(CR);
        }
    }

    /// Resolves the CR held back by what follows it, and returns what remains of `run`.
    fn after_cr<'a>(&mut self, run: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        self.cr = false;
        match run {
            [LF, rest @ ..] => {
                out.push(LF);
                rest
            }
            [NUL, rest @ ..] => {
                out.push(CR);
                rest
            }
            // Not netascii, but what some servers send (dnsmasq): nothing is lost by keeping both.
            _ => {
                out.push(CR);
                run
            }
        }
    }
}
