//! Sending files to a server.

use super::*;

#[tokio::test]
async fn a_put_moves_windows_and_goes_back_after_a_loss() {
    let content = some_bytes(8 * 9 + 1);
    let (server, script) = play(|peer: &mut Peer| {
        let asked = peer.request();
        peer.oack(&[("tsize", "73"), ("blksize", "8"), ("windowsize", "4")]);
        let mut taken = Vec::new();
        for number in 1..=4 {
            taken.extend(peer.expect_data(number));
        }
        peer.ack(4);
        taken.extend(peer.expect_data(5));
        // Block 6 is lost.
        for number in 6..=8 {
            peer.expect_data(number);
        }
        peer.ack(5);
        for number in 6..=9 {
            taken.extend(peer.expect_data(number));
        }
        peer.ack(9);
        taken.extend(peer.expect_data(10));
        peer.ack(10);
        (asked, taken)
    });
    let done = client(server)
        .put("file", &content[..], Some(73))
        .await
        .unwrap();
    assert_eq!((done.bytes, done.blksize, done.windowsize), (73, 8, 4));
    assert!(done.blocks_resent >= 1);
    assert!(!done.last_ack_missing);
    let (asked, taken) = script.join().unwrap();
    assert_eq!(taken, content);
    assert_eq!(
        asked,
        Asked::write(
            "file",
            &[("tsize", "73"), ("blksize", "1428"), ("windowsize", "16")]
        )
    );
}

#[tokio::test]
async fn a_put_to_a_server_without_options_goes_in_blocks_of_512() {
    let content = some_bytes(1024);
    let (server, script) = play(|peer: &mut Peer| {
        peer.request();
        peer.ack(0);
        let mut taken = Vec::new();
        for number in 1..=3 {
            taken.extend(peer.expect_data(number));
            peer.ack(number);
        }
        taken
    });
    let done = client(server)
        .put("file", &content[..], None)
        .await
        .unwrap();
    assert!(done.options_refused);
    assert_eq!(done.blksize, 512);
    assert_eq!(script.join().unwrap(), content);
}

#[tokio::test]
async fn a_put_falls_back_without_losing_what_was_read() {
    let (server, script) = play(|peer: &mut Peer| {
        peer.request();
        peer.error(8, "no options");
        let second = peer.request();
        peer.ack(0);
        let taken = peer.expect_data(1);
        peer.ack(1);
        (second, taken)
    });
    let done = client(server)
        .put("file", &b"all of it"[..], Some(9))
        .await
        .unwrap();
    assert!(done.options_refused);
    let (second, taken) = script.join().unwrap();
    assert_eq!(second, Asked::write("file", &[]));
    assert_eq!(taken, b"all of it");
}

#[tokio::test]
async fn a_put_repeats_what_the_server_did_not_hear() {
    let (server, script) = play(|peer: &mut Peer| {
        peer.request();
        peer.ack(0);
        peer.expect_data(1);
        let again = peer.expect_data(1);
        peer.ack(1);
        again
    });
    let done = client(server)
        .timeout(Duration::from_millis(200))
        .put("file", &b"text"[..], None)
        .await
        .unwrap();
    assert!(done.blocks_resent >= 1);
    assert_eq!(script.join().unwrap(), b"text");
}

#[tokio::test]
async fn a_put_ends_with_the_servers_error() {
    let (server, script) = play(|peer: &mut Peer| {
        peer.request();
        peer.ack(0);
        peer.expect_data(1);
        peer.error(3, "Disk full");
        peer.nothing_more()
    });
    let result = client(server).put("file", &[0; 2000][..], None).await;
    assert!(
        matches!(
            result,
            Err(ClientError::Remote {
                code: ErrorCode::DiskFull,
                ..
            })
        ),
        "{result:?}"
    );
    assert!(script.join().unwrap(), "the client went on after an ERROR");
}

#[tokio::test]
async fn a_put_of_another_size_than_promised_never_completes() {
    for promised in [3, 5] {
        let (server, script) = play(|peer: &mut Peer| {
            peer.request();
            peer.ack(0);
            peer.expect_error(0);
        });
        let result = client(server)
            .put("file", &b"four"[..], Some(promised))
            .await;
        assert!(
            matches!(result, Err(ClientError::SizeMismatch { bytes: 4, .. })),
            "{result:?}"
        );
        script.join().unwrap();
    }
}

#[tokio::test]
async fn netascii_is_translated_when_writing() {
    let (server, script) = play(|peer: &mut Peer| {
        let asked = peer.request();
        peer.ack(0);
        let taken = peer.expect_data(1);
        peer.ack(1);
        (asked, taken)
    });
    client(server)
        .mode(Mode::Netascii)
        .put("file", &b"a\nb\r"[..], Some(4))
        .await
        .unwrap();
    let (asked, taken) = script.join().unwrap();
    assert_eq!(asked.mode, Mode::Netascii);
    assert_eq!(asked.option("tsize"), None);
    assert_eq!(taken, b"a\r\nb\r\0");
}
