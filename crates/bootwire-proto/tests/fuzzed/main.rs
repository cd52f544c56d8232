//! Harnesses that take any bytes, run here on random ones; `fuzz/` runs the same ones at length.

use bootwire_harness::{negotiation, netascii, packets};
use proptest::prelude::*;

/// Bytes from which packets are made: NULs, opcodes, digits and names are frequent.
fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => any::<u8>().prop_map(|byte| vec![byte]),
        3 => prop::sample::select(vec![0, 1, 2, 3, 4, 5, 6, b'\r', b'\n']).prop_map(|byte| vec![byte]),
        1 => prop::sample::select(vec!["octet", "netascii", "blksize", "windowsize", "tsize", "timeout", "rollover"])
            .prop_map(|name| [name.as_bytes(), b"\0"].concat()),
        1 => (0_u32..70_000).prop_map(|number| format!("{number}\0").into_bytes()),
    ];
    prop::collection::vec(piece, 0..120).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_datagram_is_read_as_a_simple_reader_reads_it(bytes in any_bytes()) {
        packets::read_and_write(&bytes);
    }

    #[test]
    fn any_request_is_read_as_a_simple_reader_reads_it(bytes in any_bytes(), write in any::<bool>()) {
        packets::read_and_write(&[&[0, 1 + u8::from(write)], b"name\0octet\0".as_slice(), &bytes].concat());
    }

    #[test]
    fn any_request_by_any_limits_is_granted_no_more_than_either(bytes in any_bytes()) {
        negotiation::negotiate_both_ways(&bytes);
    }

    #[test]
    fn any_text_is_converted_as_a_simple_converter_does_it(bytes in any_bytes()) {
        netascii::convert_both_ways(&bytes);
    }
}
