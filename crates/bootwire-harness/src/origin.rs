//! An origin that misbehaves on purpose: a small web server, one answer for each connection.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// How an object is sent.
#[derive(Clone, Debug, Default)]
pub enum Manner {
    /// As RFC 9110 has it.
    #[default]
    Well,
    /// This status instead.
    Status(u16),
    /// Nothing is ever answered.
    Hang,
    /// So many bytes of the body, and then silence.
    HangAfter(u64),
    /// A few bytes at a time.
    Drip {
        /// Bytes of each piece.
        bytes: usize,
        /// Time between two.
        every: Duration,
    },
    /// So many bytes of the body, and then the connection is cut.
    Cut(u64),
    /// The whole object, whatever range is asked for.
    IgnoreRange,
    /// The whole object in chunked coding, without a length.
    NoLength,
    /// As [`Manner::NoLength`], with a pause before each piece.
    SlowNoLength(Duration),
    /// Another range than asked for, said so or not.
    OtherRange {
        /// Whether it says so.
        honest: bool,
    },
    /// More bytes, or fewer, than the range announced.
    WrongLength(i64),
    /// Says that the body is compressed.
    Compressed,
    /// Says that the coding of the transfer compresses.
    CompressedOnTheWay,
    /// On to somewhere else.
    Redirect(String),
    /// Conditions are ignored.
    Unconditional,
    /// What is no HTTP.
    Garbage,
}

/// An object and how it is sent.
#[derive(Clone, Debug, Default)]
pub struct Object {
    /// What it holds.
    pub content: Arc<Vec<u8>>,
    /// Its entity tag.
    pub etag: Option<String>,
    /// When it changed, as HTTP writes it.
    pub modified: Option<String>,
    /// How it is sent.
    pub manner: Manner,
    /// Manners of the next answers, before [`Object::manner`] holds.
    pub first: Vec<Manner>,
    /// Becomes this object after so many answers.
    pub then: Option<(usize, Box<Self>)>,
}

impl Object {
    /// An object with an entity tag.
    pub fn new(content: Vec<u8>, etag: &str) -> Self {
        Self {
            content: Arc::new(content),
            etag: Some(format!("\"{etag}\"")),
            ..Self::default()
        }
    }

    /// The same, sent so.
    pub fn manner(mut self, manner: Manner) -> Self {
        self.manner = manner;
        self
    }

    /// The same, sent so at first.
    pub fn first(mut self, manners: impl IntoIterator<Item = Manner>) -> Self {
        self.first = manners.into_iter().collect();
        self
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The path.
    pub target: String,
    /// The headers, by their names in lower case.
    pub headers: HashMap<String, String>,
}

impl Asked {
    fn range(&self) -> Option<Range<u64>> {
        let text = self.headers.get("range")?.strip_prefix("bytes=")?;
        let (first, last) = text.split_once('-')?;
        Some(first.parse().ok()?..last.parse::<u64>().ok()? + 1)
    }
}

#[derive(Default)]
struct State {
    objects: HashMap<String, Object>,
    asked: Vec<Asked>,
    sent: HashMap<String, u64>,
}

impl State {
    /// Notes a request; what is sent for it, and how.
    fn next(&mut self, path: &str, asked: &Asked) -> Option<(Object, Manner)> {
        self.asked.push(asked.clone());
        let object = self.objects.get_mut(path)?;
        match &mut object.then {
            Some((0, next)) => *object = (**next).clone(),
            Some((left, _)) => *left -= 1,
            None => {}
        }
        let manner = if object.first.is_empty() {
            object.manner.clone()
        } else {
            object.first.remove(0)
        };
        Some((object.clone(), manner))
    }
}

/// The server, until it is dropped.
pub struct Origin {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: AbortHandle,
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Origin {
    /// A server without objects.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            // The connections end with the server.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                connections.spawn(async move {
                    let _ = answer(stream, &state).await;
                });
            }
        });
        Self {
            address,
            state,
            task: task.abort_handle(),
        }
    }

    /// Its URL, which ends in a slash.
    pub fn url(&self) -> String {
        format!("http://{}/boot/", self.address)
    }

    /// Puts an object below [`Origin::url`].
    pub fn put(&self, name: &str, object: Object) {
        let mut state = self.state.lock().unwrap();
        state.objects.insert(format!("/boot/{name}"), object);
    }

    /// Takes an object away.
    pub fn remove(&self, name: &str) {
        let mut state = self.state.lock().unwrap();
        state.objects.remove(&format!("/boot/{name}"));
    }

    /// The requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.state.lock().unwrap().asked.clone()
    }

    /// Bytes of an object's content sent so far.
    pub fn sent(&self, name: &str) -> u64 {
        let state = self.state.lock().unwrap();
        state
            .sent
            .get(&format!("/boot/{name}"))
            .copied()
            .unwrap_or(0)
    }
}

async fn answer(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut head = Vec::new();
    let end = loop {
        if let Some(end) = head.windows(4).position(|end| end == b"\r\n\r\n") {
            break end + 4;
        }
        if head.len() > 16_384 || stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    };
    let mut body = head.split_off(end);
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.split("\r\n");
    let target = lines.next().and_then(|line| line.split(' ').nth(1));
    let target = target.unwrap_or_default().to_owned();
    let headers: HashMap<_, _> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    // A question that is posted: read, or the connection ends in a reset.
    let len = headers.get("content-length");
    let len = len.and_then(|len| len.parse().ok()).unwrap_or(0);
    while body.len() < len {
        if stream.read_buf(&mut body).await? == 0 {
            return Ok(());
        }
    }
    let asked = Asked { target, headers };
    let path = asked
        .target
        .split('?')
        .next()
        .unwrap_or_default()
        .to_owned();
    let found = state.lock().unwrap().next(&path, &asked);
    let Some((object, manner)) = found else {
        return status(&mut stream, 404, "").await;
    };
    let send = Send {
        stream,
        state,
        path,
        asked,
        object,
    };
    send.run(manner).await
}

