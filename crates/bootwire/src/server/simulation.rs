//! A worker without sockets, threads or a clock of its own, for simulations of the whole engine.
//!
//! Behind the feature `simulation`, and **no part of the crate's promises**: it changes whenever
//! the engine does.
//!
//! [`Worker`] does what a worker thread does, with the same engine, admission, timers, pumps and
//! stores; only the ends are others: datagrams are handed in by [`Worker::receive`], go out through
//! a [`Wire`], and time is an argument. Handlers, sources and sinks run on the tokio runtime it is
//! given, which should have paused time.

mod clock;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use bootwire_io::{Blocks, Datagram, Destination, Full, Payload};
use bootwire_proto::{Instant, Limits, Schedule};
use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;
use ipnet::IpNet;
use tokio::sync::Notify;

pub use self::clock::Clock;
use super::admission::{Admission, Budgets, Guard, OwnAddresses};
use super::engine::{Asked, Batch, Config, Engine, Host, Planned};
use super::experience::Experiences;
use super::host::TokioHost;
use super::inbox::{Inbox, Message, TransferKey, Wakes};
use super::lane::{Lane, Lanes};
use super::small::Small;
use super::stats::{Counters, ServerStats};
use super::store::StoreHandle;
use crate::content::{Content, Errand};
use crate::record::Ended;
use crate::router::App;
use crate::{Request, Sink, TransferRecord};

/// The number of the listening socket.
pub const LISTENER: u16 = 0;

/// The settings of a [`Worker`], as of [`crate::Server`].
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address that is asked, with the listening port.
    pub local: SocketAddr,
    /// Transfer sockets, numbered from 1, on the ports above `lane_ports`; 0: everything goes
    /// through the listening socket.
    pub lanes: u16,
    /// The port below that of the first transfer socket.
    pub lane_ports: u16,
    /// MTU of the interface.
    pub mtu: u32,
    /// Bounds on options.
    pub limits: Limits,
    /// Rules of retransmission.
    pub schedule: Schedule,
    /// Largest window for a client that has not acknowledged one yet.
    pub windowsize_first: u16,
    /// Who is answered; `None`: everyone.
    pub allow: Option<Vec<IpNet>>,
    /// Most transfers at a time.
    pub transfers_max: usize,
    /// Most transfers at a time of one peer address.
    pub transfers_per_peer_max: usize,
    /// Most transfers whose client has not answered: in all, of one address, of its network. 0 is
    /// no limit.
    pub unproven_max: [u32; 3],
    /// Most requests a second: of one address, of its network. 0 is no limit.
    pub requests_per_second: [u32; 2],
    /// How long a handler may take.
    pub deadline: Duration,
    /// Longest a source or sink may do nothing while its client waits.
    pub stall: Duration,
    /// Whether a trace context at the end of a file name is taken off.
    pub traceparent: bool,
}

/// What a worker holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Occupancy {
    /// Transfers without a record.
    pub active: u64,
    /// Places taken at admission.
    pub places: usize,
    /// Places taken by transfers whose client has not answered.
    pub unproven: u32,
    /// Bytes of content held for clients that have not answered.
    pub unproven_content: u64,
    /// Entries of the transfer table: also transfers that have ended and are kept for repeats.
    pub slots: usize,
    /// Slots that stand in the timer wheel, those included whose transfer has ended.
    pub timers: usize,
    /// Transfers that wait for their turn to send.
    pub ready: usize,
    /// Packets to peers without a transfer that wait to be sent.
    pub outbox: usize,
    /// Most bytes held of one stream that is sent.
    pub spooled: u64,
    /// Most bytes of one upload that its sink has not taken.
    pub unstored: u64,
}

/// What became of a datagram that was given to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is on its way.
    Yes,
    /// The socket's buffer is full until [`Worker::unblock`].
    Full,
    /// It is larger than the path takes in one piece (`EMSGSIZE`).
    TooBig,
}

/// The kernel's side of sending.
pub trait Wire {
    /// The socket numbered `socket` sends `bytes` to `to`; with `fragment` IP may cut them in pieces
    /// on the way.
    fn send(&mut self, socket: u16, to: SocketAddr, fragment: bool, bytes: &[u8]) -> Taken;
}

/// A worker.
pub struct Worker {
    engine: Engine<SimulatedHost>,
    lanes: SimulatedLanes,
    inbox: Arc<Inbox>,
    counters: Arc<Counters>,
    running: Arc<AtomicUsize>,
    guard: Arc<Guard>,
    /// Transfers that wait for a socket to take packets again.
    blocked: BTreeMap<u16, Vec<u32>>,
    messages: Vec<Message>,
    planned: Vec<Planned>,
    small: Vec<Small>,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker")
            .field("occupancy", &self.occupancy())
            .finish_non_exhaustive()
    }
}

