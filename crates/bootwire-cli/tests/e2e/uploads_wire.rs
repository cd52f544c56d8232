//! Uploads packet by packet.

use std::fs;
use std::time::Duration;

use crate::harness::{Packet, Record, Server, Wire, noise, wrq};

/// U-Boot and others repeat the request while the server opens the file: it must not be opened
/// again.
#[test]
fn a_repeated_write_request_joins() {
    let content = noise(10_000, 30);
    let server = Server::builder().flags(["--create"]).start();
    let mut client = Wire::new(server.address());
    let request = wrq(
        "file",
        "octet",
        &[("timeout", "5"), ("tsize", "10000"), ("blksize", "1468")],
    );
    for _ in 0..3 {
        client.to_listener(&request);
    }
    let oack = client.expect_oack();
    for packet in client.drain(Duration::from_millis(300), Duration::from_secs(2)) {
        assert_eq!(
            packet,
            Packet::Oack(oack.clone()),
            "the same OACK, from the same port"
        );
    }
    client.send_all(&content, 1468);
    assert!(fs::read(server.path("file")).expect("stored") == content);
    assert_eq!(server.listing(), ["file"]);
    assert_eq!(server.finish_with_one().outcome(), "complete");
}

/// The same request again while blocks move, within a second and later: it is another upload, and
/// nothing of the first gets into it.
#[test]
fn a_request_that_comes_again_after_data_is_another_upload() {
    for (single_port, wait) in [(false, 0), (false, 1_200), (true, 0), (true, 1_200)] {
        let ports: &[&str] = if single_port { &["--single-port"] } else { &[] };
        let server = Server::builder().flags(["--create"]).flags(ports).start();
        let mut client = Wire::new(server.address());
        client.write("file", &[]);
        client.expect_ack(0);
        let first = client.tid();
        client.data(1, &[b'o'; 512]);
        client.expect_ack(1);
        std::thread::sleep(Duration::from_millis(wait));
        client.drain(Duration::from_millis(1), Duration::from_secs(1));
        client.write("file", &[]);
        // A copy of the first one's last ACK may still be on its way.
        let (tid, opening) = loop {
            match client.receive_from(Duration::from_secs(30)) {
                Some((Packet::Ack(1), from)) if from == first => {}
                Some((packet, from)) => break (from, packet),
                None => panic!("no answer to the second request"),
            }
        };
        assert_eq!(opening, Packet::Ack(0));
        assert_eq!(tid == first, single_port);
        client.use_port(tid);
        let content = [&[b'n'; 512][..], b"end"].concat();
        client.send_all(&content, 512);
        assert!(fs::read(server.path("file")).expect("stored") == content);
        server.expect_listing(&["file"]);
        let records = server.finish();
        let outcomes: Vec<_> = records.iter().map(Record::outcome).collect();
        assert_eq!(outcomes, ["client_abort", "complete"]);
    }
}

/// DATA that comes twice is acknowledged twice and stored once.
#[test]
fn repeated_data_is_acknowledged_again() {
    let content = noise(1_500, 30);
    let server = Server::builder().flags(["--create"]).start();
    let mut client = Wire::new(server.address());
    client.write("file", &[]);
    client.expect_ack(0);
    for (at, payload) in content.chunks(512).enumerate() {
        let block = u16::try_from(at + 1).expect("few blocks");
        for _ in 0..2 {
            client.data(block, payload);
            client.expect_ack(block);
        }
    }
    assert!(fs::read(server.path("file")).expect("stored") == content);
    assert_eq!(server.finish_with_one().number("bytes"), 1_500);
}

/// A window of 4, with a gap: the gap is reported once, and filled by the client.
#[test]
fn windows_of_data_with_a_gap() {
    let content = noise(512 * 8 + 10, 30);
    let block = |number: u16| {
        let start = usize::from(number - 1) * 512;
        &content[start..content.len().min(start + 512)]
    };
    let server = Server::builder().flags(["--create"]).start();
    let mut client = Wire::new(server.address());
    client.write("file", &[("windowsize", "4")]);
    client.expect_oack();
    for number in 1..=4 {
        client.data(number, block(number));
    }
    client.expect_ack(4);
    // 6 is lost.
    for number in [5, 7, 8] {
        client.data(number, block(number));
    }
    client.expect_ack(5);
    for number in 6..=9 {
        client.data(number, block(number));
    }
    // The last one comes when the file is stored. What a timer sent again may come before.
    loop {
        match client.receive() {
            Packet::Ack(9) => break,
            Packet::Ack(5..=8) => {}
            other => panic!("ACK 9 was due: {other:?}"),
        }
    }
    assert!(fs::read(server.path("file")).expect("stored") == content);
    assert_eq!(server.finish_with_one().outcome(), "complete");
}

