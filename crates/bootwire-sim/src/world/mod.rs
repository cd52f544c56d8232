//! The loop that moves virtual time: the server's worker, the machines, the network between them,
//! and tokio's clock for handlers, sources and sinks.

mod line;
mod report;
mod server;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bootwire_proto::Instant;

use self::line::{key, told};
pub use self::report::{Client, Report};
use self::server::{Sent, Server};
use crate::app::{File, Shared, router};
use crate::check::{Checks, Finals};
use crate::clients::Loader;
use crate::net::{Fate, OverMtu, Path, Way};
use crate::node::{Datagram, Node};
use crate::packet::Shown;
use crate::random::Random;
use crate::scenario::{Machine, Scenario};
use crate::trace::Trace;
use bootwire::server::simulation::Clock;

/// Events after which a run is taken for one that never ends.
const EVENTS_MAX: u64 = 20_000_000;

/// Longest a handler may run on after its transfer has ended.
const REST: Duration = Duration::from_secs(11);

/// Something that is going to happen.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A datagram arrives.
    Arrives(Box<Passing>),
    /// A machine wants to be looked at.
    Wakes(usize),
    /// A socket of the server has room again.
    Unblocks(u16),
}

/// A datagram that will arrive. Ordered by its place in the queue alone.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Passing {
    from: SocketAddr,
    to: SocketAddr,
    payload: Vec<u8>,
}

/// A machine and its way to the server.
struct Station {
    node: Box<dyn Node>,
    path: Path,
    wakes: Option<Instant>,
}

/// Everything.
pub(crate) struct World {
    now: Instant,
    clock: Clock,
    server: Server,
    stations: Vec<Station>,
    by_ip: HashMap<IpAddr, usize>,
    files: HashMap<String, File>,
    shared: Arc<Shared>,
    queue: BinaryHeap<Reverse<(Instant, u64, Event)>>,
    events: u64,
    random: Random,
    checks: Checks,
    trace: Trace,
    horizon: Instant,
    /// Handler calls told to the checks.
    calls_told: usize,
    outgoing: Vec<Datagram>,
}

impl World {
    /// Sets up `scenario`. Must be called within a tokio runtime with paused time.
    pub(crate) fn new(scenario: Scenario, trace: Trace) -> Self {
        let shared = Arc::<Shared>::default();
        let app = router(&scenario.files, &shared);
        let clock = Clock::new();
        let server = Server::new(&scenario, app, &clock);
        let mut by_ip = HashMap::new();
        let mut stations = Vec::new();
        for Machine { node, ips, path } in scenario.machines {
            by_ip.extend(ips.into_iter().map(|ip| (ip, stations.len())));
            stations.push(Station {
                node,
                path,
                wakes: None,
            });
        }
        let files = scenario.files.into_iter();
        Self {
            now: Instant::ZERO,
            clock,
            server,
            stations,
            by_ip,
            files: files.map(|file| (file.path.clone(), file)).collect(),
            shared,
            queue: BinaryHeap::new(),
            events: 0,
            random: Random::new(scenario.seed ^ 0x6E65_7477_6F72_6B00),
            checks: Checks::new(&scenario.rules),
            trace,
            horizon: Instant::ZERO + scenario.horizon,
            calls_told: 0,
            outgoing: Vec::new(),
        }
    }

    /// Runs until nobody wants anything any more.
    pub(crate) async fn run(mut self) -> Report {
        for index in 0..self.stations.len() {
            self.schedule(index);
        }
        let mut rests_until = None;
        loop {
            let next = self.queue.peek().map(|Reverse((at, _, _))| *at);
            let next = [next, self.server.wants_turn(self.now)]
                .into_iter()
                .flatten()
                .min();
            // Handlers that nobody waits for any more have time until their deadline.
            let rest = next
                .is_none()
                .then(|| rests_until.unwrap_or(self.now + REST));
            rests_until = rest;
            if rest.is_some_and(|until| self.now >= until || !self.clock.has_tasks()) {
                break;
            }
            let until = next.or(rest).unwrap_or(self.now);
            let news = self.clock.wait(&mut self.now, until).await;
            if self.now > self.horizon || self.events > EVENTS_MAX {
                self.never_ends();
                break;
            }
            self.happen();
            if news
                || self
                    .server
                    .wants_turn(self.now)
                    .is_some_and(|at| at <= self.now)
            {
                self.turn();
            }
        }
        self.finish()
    }

