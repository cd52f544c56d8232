//! The application that is served: files that are at hand, late, slow, flaky or false, and sinks
//! that are no better. It goes through the public API, as any other.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bootwire::{
    Accept, BoxFuture, Endpoint, Reason, Refusal, Reply, Request, Router, Sink, Source,
};
use bytes::Bytes;
use tokio::time::sleep;

use crate::content;

/// How a file is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serving {
    /// At hand, answered on the worker.
    AtHand,
    /// By a handler that takes this long.
    Later(Duration),
    /// As a stream of pieces of this many bytes, each after this long; its size is told if `sized`.
    Stream {
        /// Bytes of a piece.
        piece: usize,
        /// Time before each.
        every: Duration,
        /// Whether the size is told.
        sized: bool,
    },
    /// Its source fails after this many bytes.
    Breaks(usize),
    /// Its source promises this many bytes more than it has.
    Promises(u64),
    /// Its source gives nothing more after this many bytes.
    Hangs(usize),
    /// Refused as busy this many times, then at hand.
    Flaky(usize),
    /// Its handler never answers.
    Never,
}

/// One file.
#[derive(Clone, Debug)]
pub struct File {
    /// Its path, with the slash in front.
    pub path: String,
    /// Its bytes.
    pub content: Bytes,
    /// How it is served.
    pub serving: Serving,
}

impl File {
    /// A file of `len` bytes.
    #[must_use]
    pub fn new(path: impl Into<String>, key: u64, len: usize, serving: Serving) -> Self {
        Self {
            path: path.into(),
            content: content::bytes(key, len),
            serving,
        }
    }

    /// Whether a patient client can get it.
    #[must_use]
    pub const fn can_be_had(&self) -> bool {
        !matches!(
            self.serving,
            Serving::Breaks(_) | Serving::Promises(_) | Serving::Hangs(_) | Serving::Never
        )
    }
}

/// How an upload is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taking {
    /// At once.
    Gladly,
    /// Each piece, and the end, after this long.
    Slowly(Duration),
    /// Until this many bytes have come, then with an error.
    Until(usize),
    /// All of it, but the end fails.
    InVain,
    /// Nothing, ever.
    Never,
    /// Only uploads up to this size.
    AtMost(u64),
}

impl Taking {
    /// The last part of the path of an upload that is to be taken so.
    fn of(path: &str) -> Self {
        let mut words = path.rsplit('/').next().unwrap_or_default().split('-');
        let kind = words.next().unwrap_or_default();
        let number: u64 = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
        match kind {
            "slowly" => Self::Slowly(Duration::from_millis(number)),
            "until" => Self::Until(number as usize),
            "vain" => Self::InVain,
            "never" => Self::Never,
            "most" => Self::AtMost(number),
            _ => Self::Gladly,
        }
    }

    /// The path of an upload that is to be taken so.
    #[must_use]
    pub fn path(self, number: u64) -> String {
        match self {
            Self::Gladly => format!("up/{number}/gladly"),
            Self::Slowly(time) => format!("up/{number}/slowly-{}", time.as_millis()),
            Self::Until(bytes) => format!("up/{number}/until-{bytes}"),
            Self::InVain => format!("up/{number}/vain"),
            Self::Never => format!("up/{number}/never"),
            Self::AtMost(bytes) => format!("up/{number}/most-{bytes}"),
        }
    }
}

/// What happened in the application.
#[derive(Debug, Default)]
pub struct Log {
    /// Transfers a handler was called for, in order.
    pub calls: Vec<u64>,
    /// Uploads that were made durable: transfer, path, bytes.
    pub stored: Vec<(u64, String, Vec<u8>)>,
}

/// The application's memory, shared with the checks.
#[derive(Debug, Default)]
pub struct Shared {
    log: Mutex<Log>,
    /// Sources, sinks and handlers that exist.
    alive: AtomicUsize,
    /// Times each flaky file was refused.
    refused: Mutex<HashMap<String, usize>>,
}

impl Shared {
    /// The log.
    pub fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sources, sinks and handlers that exist.
    pub fn alive(&self) -> usize {
        self.alive.load(Ordering::Relaxed)
    }
}

/// Counts what exists.
struct Alive(Arc<Shared>);

impl Alive {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.alive.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(shared))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The files, and how to serve them.
struct Files {
    files: HashMap<String, File>,
    shared: Arc<Shared>,
}

/// Where uploads go.
struct Uploads(Arc<Shared>);

/// An application that serves `files` and takes uploads below `/up`.
pub fn router(files: &[File], shared: &Arc<Shared>) -> Router {
    let files = Files {
        files: files
            .iter()
            .map(|file| (file.path.clone(), file.clone()))
            .collect(),
        shared: Arc::clone(shared),
    };
    Router::new()
        .read("/{*path}", files)
        .write("/up/{*path}", Uploads(Arc::clone(shared)))
}

