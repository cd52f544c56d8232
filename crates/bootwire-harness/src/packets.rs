//! Datagrams: read, compared with a simple reader, written, read again.

use bootwire_proto::encode::{self, MAX_ERROR_TEXT};
use bootwire_proto::packet::MAX_FILENAME;
use bootwire_proto::{ErrorCode, Mode, Op, OptionKind, Options, Packet};

/// Reads `datagram`; what it says must be what a simple reader finds, and must come back when it
/// is written and read once more.
///
/// # Panics
/// If it does not.
pub fn read_and_write(datagram: &[u8]) {
    let Ok(packet) = Packet::parse(datagram) else {
        assert!(!is_certainly_good(datagram), "refused: {datagram:?}");
        return;
    };
    match packet {
        Packet::Request(request) => {
            let fields = fields(&datagram[2..]);
            assert_eq!(
                request.op,
                [Op::Read, Op::Write][usize::from(datagram[1] - 1)]
            );
            assert_eq!(request.filename, fields[0]);
            assert!((1..=MAX_FILENAME).contains(&request.filename.len()));
            assert!(
                request
                    .mode
                    .name()
                    .as_bytes()
                    .eq_ignore_ascii_case(fields[1])
            );
            expect_pairs(request.options, &fields[2..]);

            let known: Vec<(OptionKind, u64)> = request
                .options
                .iter()
                .filter_map(|(name, value)| {
                    let value = std::str::from_utf8(value).ok()?.parse().ok()?;
                    Some((OptionKind::from_name(name)?, value))
                })
                .collect();
            let mut written = Vec::new();
            encode::request(
                request.op,
                request.filename,
                request.mode,
                &known,
                &mut written,
            );
            let Ok(Packet::Request(again)) = Packet::parse(&written) else {
                panic!("{written:?} is no request");
            };
            assert_eq!(
                (again.op, again.filename, again.mode),
                (request.op, request.filename, request.mode)
            );
            let read: Vec<_> = again
                .options
                .iter()
                .map(|(name, value)| {
                    let value = std::str::from_utf8(value).unwrap_or_default().parse();
                    (OptionKind::from_name(name), value.ok())
                })
                .collect();
            let expected: Vec<_> = known
                .iter()
                .map(|&(kind, value)| (Some(kind), Some(value)))
                .collect();
            assert_eq!(read, expected);
        }
        Packet::Data(data) => {
            assert_eq!(encode::data_header(data.block), datagram[..4]);
            assert_eq!(data.payload, &datagram[4..]);
        }
        Packet::Ack(ack) => {
            let mut buffer = [0; 5];
            let written = encode::ack(ack, &mut buffer);
            assert_eq!(written, &datagram[..datagram.len().min(5)]);
            assert_eq!(Packet::parse(written), Ok(packet));
        }
        Packet::Error(error) => {
            assert_eq!(error.code.to_be_bytes(), datagram[2..4]);
            let text = datagram[4..].split(|&byte| byte == 0).next();
            assert_eq!(Some(error.text), text);
            written_errors_are_short_and_clean(&String::from_utf8_lossy(error.text));
        }
        Packet::Oack(options) => expect_pairs(options, &fields(&datagram[2..])),
    }
}

/// Whether even the simplest reader understands it: no mode or name to be right about.
fn is_certainly_good(datagram: &[u8]) -> bool {
    match datagram {
        [0, 3..=5, _, _, ..] | [0, 6, ..] => true,
        [0, 1 | 2, rest @ ..] => {
            let fields = fields(rest);
            fields.len() >= 2
                && (1..=MAX_FILENAME).contains(&fields[0].len())
                && [Mode::Octet, Mode::Netascii]
                    .iter()
                    .any(|mode| mode.name().as_bytes().eq_ignore_ascii_case(fields[1]))
        }
        _ => false,
    }
}

/// Everything that ends with a NUL.
fn fields(bytes: &[u8]) -> Vec<&[u8]> {
    let mut fields: Vec<_> = bytes.split(|&byte| byte == 0).collect();
    // What is behind the last NUL.
    fields.pop();
    fields
}

fn expect_pairs(options: Options<'_>, fields: &[&[u8]]) {
    let pairs: Vec<_> = options.iter().collect();
    let expected: Vec<_> = fields
        .chunks_exact(2)
        .map(|pair| (pair[0], pair[1]))
        .collect();
    assert_eq!(pairs, expected);
    assert_eq!(options.is_empty(), expected.is_empty());
}

fn written_errors_are_short_and_clean(text: &str) {
    let mut buffer = [0; 5 + MAX_ERROR_TEXT];
    let written = encode::error(ErrorCode::NotDefined, text, &mut buffer);
    let Ok(Packet::Error(told)) = Packet::parse(written) else {
        panic!("{written:?} is no ERROR");
    };
    assert!(told.text.len() <= MAX_ERROR_TEXT && written.ends_with(&[0]));
    let told = std::str::from_utf8(told.text).expect("no character is cut");
    assert!(!told.chars().any(char::is_control), "{told:?}");
    assert!(
        text.chars()
            .zip(told.chars())
            .all(|(sent, told)| sent == told || told == '?')
    );
}
