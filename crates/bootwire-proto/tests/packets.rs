//! Packets on the wire: what is read from arbitrary bytes, and that what is written reads back.

use bootwire_proto::encode::{self, MAX_ERROR_TEXT};
use bootwire_proto::packet::MAX_FILENAME;
use bootwire_proto::{
    Ack, Data, ErrorCode, ErrorPacket, Malformed, Mode, Op, OptionKind, Options, Packet, Request,
};
use proptest::prelude::*;

fn request_bytes(op: Op, filename: &[u8], mode: Mode, options: &[(OptionKind, u64)]) -> Vec<u8> {
    let mut out = Vec::new();
    encode::request(op, filename, mode, options, &mut out);
    out
}

// spec: rfc1350-request
#[test]
fn requests_are_read_with_name_mode_and_options() {
    let expected = Request {
        op: Op::Read,
        filename: b"grub.cfg",
        mode: Mode::Octet,
        options: Options::default(),
    };
    assert_eq!(
        Packet::parse(b"\0\x01grub.cfg\0octet\0"),
        Ok(Packet::Request(expected))
    );

    let expected = Request {
        op: Op::Write,
        filename: b"a b",
        mode: Mode::Netascii,
        options: Options::new(b"tsize\x0010\0"),
    };
    assert_eq!(
        Packet::parse(b"\0\x02a b\0NetASCII\0tsize\x0010\0"),
        Ok(Packet::Request(expected))
    );
}

// spec: rfc1350-request, rfc1123-mail
#[test]
fn modes_are_octet_and_netascii_in_any_case() {
    for (mode, expected) in [
        ("OCTET", Some(Mode::Octet)),
        ("nEtAsCiI", Some(Mode::Netascii)),
        ("mail", None),
        ("", None),
    ] {
        let datagram = [b"\0\x01x\0", mode.as_bytes(), b"\0"].concat();
        match Packet::parse(&datagram) {
            Ok(Packet::Request(request)) => assert_eq!(Some(request.mode), expected),
            other => {
                assert_eq!(other, Err(Malformed::UnknownMode));
                assert_eq!(expected, None, "{mode}");
            }
        }
    }
}

// spec: rfc1350-request
#[test]
fn requests_cut_off_are_unterminated() {
    let whole = b"\0\x01x\0octet\0";
    for len in 2..whole.len() {
        assert_eq!(
            Packet::parse(&whole[..len]),
            Err(Malformed::Unterminated),
            "{len} bytes"
        );
    }
    assert!(Packet::parse(whole).is_ok());
}

// spec: name-bounded
#[test]
fn names_have_1_to_500_bytes() {
    let parse =
        |len| match Packet::parse(&request_bytes(Op::Read, &vec![b'x'; len], Mode::Octet, &[])) {
            Ok(Packet::Request(request)) => Ok(request.filename.len()),
            Ok(_) => panic!("a request"),
            Err(malformed) => Err(malformed),
        };
    assert_eq!(parse(0), Err(Malformed::EmptyName));
    assert_eq!(parse(1), Ok(1));
    assert_eq!(parse(MAX_FILENAME), Ok(MAX_FILENAME));
    assert_eq!(parse(MAX_FILENAME + 1), Err(Malformed::NameTooLong));
    assert_eq!(parse(65_000), Err(Malformed::NameTooLong));
}

// spec: rfc1350-data
#[test]
fn data_may_be_empty() {
    assert_eq!(
        Packet::parse(b"\0\x03\x01\x02"),
        Ok(Packet::Data(Data {
            block: 258,
            payload: b""
        }))
    );
    assert_eq!(
        Packet::parse(b"\0\x03\0\x01\0"),
        Ok(Packet::Data(Data {
            block: 1,
            payload: b"\0"
        }))
    );
}

// spec: rfc1350-ack, msftwindow-next
#[test]
fn an_ack_may_carry_the_next_window_and_more() {
    let acks: [(&[u8], _); 3] = [
        (b"\0\x04\xff\xff", None),
        (b"\0\x04\xff\xff\x10", Some(16)),
        (b"\0\x04\xff\xff\x10rest", Some(16)),
    ];
    for (datagram, next_window) in acks {
        assert_eq!(
            Packet::parse(datagram),
            Ok(Packet::Ack(Ack {
                block: 65_535,
                next_window
            }))
        );
    }
}

