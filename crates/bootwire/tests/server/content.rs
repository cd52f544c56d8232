//! Content of every kind arrives byte for byte.

use std::fs::File;

use bootwire::file::OpenFile;
use bootwire::{Mode, Outcome, Reply, Request, Router};
use tokio::io::AsyncWriteExt;

use super::*;

/// Larger than the first piece brought into memory, the read-ahead and any window.
const LARGE: usize = 9 << 20;

fn app(dir: &tempfile::TempDir) -> Router {
    std::fs::write(dir.path().join("large"), pattern(LARGE)).unwrap();
    std::fs::write(dir.path().join("empty"), b"").unwrap();
    std::fs::write(dir.path().join("multiple"), pattern(4 * 1428)).unwrap();
    std::fs::write(dir.path().join("text"), b"one\ntwo\rthree\n").unwrap();
    let root = dir.path().to_owned();
    let file = move |request: Request| {
        let path = root.join(request.param("name").unwrap_or_default());
        async move {
            let open = tokio::task::spawn_blocking(move || OpenFile::new(File::open(path)?))
                .await
                .unwrap()?;
            Ok::<_, bootwire::Refusal>(Reply::file(open))
        }
    };
    let duplex = |len: usize, size: Option<u64>| {
        move || async move {
            let (mut writer, reader) = tokio::io::duplex(10_000);
            tokio::spawn(async move {
                for piece in pattern(len).chunks(7777) {
                    if writer.write_all(piece).await.is_err() {
                        return;
                    }
                }
            });
            match size {
                Some(size) => Reply::sized_stream(reader, size),
                None => Reply::stream(reader),
            }
        }
    };
    Router::new()
        .read("/file/{name}", file)
        .read("/bytes", || async { pattern(3_000_000) })
        .read("/none", || async { Reply::empty() })
        .read("/stream", duplex(3_000_000, None))
        .read("/sized", duplex(3_000_000, Some(3_000_000)))
        .read("/whole-blocks", duplex(1428 * 10, None))
        .read("/told/{size}", told)
        .read("/converted", || async {
            Reply::text("one\r\ntwo\r\n").as_is()
        })
}

/// Two thousand bytes, whatever is said of them.
async fn told(request: Request) -> Reply {
    let size = request.param("size").and_then(|size| size.parse().ok());
    Reply::stream(std::io::Cursor::new(pattern(2000))).told_size(size.unwrap_or_default())
}

