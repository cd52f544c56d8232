//! The server with real sockets on the loopback, in this process: every kind of content and every
//! setting, over each kind of kernel interface.

mod addresses;
mod busy;
mod content;
mod drain;
mod faults;
mod partial;
mod settings;
mod uploads;
mod view;

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bootwire::client::{Client, ClientError};
use bootwire::router::App;
use bootwire::{Server, ServerHandle, TransferRecord};

/// A server that runs until it is dropped, and the records it made.
struct Running {
    handle: Option<ServerHandle>,
    address: SocketAddr,
    records: Arc<Mutex<Vec<TransferRecord>>>,
}

impl Running {
    /// Serves `app` on a free port of 127.0.0.1.
    fn start(app: impl Into<App>) -> Self {
        Self::with(app, Server::bind("127.0.0.1:0"))
    }

    fn with(app: impl Into<App>, server: Server) -> Self {
        let records = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&records);
        let observe = move |record: &TransferRecord| kept.lock().unwrap().push(record.clone());
        let handle = server
            .serve(app)
            .observe(observe)
            .start()
            .expect("the server starts");
        let mut address = handle.local_addrs()[0];
        if address.ip().is_unspecified() {
            address.set_ip("::1".parse().unwrap());
        }
        Self {
            handle: Some(handle),
            address,
            records,
        }
    }

    fn client(&self) -> Client {
        Client::new(self.address)
    }

    async fn get(&self, path: &str) -> Result<Vec<u8>, ClientError> {
        get(&self.client(), path).await
    }

    /// Stops the server and gives the records of everything that happened.
    async fn stop(mut self) -> Vec<TransferRecord> {
        let handle = self.handle.take().expect("runs until now");
        handle.drain(Duration::from_secs(5)).await;
        std::mem::take(&mut *self.records.lock().unwrap())
    }
}

async fn get(client: &Client, path: &str) -> Result<Vec<u8>, ClientError> {
    let mut content = Vec::new();
    client.get(path, &mut content).await?;
    Ok(content)
}

/// Bytes that differ from block to block.
fn pattern(len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| (at / 251) as u8 ^ (at % 251) as u8)
        .collect()
}

/// A client that speaks raw packets.
struct Raw {
    socket: UdpSocket,
}

impl Raw {
    fn new(local: &str) -> Self {
        let socket = UdpSocket::bind(local).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        Self { socket }
    }

    fn send(&self, to: SocketAddr, packet: &[u8]) {
        self.socket.send_to(packet, to).unwrap();
    }

    /// The next packet and where it came from.
    fn receive(&self) -> (Vec<u8>, SocketAddr) {
        let mut buffer = [0; 65_536];
        let (len, from) = self
            .socket
            .recv_from(&mut buffer)
            .expect("an answer within 20 s");
        (buffer[..len].to_vec(), from)
    }

    /// Whether nothing arrives for a while.
    fn hears_nothing(&self) -> bool {
        self.socket
            .set_read_timeout(Some(Duration::from_millis(300)))
            .unwrap();
        let silent = self.socket.recv_from(&mut [0; 64]).is_err();
        self.socket
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        silent
    }
}

/// RRQ in octet mode, options as text separated by NUL.
fn rrq(name: &str, options: &str) -> Vec<u8> {
    let mut packet = format!("\0\x01{name}\0octet\0{options}").into_bytes();
    if !options.is_empty() {
        packet.push(0);
    }
    packet
}

/// Waits until `done`, for at most 30 s.
async fn until(mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(30), "waited in vain");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
