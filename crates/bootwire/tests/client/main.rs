//! The client against servers that keep to a script: real sockets on loopback, one test a habit of
//! servers in the field.

mod peer;
mod put;

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bootwire::client::{Client, ClientError, Malformed, Progress, Summary, Unacceptable};
use bootwire::{ErrorCode, Mode, Rollover};
use peer::{Asked, Peer, play};
use tokio::io::AsyncWrite;

/// A client that repeats nothing while a busy machine keeps the server's script from running.
fn client(server: std::net::SocketAddr) -> Client {
    Client::new(server).timeout(Duration::from_secs(60))
}

/// A client that does not wait long for anything, for scripts that let it wait.
fn hasty(server: std::net::SocketAddr) -> Client {
    Client::new(server).timeout(Duration::from_millis(50))
}

async fn fetch(client: &Client) -> (Result<Summary, ClientError>, Vec<u8>) {
    let mut content = Vec::new();
    let result = client.get("file", &mut content).await;
    (result, content)
}

fn some_bytes(count: usize) -> Vec<u8> {
    (0..count)
        .map(|index| (index * 7 + index / 251) as u8)
        .collect()
}

#[tokio::test]
async fn a_server_that_ignores_options_is_read_in_blocks_of_512() {
    let content = some_bytes(512 + 100);
    let (server, script) = play({
        let content = content.clone();
        move |peer: &mut Peer| {
            let asked = peer.request();
            peer.data(1, &content[..512]);
            peer.expect_ack(1);
            peer.data(2, &content[512..]);
            peer.expect_ack(2);
            asked
        }
    });
    let (result, received) = fetch(&client(server)).await;
    let done = result.unwrap();
    assert_eq!(received, content);
    assert_eq!((done.bytes, done.blksize, done.windowsize), (612, 512, 1));
    assert!(done.options_refused);
    assert_eq!(done.tsize, None);
    assert_eq!(
        script.join().unwrap(),
        Asked::read(
            "file",
            &[("tsize", "0"), ("blksize", "1428"), ("windowsize", "16")]
        )
    );
}

#[tokio::test]
async fn what_the_server_grants_is_used_and_the_rest_is_not() {
    let content = some_bytes(2000);
    let (server, script) = play({
        let content = content.clone();
        move |peer: &mut Peer| {
            peer.request();
            peer.oack(&[("blksize", "1000"), ("tsize", "2000")]);
            peer.expect_ack(0);
            peer.data(1, &content[..1000]);
            peer.expect_ack(1);
            peer.data(2, &content[1000..]);
            peer.expect_ack(2);
            peer.data(3, b"");
            peer.expect_ack(3);
        }
    });
    let (result, received) = fetch(&client(server)).await;
    let done = result.unwrap();
    assert_eq!(received, content);
    assert_eq!((done.blksize, done.windowsize), (1000, 1));
    assert_eq!(done.tsize, Some(2000));
    assert!(!done.options_refused);
    assert!(done.round_trip.is_some());
    script.join().unwrap();
}

#[tokio::test]
async fn a_lost_block_of_a_window_is_asked_for_and_counted() {
    let content = some_bytes(8 * 5 + 3);
    let (server, script) = play({
        let content = content.clone();
        move |peer: &mut Peer| {
            peer.request();
            peer.oack(&[("blksize", "8"), ("windowsize", "4")]);
            peer.expect_ack(0);
            let block = |number: u16| content.chunks(8).nth(usize::from(number) - 1).unwrap();
            for number in [1, 2, 4] {
                peer.data(number, block(number));
            }
            peer.expect_ack(2);
            for number in 3..=6 {
                peer.data(number, block(number));
            }
            peer.expect_ack(6);
            // Our ACK was lost on its way: the client is still there to repeat it.
            peer.data(6, block(6));
            peer.expect_ack(6);
        }
    });
    let (result, received) = fetch(&client(server)).await;
    let done = result.unwrap();
    assert_eq!(received, content);
    assert_eq!(done.blocks_resent, 1);
    script.join().unwrap();
}

#[tokio::test]
async fn block_numbers_wrap_to_zero() {
    let content = some_bytes(8 * 65_600 + 1);
    let (server, script) = play({
        let content = content.clone();
        move |peer: &mut Peer| {
            peer.request();
            peer.oack(&[("blksize", "8"), ("windowsize", "64")]);
            peer.expect_ack(0);
            let blocks: Vec<_> = content.chunks(8).collect();
            for first in (1..=blocks.len()).step_by(64) {
                let last = blocks.len().min(first + 63);
                peer.window(first as u64, last as u64, |block| {
                    blocks[block as usize - 1]
                });
            }
        }
    });
    let (result, received) = fetch(&client(server).windowsize(64)).await;
    assert_eq!(result.unwrap().bytes, content.len() as u64);
    assert!(received == content);
    script.join().unwrap();
}

