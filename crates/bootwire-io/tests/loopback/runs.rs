//! Runs of DATA blocks: what the kernel cuts out of one message is what single sends would give.

use crate::common::{
    assert_all_sent, bind, bind_with, bytes, headers, kernels, pattern, payloads, run, to,
};
use bootwire_io::{
    Full, Kernel, MAX_RUN_BLOCKS, MAX_RUN_PIECES, Payload, ReceiveBatch, SendBatch, SendReport,
    Socket, SocketOptions,
};

/// The datagrams that blocks of `blksize` bytes of `data` make.
fn expected(data: &[u8], blksize: usize, count: usize) -> Vec<Vec<u8>> {
    headers(count)
        .enumerate()
        .map(|(number, header)| {
            let start = (number * blksize).min(data.len());
            let end = (start + blksize).min(data.len());
            [&header[..], &data[start..end]].concat()
        })
        .collect()
}

fn send_run(
    kernel: Kernel,
    server: &Socket,
    client: &Socket,
    data: &[u8],
    blksize: usize,
    count: usize,
) -> SendReport {
    let mut batch = SendBatch::new(kernel);
    let mut report = SendReport::new();
    let mut round = batch.round();
    round
        .blocks(
            to(client),
            0,
            run(true, blksize, headers(count), bytes(data)),
        )
        .unwrap();
    round.send(server, &mut report);
    report
}

#[test]
fn what_is_joined_on_arrival_is_told_apart_again() {
    let joining = SocketOptions {
        receive_buffer: 4 << 20,
        gro: true,
        ..SocketOptions::default()
    };
    for kernel in kernels() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let (server, client) = (bind(address), bind_with(address, &joining));
            let mut batch = ReceiveBatch::new(Kernel::probe(), 16, 65_535);
            for (len, count) in [(1468 * 15 + 700, 16), (1468 * 15, 16), (700, 1), (0, 1)] {
                let data = pattern(len);
                let report = send_run(kernel, &server, &client, &data, 1468, count);
                assert_all_sent(&report);
                let (mut arrived, mut received) = (Vec::new(), 0);
                while batch.receive(&client).unwrap() > 0 {
                    received += batch.len();
                    for index in 0..batch.len() {
                        arrived.extend(batch.payloads(index).map(<[u8]>::to_vec));
                    }
                }
                assert_eq!(arrived, expected(&data, 1468, count), "{kernel} {len}");
                let joined = received < count;
                assert_eq!(
                    joined,
                    kernel.gso && count > 1,
                    "{kernel} {len}: {received}"
                );
            }
        }
    }
}

#[test]
fn a_window_arrives_as_its_blocks() {
    // Full blocks only, a short last one, an empty last one, a single one, a lone empty one.
    let cases = [
        (1468 * 16, 16),
        (1468 * 15 + 700, 16),
        (1468 * 15, 16),
        (1468, 1),
        (0, 1),
    ];
    for kernel in kernels() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let (server, client) = (bind(address), bind(address));
            for (len, count) in cases {
                let data = pattern(len);
                let report = send_run(kernel, &server, &client, &data, 1468, count);
                assert_all_sent(&report);
                assert_eq!(report.datagrams, u32::try_from(count).unwrap());
                assert_eq!(
                    payloads(kernel, &client, count),
                    expected(&data, 1468, count)
                );
            }
        }
    }
}

#[test]
fn a_long_window_is_split_into_messages() {
    let kernel = Kernel::probe();
    let (server, client) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let data = pattern(1468 * 100);
    let mut batch = SendBatch::new(kernel);
    let mut report = SendReport::new();
    let mut round = batch.round();
    round
        .blocks(to(&client), 0, run(true, 1468, headers(100), bytes(&data)))
        .unwrap();
    if kernel.gso {
        assert_eq!(round.len(), 100_usize.div_ceil(MAX_RUN_BLOCKS));
    }
    round.send(&server, &mut report);
    assert_all_sent(&report);
    assert_eq!(payloads(kernel, &client, 100), expected(&data, 1468, 100));
}

#[test]
fn a_message_holds_no_more_bytes_than_a_datagram() {
    let kernel = Kernel::probe();
    let (server, client) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    // Seven blocks of 8192 bytes and their headers are 57,372 bytes; eight would be too many.
    let data = pattern(8192 * 20);
    let mut batch = SendBatch::new(kernel);
    let mut round = batch.round();
    round
        .blocks(to(&client), 0, run(true, 8192, headers(20), bytes(&data)))
        .unwrap();
    if kernel.gso {
        assert_eq!(round.len(), 3);
    }
    let mut report = SendReport::new();
    round.send(&server, &mut report);
    assert_all_sent(&report);
    assert_eq!(payloads(kernel, &client, 20), expected(&data, 8192, 20));
}

