//! Clients that ask and then turn away: no failures.

use std::time::Duration;

use crate::harness::{Packet, Server, Wire, noise};

const EDK2: [(&str, &str); 3] = [("tsize", "0"), ("blksize", "1468"), ("windowsize", "4")];

/// Every UEFI boot: the size is asked for, the transfer aborted, and the file read in a second one.
#[test]
fn uefi_asks_for_the_size_first() {
    let content = noise(200_000, 13);
    let server = Server::of("bootx64.efi", &content);
    let mut probe = Wire::new(server.address());
    probe.read("bootx64.efi", &EDK2);
    let oack = probe.expect_oack();
    assert_eq!(oack[0], ("tsize".to_owned(), "200000".to_owned()));
    probe.error(8, "User aborted the transfer");

    let mut client = Wire::new(server.address());
    client.read("bootx64.efi", &EDK2[1..]);
    assert_eq!(
        client.expect_oack().len(),
        2,
        "no tsize: it was not asked for"
    );
    client.ack(0);
    assert!(client.read_windows(1468, 4, 1) == content);

    probe.expect_silence(Duration::from_millis(1500));
    let records = server.finish();
    let outcomes: Vec<_> = records.iter().map(|record| record.outcome()).collect();
    assert_eq!(outcomes, ["probe", "complete"]);
    assert_eq!(records[0].number("bytes"), 0);
}

/// The same from one port: the plain request that follows a refusal is served at once (what NVIDIA
/// DGX needs), with and without options.
#[test]
fn a_refusal_then_the_same_file_from_the_same_port() {
    let content = noise(30_000, 13);
    let server = Server::of("file", &content);
    let mut client = Wire::new(server.address());
    client.read("file", &EDK2);
    client.expect_oack();
    client.error(8, "User aborted the transfer");
    assert!(client.fetch("file") == content);
    let outcomes: Vec<_> = server
        .finish()
        .iter()
        .map(|record| record.outcome().to_owned())
        .collect();
    assert_eq!(outcomes, ["probe", "complete"]);
}

/// An ERROR that means something is no probe: the log says what the client said.
#[test]
fn an_error_after_the_oack_that_tells_of_a_failure_is_logged_as_such() {
    let content = noise(30_000, 13);
    for (code, text) in [(8, "no options please"), (3, "Disk full")] {
        let server = Server::of("file", &content);
        let mut client = Wire::new(server.address());
        client.read("file", &EDK2);
        client.expect_oack();
        client.error(code, text);
        assert!(client.fetch("file") == content, "served at once");
        let records = server.finish();
        assert_eq!(records[0].outcome(), "client_abort");
        assert_eq!(records[0].error_code(), Some(code.into()));
        assert_eq!(records[0].field("error")["text"], text);
    }
}

/// ERROR 0 right after the OACK is the same (Raspberry Pi).
#[test]
fn error_0_after_the_oack_is_a_probe_too() {
    let server = Server::of("file", &noise(30_000, 13));
    let mut client = Wire::new(server.address());
    client.read("file", &[("tsize", "0"), ("blksize", "1024")]);
    client.expect_oack();
    client.error(0, "Early terminate");
    client.expect_silence(Duration::from_millis(1500));
    assert_eq!(server.finish_with_one().outcome(), "probe");
}

/// The Raspberry Pi opens a file three times within milliseconds, from three ports, and goes on
/// with one of them.
#[test]
fn raspberry_pi_opens_a_file_three_times() {
    let content = noise(100_000, 13);
    let server = Server::of("a1b2c3d4/start4.elf", &content);
    let asked = [("tsize", "0"), ("blksize", "1024")];
    let mut clients: Vec<_> = (0..3).map(|_| Wire::new(server.address())).collect();
    for client in &mut clients {
        client.read("a1b2c3d4/start4.elf", &asked);
    }
    for client in &mut clients {
        assert_eq!(client.expect_oack()[0].1, "100000");
    }
    clients[0].error(0, "Early terminate");
    clients[1].ack(0);
    clients[1].expect_data(1);
    clients[1].error(0, "Early terminate");
    clients[2].ack(0);
    assert!(clients[2].read_rest(1024, 1) == content);
    clients[0].expect_silence(Duration::from_millis(500));
    clients[1].expect_silence(Duration::from_millis(1));

    let records = server.finish();
    let of = |nth: usize| {
        let port = clients[nth].local().port();
        let found = records
            .iter()
            .find(|record| record.peer_port() == port)
            .expect("a record");
        found.outcome().to_owned()
    };
    assert_eq!(records.len(), 3);
    assert_eq!([of(0), of(1), of(2)], ["probe", "client_abort", "complete"]);
}

/// An abort in the middle: the client said so, and the record repeats it.
#[test]
fn an_abort_in_the_middle() {
    let server = Server::of("file", &noise(100_000, 13));
    let mut client = Wire::new(server.address());
    client.read("file", &[]);
    client.expect_data(1);
    client.ack(1);
    client.expect_data(2);
    client.error(3, "flash is full");
    client.expect_silence(Duration::from_millis(1500));
    let record = server.finish_with_one();
    assert_eq!(
        (record.outcome(), record.error_code()),
        ("client_abort", Some(3))
    );
    assert_eq!(record.number("bytes"), 512);
    assert!(record.field("error").to_string().contains("flash is full"));
}

/// No ERROR is ever answered, wherever it arrives: before, within and after a transfer.
#[test]
fn an_error_is_never_answered() {
    let server = Server::of("file", &noise(3_000, 13));
    let mut client = Wire::new(server.address());
    for code in [0, 1, 5, 8, 99, 65_535_u16] {
        client.to_listener(&[&[0, 5], code.to_be_bytes().as_slice(), b"x\0"].concat());
        client.to_listener(&[&[0, 5], code.to_be_bytes().as_slice()].concat());
    }
    client.expect_silence(Duration::from_millis(300));

    client.read("file", &[]);
    client.expect_data(1);
    client.error(0, "enough");
    client.error(0, "enough");
    client.expect_silence(Duration::from_millis(1500));
    client.error(0, "long over");
    client.expect_silence(Duration::from_millis(300));

    client.read("missing", &[]);
    client.expect_error_code(1);
    client.error(1, "you too");
    client.expect_silence(Duration::from_millis(300));
    client.read("file", &[]);
    assert!(matches!(client.receive(), Packet::Data { block: 1, .. }));
}
