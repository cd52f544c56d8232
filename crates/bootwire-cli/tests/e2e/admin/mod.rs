//! The admin API of a server, asked as operators' tools, browsers and attackers ask.

mod guarded;
mod listed;
mod orders;
mod secrets;
mod seen;
mod tail;
mod top;

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bootwire_admin::Client;
use bootwire_admin::client::Place;

use crate::harness::Server;

/// Longest anything may take that has to come; the rest is a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn socket(server: &Server) -> PathBuf {
    server.outside().join("admin.sock")
}

fn client(server: &Server) -> Client {
    Client::new(&Place::Unix(socket(server))).unwrap()
}

/// Runs what waits for a server.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, work).await.expect("in time") })
}

/// Asks again until the answer is as it should be.
async fn until<T, F: Future<Output = T>>(
    mut ask: impl FnMut() -> F,
    is_right: impl Fn(&T) -> bool,
) -> T {
    loop {
        let answer = ask().await;
        if is_right(&answer) {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The address that the log says the console is at.
fn console(server: &Server) -> SocketAddr {
    let found = server.notes().wait(PATIENCE, |lines| {
        let line = lines.iter().find(|line| line.starts_with("console: "))?;
        let address = line.split("://").nth(1)?.trim_end_matches('/');
        address.parse().ok()
    });
    found.expect("a console")
}

/// Sends these bytes and reads the answer until the end, or until there is nothing more for a while.
fn raw(mut stream: impl Read + Write, bytes: &[u8]) -> String {
    // Who answers before it has read everything may close.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn over_tcp(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn over_unix(server: &Server) -> UnixStream {
    let stream = UnixStream::connect(socket(server)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A request, and `Connection: close`.
fn request(line: &str, headers: &[&str], body: &str) -> Vec<u8> {
    let mut text = format!("{line} HTTP/1.1\r\nConnection: close\r\n");
    for header in headers {
        text += header;
        text += "\r\n";
    }
    if !body.is_empty() {
        let _ = write!(text, "Content-Length: {}\r\n", body.len());
    }
    (text + "\r\n" + body).into_bytes()
}

/// Waits until something is so.
#[track_caller]
fn expect_soon(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
