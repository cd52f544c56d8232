//! Uploads reach their sink whole, or not at all.

use std::sync::atomic::{AtomicUsize, Ordering};

use bootwire::{Accept, BoxFuture, Mode, Outcome, Reason, Refusal, Router, Sink};
use bytes::Bytes;

use super::*;

/// What became of the uploads.
#[derive(Clone, Default)]
struct Shelf {
    finished: Arc<Mutex<Vec<Vec<u8>>>>,
    dropped: Arc<AtomicUsize>,
}

struct Collect {
    shelf: Shelf,
    content: Vec<u8>,
    finished: bool,
}

impl Sink for Collect {
    fn write(&mut self, data: Bytes) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async move {
            if data.starts_with(b"panic") {
                panic!("sink panics on purpose");
            }
            if data.starts_with(b"full") {
                return Err(Refusal::new(Reason::DiskFull));
            }
            self.content.extend_from_slice(&data);
            Ok(())
        })
    }

    fn finish(mut self: Box<Self>) -> BoxFuture<'static, Result<(), Refusal>> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            self.finished = true;
            self.shelf
                .finished
                .lock()
                .unwrap()
                .push(std::mem::take(&mut self.content));
            Ok(())
        })
    }
}

impl Drop for Collect {
    fn drop(&mut self) {
        if !self.finished {
            self.shelf.dropped.fetch_add(1, Ordering::SeqCst);
        }
    }
}

fn app(shelf: &Shelf) -> Router {
    let shelf = shelf.clone();
    Router::new().write("/up/{name}", move || {
        let shelf = shelf.clone();
        async move {
            Accept::into(Collect {
                shelf,
                content: Vec::new(),
                finished: false,
            })
            .size_max(4 << 20)
        }
    })
}

async fn uploads_arrive(server: Server) {
    let shelf = Shelf::default();
    let running = Running::with(app(&shelf), server);
    let sizes = [0, 1, 511, 512, 1428, 1428 * 16, 3_000_000];
    for size in sizes {
        for windowsize in [1, 16] {
            let content = pattern(size);
            let client = running.client().windowsize(windowsize);
            client
                .put("/up/x", &content[..], Some(size as u64))
                .await
                .unwrap();
            assert_eq!(
                shelf.finished.lock().unwrap().pop(),
                Some(content),
                "{size} bytes, window {windowsize}"
            );
        }
    }
    let plain = running.client().without_options();
    plain.put("/up/x", &pattern(5000)[..], None).await.unwrap();
    assert_eq!(shelf.finished.lock().unwrap().pop(), Some(pattern(5000)));
    let text = running.client().mode(Mode::Netascii);
    text.put("/up/x", &b"a\nb\rc\r\n"[..], None).await.unwrap();
    assert_eq!(
        shelf.finished.lock().unwrap().pop().as_deref(),
        Some(&b"a\nb\rc\r\n"[..])
    );
    for record in running.stop().await {
        assert_eq!(record.outcome, Outcome::Complete, "{record:?}");
    }
    assert_eq!(shelf.dropped.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_everything_this_kernel_has() {
    uploads_arrive(Server::bind("127.0.0.1:0")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_what_every_unix_has() {
    uploads_arrive(Server::bind("127.0.0.1:0").portable_io(true)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn to_a_single_port() {
    uploads_arrive(Server::bind("[::1]:0").single_port(true)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_fails_or_panics_ends_its_transfer_and_keeps_nothing() {
    let shelf = Shelf::default();
    let running = Running::start(app(&shelf));
    for (content, code) in [("panic please", 0), ("full already", 3)] {
        let error = running
            .client()
            .put("/up/x", content.as_bytes(), None)
            .await
            .unwrap_err();
        assert!(
            matches!(&error, ClientError::Remote { code: found, .. } if found.wire() == code),
            "{error:?}"
        );
    }
    let large = pattern(5 << 20);
    let error = running
        .client()
        .put("/up/x", &large[..], None)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, ClientError::Remote { code, .. } if code.wire() == 3),
        "{error:?}"
    );
    until(|| shelf.dropped.load(Ordering::SeqCst) == 3).await;
    assert!(shelf.finished.lock().unwrap().is_empty());
    let outcomes: Vec<_> = running
        .stop()
        .await
        .into_iter()
        .map(|record| record.outcome)
        .collect();
    assert_eq!(
        outcomes,
        [Outcome::Internal, Outcome::DiskFull, Outcome::TooLarge]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_aborted_undoes_itself() {
    let shelf = Shelf::default();
    let running = Running::start(app(&shelf));
    let raw = Raw::new("127.0.0.1:0");
    raw.send(running.address, b"\0\x02up/x\0octet\0");
    let (ack, tid) = raw.receive();
    assert_eq!(ack, [0, 4, 0, 0]);
    raw.send(tid, &[&[0, 3, 0, 1][..], &[1; 512]].concat());
    assert_eq!(raw.receive().0, [0, 4, 0, 1]);
    raw.send(tid, b"\0\x05\0\0changed my mind\0");
    until(|| shelf.dropped.load(Ordering::SeqCst) == 1).await;
    assert_eq!(running.stop().await[0].outcome, Outcome::ClientAbort);
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_without_a_route_are_denied() {
    let running = Running::start(Router::new().read("/x", || async { "x" }));
    let error = running
        .client()
        .put("/x", &b"y"[..], None)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, ClientError::Remote { code, .. } if code.wire() == 2),
        "{error:?}"
    );
}