#[tokio::test]
async fn a_file_of_too_many_blocks_fails_where_rollover_is_refused() {
    let (server, script) = play(|peer: &mut Peer| {
        let asked = peer.request();
        peer.oack(&[("blksize", "8"), ("windowsize", "64")]);
        peer.expect_ack(0);
        for first in (1..65_472).step_by(64) {
            peer.window(first, first + 63, |_| b"12345678");
        }
        for block in 65_473..=65_536 {
            peer.data(block as u16, b"12345678");
        }
        peer.expect_error(0);
        asked
    });
    let (result, _) = fetch(&client(server).windowsize(64).rollover(Rollover::Refuse)).await;
    assert!(
        matches!(result, Err(ClientError::TooManyBlocks)),
        "{result:?}"
    );
    let asked = script.join().unwrap();
    assert_eq!(asked.option("rollover"), None);
}

#[tokio::test]
async fn strangers_get_error_5_and_change_nothing() {
    let (server, script) = play(|peer: &mut Peer| {
        peer.request();
        peer.oack(&[("tsize", "5")]);
        peer.expect_ack(0);
        let stranger = peer.stranger();
        for packet in [
            &b"\0\x03\0\x01wrong"[..],
            b"\0\x06tsize\x0099\0",
            b"\0\x04\0\0",
        ] {
            stranger.send(packet).unwrap();
            assert_eq!(peer::read(&stranger).get(..4), Some(&b"\0\x05\0\x05"[..]));
        }
        // No ERROR is ever answered, nor is rubbish.
        stranger.send(b"\0\x05\0\0stop\0").unwrap();
        stranger.send(b"rubbish").unwrap();
        peer.data(1, b"right");
        peer.expect_ack(1);
        peer::silent(&stranger)
    });
    let (result, received) = fetch(&client(server)).await;
    result.unwrap();
    assert_eq!(received, b"right");
    assert!(script.join().unwrap(), "an ERROR or rubbish was answered");
}

#[tokio::test]
async fn the_first_answer_must_come_from_the_server_that_was_asked() {
    let (server, script) = play(|peer: &mut Peer| {
        let asked = peer.request();
        let elsewhere = std::net::UdpSocket::bind("127.0.0.2:0").unwrap();
        elsewhere
            .send_to(b"\0\x03\0\x01forged", asked.from)
            .unwrap();
        peer.data(1, b"right");
        peer.expect_ack(1);
    });
    let (result, received) = fetch(&client(server)).await;
    result.unwrap();
    assert_eq!(received, b"right");
    script.join().unwrap();
}

#[tokio::test]
async fn error_8_and_error_4_to_options_lead_to_one_plain_request() {
    for code in [8, 4] {
        let (server, script) = play(move |peer: &mut Peer| {
            let first = peer.request();
            peer.error(code, "no options");
            let second = peer.request();
            peer.data(1, b"plain");
            peer.expect_ack(1);
            (first, second)
        });
        let (result, received) = fetch(&client(server)).await;
        let done = result.unwrap();
        assert!(done.options_refused);
        assert_eq!(received, b"plain");
        let (first, second) = script.join().unwrap();
        assert!(!first.options.is_empty());
        assert_eq!(second, Asked::read("file", &[]));
        assert_ne!(first.from, second.from, "each attempt has its own TID");
    }
}

#[tokio::test]
async fn a_plain_request_that_is_refused_is_not_repeated() {
    let (server, script) = play(|peer: &mut Peer| {
        let asked = peer.request();
        peer.error(4, "");
        (asked, peer.nothing_more())
    });
    let (result, _) = fetch(&client(server).without_options()).await;
    match result {
        Err(ClientError::Remote { code, text }) => {
            assert_eq!(code, ErrorCode::IllegalOperation);
            assert_eq!(text, "illegal operation");
        }
        other => panic!("{other:?}"),
    }
    let (asked, quiet) = script.join().unwrap();
    assert_eq!(asked, Asked::read("file", &[]));
    assert!(quiet);
}

