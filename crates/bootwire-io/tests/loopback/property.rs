//! Whatever mix of packets and runs is added to a round, it arrives as it was added.

use crate::common::{assert_all_sent, bind, headers, kernels, pattern, payloads, run, to};
use bootwire_io::{Payload, SendBatch, SendReport};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Item {
    Packet(Vec<u8>),
    Run {
        gso: bool,
        blksize: usize,
        blocks: usize,
        pieces: Vec<Vec<u8>>,
    },
}

fn item() -> impl Strategy<Value = Item> {
    let packet = (0_usize..600).prop_map(|len| Item::Packet(pattern(len)));
    let pieces = prop::collection::vec((0_usize..4000).prop_map(pattern), 0..8);
    let blksize = prop_oneof![8_usize..1469, Just(8192), Just(65_464)];
    let run =
        (any::<bool>(), blksize, 0_usize..30, pieces).prop_map(|(gso, blksize, blocks, pieces)| {
            Item::Run {
                gso,
                blksize,
                blocks,
                pieces,
            }
        });
    prop_oneof![packet, run]
}

/// The datagrams an item stands for.
fn datagrams(item: &Item) -> Vec<Vec<u8>> {
    match item {
        Item::Packet(bytes) => vec![bytes.clone()],
        Item::Run {
            blksize,
            blocks,
            pieces,
            ..
        } => {
            let mut rest = &pieces.concat()[..];
            headers(*blocks)
                .map(|header| {
                    let (block, tail) = rest.split_at((*blksize).min(rest.len()));
                    rest = tail;
                    [&header[..], block].concat()
                })
                .collect()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_round_arrives_as_it_was_added(items in prop::collection::vec(item(), 1..12)) {
        for kernel in kernels() {
            let (server, client) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
            let mut batch = SendBatch::new(kernel);
            let mut report = SendReport::new();
            let mut round = batch.round();
            let mut expected = Vec::new();
            for (tag, item) in (0..).zip(&items) {
                let added = match item {
                    Item::Packet(bytes) => round.packet(to(&client), tag, bytes),
                    Item::Run { gso, blksize, blocks, pieces } => {
                        let pieces = pieces.iter().map(|piece| Payload::Bytes(piece));
                        round.blocks(to(&client), tag, run(*gso, *blksize, headers(*blocks), pieces))
                    }
                };
                if added.is_ok() {
                    expected.extend(datagrams(item));
                }
            }
            round.send(&server, &mut report);
            assert_all_sent(&report);
            prop_assert_eq!(report.datagrams, u32::try_from(expected.len()).unwrap());
            let received = payloads(kernel, &client, expected.len());
            prop_assert!(received == expected, "{:?}", items);
        }
    }
}
