//! netascii against converters that look at one byte after the other.

use bootwire_proto::netascii::{Decoder, Encoder};

/// The first byte says where to cut the others; both directions must give what simple converters
/// give, however the bytes are cut, and text must come back.
///
/// # Panics
/// If they do not.
pub fn convert_both_ways(bytes: &[u8]) {
    let Some((&cut, text)) = bytes.split_first() else {
        return;
    };
    let pieces = || text.chunks(usize::from(cut % 17) + 1);

    let (mut encoder, mut wire) = (Encoder::default(), Vec::new());
    pieces().for_each(|piece| encoder.push(piece, &mut wire));
    assert_eq!(wire, simply_encoded(text));

    let (mut decoder, mut decoded) = (Decoder::default(), Vec::new());
    pieces().for_each(|piece| decoder.push(piece, &mut decoded));
    decoder.finish(&mut decoded);
    assert_eq!(decoded, simply_decoded(text));

    let (mut decoder, mut back) = (Decoder::default(), Vec::new());
    for piece in wire.chunks(usize::from(cut / 17) + 1) {
        decoder.push(piece, &mut back);
    }
    decoder.finish(&mut back);
    assert_eq!(back, text);
}

fn simply_encoded(text: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    for &byte in text {
        match byte {
            b'\n' => wire.extend(b"\r\n"),
            b'\r' => wire.extend(b"\r\0"),
            other => wire.push(other),
        }
    }
    wire
}

fn simply_decoded(wire: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut at = 0;
    while at < wire.len() {
        let (byte, length) = match (wire[at], wire.get(at + 1)) {
            (b'\r', Some(b'\n')) => (b'\n', 2),
            (b'\r', Some(0)) => (b'\r', 2),
            (other, _) => (other, 1),
        };
        text.push(byte);
        at += length;
    }
    text
}
