//! A relay between one client and the server that loses, delays, doubles and reorders packets.

use std::collections::BinaryHeap;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often a thread looks whether the test is over.
const LOOK: Duration = Duration::from_millis(50);

/// What a relay does to packets, the same in both directions.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trouble {
    /// Time on the way, each way.
    pub(super) delay: Duration,
    /// Packets lost, of 1000. Requests are not: who repeats them is the client.
    pub(super) lost: u64,
    /// Packets doubled, of 1000.
    pub(super) doubled: u64,
    /// Packets that take a millisecond longer, and so change places with later ones, of 1000.
    pub(super) late: u64,
    /// Where chance begins.
    pub(super) seed: u64,
}

/// A running relay: clients talk to [`Relay::address`] as if it were the server. It serves one
/// transfer at a time.
pub(super) struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    trouble: Trouble,
    over: AtomicBool,
    lost: AtomicU64,
    /// Faces the clients, and faces the server.
    front: UdpSocket,
    back: UdpSocket,
    /// The client, and the server's end of its transfer.
    peers: Mutex<(Option<SocketAddr>, SocketAddr)>,
    server: SocketAddr,
}

/// A packet on its way; the earliest is the greatest.
#[derive(PartialEq, Eq)]
struct Late {
    due: Instant,
    order: u64,
    to_client: bool,
    bytes: Vec<u8>,
}

impl Ord for Late {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.due, other.order).cmp(&(self.due, self.order))
    }
}

impl PartialOrd for Late {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Relay {
    pub(super) fn new(server: SocketAddr, trouble: Trouble) -> Self {
        let socket = || {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
            socket2::SockRef::from(&socket)
                .set_recv_buffer_size(4 << 20)
                .expect("a receive buffer");
            socket.set_read_timeout(Some(LOOK)).expect("a timeout");
            socket
        };
        let shared = Arc::new(Shared {
            trouble,
            over: AtomicBool::new(false),
            lost: AtomicU64::new(0),
            front: socket(),
            back: socket(),
            peers: Mutex::new((None, server)),
            server,
        });
        let address = shared.front.local_addr().expect("bound");
        let (late, on_time) = channel();
        let threads = [
            thread::spawn({
                let (shared, late) = (Arc::clone(&shared), late.clone());
                move || shared.receive(false, &late)
            }),
            thread::spawn({
                let shared = Arc::clone(&shared);
                move || shared.receive(true, &late)
            }),
            thread::spawn({
                let shared = Arc::clone(&shared);
                move || shared.deliver(&on_time)
            }),
        ];
        Self {
            address,
            shared,
            threads: threads.into(),
        }
    }

    /// Where clients find it.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Packets lost so far, both ways together.
    pub(super) fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// Takes packets from one side and decides what becomes of them.
    fn receive(&self, to_client: bool, late: &Sender<Late>) {
        let socket = if to_client { &self.back } else { &self.front };
        let mut buffer = vec![0; 65_536];
        let mut index = 0;
        while !self.over.load(Ordering::Relaxed) {
            let (len, from) = match socket.recv_from(&mut buffer) {
                Ok(received) => received,
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    continue;
                }
                // A port unreachable, for a peer that has gone.
                Err(_) => continue,
            };
            let now = Instant::now();
            let bytes = &buffer[..len];
            let request = matches!(bytes, [0, 1 | 2, ..]);
            self.learn(to_client, request, from);
            index += 1;
            let chance = mixed(self.trouble.seed << 48 ^ u64::from(to_client) << 40 ^ index);
            if !request && chance % 1000 < self.trouble.lost {
                self.lost.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let copies = 1 + u64::from((chance >> 16) % 1000 < self.trouble.doubled);
            let extra = u32::from((chance >> 32) % 1000 < self.trouble.late);
            let due = now + self.trouble.delay + extra * Duration::from_millis(1);
            for copy in 0..copies {
                let packet = Late {
                    due,
                    order: index * 2 + copy,
                    to_client,
                    bytes: bytes.to_vec(),
                };
                if late.send(packet).is_err() {
                    return;
                }
            }
        }
    }

    /// Remembers who talks.
    fn learn(&self, to_client: bool, request: bool, from: SocketAddr) {
        let mut peers = self.peers.lock().expect("no thread panicked");
        match (to_client, request) {
            (true, _) => peers.1 = from,
            (false, true) => *peers = (Some(from), self.server),
            (false, false) => peers.0 = Some(from),
        }
    }

    /// Hands packets on when their time has come.
    fn deliver(&self, on_time: &Receiver<Late>) {
        let mut waiting = BinaryHeap::<Late>::new();
        while !self.over.load(Ordering::Relaxed) {
            let wait = waiting.peek().map_or(LOOK, |first| {
                first.due.saturating_duration_since(Instant::now())
            });
            match on_time.recv_timeout(wait) {
                Ok(packet) => waiting.push(packet),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            waiting.extend(on_time.try_iter());
            let now = Instant::now();
            while waiting.peek().is_some_and(|first| first.due <= now) {
                let Some(packet) = waiting.pop() else { break };
                let peers = *self.peers.lock().expect("no thread panicked");
                let _ = if packet.to_client {
                    peers
                        .0
                        .map(|client| self.front.send_to(&packet.bytes, client))
                } else {
                    Some(self.back.send_to(&packet.bytes, peers.1))
                };
            }
        }
    }
}

/// splitmix64.
fn mixed(seed: u64) -> u64 {
    let word = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