/// A block longer than agreed is an error, not a longer file.
#[test]
fn a_block_longer_than_agreed() {
    let server = Server::builder().flags(["--create"]).start();
    let mut client = Wire::new(server.address());
    client.write("file", &[]);
    client.expect_ack(0);
    client.data(1, &[b'x'; 513]);
    let (code, text) = client.expect_error();
    assert_eq!(code, 4, "{text}");
    server.expect_listing(&[]);
}

/// A directory that is not there: ERROR at once, not silence.
#[test]
fn an_upload_into_a_missing_directory() {
    let server = Server::builder().flags(["--create"]).start();
    let mut client = Wire::new(server.address());
    client.write("missing/file", &[]);
    let (code, text) = client.expect_error();
    assert!(matches!(code, 1 | 2), "{code} {text}");

    let server = Server::builder()
        .flags(["--create", "--create-dirs"])
        .start();
    let mut client = Wire::new(server.address());
    client.write("missing/file", &[]);
    client.expect_ack(0);
    client.send_all(b"there now", 512);
    assert_eq!(
        fs::read(server.path("missing/file")).expect("stored"),
        b"there now"
    );
}

/// Uploads may go into a directory of their own.
#[test]
fn a_directory_for_uploads() {
    let builder = Server::builder().file("boot.bin", b"boot");
    let uploads = builder.root().parent().expect("a parent").join("uploads");
    fs::create_dir(&uploads).expect("a directory");
    let server = builder
        .flags(["--replace", "--upload-dir"])
        .flags([&uploads])
        .start();
    let mut client = Wire::new(server.address());
    client.write("boot.bin", &[]);
    client.expect_ack(0);
    client.send_all(b"from a client", 512);
    assert_eq!(
        fs::read(uploads.join("boot.bin")).expect("stored"),
        b"from a client"
    );
    assert_eq!(Wire::new(server.address()).fetch("boot.bin"), b"boot");
}

/// Or into one below the directory that is served: then a file is written under the name it is read
/// by, or without the directory.
#[test]
fn a_directory_for_uploads_below_the_served_one() {
    let builder = Server::builder().file("a/upload/old", b"old");
    let uploads = builder.root().join("a/upload");
    let server = builder
        .flags(["--create", "--upload-dir"])
        .flags([&uploads])
        .start();
    let told = server.notes().lines();
    assert!(
        told.iter()
            .any(|line| line.starts_with("uploads: ")
                && line.ends_with(", as a/upload/NAME or NAME")),
        "{told:#?}"
    );
    for (name, file) in [("a/upload/x", "x"), ("y", "y"), ("/a//upload/z", "z")] {
        let mut client = Wire::new(server.address());
        client.write(name, &[]);
        client.expect_ack(0);
        client.send_all(file.as_bytes(), 512);
        assert_eq!(
            fs::read(uploads.join(file)).expect("stored"),
            file.as_bytes()
        );
        let read = Wire::new(server.address()).fetch(&format!("a/upload/{file}"));
        assert_eq!(read, file.as_bytes());
    }
    let mut client = Wire::new(server.address());
    client.write("a/upload/old", &[]);
    client.expect_error_code(6);
    client.write("../x", &[]);
    client.expect_error_code(2);
}

/// netascii on the way in, with CR LF and CR NUL cut apart by block borders.
#[test]
fn netascii_across_blocks() {
    let server = Server::builder().flags(["--create"]).start();
    let mut client = Wire::new(server.address());
    client.to_listener(&wrq("text", "netascii", &[("blksize", "8")]));
    client.expect_oack();
    for (block, payload) in [(1, b"1234567\r"), (2, b"\nabcdef\r"), (3, b"\0xyz\r\n\r\n")] {
        client.data(block, payload);
        client.expect_ack(block);
    }
    client.data(4, b"end\r");
    client.expect_ack(4);
    assert_eq!(
        fs::read(server.path("text")).expect("stored"),
        b"1234567\nabcdef\rxyz\n\nend\r"
    );
}

/// After the last ACK was lost, the client sends the last block again and is answered again.
#[test]
fn the_last_ack_is_repeated_on_demand() {
    let server = Server::builder().flags(["--create"]).start();
    let mut client = Wire::new(server.address());
    client.write("file", &[]);
    client.expect_ack(0);
    for _ in 0..3 {
        client.data(1, b"all there is");
        client.expect_ack(1);
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(
        fs::read(server.path("file")).expect("stored"),
        b"all there is"
    );
    assert_eq!(server.records_within(1, Duration::from_secs(20)).len(), 1);
}
