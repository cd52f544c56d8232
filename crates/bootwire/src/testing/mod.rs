//! A whole server in virtual time, for tests of programs. Behind the feature `testing`.
//!
//! Handlers, routes and layers need no server to be tested: [`App::read`](crate::router::App::read)
//! and [`App::write`](crate::router::App::write) do. This is for what only transfers show: what is
//! granted to a client that asks for much, what becomes of an upload that ends in its middle, what the
//! record says, how long a boot over a bad line takes.
//!
//! ```
//! use std::time::Duration;
//!
//! use bootwire::testing::{Fate, Script, VirtualServer};
//! use bootwire::{Outcome, Router, Server};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // In a test: #[tokio::test(start_paused = true)]
//! let app = Router::new().read("/vmlinuz", async || vec![7_u8; 100_000]);
//! let mut server = VirtualServer::new(Server::bind("[::]:69").serve(app))?;
//!
//! let boot = Script::read("/vmlinuz")
//!     .blksize(1468)
//!     .windowsize(4)
//!     // Every tenth packet of the server is lost.
//!     .network(|packet| match packet.from_server && packet.number.is_multiple_of(10) {
//!         true => Fate::Lost,
//!         false => Fate::Arrives,
//!     });
//! let transfer = server.run(boot).await;
//! assert_eq!(transfer.content.unwrap().len(), 100_000);
//! assert_eq!(transfer.records[0].outcome, Outcome::Complete);
//! assert!(transfer.took < Duration::from_secs(60));
//! # Ok(())
//! # }
//! ```
//!
//! # What is real
//! The engine: admission, negotiation, windows, retransmission, timeouts, budgets, records, counts, and
//! the handlers, sources and sinks, which run on the test's own tokio runtime. Time passes only when
//! nothing else is to be done, so that a timeout of a minute takes no time.
//!
//! # What is not
//! - The kernel: no sockets, no segmentation offload; files are read, not mapped.
//! - Threads: there is one worker, whatever [`Server::workers`](crate::Server::workers) says. Ports,
//!   sockets, spinning and [`Server::stats_every`](crate::Server::stats_every) have no meaning here.
//! - The clients: they keep to the RFCs and do what their script says. They are no model of a firmware.
//! - Whatever does not go by tokio's clock. What runs on tokio's blocking threads, such as opening a
//!   file, takes no virtual time. While a handler waits for a real network, virtual time runs on, and its
//!   deadline with it: give such handlers a stand-in for what they ask.
//!
//! The same test gives the same packets at the same times, as long as its handlers depend on nothing but
//! the request and tokio's time. Which packets those are may change with every version: test what a
//! client gets, not how often something was sent.

mod client;
mod script;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bootwire_proto::Instant;
use bytes::Bytes;

use self::client::Client;
pub use self::script::{Fate, Packet, Script};
use crate::server::simulation::{Clock, LISTENER, Settings, Taken, Wire, Worker};
use crate::server::{Observer, Server, ServerError, ServerStats};
use crate::{ErrorCode, TransferRecord};

/// Time a turn of the worker takes.
const TURN: Duration = Duration::from_micros(1);

/// Virtual time after which a run is taken for one that never ends.
const HORIZON: Duration = Duration::from_secs(24 * 3600);

/// How long it is waited for handlers where nothing else is to happen.
const REST: Duration = Duration::from_secs(60);

/// A server without sockets, in virtual time. See the [module](self).
pub struct VirtualServer {
    worker: Worker,
    observers: Vec<Observer>,
    settings: Settings,
    clock: Clock,
    now: Instant,
    queue: BinaryHeap<Reverse<Passing>>,
    /// Datagrams so far, which orders those that arrive at the same time.
    datagrams: u64,
    /// Clients so far.
    clients: u16,
}

/// A transfer as its client saw it, and what the server says of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Transfer {
    /// What the client has in the end; nothing for an upload.
    pub content: Result<Bytes, Failure>,
    /// The options of the server's OACK, in order.
    pub granted: Vec<(String, u64)>,
    /// The server's records for this client, in the order they were made.
    pub records: Vec<TransferRecord>,
    /// From the request until the client was done.
    pub took: Duration,
    /// Datagrams the client sent and was sent, those included that were lost.
    pub datagrams: u64,
}

/// Why a client does not have what it wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The server ended it with this ERROR.
    #[error("{code:?}: {text}")]
    Error {
        /// The code.
        code: ErrorCode,
        /// The text.
        text: String,
    },
    /// The server was silent for too long.
    #[error("the server was silent")]
    Silence,
    /// The client did as its script said and left.
    #[error("the client left")]
    Left,
    /// The server broke the protocol.
    #[error("{0}")]
    Protocol(&'static str),
}

/// A datagram on its way. Those that arrive first are the smallest.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Passing {
    at: Instant,
    number: u64,
    client: usize,
    /// The server's socket it goes to or comes from.
    socket: u16,
    to_server: bool,
    payload: Vec<u8>,
}

/// Collects what the server sends.
struct Sent(Vec<(u16, SocketAddr, Vec<u8>)>);

impl Wire for Sent {
    fn send(&mut self, socket: u16, to: SocketAddr, _fragment: bool, bytes: &[u8]) -> Taken {
        self.0.push((socket, to, bytes.to_vec()));
        Taken::Yes
    }
}

