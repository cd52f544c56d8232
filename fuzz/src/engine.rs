//! The whole engine: requests, transfers and timers, fed with datagrams.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bootwire::router::App;
use bootwire::server::simulation::{LISTENER, Settings, Taken, Wire, Worker};
use bootwire::{Accept, BoxFuture, Outcome, Refusal, Reply, Router, Schedule, Sink, Source};
use bootwire_proto::{Instant, Limits, Packet};
use bytes::Bytes;
use tokio::runtime::Runtime;
use tokio::sync::Notify;

const PEERS: u8 = 4;
const LANES: u16 = 2;
/// Longest packet before a peer has proved that it is there: DATA of 512 bytes.
const UNPROVEN_BYTES: usize = 516;
/// Packets for each request before that: the answer and two resends.
const UNPROVEN_PACKETS: usize = 3;
/// Everything has an end within this time: a client given up, an ended transfer forgotten.
const END: Duration = Duration::from_secs(300);
/// Turns in a row without time passing: far more than the largest file has windows.
const TURNS_MAX: usize = 10_000;

/// What is served: from memory, from a stream, and into a sink.
fn app() -> App {
    Router::new()
        .read("/memory", || {
            std::future::ready(Reply::bytes(vec![7; 3000]))
        })
        .read("/empty", || std::future::ready(Reply::empty()))
        .read("/stream", || std::future::ready(Reply::source(Pieces(5))))
        .read("/broken", || std::future::ready(Reply::source(Pieces(13))))
        .read("/busy", || {
            std::future::ready(Err::<Reply, _>(Refusal::busy()))
        })
        .write("/{*name}", || std::future::ready(Accept::into(Nowhere)))
        .into()
}

/// So many pieces of 700 bytes; 13 bring no luck.
struct Pieces(u32);

impl Source for Pieces {
    fn next(&mut self) -> BoxFuture<'_, io::Result<Bytes>> {
        let piece = match self.0 {
            // Nothing is the end.
            0 => Ok(Bytes::new()),
            10 => Err(io::ErrorKind::BrokenPipe.into()),
            _ => Ok(Bytes::from_static(&[9; 700])),
        };
        self.0 = self.0.saturating_sub(1);
        Box::pin(std::future::ready(piece))
    }
}

struct Nowhere;

impl Sink for Nowhere {
    fn write(&mut self, _: Bytes) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), Refusal>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

fn peer(number: u8) -> SocketAddr {
    ([10, 0, 0, 1 + number % PEERS], 4000).into()
}

/// What a peer has sent and got.
#[derive(Clone, Copy, Default)]
struct Dealings {
    /// Datagrams to the listening socket.
    asked: usize,
    /// Whether it has sent anything to a transfer.
    proven: bool,
    got: usize,
}

#[derive(Default)]
struct Network {
    peers: [Dealings; PEERS as usize],
    /// Sends that find no room.
    full: bool,
}

impl Wire for Network {
    fn send(&mut self, socket: u16, to: SocketAddr, _fragment: bool, bytes: &[u8]) -> Taken {
        assert!(socket <= LANES);
        let packet = Packet::parse(bytes).expect("a packet");
        assert!(!matches!(packet, Packet::Request(_)));
        let peers = 0..PEERS;
        let number = peers
            .into_iter()
            .find(|&number| peer(number) == to)
            .expect("somebody who has asked");
        let dealings = &mut self.peers[usize::from(number)];
        assert!(
            dealings.asked > 0 || dealings.proven,
            "{to} never said a word"
        );
        if self.full {
            return Taken::Full;
        }
        if !dealings.proven {
            assert!(
                bytes.len() <= UNPROVEN_BYTES,
                "{} bytes unproven",
                bytes.len()
            );
            dealings.got += 1;
            assert!(
                dealings.got <= UNPROVEN_PACKETS * dealings.asked,
                "{to}: an amplifier"
            );
        }
        Taken::Yes
    }
}

struct Scene {
    worker: Worker,
    network: Network,
    runtime: Runtime,
    now: Instant,
}

impl Scene {
    fn new(single_port: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let settings = Settings {
            local: ([10, 0, 0, 254], 69).into(),
            lanes: if single_port { 0 } else { LANES },
            lane_ports: 30_000,
            mtu: 1500,
            limits: Limits::default(),
            schedule: Schedule::default(),
            windowsize_first: 32,
            allow: None,
            transfers_max: 6,
            transfers_per_peer_max: 3,
            unproven_max: [5, 2, 4],
            requests_per_second: [20, 50],
            traceparent: true,
            deadline: Duration::from_secs(10),
            stall: Duration::from_secs(60),
        };
        let handle = runtime.handle().clone();
        let worker = Worker::new(&settings, app(), handle, 1, Arc::new(Notify::new()));
        Self {
            worker,
            network: Network::default(),
            runtime,
            now: Instant::ZERO,
        }
    }

