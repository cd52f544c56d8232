//! A file that is sent while it fills up, with real sockets.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bootwire::file::{Filling, PartialFile};
use bootwire::{BoxFuture, Mode, Outcome, Refusal, Reply, Router};
use tokio::sync::Notify;

use super::*;

const SIZE: u64 = 7_000_001;

/// Fills from the front.
#[derive(Default)]
struct Front {
    here: AtomicU64,
    moved: Notify,
    failed: std::sync::atomic::AtomicBool,
}

impl Filling for Front {
    fn here(&self, from: u64) -> u64 {
        self.here.load(Ordering::Acquire).max(from)
    }

    fn ready(&self, range: Range<u64>) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async move {
            loop {
                let moved = self.moved.notified();
                tokio::pin!(moved);
                moved.as_mut().enable();
                if self.here(range.start) > range.start {
                    return Ok(());
                }
                if self.failed.load(Ordering::Acquire) {
                    return Err(Refusal::origin().because("cable cut"));
                }
                moved.await;
            }
        })
    }
}

struct Growing {
    file: File,
    front: Arc<Front>,
    content: Arc<PartialFile>,
}

impl Growing {
    fn new() -> Self {
        let file = tempfile::tempfile().unwrap();
        file.set_len(SIZE).unwrap();
        let front = Arc::new(Front::default());
        let filling: Arc<dyn Filling> = front.clone();
        let content = PartialFile::new(file.try_clone().unwrap(), SIZE, filling).unwrap();
        Self {
            file,
            front,
            content,
        }
    }

    fn app(&self) -> Router {
        let content = Arc::clone(&self.content);
        Router::new().read("/image", move || {
            let content = Arc::clone(&content);
            async move { Reply::partial(content) }
        })
    }

    /// More of it arrives, in uneven pieces.
    fn grow(&self, upto: u64) {
        let all = pattern(SIZE as usize);
        while self.front.here(0) < upto {
            let from = self.front.here(0);
            let to = (from + 99_991).min(upto);
            let piece = &all[from as usize..to as usize];
            self.file.write_all_at(piece, from).unwrap();
            self.front.here.store(to, Ordering::Release);
            self.front.moved.notify_waiters();
        }
    }
}

async fn arrives_as_it_grows(server: Server) {
    let growing = Growing::new();
    let running = Running::with(growing.app(), server);
    let clients = [
        running.client().windowsize(1),
        running.client().windowsize(16),
        running.client().blksize(8192).windowsize(4),
        running.client().mode(Mode::Netascii),
    ];
    let gets = clients.map(|client| tokio::spawn(async move { get(&client, "/image").await }));
    let stats = || running.handle.as_ref().unwrap().stats();
    growing.grow(1_000_000);
    until(|| stats().bytes_out > 3_000_000).await;
    growing.grow(SIZE);
    for got in gets {
        assert!(got.await.unwrap().unwrap() == pattern(SIZE as usize));
    }
    let late = get(&running.client(), "/image").await.unwrap();
    assert!(late == pattern(SIZE as usize));
    for record in running.stop().await {
        assert_eq!(record.outcome, Outcome::Complete, "{record:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_arrives_byte_for_byte() {
    arrives_as_it_grows(Server::bind("127.0.0.1:0")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_arrives_with_what_every_unix_has() {
    arrives_as_it_grows(Server::bind("127.0.0.1:0").portable_io(true)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_ends_the_transfers_that_need_what_is_missing() {
    let growing = Growing::new();
    let running = Running::start(growing.app());
    growing.grow(500_000);
    let client = running.client();
    let waiting = tokio::spawn(async move { get(&client, "/image").await });
    let stats = || running.handle.as_ref().unwrap().stats();
    until(|| stats().bytes_out > 400_000).await;
    growing.front.failed.store(true, Ordering::Release);
    growing.front.moved.notify_waiters();
    waiting.await.unwrap().unwrap_err();
    let records = running.stop().await;
    assert_eq!(records[0].outcome, Outcome::OriginError);
    assert_eq!(records[0].detail.as_deref(), Some("cable cut"));
}
