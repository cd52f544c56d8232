//! An HTTP server that does as told, also what a server should not do.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What it does with a request.
#[derive(Clone)]
pub(crate) enum Say {
    /// A status and a body.
    Answer(u16, Vec<u8>),
    /// An answer after a while.
    Later(Duration, Vec<u8>),
    /// Nothing, for ever.
    Hang,
    /// Body after body, without end.
    Flood,
    /// A byte every 100 ms, without end.
    Drip,
    /// Half of what it announced.
    Cut,
    /// A body with this header.
    With(&'static str, Vec<u8>),
}

impl Say {
    pub(crate) fn json(text: &str) -> Self {
        Self::Answer(200, text.into())
    }
}

/// Chooses by request line and body.
type Choose = Arc<dyn Fn(&str, &str) -> Say + Send + Sync>;

pub(crate) struct Web {
    pub(crate) address: SocketAddr,
    asked: Arc<AtomicU32>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Web {
    pub(crate) async fn start(choose: impl Fn(&str, &str) -> Say + Send + Sync + 'static) -> Self {
        let choose: Choose = Arc::new(choose);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let web = Self {
            address: listener.local_addr().unwrap(),
            asked: Arc::default(),
            heads: Arc::default(),
        };
        let (asked, heads) = (Arc::clone(&web.asked), Arc::clone(&web.heads));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (choose, asked) = (Arc::clone(&choose), Arc::clone(&asked));
                let heads = Arc::clone(&heads);
                tokio::spawn(async move {
                    // Clients go away in the middle: that is what some tests are about.
                    let _ = serve(stream, &choose, &asked, &heads).await;
                });
            }
        });
        web
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How many requests came.
    pub(crate) fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }

    /// Request line and headers of every request.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    choose: &Choose,
    asked: &AtomicU32,
    heads: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    loop {
        let mut request = Vec::new();
        let head = loop {
            if let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        };
        let text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
        let length = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        while request.len() < head + length {
            stream.read_buf(&mut request).await?;
        }
        let head = String::from_utf8_lossy(&request[..head]).into_owned();
        let line = head.lines().next().unwrap().to_owned();
        let body = String::from_utf8_lossy(&request[head.len()..]).into_owned();
        heads.lock().unwrap().push(head);
        asked.fetch_add(1, Ordering::Relaxed);
        match choose(&line, &body) {
            Say::Answer(status, body) => answer(&mut stream, status, &body).await?,
            Say::Later(wait, body) => {
                tokio::time::sleep(wait).await;
                answer(&mut stream, 200, &body).await?;
            }
            Say::Hang => std::future::pending().await,
            Say::Flood => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                loop {
                    stream.write_all(&[b'x'; 65_536]).await?;
                }
            }
            Say::Drip => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                loop {
                    stream.write_all(b" ").await?;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
            Say::With(header, body) => {
                let head = format!("HTTP/1.1 200 OK\r\n{header}\r\nconnection: close\r\n\r\n");
                stream.write_all(head.as_bytes()).await?;
                stream.write_all(&body).await?;
                return Ok(());
            }
            Say::Cut => {
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"text\":")
                    .await?;
                return Ok(());
            }
        }
    }
}

async fn answer(stream: &mut TcpStream, status: u16, body: &[u8]) -> std::io::Result<()> {
    let location = if (300..400).contains(&status) {
        "location: http://192.0.2.1/elsewhere\r\n"
    } else {
        ""
    };
    let head = format!(
        "HTTP/1.1 {status} Whatever\r\n{location}content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await
}
