//! A web server for tests: it keeps what is posted to it, and answers as it is told to.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// How long tests wait for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How it answers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Mood {
    Good,
    /// This status, with these headers.
    Status(u16, &'static str),
    /// Good, with this body.
    Body(Vec<u8>),
    /// It takes the request and never answers.
    Hang,
    /// It closes the connection without an answer.
    Close,
}

/// What was posted.
#[derive(Clone, Debug)]
pub(crate) struct Posted {
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

#[derive(Clone)]
pub(crate) struct Collector {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    _tasks: Arc<JoinSet<()>>,
}

struct State {
    posted: Vec<Posted>,
    moods: VecDeque<Mood>,
    then: Mood,
}

impl Collector {
    /// One that answers so at first, and then always `then`.
    pub(crate) async fn new(moods: impl IntoIterator<Item = Mood>, then: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State {
            posted: Vec::new(),
            moods: moods.into_iter().collect(),
            then,
        }));
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&state);
        tasks.spawn(async move {
            let mut clients = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                clients.spawn(serve(client, Arc::clone(&shared)));
            }
        });
        Self {
            address,
            state,
            _tasks: Arc::new(tasks),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn posted(&self) -> Vec<Posted> {
        self.state.lock().unwrap().posted.clone()
    }

    pub(crate) fn then(&self, mood: Mood) {
        self.state.lock().unwrap().then = mood;
    }

    /// Waits until so much was posted.
    pub(crate) async fn wait(&self, count: usize) -> Vec<Posted> {
        until(|| self.posted().len() >= count).await;
        self.posted()
    }
}

/// Waits until it is so.
pub(crate) async fn until(is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("in time");
}

/// A port where nobody listens.
pub(crate) async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

async fn serve(mut client: TcpStream, state: Arc<Mutex<State>>) {
    let mut bytes = Vec::new();
    loop {
        let Some(posted) = request(&mut client, &mut bytes).await else {
            return;
        };
        let mood = {
            let mut state = state.lock().unwrap();
            state.posted.push(posted);
            let next = state.moods.pop_front();
            next.unwrap_or_else(|| state.then.clone())
        };
        let answer = match mood {
            Mood::Good => b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec(),
            Mood::Body(body) => {
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                [head.as_bytes(), &body].concat()
            }
            Mood::Status(status, headers) => {
                format!("HTTP/1.1 {status} So\r\n{headers}content-length: 4\r\n\r\nsaid")
                    .into_bytes()
            }
            Mood::Hang => std::future::pending().await,
            Mood::Close => return,
        };
        if client.write_all(&answer).await.is_err() {
            return;
        }
    }
}

async fn request(client: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Posted> {
    loop {
        if let Some(end) = bytes.windows(4).position(|end| end == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let mut lines = head.lines();
            let path = lines.next()?.split(' ').nth(1)?.to_owned();
            let headers: BTreeMap<_, _> = lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect();
            let len = headers
                .get("content-length")
                .map_or(0, |len| len.parse().unwrap());
            while bytes.len() < end + 4 + len {
                more(client, bytes).await?;
            }
            let rest = bytes.split_off(end + 4 + len);
            let body = bytes.split_off(end + 4);
            *bytes = rest;
            return Some(Posted {
                path,
                headers,
                body,
            });
        }
        more(client, bytes).await?;
    }
}

async fn more(client: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let read = client.read_buf(bytes).await.ok()?;
    (read > 0).then_some(())
}