async fn status(stream: &mut TcpStream, code: u16, headers: &str) -> std::io::Result<()> {
    let head =
        format!("HTTP/1.1 {code} X\r\nConnection: close\r\nContent-Length: 0\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).await
}

struct Send<'s> {
    stream: TcpStream,
    state: &'s Mutex<State>,
    path: String,
    asked: Asked,
    object: Object,
}

impl Send<'_> {
    async fn run(mut self, manner: Manner) -> std::io::Result<()> {
        match &manner {
            Manner::Status(code) => return status(&mut self.stream, *code, "").await,
            Manner::Redirect(to) => {
                let location = format!("Location: {to}\r\n");
                return status(&mut self.stream, 302, &location).await;
            }
            Manner::Hang => std::future::pending().await,
            Manner::Garbage => return self.stream.write_all(b"SSH-2.0-x\r\n\r\n").await,
            _ => {}
        }
        let etag = self.object.etag.clone().unwrap_or_default();
        let header = |name: &str| self.asked.headers.get(name);
        if !matches!(manner, Manner::Unconditional) && !etag.is_empty() {
            if header("if-none-match") == Some(&etag) {
                return status(&mut self.stream, 304, &format!("ETag: {etag}\r\n")).await;
            }
            if header("if-match").is_some_and(|wanted| *wanted != etag) {
                return status(&mut self.stream, 412, "").await;
            }
        }
        let size = self.object.content.len() as u64;
        let asked = self.asked.range().filter(|range| {
            let plain = matches!(
                manner,
                Manner::IgnoreRange
                    | Manner::NoLength
                    | Manner::SlowNoLength(_)
                    | Manner::CompressedOnTheWay
            );
            range.start < size && !plain
        });
        let mut range = match &asked {
            Some(asked) => asked.start..asked.end.min(size),
            None => 0..size,
        };
        let mut head = String::from(if asked.is_some() {
            "HTTP/1.1 206 X\r\n"
        } else {
            "HTTP/1.1 200 OK\r\n"
        });
        head.push_str("Connection: close\r\n");
        let mut announced = range.clone();
        if let Manner::OtherRange { honest } = manner {
            range = range.start + 10..range.end + 10;
            if honest {
                announced = range.clone();
            }
        }
        if asked.is_some() {
            let last = announced.end - 1;
            let _ = write!(
                head,
                "Content-Range: bytes {}-{last}/{size}\r\n",
                announced.start
            );
        }
        if !etag.is_empty() {
            let _ = write!(head, "ETag: {etag}\r\n");
        }
        if let Some(modified) = &self.object.modified {
            let _ = write!(head, "Last-Modified: {modified}\r\n");
        }
        let mut len = range.end - range.start;
        match &manner {
            Manner::Compressed => head.push_str("Content-Encoding: gzip\r\n"),
            Manner::WrongLength(by) => len = len.saturating_add_signed(*by),
            _ => {}
        }
        if matches!(manner, Manner::CompressedOnTheWay) {
            head.push_str("Transfer-Encoding: gzip, chunked\r\n\r\n");
        } else if matches!(manner, Manner::NoLength | Manner::SlowNoLength(_)) {
            head.push_str("Transfer-Encoding: chunked\r\n\r\n");
        } else {
            let _ = write!(head, "Content-Length: {len}\r\n\r\n");
        }
        self.stream.write_all(head.as_bytes()).await?;
        self.body(range, &manner).await
    }

    async fn body(&mut self, range: Range<u64>, manner: &Manner) -> std::io::Result<()> {
        let content = Arc::clone(&self.object.content);
        let end = (range.end as usize).min(content.len());
        let body = &content[(range.start as usize).min(end)..end];
        let step = match manner {
            Manner::Drip { bytes, .. } => *bytes,
            _ => 64 << 10,
        };
        let mut sent = 0;
        for piece in body.chunks(step) {
            match manner {
                Manner::Drip { every, .. } | Manner::SlowNoLength(every) => {
                    tokio::time::sleep(*every).await;
                }
                Manner::Cut(after) | Manner::HangAfter(after) if sent >= *after => {
                    if matches!(manner, Manner::HangAfter(_)) {
                        std::future::pending::<()>().await;
                    }
                    return Ok(());
                }
                _ => {}
            }
            let chunked = matches!(
                manner,
                Manner::NoLength | Manner::SlowNoLength(_) | Manner::CompressedOnTheWay
            );
            if chunked {
                let size = format!("{:x}\r\n", piece.len());
                self.stream.write_all(size.as_bytes()).await?;
            }
            self.stream.write_all(piece).await?;
            if chunked {
                self.stream.write_all(b"\r\n").await?;
            }
            sent += piece.len() as u64;
            let path = self.path.clone();
            *self.state.lock().unwrap().sent.entry(path).or_default() += piece.len() as u64;
        }
        if matches!(manner, Manner::NoLength) {
            self.stream.write_all(b"0\r\n\r\n").await?;
        }
        self.stream.flush().await
    }
}