    /// Everything that is due happens.
    fn happen(&mut self) {
        while let Some(Reverse((at, _, _))) = self.queue.peek()
            && *at <= self.now
            && self.events <= EVENTS_MAX
        {
            let Some(Reverse((_, _, event))) = self.queue.pop() else {
                return;
            };
            self.events += 1;
            match event {
                Event::Arrives(passing) => self.arrive(*passing),
                Event::Unblocks(socket) => self.server.worker.unblock(socket),
                Event::Wakes(index) => {
                    self.stations[index].wakes = None;
                    let mut out = std::mem::take(&mut self.outgoing);
                    self.stations[index].node.on_time(self.now, &mut out);
                    self.machine_sends(index, out);
                }
            }
        }
    }

    fn arrive(&mut self, passing: Passing) {
        let Passing { from, to, payload } = passing;
        if let Some(socket) = self.server.socket_of(to) {
            if !self.server.take_in(socket, from, payload) {
                self.checks.lost(self.now, socket, from);
                let line = || format!("{from} -> {to}  dropped, the buffer is full");
                self.trace.event(self.now, b"full", line);
            }
        } else if let Some(&index) = self.by_ip.get(&to.ip()) {
            let datagram = Datagram { from, to, payload };
            let mut out = std::mem::take(&mut self.outgoing);
            let node = &mut self.stations[index].node;
            node.receive(self.now, &datagram, &mut out);
            self.machine_sends(index, out);
        }
    }

    /// A machine sends, over its own path whatever address it claims.
    fn machine_sends(&mut self, index: usize, mut out: Vec<Datagram>) {
        for datagram in out.drain(..) {
            let Datagram { from, to, payload } = datagram;
            let path = &mut self.stations[index].path;
            let fate = path.offer(self.now, Way::Up, payload.len(), &mut self.random);
            let name = self.stations[index].node.name();
            self.trace.event(self.now, &key(from, to, &payload), || {
                let shown = Shown(&payload);
                format!(
                    "{name} {index}  {from} -> {to}  {shown}{}",
                    told(self.now, fate)
                )
            });
            if let (Fate::Lost(_), Some(socket)) = (fate, self.server.socket_of(to)) {
                self.checks.lost(self.now, socket, from);
            }
            self.pass(from, to, payload, fate);
        }
        self.outgoing = out;
        self.schedule(index);
    }

    fn pass(&mut self, from: SocketAddr, to: SocketAddr, payload: Vec<u8>, fate: Fate) {
        if let Fate::Arrives(at, again) = fate {
            if let Some(again) = again {
                let payload = payload.clone();
                let passing = Passing { from, to, payload };
                self.push(again, Event::Arrives(Box::new(passing)));
            }
            let passing = Passing { from, to, payload };
            self.push(at, Event::Arrives(Box::new(passing)));
        }
    }

    fn push(&mut self, at: Instant, event: Event) {
        self.events += 1;
        self.queue.push(Reverse((at, self.events, event)));
    }

    /// Sees to it that a machine is looked at when it wants to be.
    fn schedule(&mut self, index: usize) {
        let station = &mut self.stations[index];
        let Some(deadline) = station.node.deadline() else {
            return;
        };
        let at = deadline.max(self.now);
        if station.wakes.is_none_or(|wakes| at < wakes) {
            station.wakes = Some(at);
            self.push(at, Event::Wakes(index));
        }
    }