#[test]
fn pieces_need_not_end_where_blocks_do() {
    for kernel in kernels() {
        let (server, client) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
        let data = pattern(512 * 9 + 100);
        let mut batch = SendBatch::new(kernel);
        let mut report = SendReport::new();
        for piece_len in [1, 100, 511, 512, 513, 1000, 5000] {
            let count = if piece_len == 1 { 1 } else { 10 };
            let pieces = data
                .chunks(piece_len)
                .flat_map(|piece| [Payload::Bytes(&[]), Payload::Bytes(piece)]);
            let mut round = batch.round();
            round
                .blocks(to(&client), 0, run(true, 512, headers(count), pieces))
                .unwrap();
            round.send(&server, &mut report);
            assert_all_sent(&report);
            assert_eq!(
                payloads(kernel, &client, count),
                expected(&data, 512, count),
                "{piece_len}"
            );
        }
    }
}

#[test]
fn several_runs_and_packets_share_a_round() {
    for kernel in kernels() {
        let server = bind("127.0.0.1:0");
        let clients = [
            bind("127.0.0.1:0"),
            bind("127.0.0.1:0"),
            bind("127.0.0.1:0"),
        ];
        let data = pattern(4096);
        let mut batch = SendBatch::new(kernel);
        let mut report = SendReport::new();
        let mut round = batch.round();
        for (blksize, client) in [512, 1000, 1428].into_iter().zip(&clients) {
            round.packet(to(client), 0, b"oack").unwrap();
            round
                .blocks(
                    to(client),
                    0,
                    run(true, blksize, headers(4096 / blksize + 1), bytes(&data)),
                )
                .unwrap();
        }
        round.send(&server, &mut report);
        assert_all_sent(&report);
        for (blksize, client) in [512, 1000, 1428].into_iter().zip(&clients) {
            let count = 4096 / blksize + 1;
            let mut received = payloads(kernel, client, count + 1);
            assert_eq!(received.remove(0), b"oack");
            assert_eq!(received, expected(&data, blksize, count));
        }
    }
}

#[test]
fn a_run_that_does_not_fit_leaves_the_round_as_it_was() {
    for kernel in kernels() {
        let (server, client) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
        let data = pattern(40_000);
        let mut batch = SendBatch::new(kernel);
        let mut report = SendReport::new();
        let mut round = batch.round();
        round.packet(to(&client), 1, b"before").unwrap();
        // Blocks of one byte: more pieces than a round holds, and more messages without GSO.
        let added = round.blocks(to(&client), 2, run(true, 1, headers(40_000), bytes(&data)));
        assert_eq!(added, Err(Full));
        assert_eq!(round.len(), 1);
        round.packet(to(&client), 3, b"after").unwrap();
        round.send(&server, &mut report);
        assert_all_sent(&report);
        assert_eq!(
            payloads(kernel, &client, 2),
            [b"before".to_vec(), b"after".to_vec()]
        );
    }
}

#[test]
fn the_promised_run_fits_into_an_empty_round() {
    for kernel in kernels() {
        let (server, client) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
        let data = pattern(MAX_RUN_BLOCKS * 512);
        let piece_len = data.len().div_ceil(MAX_RUN_PIECES);
        let mut batch = SendBatch::new(kernel);
        let mut report = SendReport::new();
        let mut round = batch.round();
        let pieces = data.chunks(piece_len).map(Payload::Bytes);
        round
            .blocks(
                to(&client),
                0,
                run(true, 512, headers(MAX_RUN_BLOCKS), pieces),
            )
            .unwrap();
        round.send(&server, &mut report);
        assert_all_sent(&report);
        assert_eq!(
            payloads(kernel, &client, MAX_RUN_BLOCKS),
            expected(&data, 512, MAX_RUN_BLOCKS)
        );
    }
}

#[test]
fn the_largest_block_goes_through_unfragmented_on_the_loopback() {
    for kernel in kernels() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let options = SocketOptions {
                dont_fragment: true,
                ..SocketOptions::default()
            };
            let (server, client) = (bind_with(address, &options), bind(address));
            let data = pattern(65_464 * 2 + 10);
            let report = send_run(kernel, &server, &client, &data, 65_464, 3);
            assert_all_sent(&report);
            assert_eq!(payloads(kernel, &client, 3), expected(&data, 65_464, 3));
        }
    }
}

#[test]
fn no_headers_are_no_blocks() {
    let mut batch = SendBatch::new(Kernel::probe());
    let mut round = batch.round();
    let client = bind("127.0.0.1:0");
    round
        .blocks(
            to(&client),
            0,
            run(true, 512, headers(0), bytes(b"left out")),
        )
        .unwrap();
    assert!(round.is_empty());
}
