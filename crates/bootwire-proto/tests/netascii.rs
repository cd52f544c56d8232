//! netascii both ways, in pieces of any size.

use bootwire_proto::netascii::{Decoder, Encoder};
use proptest::prelude::*;

fn encode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let (mut encoder, mut out) = (Encoder::default(), Vec::new());
    for piece in pieces {
        encoder.push(piece, &mut out);
    }
    out
}

fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let (mut decoder, mut out) = (Decoder::default(), Vec::new());
    for piece in pieces {
        decoder.push(piece, &mut out);
    }
    decoder.finish(&mut out);
    out
}

// spec: netascii-encode
#[test]
fn line_ends_and_carriage_returns_are_doubled() {
    assert_eq!(encode([&b"a\nb"[..]]), b"a\r\nb");
    assert_eq!(encode([&b"a\rb"[..]]), b"a\r\0b");
    assert_eq!(encode([&b"a\r\nb"[..]]), b"a\r\0\r\nb");
    assert_eq!(encode([&b"\n\n\r\r"[..]]), b"\r\n\r\n\r\0\r\0");
    assert_eq!(encode([&b""[..]]), b"");
}

// spec: netascii-decode
#[test]
fn a_carriage_return_is_read_with_what_follows_it() {
    assert_eq!(decode([&b"a\r\nb"[..]]), b"a\nb");
    assert_eq!(decode([&b"a\r\0b"[..]]), b"a\rb");
    assert_eq!(decode([&b"a\nb\0c"[..]]), b"a\nb\0c");
}

// spec: netascii-decode
#[test]
fn a_carriage_return_before_anything_else_is_kept() {
    assert_eq!(decode([&b"a\rb"[..]]), b"a\rb");
    assert_eq!(decode([&b"\r\r\n"[..]]), b"\r\n");
    assert_eq!(decode([&b"\r\r\r"[..]]), b"\r\r\r");
    assert_eq!(decode([&b"a\r"[..]]), b"a\r");
}

// spec: netascii-decode
#[test]
fn a_carriage_return_at_the_end_of_a_block_waits_for_the_next() {
    assert_eq!(decode([&b"a\r"[..], b"\nb"]), b"a\nb");
    assert_eq!(decode([&b"a\r"[..], b"\0b"]), b"a\rb");
    assert_eq!(decode([&b"a\r"[..], b"", b"b"]), b"a\rb");
    assert_eq!(decode([&b"a\r"[..], b"\r", b"\n"]), b"a\r\n");
}

#[test]
fn a_decoder_can_be_used_again_once_finished() {
    let (mut decoder, mut out) = (Decoder::default(), Vec::new());
    decoder.push(b"a\r", &mut out);
    decoder.finish(&mut out);
    decoder.push(b"\n", &mut out);
    decoder.finish(&mut out);
    assert_eq!(out, b"a\r\n");
}

/// Bytes in which the special ones are frequent.
fn any_text() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(
        prop_oneof![Just(b'\r'), Just(b'\n'), Just(0), any::<u8>()],
        0..300,
    )
}

/// `bytes` cut at the given places.
fn cut<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut ends: Vec<_> = cuts
        .iter()
        .map(|cut| cut.index(bytes.len() + 1))
        .chain([0, bytes.len()])
        .collect();
    ends.sort_unstable();
    ends.windows(2)
        .map(|ends| &bytes[ends[0]..ends[1]])
        .collect()
}

proptest! {
    // spec: netascii-encode, netascii-decode
    #[test]
    fn any_text_comes_back_from_netascii_in_any_pieces(
        text in any_text(),
        out_cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
        in_cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let wire = encode(cut(&text, &out_cuts));
        prop_assert_eq!(&wire, &encode([&text[..]]));
        prop_assert_eq!(decode(cut(&wire, &in_cuts)), text);
    }

    // spec: netascii-decode
    #[test]
    fn any_bytes_decode_the_same_in_any_pieces(
        wire in any_text(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let whole = decode([&wire[..]]);
        prop_assert!(whole.len() <= wire.len());
        prop_assert_eq!(decode(cut(&wire, &cuts)), whole);
    }
}