impl Worker {
    /// A worker that serves `app`. Two with the same `seed` that are told the same do the same.
    /// `news` is notified when a handler, source or sink has left a message.
    #[must_use]
    pub fn new(
        settings: &Settings,
        app: impl Into<App>,
        runtime: tokio::runtime::Handle,
        seed: u64,
        news: Arc<Notify>,
    ) -> Self {
        let inbox = Arc::new(Inbox::waking(Wakes::Task(news)));
        let counters = Arc::<Counters>::default();
        let running = Arc::<AtomicUsize>::default();
        let tokio = TokioHost {
            runtime,
            app: app.into(),
            inbox: Arc::clone(&inbox),
            ids: Arc::default(),
            deadline: settings.deadline,
            mapping: false,
            records: None,
        };
        let host = SimulatedHost {
            tokio,
            now: Instant::ZERO,
            records: Vec::new(),
        };
        let config = Config {
            limits: settings.limits,
            schedule: settings.schedule,
            windowsize_first: settings.windowsize_first,
            deadline: settings.deadline,
            stall: settings.stall,
            fragment: false,
            traceparent: settings.traceparent,
            listeners: LISTENER + 1,
        };
        let guard = Arc::new(guard(settings, seed));
        let admission = Admission::new(
            settings.allow.clone().map(Vec::into_boxed_slice),
            Arc::clone(&running),
            settings.transfers_max,
            settings.transfers_per_peer_max,
        )
        .guarded(Arc::clone(&guard));
        let shared = Arc::clone(&counters);
        let hasher = SeedableRandomState::with_seed(seed, SharedSeed::global_fixed());
        let experiences = Arc::new(Experiences::new(hasher));
        let mut engine = Engine::new(
            Instant::ZERO,
            host,
            config,
            admission,
            experiences,
            shared,
            seed as u32,
        );
        engine.hash_by(Instant::ZERO, seed);
        Self {
            engine,
            lanes: SimulatedLanes {
                local: settings.local,
                count: settings.lanes,
                ports: settings.lane_ports,
                mtu: settings.mtu,
                made: false,
            },
            inbox,
            counters,
            running,
            guard,
            blocked: BTreeMap::new(),
            messages: Vec::new(),
            planned: Vec::new(),
            small: Vec::new(),
        }
    }

    /// A datagram arrived on a socket.
    pub fn receive(&mut self, now: Instant, socket: u16, peer: SocketAddr, payload: &[u8]) {
        self.engine.host.now = now;
        let datagram = Datagram {
            payload,
            peer,
            local: Some(self.lanes.local.ip()),
            interface: 1,
            truncated: false,
            drops: None,
            unicast: true,
        };
        if socket != LISTENER || (self.lanes.made && !matches!(payload, [0, 1 | 2, ..])) {
            self.engine.on_lane(now, socket, FRONT, &datagram);
        } else {
            self.engine
                .on_listener(now, socket, &datagram, &mut self.lanes);
        }
    }

    /// One turn of a worker's loop: reads messages, looks at timers, sends one round.
    pub fn turn(&mut self, now: Instant, wire: &mut impl Wire) {
        self.engine.host.now = now;
        self.inbox.take(&mut self.messages);
        for message in self.messages.drain(..) {
            self.engine.on_message(now, message);
        }
        self.engine.on_time(now);
        self.engine.plan(now, &mut self.planned, &mut self.small);
        for small in &self.small {
            // A full buffer loses it: there is no transfer that could send it again.
            if !self.blocked.contains_key(&small.lane)
                && wire.send(small.lane, small.to.peer, false, small.bytes()) == Taken::Yes
            {
                self.counters.packets_out.add(1);
            }
        }
        let mut unsent = Vec::new();
        for planned in &self.planned {
            let mut packets = Packets(Vec::new());
            // It takes everything.
            let _ = self.engine.add(planned, 0, &mut packets);
            self.engine.sent(planned);
            for (block, (to, bytes)) in packets.0.iter().enumerate() {
                let full = self.blocked.contains_key(&planned.lane);
                let taken = match full {
                    true => Taken::Full,
                    false => wire.send(planned.lane, *to, planned.fragment, bytes),
                };
                if taken == Taken::Full {
                    self.blocked
                        .entry(planned.lane)
                        .or_default()
                        .push(planned.index);
                }
                if taken != Taken::Yes {
                    unsent.push((*planned, block as u32, taken));
                    break;
                }
                self.counters.packets_out.add(1);
            }
        }
        for (planned, block, taken) in unsent {
            match taken {
                Taken::TooBig => self.engine.too_big(&planned, block),
                Taken::Full | Taken::Yes => self.engine.unsent(&planned, block),
            }
        }
        self.planned.clear();
        self.small.clear();
    }

    /// A socket's buffer has room again.
    pub fn unblock(&mut self, socket: u16) {
        for index in self.blocked.remove(&socket).unwrap_or_default() {
            self.engine.retry(index);
        }
    }

