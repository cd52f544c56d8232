//! Packets for people to read.

use std::fmt::{self, Write};

use bootwire_proto::{Op, Packet};

/// Whether a request carries options.
#[must_use]
pub fn has_options(payload: &[u8]) -> bool {
    match Packet::parse(payload) {
        Ok(Packet::Request(request)) => !request.options.is_empty(),
        _ => false,
    }
}

/// A datagram, shown as what it says.
pub struct Shown<'a>(pub &'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Packet::parse(self.0) {
            Ok(Packet::Request(request)) => {
                let op = match request.op {
                    Op::Read => "RRQ",
                    Op::Write => "WRQ",
                };
                write!(f, "{op} {}", request.filename.escape_ascii())?;
                options(f, request.options)
            }
            Ok(Packet::Oack(oack)) => {
                f.write_str("OACK")?;
                options(f, oack)
            }
            Ok(Packet::Data(data)) => write!(f, "DATA {} ({})", data.block, data.payload.len()),
            Ok(Packet::Ack(ack)) => match ack.next_window {
                Some(window) => write!(f, "ACK {} next {window}", ack.block),
                None => write!(f, "ACK {}", ack.block),
            },
            Ok(Packet::Error(error)) => {
                write!(f, "ERROR {} {}", error.code, error.text.escape_ascii())
            }
            Err(malformed) => write!(f, "{} bytes: {malformed}", self.0.len()),
        }
    }
}

fn options(f: &mut fmt::Formatter<'_>, options: bootwire_proto::Options<'_>) -> fmt::Result {
    for (name, value) in options.iter() {
        f.write_char(' ')?;
        write!(f, "{}={}", name.escape_ascii(), value.escape_ascii())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_read_as_in_the_rfcs() {
        let shown = |bytes: &[u8]| Shown(bytes).to_string();
        assert_eq!(shown(b"\0\x01a\0octet\0tsize\x000\0"), "RRQ a tsize=0");
        assert_eq!(shown(b"\0\x06blksize\x008\0"), "OACK blksize=8");
        assert_eq!(shown(b"\0\x03\0\x01abc"), "DATA 1 (3)");
        assert_eq!(shown(b"\0\x04\x01\0\x07"), "ACK 256 next 7");
        assert_eq!(shown(b"\0\x05\0\x01no\n\0"), "ERROR 1 no\\n");
        assert!(has_options(b"\0\x01a\0octet\0tsize\x000\0"));
        assert!(!has_options(b"\0\x01a\0octet\0"));
    }
}
