//! The engine in virtual time: a host that answers as told, lanes without sockets, and the packets
//! of each round as bytes.

mod admission;
mod checkup;
mod content;
mod experience;
mod requests;
mod survey;
mod transfers;
mod unproven;
mod unreachable;
mod uploads;
mod waits;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bootwire_io::{Datagram, Payload};
use bootwire_proto::{Instant, Limits, Mode, Op, OptionKind, Schedule, encode};
use bytes::Bytes;
use foldhash::quality::SeedableRandomState;

use super::plan::What;
use super::{Asked, Config, Engine, Host, Planned};
use crate::content::{Arrival, Content, Errand};
use crate::file::PartialFile;
use crate::record::Ended;
use crate::server::admission::{Admission, Budgets, Guard};
use crate::server::experience::Experiences;
use crate::server::inbox::{Message, TransferKey};
use crate::server::lane::{Lane, Lanes};
use crate::server::small::Small;
use crate::server::stats::{Counters, ServerStats};
use crate::server::store::StoreHandle;
use crate::server::transfer::Phase;
use crate::{Accept, BoxFuture, Outcome, Refusal, Reply, Request, Sink, Source, TransferRecord};

/// The port requests go to in these tests is listener 0's; its transfers use lanes 1 to 4.
const LISTENER: u16 = 0;

/// What the application does with a path.
#[derive(Clone)]
enum Script {
    /// Has these bytes at hand.
    AtHand(&'static [u8]),
    /// The same, to be sent again after a second at least.
    Polite(&'static [u8]),
    /// Makes so many bytes anew for each request.
    Made(usize),
    /// Refuses, at hand.
    Refuse(Refusal),
    /// Answers when the test says so.
    Later,
    /// Streams what the test pushes.
    Stream,
    /// Sends this file as the test says that it fills up.
    Partial(Arc<PartialFile>),
    /// Takes an upload, at most this large.
    Take(Option<u64>),
}

/// A host that does nothing by itself.
struct Scripted {
    scripts: HashMap<&'static str, Script>,
    ids: u64,
    calls: Vec<(TransferKey, String)>,
    /// Of each call, whether its client had proven its address.
    proven: Vec<bool>,
    brought: Vec<(TransferKey, Range<u64>)>,
    stored: Vec<TransferKey>,
    records: Arc<Mutex<Vec<TransferRecord>>>,
}

impl Host for Scripted {
    fn wall_clock(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    fn ask(&mut self, key: TransferKey, request: &Request) -> Asked {
        let path = request.path().into_owned();
        self.calls.push((key, path.clone()));
        self.proven.push(request.is_proven());
        let answer = match self.scripts.get(&*path).cloned() {
            Some(Script::AtHand(bytes)) => Some(Ok(Reply::bytes(bytes).into())),
            Some(Script::Polite(bytes)) => {
                let polite = Reply::bytes(bytes).resend_min(Duration::from_secs(1));
                Some(Ok(polite.into()))
            }
            Some(Script::Made(bytes)) => Some(Ok(Reply::bytes(vec![7; bytes]).into())),
            Some(Script::Refuse(refusal)) => Some(Err(refusal)),
            Some(Script::Later) => None,
            Some(Script::Stream) => Some(Ok(Reply::source(Nothing).into())),
            Some(Script::Partial(file)) => Some(Ok(Reply::partial(file).into())),
            Some(Script::Take(size_max)) => {
                let mut accept = Accept::into(Nothing);
                accept.size_max = size_max;
                Some(Ok(accept.into()))
            }
            None => Some(Err(Refusal::not_found())),
        };
        Asked {
            route: None,
            answer,
        }
    }

    fn store(&mut self, key: TransferKey, _sink: Box<dyn Sink>, _decode: bool) -> StoreHandle {
        self.stored.push(key);
        StoreHandle::idle()
    }

    fn bring(&mut self, key: TransferKey, _content: &mut Content, range: Range<u64>) -> Errand {
        self.brought.push((key, range));
        Errand::idle()
    }

    fn record(&mut self, ended: Ended) -> bool {
        self.records.lock().unwrap().push(ended.into());
        true
    }
}

/// A source and sink that are never asked: the test speaks for them.
struct Nothing;

impl Source for Nothing {
    fn next(&mut self) -> BoxFuture<'_, std::io::Result<Bytes>> {
        unreachable!("no pump runs in these tests")
    }
}

impl Sink for Nothing {
    fn write(&mut self, _data: Bytes) -> BoxFuture<'_, Result<(), Refusal>> {
        unreachable!("no store runs in these tests")
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), Refusal>> {
        unreachable!("no store runs in these tests")
    }
}

/// Four lanes for the one local address.
struct FourLanes {
    made: bool,
}

impl Lanes for FourLanes {
    fn lane(
        &mut self,
        _listener: u16,
        _local: Option<IpAddr>,
        _interface: u32,
        turn: u16,
    ) -> Option<Lane> {
        self.made = true;
        let id = 1 + turn % 4;
        let local = SocketAddr::from(([10, 0, 0, 1], 40_000 + id));
        Some(Lane {
            id,
            front: 0,
            local,
            from: None,
            mtu: Some(1500),
        })
    }