// spec: rfc1350-error
#[test]
fn an_error_may_lack_its_text_or_its_nul() {
    let errors: [(&[u8], &[u8]); 4] = [
        (b"\0\x05\0\x08", b""),
        (b"\0\x05\0\x08\0", b""),
        (b"\0\x05\0\x08abc", b"abc"),
        (b"\0\x05\0\x08abc\0def", b"abc"),
    ];
    for (datagram, text) in errors {
        assert_eq!(
            Packet::parse(datagram),
            Ok(Packet::Error(ErrorPacket { code: 8, text }))
        );
    }
}

// spec: rfc1350-error
#[test]
fn an_unknown_error_code_reads_as_0() {
    for code in 0..=8 {
        assert_eq!(ErrorCode::from_wire(code).wire(), code);
    }
    assert_eq!(ErrorCode::from_wire(9), ErrorCode::NotDefined);
    assert_eq!(ErrorCode::from_wire(u16::MAX), ErrorCode::NotDefined);
}

#[test]
fn packets_too_short_and_opcodes_unknown_are_told_apart() {
    for short in [
        &b""[..],
        b"\0",
        b"\0\x03",
        b"\0\x03\0",
        b"\0\x04",
        b"\0\x04\0",
        b"\0\x05",
        b"\0\x05\0",
    ] {
        assert_eq!(Packet::parse(short), Err(Malformed::TooShort), "{short:?}");
    }
    // What nmap -sU sends first: twelve bytes with opcode 0.
    assert_eq!(
        Packet::parse(b"\0\0\x10\0\0\0\0\0\0\0\0\0"),
        Err(Malformed::UnknownOpcode(0))
    );
    assert_eq!(Packet::parse(b"\0\x07"), Err(Malformed::UnknownOpcode(7)));
    assert_eq!(
        Packet::parse(b"\x01\0x\0octet\0"),
        Err(Malformed::UnknownOpcode(256))
    );
}