    /// A turn of the server's loop.
    fn turn(&mut self) {
        let now = self.now;
        self.events += 1;
        self.server.receive(now, |socket, from, payload| {
            self.checks.server_gets(now, socket, from, payload);
        });
        let tell = |path: &Path| path.over_mtu == OverMtu::Tell;
        let (stations, by_ip) = (&self.stations, &self.by_ip);
        let sent = self.server.turn(now, &mut self.random, |to, len| {
            by_ip
                .get(&to.ip())
                .map(|&index| &stations[index].path)
                .is_some_and(|path| tell(path) && path.is_over_mtu(len))
        });
        for sent in sent {
            self.server_sends(sent);
        }
        for (at, socket) in self.server.unblocks() {
            self.push(at, Event::Unblocks(socket));
        }
        if self.server.spins() {
            let text = "the worker has work again and again, and does nothing";
            self.checks.violated(now, text);
        }
        self.tell_checks();
    }

    fn server_sends(&mut self, sent: Sent) {
        let Sent {
            socket,
            to,
            fragment,
            payload,
        } = sent;
        let from = self.server.address_of(socket);
        let index = self.by_ip.get(&to.ip()).copied();
        let fate = match index {
            Some(index) => {
                let path = &mut self.stations[index].path;
                path.offer(
                    self.now,
                    Way::Down { fragment },
                    payload.len(),
                    &mut self.random,
                )
            }
            None => Fate::Arrives(self.now, None),
        };
        let name = index.map_or("nobody", |index| self.stations[index].node.name());
        self.trace.event(self.now, &key(from, to, &payload), || {
            let shown = Shown(&payload);
            let index = index.unwrap_or_default();
            format!(
                "{name} {index}  {to} <- {from}  {shown}{}",
                told(self.now, fate)
            )
        });
        self.checks.server_sends(self.now, socket, to, &payload);
        if let Fate::Lost(_) = fate {
            self.checks.lost(self.now, socket, to);
        }
        self.pass(from, to, payload, fate);
    }

    fn tell_checks(&mut self) {
        let log = self.shared.log();
        for &id in &log.calls[self.calls_told..] {
            self.checks.called(self.now, id);
        }
        self.calls_told = log.calls.len();
        drop(log);
        for record in self.server.worker.take_records() {
            self.trace
                .event(self.now, record.outcome.as_str().as_bytes(), || {
                    let detail = record.detail.as_deref().unwrap_or_default();
                    format!(
                        "record {}  {}  {} {} {} bytes, {} blocks, {} again, {} timeouts {detail}",
                        record.id,
                        record.peer,
                        record.outcome,
                        record.path,
                        record.bytes,
                        record.blocks,
                        record.blocks_resent,
                        record.timeouts,
                    )
                });
            self.checks.recorded(self.now, &record);
        }
        if let Some(occupancy) = self.server.occupancy() {
            self.checks.holds(self.now, &occupancy);
        }
    }

    fn never_ends(&mut self) {
        let waiting: Vec<_> = self
            .stations
            .iter()
            .enumerate()
            .filter(|(_, station)| !station.node.finished())
            .map(|(index, station)| format!("{} {index}", station.node.name()))
            .collect();
        let text = format!("the run does not end; not finished: {}", waiting.join(", "));
        self.checks.violated(self.now, text);
    }

    fn finish(mut self) -> Report {
        let stats = self.server.worker.stats();
        let loaders: Vec<(usize, &Loader)> = self
            .stations
            .iter()
            .enumerate()
            .filter_map(|(index, station)| Some((index, Loader::of(&*station.node)?)))
            .collect();
        let clients = loaders
            .iter()
            .map(|(_, loader)| Client {
                name: loader.name(),
                success: loader.success() == Some(true),
                attempts: loader.attempts,
                busy: loader.refusals[0],
                done: loader.got.last().map(|got| got.at),
            })
            .collect();
        let finals = Finals {
            files: &self.files,
            loaders,
            log: &self.shared.log(),
            occupancy: self.server.worker.occupancy(),
            accepted: stats.reads + stats.writes,
            alive: self.shared.alive(),
            tasks: self.clock.tasks(),
        };
        self.checks.finish(self.now, &finals);
        Report {
            digest: self.trace.digest(),
            duration: self.now.since(Instant::ZERO),
            stats,
            peak: *self.checks.peak(),
            clients,
            violations: self.checks.into_violations(),
        }
    }
}
