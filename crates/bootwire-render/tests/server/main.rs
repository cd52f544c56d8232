//! Files made for one machine, over real sockets on the loopback: a real server, the framework's own
//! client, real databases, programs and HTTP servers.

mod hooks;
mod http;
mod postgres;
mod sqlite;
mod templates;
mod web;

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bootwire::client::{Client, ClientError};
use bootwire::router::App;
use bootwire::{ErrorCode, Server, ServerHandle, TransferRecord};
use bootwire_render::inventory::Inventory;
use bootwire_render::template::{Template, Templates};

/// A server that runs until it is dropped, and the records it made.
struct Running {
    handle: Option<ServerHandle>,
    address: SocketAddr,
    records: Arc<Mutex<Vec<TransferRecord>>>,
}

impl Running {
    /// Serves `app` on a free port of 127.0.0.1.
    fn start(app: impl Into<App>) -> Self {
        let records = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&records);
        let handle = Server::bind("127.0.0.1:0")
            .serve(app)
            .observe(move |record: &TransferRecord| kept.lock().unwrap().push(record.clone()))
            .start()
            .expect("the server starts");
        let address = handle.local_addrs()[0];
        Self {
            handle: Some(handle),
            address,
            records,
        }
    }

    async fn get(&self, path: &str) -> Result<String, ClientError> {
        let mut content = Vec::new();
        Client::new(self.address).get(path, &mut content).await?;
        Ok(String::from_utf8(content).unwrap())
    }

    /// The ERROR that a request for `path` gets.
    async fn refused(&self, path: &str) -> (ErrorCode, String) {
        match self.get(path).await {
            Err(ClientError::Remote { code, text }) => (code, text),
            other => panic!("no ERROR: {other:?}"),
        }
    }

    /// Stops the server and gives the records of everything that happened.
    async fn stop(mut self) -> Vec<TransferRecord> {
        let handle = self.handle.take().expect("runs until now");
        handle.drain(Duration::from_secs(5)).await;
        std::mem::take(&mut *self.records.lock().unwrap())
    }
}

/// A client that speaks raw packets.
struct Raw(UdpSocket);

impl Raw {
    fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        Self(socket)
    }

    fn read(&self, server: SocketAddr, name: &str) {
        let packet = format!("\0\x01{name}\0octet\0");
        self.0.send_to(packet.as_bytes(), server).unwrap();
    }

    /// The next packet.
    fn receive(&self) -> Vec<u8> {
        let mut buffer = [0; 2048];
        let (len, _) = self
            .0
            .recv_from(&mut buffer)
            .expect("an answer within 10 s");
        buffer[..len].to_vec()
    }
}

/// Templates of one file, `t.j2`.
fn template(dir: &Path, text: &str) -> Template {
    std::fs::write(dir.join("t.j2"), text).unwrap();
    Template::new(&Templates::open(dir).unwrap(), "t.j2")
}

/// A server that says of every machine of `inventory` what is known of it.
fn telling(dir: &Path, inventory: impl Inventory) -> Running {
    let text = "{{ machine.hostname }} {{ machine.profile | default('-') }} {{ vars.disk | default('-') }}";
    let router = bootwire::Router::new().read("/{mac}", template(dir, text).inventory(inventory));
    Running::start(router)
}

/// Fails if `what` takes longer than `limit`, in seconds.
async fn within<T>(limit: u64, what: impl Future<Output = T>) -> T {
    let begin = Instant::now();
    let done = tokio::time::timeout(Duration::from_secs(limit), what).await;
    done.unwrap_or_else(|_| panic!("not done after {:?}", begin.elapsed()))
}