async fn everything_arrives(server: Server) {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::with(app(&dir), server);
    for windowsize in [1, 7, 64] {
        let client = running.client().windowsize(windowsize);
        assert_eq!(
            get(&client, "/file/large").await.unwrap(),
            pattern(LARGE),
            "window {windowsize}"
        );
        assert_eq!(
            get(&client, "/file/multiple").await.unwrap(),
            pattern(4 * 1428)
        );
        assert_eq!(get(&client, "/file/empty").await.unwrap(), b"");
        assert_eq!(get(&client, "/none").await.unwrap(), b"");
        assert_eq!(get(&client, "/bytes").await.unwrap(), pattern(3_000_000));
        assert_eq!(get(&client, "/stream").await.unwrap(), pattern(3_000_000));
        assert_eq!(get(&client, "/sized").await.unwrap(), pattern(3_000_000));
        assert_eq!(
            get(&client, "/whole-blocks").await.unwrap(),
            pattern(14_280)
        );
    }
    let plain = running.client().without_options();
    assert_eq!(get(&plain, "/stream").await.unwrap(), pattern(3_000_000));
    let jumbo = running.client().blksize(65_464).windowsize(4);
    assert_eq!(get(&jumbo, "/file/large").await.unwrap(), pattern(LARGE));
    let text = running.client().mode(Mode::Netascii);
    assert_eq!(
        get(&text, "/file/text").await.unwrap(),
        b"one\ntwo\rthree\n"
    );
    for record in running.stop().await {
        assert_eq!(record.outcome, Outcome::Complete, "{record:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_everything_this_kernel_has() {
    everything_arrives(Server::bind("127.0.0.1:0")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_what_every_unix_has() {
    everything_arrives(Server::bind("127.0.0.1:0").portable_io(true)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_ipv6() {
    everything_arrives(Server::bind("[::1]:0")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_single_port() {
    everything_arrives(Server::bind("[::]:0").single_port(true)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn netascii_on_the_wire_has_cr_lf_and_no_size_it_cannot_know() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(app(&dir));
    let raw = Raw::new("127.0.0.1:0");
    raw.send(
        running.address,
        b"\0\x01file/text\0NetASCII\0tsize\x000\0blksize\x001024\0",
    );
    let (oack, tid) = raw.receive();
    assert_eq!(oack, b"\0\x06blksize\x001024\0");
    raw.send(tid, &[0, 4, 0, 0]);
    assert_eq!(raw.receive().0, b"\0\x03\0\x01one\r\ntwo\r\0three\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_netascii_already_is_sent_as_it_is_and_has_a_size() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(app(&dir));
    let raw = Raw::new("127.0.0.1:0");
    raw.send(running.address, b"\0\x01converted\0netascii\0tsize\x000\0");
    let (oack, tid) = raw.receive();
    assert_eq!(oack, b"\0\x06tsize\x0010\0");
    raw.send(tid, &[0, 4, 0, 0]);
    assert_eq!(raw.receive().0, b"\0\x03\0\x01one\r\ntwo\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_size_that_is_only_told_may_be_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(app(&dir));
    for (told, wire) in [
        ("1", &b"\0\x06tsize\x001\0"[..]),
        ("9000", b"\0\x06tsize\x009000\0"),
    ] {
        let raw = Raw::new("127.0.0.1:0");
        let request = format!("\0\x01told/{told}\0octet\0tsize\x000\0");
        raw.send(running.address, request.as_bytes());
        let (oack, tid) = raw.receive();
        assert_eq!(oack, wire);
        for (block, length) in [(1, 512), (2, 512), (3, 512), (4, 464)] {
            raw.send(tid, &[0, 4, 0, block - 1]);
            assert_eq!(raw.receive().0.len(), 4 + length);
        }
        raw.send(tid, &[0, 4, 0, 4]);
    }
    let plain = running.client().without_options();
    assert_eq!(get(&plain, "/told/1").await.unwrap(), pattern(2000));
    for record in running.stop().await {
        assert_eq!((record.outcome, record.size), (Outcome::Complete, None));
        assert_eq!(record.bytes, 2000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_tell_what_happened() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(app(&dir));
    running
        .client()
        .blksize(1000)
        .windowsize(4)
        .get("//file\\multiple", &mut Vec::new())
        .await
        .unwrap();
    running.get("/file/absent").await.unwrap_err();
    let stats = || running.handle.as_ref().unwrap().stats();
    // The client is done when it has sent its last ACK, the server when it has read it.
    until(|| stats().active == 0).await;
    assert_eq!(
        (
            stats().reads,
            stats().ended(Outcome::Complete),
            stats().ended(Outcome::NotFound)
        ),
        (2, 1, 1)
    );
    let mut records = running.stop().await;
    records.sort_by_key(|record| record.id);
    let [complete, missing] = &records[..] else {
        panic!("{records:?}")
    };
    assert_eq!((complete.id, missing.id), (1, 2));
    assert_eq!(complete.path, "/file/multiple");
    assert_eq!(complete.filename, b"//file\\multiple");
    assert_eq!(complete.route.as_deref(), Some("/file/{name}"));
    assert_eq!((complete.blksize, complete.windowsize), (1000, 4));
    assert_eq!(
        (complete.size, complete.bytes, complete.blocks),
        (Some(5712), 5712, 6)
    );
    assert_eq!(complete.options[0], ("tsize".to_owned(), "0".to_owned()));
    assert!(complete.first_data.unwrap() <= complete.duration);
    assert!(complete.round_trip.is_some());
    assert_eq!(missing.outcome, Outcome::NotFound);
    assert_eq!(missing.error.as_ref().unwrap().0.wire(), 1);
    assert_eq!(missing.route.as_deref(), Some("/file/{name}"));
}