impl VirtualServer {
    /// A server with these settings, its application and its observers. Call it within a tokio runtime
    /// of one thread whose time is paused: `#[tokio::test(start_paused = true)]`, for which tokio needs its
    /// feature `test-util`.
    ///
    /// # Errors
    /// As [`Server::start`], as far as settings are concerned.
    pub fn new(server: Server) -> Result<Self, ServerError> {
        let (settings, app, observers) = server.in_virtual_time()?;
        let clock = Clock::new();
        let (runtime, news) = (clock.runtime().clone(), clock.news());
        Ok(Self {
            worker: Worker::new(&settings, app, runtime, 1, news),
            observers,
            settings,
            clock,
            now: Instant::ZERO,
            queue: BinaryHeap::new(),
            datagrams: 0,
            clients: 0,
        })
    }

    /// Plays one client to its end. Also the server's: its record is there.
    ///
    /// # Panics
    /// If it does not end within a day of virtual time.
    pub async fn run(&mut self, script: Script) -> Transfer {
        let mut transfers = self.run_all([script]).await;
        transfers.remove(0)
    }

    /// Plays several clients at once. Each has a port of its own, and an address of its own unless its
    /// [script says](Script::peer).
    ///
    /// # Panics
    /// As [`VirtualServer::run`].
    pub async fn run_all(&mut self, scripts: impl IntoIterator<Item = Script>) -> Vec<Transfer> {
        let mut clients: Vec<Client> = Vec::new();
        for script in scripts {
            self.clients += 1;
            clients.push(Client::new(script, self.clients, self.now));
        }
        for index in 0..clients.len() {
            self.client_sends(&mut clients, index);
        }
        let began = self.now;
        let mut turned = None;
        while !self.is_over(&clients) {
            assert!(
                self.now.since(began) < HORIZON,
                "the transfers do not end: {clients:?}"
            );
            let worker = match self.worker.has_work() {
                true => Some(turned.map_or(self.now, |at: Instant| at + TURN)),
                false => self.worker.next_due(),
            };
            let arrival = self.queue.peek().map(|Reverse(next)| next.at);
            let due = clients.iter().filter_map(Client::due).min();
            let next = [worker, arrival, due].into_iter().flatten().min();
            let until = next.unwrap_or(self.now + REST).max(self.now);
            self.clock.wait(&mut self.now, until).await;
            self.deliver(&mut clients);
            for index in 0..clients.len() {
                if clients[index].due().is_some_and(|at| at <= self.now) {
                    clients[index].on_time(self.now);
                    self.client_sends(&mut clients, index);
                }
            }
            self.turn(&mut clients);
            turned = Some(self.now);
        }
        clients.into_iter().map(Client::into_transfer).collect()
    }

    /// Lets time pass with nobody there.
    pub async fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            let next = self.worker.next_due().unwrap_or(until).min(until);
            let next = next.max(self.now + TURN).min(until);
            self.clock.wait(&mut self.now, next).await;
            self.turn(&mut []);
        }
    }

    /// Statistics now.
    #[must_use]
    pub fn stats(&self) -> ServerStats {
        self.worker.stats()
    }

    fn is_over(&self, clients: &[Client]) -> bool {
        clients.iter().all(Client::is_over)
            && self.queue.is_empty()
            && !self.worker.has_work()
            && self.worker.occupancy().active == 0
    }

    /// Everything that has arrived is taken.
    fn deliver(&mut self, clients: &mut [Client]) {
        while self
            .queue
            .peek()
            .is_some_and(|Reverse(next)| next.at <= self.now)
        {
            let Some(Reverse(mut datagram)) = self.queue.pop() else {
                return;
            };
            let client = &mut clients[datagram.client];
            if datagram.to_server {
                let peer = client.peer();
                self.worker
                    .receive(self.now, datagram.socket, peer, &datagram.payload);
            } else if let Some(busy) = client.pauses_until(self.now) {
                datagram.at = busy;
                self.queue.push(Reverse(datagram));
            } else {
                client.receive(self.now, datagram.socket, &datagram.payload);
                let index = datagram.client;
                self.client_sends(clients, index);
            }
        }
    }

    fn client_sends(&mut self, clients: &mut [Client], index: usize) {
        for (socket, payload) in clients[index].sends(self.now) {
            let socket = socket.unwrap_or(LISTENER);
            self.send(clients, index, socket, true, &payload);
        }
    }

    /// The worker's turn: messages, timers, what it sends, its records.
    fn turn(&mut self, clients: &mut [Client]) {
        let mut sent = Sent(Vec::new());
        self.worker.turn(self.now, &mut sent);
        for (socket, to, payload) in sent.0 {
            if let Some(index) = clients.iter().position(|client| client.peer() == to) {
                self.send(clients, index, socket, false, &payload);
            }
        }
        let records = self.worker.take_records();
        if records.is_empty() {
            return;
        }
        for observer in &self.observers {
            observer(&records);
        }
        for record in records {
            let mut all = clients.iter_mut();
            if let Some(client) = all.find(|client| client.peer() == record.peer) {
                client.records.push(record);
            }
        }
    }

    /// A datagram leaves, and the client's network decides what becomes of it.
    fn send(
        &mut self,
        clients: &mut [Client],
        index: usize,
        socket: u16,
        to_server: bool,
        payload: &[u8],
    ) {
        let (latency, fate) = clients[index].carry(!to_server, payload);
        let (delays, count) = match fate {
            Fate::Arrives => ([Duration::ZERO; 2], 1),
            Fate::Late(delay) => ([delay; 2], 1),
            Fate::Twice => ([Duration::ZERO; 2], 2),
            Fate::Lost => ([Duration::ZERO; 2], 0),
        };
        for delay in delays.into_iter().take(count) {
            self.datagrams += 1;
            self.queue.push(Reverse(Passing {
                at: self.now + latency + delay,
                number: self.datagrams,
                client: index,
                socket,
                to_server,
                payload: payload.to_vec(),
            }));
        }
    }
}

impl fmt::Debug for VirtualServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualServer")
            .field("settings", &self.settings)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}