#[tokio::test]
async fn other_errors_are_final_and_their_text_is_escaped() {
    for (wire, expected) in [
        (1, ErrorCode::NotFound),
        (2, ErrorCode::AccessViolation),
        (0, ErrorCode::NotDefined),
        (99, ErrorCode::NotDefined),
    ] {
        let (server, script) = play(move |peer: &mut Peer| {
            peer.request();
            peer.error(wire, "no \u{1b}[2J file");
            peer.nothing_more()
        });
        let (result, received) = fetch(&client(server)).await;
        match result {
            Err(ClientError::Remote { code, text }) => {
                assert_eq!(code, expected);
                assert_eq!(text, "no \\u{1b}[2J file");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(received, b"");
        assert!(script.join().unwrap(), "the client went on after an ERROR");
    }
}

#[tokio::test]
async fn a_silent_server_is_asked_again_then_plainly_then_given_up() {
    let (server, script) = play(|peer: &mut Peer| {
        let requests: Vec<_> =
            std::iter::from_fn(|| peer.request_within(Duration::from_secs(2))).collect();
        requests
    });
    let (result, _) = fetch(&hasty(server).retries(2)).await;
    assert!(
        matches!(result, Err(ClientError::TimedOut { answered: false })),
        "{result:?}"
    );
    let requests = script.join().unwrap();
    let with_options: Vec<_> = requests
        .iter()
        .map(|asked| !asked.options.is_empty())
        .collect();
    assert_eq!(with_options, [true, true, true, false, false]);
}

#[tokio::test]
async fn a_server_that_stops_half_way_is_given_up() {
    let (server, script) = play(|peer: &mut Peer| {
        peer.request();
        peer.data(1, &[0; 512]);
        peer.expect_ack(1);
        peer.expect_error_at_last(0);
    });
    let (result, _) = fetch(&client(server).give_up(Duration::from_secs(2))).await;
    assert!(
        matches!(result, Err(ClientError::TimedOut { answered: true })),
        "{result:?}"
    );
    script.join().unwrap();
}

#[tokio::test]
async fn a_lost_request_and_a_lost_answer_are_made_good() {
    let (server, script) = play(|peer: &mut Peer| {
        let first = peer.request();
        let again = peer.request();
        peer.oack(&[("tsize", "4")]);
        // ACK 0 is lost: the server repeats its OACK, and the client its ACK.
        peer.expect_ack(0);
        peer.oack(&[("tsize", "4")]);
        peer.expect_ack(0);
        peer.data(1, b"late");
        peer.expect_ack(1);
        (first, again)
    });
    let (result, received) = fetch(&hasty(server)).await;
    result.unwrap();
    assert_eq!(received, b"late");
    let (first, again) = script.join().unwrap();
    assert_eq!(first, again);
    assert_eq!(
        first.from, again.from,
        "a repeated request comes from the same port"
    );
}

#[tokio::test]
async fn an_answer_outside_the_offer_is_refused_and_asked_for_plainly() {
    for grant in [("blksize", "9000"), ("multicast", "1"), ("windowsize", "0")] {
        let (server, script) = play(move |peer: &mut Peer| {
            peer.request();
            peer.oack(&[grant]);
            peer.expect_error(8);
            let second = peer.request();
            peer.data(1, b"plain");
            peer.expect_ack(1);
            second
        });
        let (result, received) = fetch(&client(server)).await;
        assert!(result.unwrap().options_refused);
        assert_eq!(received, b"plain");
        assert!(script.join().unwrap().options.is_empty());
    }
}

#[tokio::test]
async fn options_granted_to_a_plain_request_are_an_error() {
    let (server, script) = play(|peer: &mut Peer| {
        peer.request();
        peer.oack(&[("blksize", "1024")]);
        peer.expect_error(8);
    });
    let (result, _) = fetch(&client(server).without_options()).await;
    assert!(
        matches!(
            result,
            Err(ClientError::OptionNegotiation(Unacceptable::Unasked))
        ),
        "{result:?}"
    );
    script.join().unwrap();
}

#[tokio::test]
async fn a_server_that_does_not_speak_tftp_is_named_as_such() {
    let (server, script) = play(|peer: &mut Peer| {
        while peer.request_within(Duration::from_secs(2)).is_some() {
            peer.send(b"HTTP/1.1 400 Bad Request");
        }
    });
    let (result, _) = fetch(&hasty(server).retries(1)).await;
    assert!(
        matches!(
            result,
            Err(ClientError::Malformed(Malformed::UnknownOpcode(_)))
        ),
        "{result:?}"
    );
    script.join().unwrap();
}

#[tokio::test]
async fn a_size_other_than_announced_is_an_error_on_both_sides() {
    for (announced, sent) in [("10", &b"short"[..]), ("3", b"long")] {
        let (server, script) = play(move |peer: &mut Peer| {
            peer.request();
            peer.oack(&[("tsize", announced)]);
            peer.expect_ack(0);
            peer.data(1, sent);
            peer.expect_error(0);
        });
        let (result, _) = fetch(&client(server)).await;
        match result {
            Err(ClientError::SizeMismatch { expected, bytes }) => {
                assert_eq!(expected.to_string(), announced);
                assert_eq!(bytes, sent.len() as u64);
            }
            other => panic!("{other:?}"),
        }
        script.join().unwrap();
    }
}

#[tokio::test]
async fn a_size_of_zero_may_just_be_our_own_repeated() {
    let (server, script) = play(|peer: &mut Peer| {
        peer.request();
        peer.oack(&[("tsize", "0")]);
        peer.expect_ack(0);
        peer.data(1, b"not empty");
        peer.expect_ack(1);
    });
    let (result, received) = fetch(&client(server)).await;
    result.unwrap();
    assert_eq!(received, b"not empty");
    script.join().unwrap();
}

#[tokio::test]
async fn a_block_longer_than_agreed_ends_the_transfer() {
    let (server, script) = play(|peer: &mut Peer| {
        peer.request();
        peer.oack(&[("blksize", "8")]);
        peer.expect_ack(0);
        peer.data(1, b"123456789");
        peer.expect_error(4);
    });
    let (result, _) = fetch(&client(server)).await;
    assert!(matches!(result, Err(ClientError::Oversize)), "{result:?}");
    script.join().unwrap();
}

#[tokio::test]
async fn dropping_the_transfer_tells_the_server() {
    let (tell, under_way) = tokio::sync::oneshot::channel();
    let (server, script) = play(move |peer: &mut Peer| {
        peer.request();
        peer.data(1, &[7; 512]);
        peer.expect_ack(1);
        tell.send(()).unwrap();
        peer.expect_error_at_last(0);
    });
    let client = client(server);
    tokio::select! {
        fetched = fetch(&client) => panic!("it ended: {fetched:?}"),
        told = under_way => told.unwrap(),
    }
    script.join().unwrap();
}

/// A disk that is full from the start.
struct FullDisk;

impl AsyncWrite for FullDisk {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::StorageFull.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_full_disk_is_told_to_the_server_before_the_last_ack() {
    let (server, script) = play(|peer: &mut Peer| {
        peer.request();
        peer.data(1, b"small");
        peer.expect_error(3);
    });
    let result = client(server).get("file", &mut FullDisk).await;
    match result {
        Err(ClientError::Local(error)) => assert_eq!(error.kind(), io::ErrorKind::StorageFull),
        other => panic!("{other:?}"),
    }
    script.join().unwrap();
}

#[tokio::test]
async fn netascii_is_translated_when_reading() {
    let (server, script) = play(|peer: &mut Peer| {
        let asked = peer.request();
        peer.data(1, b"a\r\nb\r\0c");
        peer.expect_ack(1);
        asked
    });
    let (result, received) = fetch(&client(server).mode(Mode::Netascii)).await;
    assert_eq!(result.unwrap().bytes, 7, "bytes count as on the wire");
    assert_eq!(received, b"a\nb\rc");
    let asked = script.join().unwrap();
    assert_eq!(asked.mode, Mode::Netascii);
    assert_eq!(asked.option("tsize"), None);
}

#[tokio::test]
async fn progress_is_told_at_the_start_and_at_the_end() {
    let (server, script) = play(|peer: &mut Peer| {
        peer.request();
        peer.oack(&[("tsize", "5")]);
        peer.expect_ack(0);
        peer.data(1, b"12345");
        peer.expect_ack(1);
    });
    let seen = Arc::new(Mutex::new(Vec::new()));
    let client = client(server).on_progress({
        let seen = Arc::clone(&seen);
        move |progress: &Progress| seen.lock().unwrap().push((progress.bytes, progress.size))
    });
    let (result, _) = fetch(&client).await;
    result.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.first(), Some(&(0, Some(5))));
    assert_eq!(seen.last(), Some(&(5, Some(5))));
    script.join().unwrap();
}

#[tokio::test]
async fn names_that_no_request_can_carry_never_leave() {
    let client = client("127.0.0.1:9".parse().unwrap());
    for name in [String::new(), "a\0b".to_owned(), "x".repeat(501)] {
        let result = client.get(&name, &mut Vec::new()).await;
        assert!(matches!(result, Err(ClientError::Name(_))), "{result:?}");
    }
}