    fn receive(&mut self, socket: u16, number: u8, payload: &[u8]) {
        let dealings = &mut self.network.peers[usize::from(number % PEERS)];
        if socket == LISTENER && matches!(payload, [0, 1 | 2, ..]) {
            dealings.asked += 1;
        } else {
            dealings.proven = true;
        }
        self.worker.receive(self.now, socket, peer(number), payload);
        self.settle();
    }

    /// Lets handlers, sources and sinks run, and sends, until nothing is left to do now.
    fn settle(&mut self) {
        for _ in 0..TURNS_MAX {
            self.runtime.block_on(async {
                for _ in 0..8 {
                    tokio::task::yield_now().await;
                }
            });
            self.worker.turn(self.now, &mut self.network);
            if !self.worker.has_work() {
                return;
            }
        }
        panic!("no end of work");
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now + time;
        self.settle();
    }

    /// Everybody leaves. Nothing may stay, not even where a socket takes no packets any more.
    fn end(mut self) {
        let end = self.now + END;
        for _ in 0..TURNS_MAX {
            let due = self.worker.next_due().unwrap_or(end).min(end);
            self.wait(due.since(self.now));
            if due == end {
                break;
            }
        }
        let left = self.worker.occupancy();
        assert_eq!(
            (left.active, left.places, left.slots, left.unproven),
            (0, 0, 0, 0),
            "{left:?}"
        );
        let stats = self.worker.stats();
        assert_eq!(stats.active, 0);
        // What cannot be read has a record too, although it is no transfer.
        let records = self.worker.take_records();
        let transfers = records
            .iter()
            .filter(|record| record.outcome != Outcome::Malformed)
            .count();
        assert_eq!(
            transfers as u64,
            stats.reads + stats.writes + stats.over_limit
        );
    }
}

/// Each byte string is a list of things that happen. Nothing may panic, be stuck or be left, no
/// peer get more than it has proved to want.
///
/// # Panics
/// If a promise is broken.
pub fn engine(bytes: &[u8]) {
    let mut bytes = bytes.iter().copied();
    let mut scene = Scene::new(bytes.next().is_some_and(|byte| byte & 1 == 1));
    while let Some(what) = bytes.next() {
        let mut next = || bytes.next().unwrap_or_default();
        let (who, socket) = (next(), u16::from(what >> 4) % (LANES + 1));
        match what % 8 {
            0 => {
                let names = [
                    "memory", "empty", "stream", "broken", "busy", "none", "../up", "memory/",
                ];
                let kind = next();
                let mode = if kind & 64 == 0 { "octet" } else { "netascii" };
                let name = names[usize::from(kind % 8)];
                let mut datagram = vec![0, 1 + (kind >> 7)];
                datagram.extend([name, mode].join("\0").bytes().chain([0]));
                for (bit, option) in [(8, "blksize"), (16, "windowsize"), (32, "tsize")] {
                    if kind & bit != 0 {
                        let value = u32::from(next()) * 40;
                        datagram.extend(format!("{option}\0{value}\0").bytes());
                    }
                }
                scene.receive(LISTENER, who, &datagram);
            }
            1 | 2 => {
                let block = u16::from_be_bytes([if what & 8 == 0 { 0 } else { next() }, next()]);
                let [high, low] = block.to_be_bytes();
                scene.receive(socket, who, &[0, 4, high, low]);
            }
            3 => {
                let (low, length) = (next(), next());
                let mut datagram = vec![0, 3, 0, low];
                datagram.resize(4 + usize::from(length) * 8, 5);
                scene.receive(socket, who, &datagram);
            }
            4 => {
                let datagram: Vec<u8> = (0..next() % 64).map(|_| next()).collect();
                scene.receive(socket, who, &datagram);
            }
            5 => scene.receive(socket, who, &[0, 5, 0, next() % 9, b'x', 0]),
            6 => scene.wait(Duration::from_micros(1 << (who % 28))),
            _ => {
                scene.network.full = who & 1 == 1;
                if !scene.network.full {
                    (0..=LANES).for_each(|socket| scene.worker.unblock(socket));
                    scene.settle();
                }
            }
        }
    }
    scene.end();
}
