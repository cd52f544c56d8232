//! A web server for the demo: the origin whose files the demo's server fetches once and keeps.
//!
//! It speaks as much HTTP as that takes (RFC 9112): GET and HEAD, one range, entity tags, connections
//! that stay open. It is on loopback alone, and its files are known beforehand.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// Connections at a time.
const CONNECTIONS: usize = 64;
/// How long one may be silent.
const SILENCE: Duration = Duration::from_secs(60);
/// Bytes of a request.
const REQUEST_MAX: u64 = 16 << 10;
/// Bytes at a time, and the pause after them: a mirror that is not next door.
const PIECE: usize = 256 << 10;
const PAUSE: Duration = Duration::from_millis(8);

/// Files by their paths, `/12.7/vmlinuz`.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// Serves these files until it is dropped.
pub(crate) async fn serve(listener: TcpListener, files: Files) {
    let (files, places) = (Arc::new(files), Arc::new(Semaphore::new(CONNECTIONS)));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let files = Arc::clone(&files);
                tokio::spawn(async move {
                    // Who breaks off knows why.
                    let _ = connection(stream, &files).await;
                    drop(place);
                });
            }
            // No more descriptors, say.
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn connection(stream: TcpStream, files: &Files) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    while let Ok(request) = timeout(SILENCE, Request::read(&mut reader)).await {
        let Some(request) = request? else { break };
        answer(&request, files, &mut writer).await?;
    }
    Ok(())
}

/// What is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    method: String,
    path: String,
    range: Option<String>,
    if_none_match: Option<String>,
    if_match: Option<String>,
}

impl Request {
    /// The next one; `None` if there will be no more.
    async fn read(reader: &mut BufReader<OwnedReadHalf>) -> io::Result<Option<Self>> {
        let mut head = reader.take(REQUEST_MAX);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if head.read_line(&mut line).await? == 0 {
                return Ok(None);
            }
            match line.trim_end() {
                "" if lines.is_empty() => {}
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        Ok(Self::parse(&lines))
    }

    fn parse(lines: &[String]) -> Option<Self> {
        let mut words = lines.first()?.split(' ');
        let mut request = Self {
            method: words.next()?.to_owned(),
            path: words.next()?.to_owned(),
            ..Self::default()
        };
        for line in &lines[1..] {
            let (name, value) = line.split_once(':')?;
            let value = Some(value.trim().to_owned());
            match name.to_ascii_lowercase().as_str() {
                "range" => request.range = value,
                "if-none-match" => request.if_none_match = value,
                "if-match" => request.if_match = value,
                _ => {}
            }
        }
        Some(request)
    }

    /// Which bytes, of so many; `None` for all. One that makes no sense counts as none, as RFC 9110
    /// section 14.2 has it.
    fn range(&self, size: usize) -> Option<Result<Range<usize>, ()>> {
        let range = self.range.as_deref()?.strip_prefix("bytes=")?;
        let (first, last) = range.split_once('-')?;
        let first: usize = first.parse().ok()?;
        let last = match last {
            "" => size,
            last => last.parse::<usize>().ok()?.saturating_add(1).min(size),
        };
        Some(if first < last {
            Ok(first..last)
        } else {
            Err(())
        })
    }
}

/// A tag of content that never changes while the demo runs.
fn tag(path: &str, content: &[u8]) -> String {
    format!("\"{}-{:x}\"", path.len(), content.len())
}

async fn answer(request: &Request, files: &Files, to: &mut OwnedWriteHalf) -> io::Result<()> {
    let Some(content) = files.get(&request.path) else {
        let head = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        return to.write_all(head.as_bytes()).await;
    };
    let tag = tag(&request.path, content);
    let is = |wanted: &Option<String>| wanted.as_deref().is_some_and(|wanted| wanted == tag);
    let size = content.len();
    let common = format!("ETag: {tag}\r\nAccept-Ranges: bytes\r\n");
    let (status, more, range) = match (request.method.as_str(), request.range(size)) {
        ("GET" | "HEAD", _) if is(&request.if_none_match) => {
            ("304 Not Modified", String::new(), 0..0)
        }
        ("GET" | "HEAD", _) if request.if_match.is_some() && !is(&request.if_match) => {
            ("412 Precondition Failed", String::new(), 0..0)
        }
        ("GET" | "HEAD", Some(Err(()))) => {
            let all = format!("Content-Range: bytes */{size}\r\n");
            ("416 Range Not Satisfiable", all, 0..0)
        }
        ("GET" | "HEAD", Some(Ok(range))) => {
            let which = format!("{}-{}/{size}", range.start, range.end - 1);
            let which = format!("Content-Range: bytes {which}\r\n");
            ("206 Partial Content", which, range)
        }
        ("GET" | "HEAD", None) => ("200 OK", String::new(), 0..size),
        _ => ("405 Method Not Allowed", String::new(), 0..0),
    };
    let length = match status {
        "304 Not Modified" => String::new(),
        _ => format!("Content-Length: {}\r\n", range.len()),
    };
    let head = format!("HTTP/1.1 {status}\r\n{length}{common}{more}\r\n");
    to.write_all(head.as_bytes()).await?;
    if request.method == "HEAD" {
        return Ok(());
    }
    for piece in content[range].chunks(PIECE) {
        to.write_all(piece).await?;
        sleep(PAUSE).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_come_whole_in_part_or_not_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let files = Files::from([("/a".to_owned(), b"0123456789".to_vec())]);
        let server = tokio::spawn(serve(listener, files));
        let tag = tag("/a", b"0123456789");
        for (request, status, body) in [
            ("GET /a HTTP/1.1\r\n", "200", "0123456789"),
            ("HEAD /a HTTP/1.1\r\n", "200", ""),
            ("GET /b HTTP/1.1\r\n", "404", ""),
            ("POST /a HTTP/1.1\r\n", "405", ""),
            ("GET /a HTTP/1.1\r\nRange: bytes=2-4\r\n", "206", "234"),
            ("GET /a HTTP/1.1\r\nrange: bytes=8-99\r\n", "206", "89"),
            ("GET /a HTTP/1.1\r\nRange: bytes=7-\r\n", "206", "789"),
            ("GET /a HTTP/1.1\r\nRange: bytes=10-\r\n", "416", ""),
            (
                format!("GET /a HTTP/1.1\r\nIf-None-Match: {tag}\r\n").as_str(),
                "304",
                "",
            ),
            ("GET /a HTTP/1.1\r\nIf-Match: \"x\"\r\n", "412", ""),
        ] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let request = format!("{request}Host: x\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            let (head, got) = answer.split_once("\r\n\r\n").expect(&answer);
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
            assert_eq!(got, body, "{request}");
        }
        server.abort();
    }
}