    fn listening(&self, listener: u16, _: Option<IpAddr>, _: u32) -> Option<Lane> {
        Some(Lane {
            id: listener,
            front: 0,
            local: SocketAddr::from(([10, 0, 0, 1], 69)),
            from: None,
            mtu: Some(1500),
        })
    }

    fn front(&self, _listener: u16, _local: Option<IpAddr>, _interface: u32) -> Option<u16> {
        self.made.then_some(0)
    }
}

/// A packet the engine sent: from which lane, to whom, what.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sent {
    lane: u16,
    to: SocketAddr,
    bytes: Vec<u8>,
}

impl Sent {
    fn block(&self) -> Option<u16> {
        (self.bytes[..2] == [0, 3]).then(|| u16::from_be_bytes([self.bytes[2], self.bytes[3]]))
    }

    fn error(&self) -> Option<u16> {
        (self.bytes[..2] == [0, 5]).then(|| u16::from_be_bytes([self.bytes[2], self.bytes[3]]))
    }

    fn is_oack(&self) -> bool {
        self.bytes[..2] == [0, 6]
    }
}

/// The engine, its surroundings and a clock moved by hand.
struct Bench {
    engine: Engine<Scripted>,
    lanes: FourLanes,
    now: Instant,
    counters: Arc<Counters>,
    records: Arc<Mutex<Vec<TransferRecord>>>,
}

