//! Origins read through a cache, with real sockets on the loopback: what clients get when all is
//! well, and when nothing is.

mod access;
mod buckets;
mod cache_dir;
mod evicted;
mod misbehaving;
mod nginx;
mod storm;
mod versions;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bootwire::client::{Client, ClientError};
use bootwire::router::App;
use bootwire::{Router, Server, ServerHandle, TransferRecord};
use bootwire_store::{Cache, Cached, HttpOrigin};

use bootwire_harness::origin::{Manner, Object, Origin};

const MIB: usize = 1 << 20;

/// A TFTP server until it is dropped, and the records it made.
struct Running {
    handle: Option<ServerHandle>,
    address: SocketAddr,
    records: Arc<Mutex<Vec<TransferRecord>>>,
}

impl Running {
    fn start(app: impl Into<App>) -> Self {
        Self::with(app, Server::bind("127.0.0.1:0"))
    }

    fn with(app: impl Into<App>, server: Server) -> Self {
        let records = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&records);
        let observe = move |record: &TransferRecord| kept.lock().unwrap().push(record.clone());
        let server = server.serve(app).observe(observe);
        let handle = server.start().expect("the server starts");
        Self {
            address: handle.local_addrs()[0],
            handle: Some(handle),
            records,
        }
    }

    fn client(&self) -> Client {
        Client::new(self.address).windowsize(16)
    }

    async fn get(&self, path: &str) -> Result<Vec<u8>, ClientError> {
        let mut content = Vec::new();
        self.client().get(path, &mut content).await?;
        Ok(content)
    }

    /// The code of the ERROR a client gets.
    async fn error(&self, path: &str) -> u16 {
        match self.get(path).await {
            Err(ClientError::Remote { code, .. }) => code.wire(),
            other => panic!("{path}: {:?}", other.map(|content| content.len())),
        }
    }

    /// Stops the server and gives the records of everything that happened.
    async fn stop(mut self) -> Vec<TransferRecord> {
        let handle = self.handle.take().expect("runs until now");
        handle.drain(Duration::from_secs(5)).await;
        std::mem::take(&mut *self.records.lock().unwrap())
    }
}

async fn cache(dir: &Path) -> Cache {
    Cache::builder(dir).open().await.unwrap()
}

/// The origin through the cache, with limits that a busy machine does not reach.
fn patient(origin: &Origin, cache: &Cache) -> Cached {
    let limit = Duration::from_secs(60);
    HttpOrigin::new(&origin.url())
        .unwrap()
        .cached(cache)
        .answer_within(limit)
        .stall(limit)
        .give_up(limit)
}

/// The same in a hurry, for tests that wait for its limits.
fn hasty(origin: &Origin, cache: &Cache) -> Cached {
    patient(origin, cache)
        .answer_within(Duration::from_millis(1500))
        .stall(Duration::from_millis(700))
        .give_up(Duration::from_secs(3))
}

fn serve(cached: Cached) -> Running {
    Running::start(Router::new().read("/{*path}", cached))
}

/// Bytes that differ from chunk to chunk, and for each seed.
fn pattern(len: usize, seed: u8) -> Vec<u8> {
    (0..len)
        .map(|at| (at / 251) as u8 ^ (at % 251) as u8 ^ (at >> 20) as u8 ^ seed)
        .collect()
}

/// Says that a test was not made.
#[expect(
    clippy::print_stderr,
    reason = "whoever reads the tests' output should know"
)]
fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

/// Waits until `done`, for at most a minute.
async fn until(mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "waited in vain");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