impl Files {
    fn reply(&self, request: &Request) -> Result<Reply, Refusal> {
        let file = self
            .files
            .get(&*request.path())
            .ok_or_else(Refusal::not_found)?;
        let stream = |piece, every, size, end| {
            Reply::source(Stream {
                content: file.content.clone(),
                piece,
                every,
                size,
                end,
                _alive: Alive::new(&self.shared),
            })
        };
        let (len, quick) = (file.content.len() as u64, Duration::from_millis(1));
        Ok(match file.serving {
            Serving::AtHand | Serving::Later(_) | Serving::Never => {
                Reply::bytes(file.content.clone())
            }
            Serving::Stream {
                piece,
                every,
                sized,
            } => stream(piece, every, sized.then_some(len), Ending::Clean),
            Serving::Breaks(at) => stream(1000, quick, Some(len), Ending::Error(at)),
            Serving::Promises(more) => stream(1000, quick, Some(len + more), Ending::Clean),
            Serving::Hangs(at) => stream(1000, quick, None, Ending::Silence(at)),
            Serving::Flaky(times) => {
                let mut refused = self
                    .shared
                    .refused
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                let refused = refused.entry(file.path.clone()).or_default();
                *refused += 1;
                if *refused <= times {
                    return Err(Refusal::new(Reason::Origin));
                }
                Reply::bytes(file.content.clone())
            }
        })
    }
}

impl Endpoint<Reply> for Files {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Reply, Refusal>> {
        self.shared.log().calls.push(request.id());
        let alive = Alive::new(&self.shared);
        Box::pin(async move {
            let _alive = alive;
            match self.files.get(&*request.path()).map(|file| file.serving) {
                Some(Serving::Later(time)) => sleep(time).await,
                Some(Serving::Never) => std::future::pending().await,
                _ => {}
            }
            self.reply(&request)
        })
    }

    fn at_hand(&self, request: &Request) -> Option<Result<Reply, Refusal>> {
        if self
            .files
            .get(&*request.path())
            .is_some_and(|file| !matches!(file.serving, Serving::AtHand | Serving::Promises(_)))
        {
            return None;
        }
        self.shared.log().calls.push(request.id());
        Some(self.reply(request))
    }
}

/// How a stream ends.
#[derive(Clone, Copy)]
enum Ending {
    Clean,
    Error(usize),
    Silence(usize),
}

/// A source that takes its time.
struct Stream {
    content: Bytes,
    piece: usize,
    every: Duration,
    size: Option<u64>,
    end: Ending,
    _alive: Alive,
}

impl Source for Stream {
    fn size(&self) -> Option<u64> {
        self.size
    }

    fn next(&mut self) -> BoxFuture<'_, io::Result<Bytes>> {
        Box::pin(async {
            if !self.every.is_zero() {
                sleep(self.every).await;
            }
            let mut len = self.piece.min(self.content.len());
            match &mut self.end {
                Ending::Clean => {}
                Ending::Error(0) => return Err(io::Error::other("the origin broke off")),
                Ending::Silence(0) => std::future::pending().await,
                Ending::Error(left) | Ending::Silence(left) => {
                    len = len.min(*left);
                    *left -= len;
                }
            }
            Ok(self.content.split_to(len))
        })
    }
}

impl Endpoint<Accept> for Uploads {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Accept, Refusal>> {
        self.0.log().calls.push(request.id());
        let path = request.path().into_owned();
        let taking = Taking::of(&path);
        let sink = Store {
            id: request.id(),
            path,
            taking,
            taken: Vec::new(),
            alive: Alive::new(&self.0),
        };
        Box::pin(async move {
            let accept = Accept::into(sink);
            Ok(match taking {
                Taking::AtMost(bytes) => accept.size_max(bytes),
                _ => accept,
            })
        })
    }
}

/// A sink that takes its time.
struct Store {
    id: u64,
    path: String,
    taking: Taking,
    taken: Vec<u8>,
    alive: Alive,
}

impl Sink for Store {
    fn write(&mut self, data: Bytes) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async move {
            match self.taking {
                Taking::Slowly(time) => sleep(time).await,
                Taking::Never => std::future::pending().await,
                Taking::Until(bytes) if self.taken.len() + data.len() > bytes => {
                    return Err(Refusal::new(Reason::DiskFull));
                }
                _ => {}
            }
            self.taken.extend_from_slice(&data);
            Ok(())
        })
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), Refusal>> {
        Box::pin(async move {
            match self.taking {
                Taking::Slowly(time) => sleep(time).await,
                Taking::Never => std::future::pending().await,
                Taking::InVain => return Err(Refusal::new(Reason::DiskFull)),
                _ => {}
            }
            let Self {
                id,
                path,
                taken,
                alive,
                ..
            } = *self;
            alive.0.log().stored.push((id, path, taken));
            Ok(())
        })
    }
}