impl Bench {
    fn new(scripts: &[(&'static str, Script)]) -> Self {
        Self::with(
            scripts,
            |_| {},
            Admission::new(None, Arc::default(), 1000, 100),
        )
    }

    fn with(
        scripts: &[(&'static str, Script)],
        adjust: impl FnOnce(&mut Config),
        admission: Admission,
    ) -> Self {
        let records = Arc::new(Mutex::default());
        let host = Scripted {
            scripts: scripts.iter().cloned().collect(),
            ids: 0,
            calls: Vec::new(),
            proven: Vec::new(),
            brought: Vec::new(),
            stored: Vec::new(),
            records: Arc::clone(&records),
        };
        let mut config = Config {
            limits: Limits::default(),
            schedule: Schedule::default(),
            windowsize_first: 32,
            deadline: Duration::from_secs(10),
            stall: Duration::from_secs(60),
            fragment: false,
            traceparent: false,
            listeners: 1,
        };
        adjust(&mut config);
        let counters = Arc::new(Counters::default());
        let engine = Engine::new(
            Instant::ZERO,
            host,
            config,
            admission,
            Arc::new(Experiences::new(SeedableRandomState::random())),
            Arc::clone(&counters),
            1,
        );
        Self {
            engine,
            lanes: FourLanes { made: false },
            now: Instant::ZERO,
            counters,
            records,
        }
    }

    /// A request arrives.
    fn ask(&mut self, peer: SocketAddr, datagram: &[u8]) -> Vec<Sent> {
        let datagram = from(peer, datagram);
        self.engine
            .on_listener(self.now, LISTENER, &datagram, &mut self.lanes);
        self.rounds()
    }

    /// A packet arrives on a transfer socket.
    fn packet(&mut self, peer: SocketAddr, lane: u16, datagram: &[u8]) -> Vec<Sent> {
        self.engine
            .on_lane(self.now, lane, 0, &from(peer, datagram));
        self.rounds()
    }

    fn ack(&mut self, peer: SocketAddr, lane: u16, block: u16) -> Vec<Sent> {
        let [high, low] = block.to_be_bytes();
        self.packet(peer, lane, &[0, 4, high, low])
    }

    fn message(&mut self, message: Message) -> Vec<Sent> {
        self.engine.on_message(self.now, message);
        self.rounds()
    }

    /// Time passes, timer by timer.
    fn wait(&mut self, time: Duration) -> Vec<Sent> {
        let end = self.now + time;
        let mut sent = Vec::new();
        loop {
            self.now = self
                .engine
                .next_due()
                .map_or(end, |due| due.clamp(self.now, end));
            self.engine.on_time(self.now);
            sent.extend(self.rounds());
            if self.now >= end {
                return sent;
            }
            // Entries that were looked at too early come again a tick later.
            self.now = self.now + Duration::from_micros(500);
        }
    }

    /// Sends until nothing is left to send.
    fn rounds(&mut self) -> Vec<Sent> {
        let mut sent = Vec::new();
        while self.engine.has_work() {
            sent.extend(self.round());
        }
        sent
    }

    /// Sends one round.
    fn round(&mut self) -> Vec<Sent> {
        let (mut planned, mut small) = (Vec::new(), Vec::new());
        self.engine.plan(self.now, &mut planned, &mut small);
        let mut sent: Vec<Sent> = small.iter().map(sent_small).collect();
        sent.extend(
            planned
                .iter()
                .flat_map(|planned| sent_planned(&self.engine, planned)),
        );
        sent
    }

    fn records(&self) -> Vec<TransferRecord> {
        self.records.lock().unwrap().clone()
    }

    /// The outcomes of all records so far.
    fn outcomes(&self) -> Vec<Outcome> {
        self.records
            .lock()
            .unwrap()
            .iter()
            .map(|record| record.outcome)
            .collect()
    }

    fn stats(&self) -> ServerStats {
        let mut stats = ServerStats::default();
        self.counters.add_to(&mut stats);
        stats
    }

    /// Bytes of content in memory that belong to one transfer each.
    fn held(&self) -> u64 {
        let transfers = self.engine.transfers.transfers();
        transfers
            .map(|transfer| match &transfer.phase {
                Phase::Sending(sending) => sending.content.owned(),
                _ => 0,
            })
            .sum()
    }

    fn calls(&self) -> usize {
        self.engine.host.calls.len()
    }
}

fn sent_small(small: &Small) -> Sent {
    Sent {
        lane: small.lane,
        to: small.to.peer,
        bytes: small.bytes().to_vec(),
    }
}

/// What the kernel would put on the wire for a planned packet or run.
fn sent_planned(engine: &Engine<Scripted>, planned: &Planned) -> Vec<Sent> {
    let transfer = engine.transfers.get(planned.index).unwrap();
    let datagrams = match planned.what {
        What::Oack => vec![
            transfer
                .agreed
                .encode_oack(&mut [0; bootwire_proto::negotiate::MAX_OACK])
                .to_vec(),
        ],
        What::Ack(ack) => vec![encode::ack(ack, &mut [0; 5]).to_vec()],
        What::Data(run) => {
            let Phase::Sending(sending) = &transfer.phase else {
                panic!("DATA of no read")
            };
            let content: Vec<u8> = sending
                .content
                .pieces(run.bytes())
                .flat_map(|piece| match piece {
                    Payload::Bytes(bytes) => bytes.to_vec(),
                    // Only the kernel can read it.
                    Payload::Mapped(mapped) => vec![b'm'; mapped.len()],
                })
                .collect();
            let mut payloads = content.chunks(usize::from(run.blksize));
            run.headers()
                .map(|header| [&header, payloads.next().unwrap_or_default()].concat())
                .collect()
        }
    };
    let sent = |bytes| Sent {
        lane: planned.lane,
        to: transfer.peer,
        bytes,
    };
    datagrams.into_iter().map(sent).collect()
}

fn from(peer: SocketAddr, payload: &[u8]) -> Datagram<'_> {
    let local = Some(IpAddr::from([10, 0, 0, 1]));
    Datagram {
        payload,
        peer,
        local,
        interface: 2,
        truncated: false,
        drops: None,
        unicast: true,
    }
}

fn peer(number: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 7], number))
}

fn rrq(name: &str, options: &[(OptionKind, u64)]) -> Vec<u8> {
    let mut datagram = Vec::new();
    encode::request(
        Op::Read,
        name.as_bytes(),
        Mode::Octet,
        options,
        &mut datagram,
    );
    datagram
}

fn wrq(name: &str, options: &[(OptionKind, u64)]) -> Vec<u8> {
    let mut datagram = Vec::new();
    encode::request(
        Op::Write,
        name.as_bytes(),
        Mode::Octet,
        options,
        &mut datagram,
    );
    datagram
}

/// Bounds that let `count` transfers in, over all and for each peer.
fn places(count: usize) -> Admission {
    Admission::new(None, Arc::new(AtomicUsize::new(0)), count, count)
}

/// Budgets for those who have proven nothing, and place for anyone else.
fn budgets(budgets: Budgets) -> Admission {
    let hasher = SeedableRandomState::fixed();
    let guard = Guard::new(budgets, Arc::default(), hasher);
    Admission::new(None, Arc::default(), 100_000, 100_000).guarded(Arc::new(guard))
}