// spec: error-text-bounded
#[test]
fn error_text_is_cut_between_characters() {
    let text_of = |text: &str| {
        let mut buffer = [0xff; 5 + MAX_ERROR_TEXT];
        let packet = encode::error(ErrorCode::NotFound, text, &mut buffer);
        assert_eq!(packet.last(), Some(&0));
        match Packet::parse(packet) {
            Ok(Packet::Error(error)) => String::from_utf8(error.text.to_vec()).unwrap(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(text_of("File not found"), "File not found");
    assert_eq!(text_of(""), "");
    assert_eq!(text_of(&"x".repeat(60)), "x".repeat(60));
    assert_eq!(text_of(&"x".repeat(61)), "x".repeat(60));
    assert_eq!(
        text_of(&format!("{}é", "x".repeat(58))),
        format!("{}é", "x".repeat(58))
    );
    assert_eq!(text_of(&format!("{}é", "x".repeat(59))), "x".repeat(59));
}

// spec: error-text-bounded
#[test]
fn error_text_holds_no_control_characters() {
    let mut buffer = [0; 5 + MAX_ERROR_TEXT];
    let packet = encode::error(
        ErrorCode::NotDefined,
        "a\0b\x1b[2Jc\r\nd\x7fe\u{9b}f",
        &mut buffer,
    );
    assert_eq!(packet, b"\0\x05\0\0a?b?[2Jc??d?e?f\0");
}

fn any_kind() -> impl Strategy<Value = OptionKind> {
    prop::sample::select(OptionKind::ALL.to_vec())
}

fn any_filename() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(1..=u8::MAX, 1..=MAX_FILENAME)
}

/// A packet of any kind, well-formed.
fn any_packet() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop::collection::vec(any::<u8>(), 0..600);
    prop_oneof![
        (
            any::<bool>(),
            any_filename(),
            any::<bool>(),
            prop::collection::vec((any_kind(), any::<u64>()), 0..6)
        )
            .prop_map(|(read, filename, octet, options)| {
                let op = if read { Op::Read } else { Op::Write };
                let mode = if octet { Mode::Octet } else { Mode::Netascii };
                request_bytes(op, &filename, mode, &options)
            }),
        (any::<u16>(), payload).prop_map(|(block, payload)| [
            &encode::data_header(block)[..],
            &payload
        ]
        .concat()),
        (any::<u16>(), any::<Option<u8>>()).prop_map(|(block, next_window)| encode::ack(
            Ack { block, next_window },
            &mut [0; 5]
        )
        .to_vec()),
        (0_u16..9, ".{0,70}").prop_map(|(code, text)| {
            encode::error(
                ErrorCode::from_wire(code),
                &text,
                &mut [0; 5 + MAX_ERROR_TEXT],
            )
            .to_vec()
        }),
    ]
}

/// Looks at everything a parsed packet offers.
fn exhaust(datagram: &[u8]) {
    match Packet::parse(datagram) {
        Ok(Packet::Request(request)) => {
            assert!((1..=MAX_FILENAME).contains(&request.filename.len()));
            assert!(!request.filename.contains(&0));
            assert!(
                request
                    .options
                    .iter()
                    .all(|(name, value)| !name.contains(&0) && !value.contains(&0))
            );
        }
        Ok(Packet::Oack(options)) => assert_eq!(options.is_empty(), options.iter().count() == 0),
        Ok(Packet::Data(data)) => assert_eq!(data.payload.len() + 4, datagram.len()),
        Ok(Packet::Error(error)) => assert!(!error.text.contains(&0)),
        Ok(Packet::Ack(ack)) => assert_eq!(ack.next_window.is_some(), datagram.len() > 4),
        Err(malformed) => assert!(!malformed.to_string().is_empty()),
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(datagram in prop::collection::vec(any::<u8>(), 0..1500)) {
        exhaust(&datagram);
    }

    #[test]
    fn no_bytes_behind_a_valid_opcode_make_the_parser_panic(
        opcode in 0_u8..8,
        body in prop::collection::vec(prop_oneof![Just(0), any::<u8>()], 0..1500),
    ) {
        exhaust(&[&[0, opcode], &body[..]].concat());
    }

    #[test]
    fn no_damage_to_a_valid_packet_makes_the_parser_panic(
        mut datagram in any_packet(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in any::<prop::sample::Index>(),
    ) {
        for (at, byte) in damage {
            let at = at.index(datagram.len());
            datagram[at] = byte;
        }
        exhaust(&datagram);
        exhaust(&datagram[..cut.index(datagram.len())]);
    }

    // spec: rfc1350-request, rfc2347-option-list
    #[test]
    fn a_request_reads_back_as_written(
        read in any::<bool>(),
        filename in any_filename(),
        octet in any::<bool>(),
        options in prop::collection::vec((any_kind(), any::<u64>()), 0..12),
    ) {
        let op = if read { Op::Read } else { Op::Write };
        let mode = if octet { Mode::Octet } else { Mode::Netascii };
        let datagram = request_bytes(op, &filename, mode, &options);
        let Ok(Packet::Request(request)) = Packet::parse(&datagram) else { panic!("a request") };
        prop_assert_eq!((request.op, request.filename, request.mode), (op, &filename[..], mode));
        let read_back: Vec<_> = request
            .options
            .iter()
            .map(|(name, value)| {
                (OptionKind::from_name(name).unwrap(), str::from_utf8(value).unwrap().parse::<u64>().unwrap())
            })
            .collect();
        prop_assert_eq!(read_back, options);
    }

    // spec: rfc1350-data
    #[test]
    fn data_reads_back_as_written(block: u16, payload in prop::collection::vec(any::<u8>(), 0..1500)) {
        let datagram = [&encode::data_header(block)[..], &payload].concat();
        prop_assert_eq!(Packet::parse(&datagram), Ok(Packet::Data(Data { block, payload: &payload })));
    }

    // spec: rfc1350-ack
    #[test]
    fn an_ack_reads_back_as_written(block: u16, next_window: Option<u8>) {
        let ack = Ack { block, next_window };
        let mut buffer = [0xff; 5];
        prop_assert_eq!(Packet::parse(encode::ack(ack, &mut buffer)), Ok(Packet::Ack(ack)));
    }

    // spec: rfc1350-error, error-text-bounded
    #[test]
    fn an_error_reads_back_as_written(code in 0_u16..9, text in "\\PC{0,80}") {
        let mut buffer = [0xff; 5 + MAX_ERROR_TEXT];
        let packet = encode::error(ErrorCode::from_wire(code), &text, &mut buffer);
        let Ok(Packet::Error(error)) = Packet::parse(packet) else { panic!("an error") };
        prop_assert_eq!(error.code, code);
        prop_assert!(text.as_bytes().starts_with(error.text));
        prop_assert!(error.text.len() == text.len() || error.text.len() > MAX_ERROR_TEXT - 4);
    }
}
