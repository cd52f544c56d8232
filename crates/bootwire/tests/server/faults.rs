//! Handlers, sources and files that misbehave hurt their own transfer only.

use std::fs::File;
use std::io::{self, Write};

use bootwire::file::OpenFile;
use bootwire::{BoxFuture, Outcome, Reply, Router, Source, router};
use bytes::Bytes;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_panics_or_hangs_is_an_error_to_its_client_alone() {
    let app = Router::new()
        .read("/panics", || async {
            if true { panic!("on purpose") } else { "" }
        })
        .read("/fine", || async { "fine" });
    // To tell of a panic takes its time on a busy machine: nothing here has to be quick.
    let running = Running::start(app);
    let impatient = Running::with(
        Router::new()
            .read("/hangs", || async {
                std::future::pending::<()>().await;
                ""
            })
            .read("/fine", router::at_hand(|_| "fine")),
        Server::bind("127.0.0.1:0").deadline(Duration::from_millis(200)),
    );
    let (panics, hangs) = tokio::join!(running.get("/panics"), impatient.get("/hangs"));
    assert!(
        matches!(panics, Err(ClientError::Remote { code, .. }) if code.wire() == 0),
        "{panics:?}"
    );
    assert!(
        matches!(hangs, Err(ClientError::Remote { code, .. }) if code.wire() == 0),
        "{hangs:?}"
    );
    assert_eq!(running.get("/fine").await.unwrap(), b"fine");
    assert_eq!(impatient.get("/fine").await.unwrap(), b"fine");
    let mut records = running.stop().await;
    records.extend(impatient.stop().await);
    let detail = |path: &str| {
        records
            .iter()
            .find(|record| record.path == path)
            .unwrap()
            .detail
            .clone()
            .unwrap()
    };
    assert!(detail("/panics").contains("on purpose"));
    assert!(detail("/hangs").contains("200ms"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_handler_delays_nobody_else() {
    let others_are_done = Arc::new(tokio::sync::Notify::new());
    let waits = Arc::clone(&others_are_done);
    let app = Router::new()
        .read("/slow", move || {
            let waits = Arc::clone(&waits);
            async move {
                waits.notified().await;
                "slow"
            }
        })
        .read("/fast", || async { "fast" });
    let running = Running::with(app, Server::bind("127.0.0.1:0").workers(1));
    let slow = tokio::spawn({
        let client = running.client();
        async move { get(&client, "/slow").await }
    });
    for _ in 0..50 {
        assert_eq!(running.get("/fast").await.unwrap(), b"fast");
    }
    others_are_done.notify_one();
    assert_eq!(slow.await.unwrap().unwrap(), b"slow");
    let records = running.stop().await;
    assert_eq!(
        records
            .iter()
            .filter(|record| record.path == "/slow")
            .count(),
        1,
        "asked once"
    );
}

/// Gives one block, then does as it is told.
struct Bad(u8);

impl Source for Bad {
    fn next(&mut self) -> BoxFuture<'_, io::Result<Bytes>> {
        Box::pin(async move {
            self.0 += 1;
            match self.0 {
                1 | 11 => Ok(Bytes::from(vec![0; 512])),
                2 => Err(io::Error::other("origin went away")),
                _ => panic!("source panics on purpose"),
            }
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fails_or_panics_ends_its_transfer_at_once() {
    let app = Router::new()
        .read("/fails", || async { Reply::source(Bad(0)) })
        .read("/panics", || async { Reply::source(Bad(10)) })
        .read("/short", || async { Reply::sized_stream(&b"short"[..], 6) });
    let running = Running::start(app);
    for path in ["/fails", "/panics", "/short"] {
        let start = Instant::now();
        let error = running.get(path).await.unwrap_err();
        assert!(
            matches!(&error, ClientError::Remote { code, .. } if code.wire() == 0),
            "{path}: {error:?}"
        );
        // Long before the client would have been given up, after 60 s.
        assert!(start.elapsed() < Duration::from_secs(20), "{path}");
    }
    let outcomes: Vec<_> = running
        .stop()
        .await
        .into_iter()
        .map(|record| record.outcome)
        .collect();
    assert_eq!(
        outcomes,
        [
            Outcome::OriginError,
            Outcome::Internal,
            Outcome::OriginError
        ]
    );
}

fn file_app(path: &std::path::Path) -> Router {
    let path = path.to_owned();
    Router::new().read("/image", move || {
        let path = path.clone();
        async move { Ok::<_, bootwire::Refusal>(Reply::file(OpenFile::new(File::open(path)?)?)) }
    })
}

/// Reads `blocks` blocks of 1024 bytes of `/image`, lets `meddle` happen, and reads on.
async fn read_on(
    portable: bool,
    len: usize,
    blocks: u16,
    meddle: impl FnOnce(&std::path::Path),
) -> Result<Vec<u8>, u16> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    std::fs::write(&path, pattern(len)).unwrap();
    let running = Running::with(
        file_app(&path),
        Server::bind("127.0.0.1:0").portable_io(portable),
    );
    let raw = Raw::new("127.0.0.1:0");
    raw.send(running.address, &rrq("image", "blksize\x001024"));
    let (_, tid) = raw.receive();
    raw.send(tid, &[0, 4, 0, 0]);
    let mut content = Vec::new();
    let mut meddle = Some(meddle);
    let mut block = 1_u16;
    loop {
        let (packet, _) = raw.receive();
        if packet[1] == 5 {
            return Err(u16::from_be_bytes([packet[2], packet[3]]));
        }
        if packet[2..4] != block.to_be_bytes() {
            assert_eq!(
                packet[2..4],
                (block - 1).to_be_bytes(),
                "a block sent again while we meddled"
            );
            continue;
        }
        content.extend_from_slice(&packet[4..]);
        if block == blocks {
            meddle.take().unwrap()(&path);
        }
        let [high, low] = block.to_be_bytes();
        raw.send(tid, &[0, 4, high, low]);
        if packet.len() < 1028 {
            return Ok(content);
        }
        block += 1;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_replaced_by_rename_is_sent_whole_in_its_old_version() {
    for portable in [false, true] {
        let content = read_on(portable, 3 << 20, 3, |path| {
            let new = path.with_extension("new");
            std::fs::write(&new, vec![9; 3 << 20]).unwrap();
            std::fs::rename(new, path).unwrap();
        });
        assert_eq!(
            content.await.unwrap(),
            pattern(3 << 20),
            "portable: {portable}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_truncated_or_written_to_ends_in_an_error_never_in_a_mix() {
    for portable in [false, true] {
        let truncated = read_on(portable, 3 << 20, 3, |path| {
            File::options()
                .write(true)
                .open(path)
                .unwrap()
                .set_len(5000)
                .unwrap();
        });
        assert_eq!(truncated.await, Err(0), "portable: {portable}");
        let written = read_on(portable, 1 << 20, 3, |path| {
            let mut file = File::options().write(true).open(path).unwrap();
            file.write_all(&vec![9; 1 << 20]).unwrap();
        });
        assert_eq!(written.await, Err(0), "portable: {portable}");
    }
}