    /// Whether the next turn may have something to send at once.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.engine.has_work()
    }

    /// When the next timer is to be looked at.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        self.engine.next_due()
    }

    /// Takes no more requests.
    pub fn drain(&mut self) {
        self.engine.drain();
    }

    /// Ends every transfer.
    pub fn stop(&mut self, now: Instant) {
        self.engine.host.now = now;
        self.engine.drain();
        self.engine.stop(now);
    }

    /// The records made since they were last taken.
    pub fn take_records(&mut self) -> Vec<TransferRecord> {
        std::mem::take(&mut self.engine.host.records)
    }

    /// What was counted.
    #[must_use]
    pub fn stats(&self) -> ServerStats {
        let mut stats = ServerStats::default();
        self.counters.add_to(&mut stats);
        stats
    }

    /// What it holds.
    #[must_use]
    pub fn occupancy(&self) -> Occupancy {
        Occupancy {
            places: self.running.load(Ordering::Relaxed),
            unproven: self.guard.unproven(),
            unproven_content: self.guard.content(),
            ..self.engine.occupancy()
        }
    }
}

/// The budgets of strangers.
fn guard(settings: &Settings, seed: u64) -> Guard {
    let [unproven, unproven_per_address, unproven_per_network] = settings.unproven_max;
    let [requests_per_address, requests_per_network] = settings.requests_per_second;
    let budgets = Budgets {
        unproven,
        unproven_per_address,
        unproven_per_network,
        requests_per_address,
        requests_per_network,
        ..Budgets::default()
    };
    let own = OwnAddresses::default();
    own.add(settings.local);
    for number in 1..=settings.lanes {
        let port = settings.lane_ports + number;
        own.add(SocketAddr::new(settings.local.ip(), port));
    }
    Guard::new(budgets, Arc::new(own), hasher(seed))
}

/// Hashes depend on `seed` alone.
pub(super) fn hasher(seed: u64) -> SeedableRandomState {
    SeedableRandomState::with_seed(seed, SharedSeed::global_fixed())
}

/// The one local address.
const FRONT: u16 = 0;

/// Sockets that are only numbers.
struct SimulatedLanes {
    local: SocketAddr,
    count: u16,
    ports: u16,
    mtu: u32,
    made: bool,
}

impl Lanes for SimulatedLanes {
    fn lane(
        &mut self,
        listener: u16,
        _local: Option<IpAddr>,
        _interface: u32,
        turn: u16,
    ) -> Option<Lane> {
        self.made = true;
        let (id, port) = match self.count {
            0 => (listener, self.local.port()),
            count => (1 + turn % count, self.ports + 1 + turn % count),
        };
        Some(Lane {
            id,
            front: FRONT,
            local: SocketAddr::new(self.local.ip(), port),
            from: None,
            mtu: Some(self.mtu),
        })
    }

    fn listening(&self, listener: u16, _: Option<IpAddr>, _: u32) -> Option<Lane> {
        Some(Lane {
            id: listener,
            front: FRONT,
            local: self.local,
            from: None,
            mtu: Some(self.mtu),
        })
    }

    fn front(&self, _listener: u16, _local: Option<IpAddr>, _interface: u32) -> Option<u16> {
        self.made.then_some(FRONT)
    }
}

/// Everything a round sends, as the kernel would put it on the wire.
struct Packets(Vec<(SocketAddr, Vec<u8>)>);

impl<'p> Batch<'p> for Packets {
    fn packet(&mut self, to: Destination, _tag: u32, bytes: &[u8]) -> Result<(), Full> {
        self.0.push((to.peer, bytes.to_vec()));
        Ok(())
    }

    fn blocks(
        &mut self,
        to: Destination,
        _tag: u32,
        blocks: Blocks<impl ExactSizeIterator<Item = [u8; 4]>, impl Iterator<Item = Payload<'p>>>,
    ) -> Result<(), Full> {
        let (blksize, mut pieces) = (blocks.blksize, blocks.pieces);
        let mut piece: &[u8] = &[];
        for header in blocks.headers {
            let mut packet = Vec::with_capacity(header.len() + blksize);
            packet.extend_from_slice(&header);
            while packet.len() < header.len() + blksize {
                if piece.is_empty() {
                    match pieces.next() {
                        Some(Payload::Bytes(bytes)) => piece = bytes,
                        Some(Payload::Mapped(_)) | None => break,
                    }
                }
                let room = header.len() + blksize - packet.len();
                let (part, rest) = piece.split_at(room.min(piece.len()));
                packet.extend_from_slice(part);
                piece = rest;
            }
            self.0.push((to.peer, packet));
        }
        Ok(())
    }
}

/// The real host, but for the clock and the records.
struct SimulatedHost {
    tokio: TokioHost,
    now: Instant,
    records: Vec<TransferRecord>,
}

impl Host for SimulatedHost {
    fn wall_clock(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.now.since(Instant::ZERO)
    }

    fn next_id(&mut self) -> u64 {
        self.tokio.next_id()
    }

    fn ask(&mut self, key: TransferKey, request: &Request) -> Asked {
        self.tokio.ask(key, request)
    }

    fn bring(&mut self, key: TransferKey, content: &mut Content, range: Range<u64>) -> Errand {
        self.tokio.bring(key, content, range)
    }

    fn store(&mut self, key: TransferKey, sink: Box<dyn Sink>, decode: bool) -> StoreHandle {
        self.tokio.store(key, sink, decode)
    }

    fn record(&mut self, ended: Ended) -> bool {
        self.records.push(ended.into());
        true
    }
}
