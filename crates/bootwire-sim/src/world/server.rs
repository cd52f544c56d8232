//! The server's machine: its sockets' buffers, the speed of its one worker, its kernel's moods.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use bootwire::Router;
use bootwire::server::simulation::{Clock, LISTENER, Occupancy, Taken, Wire, Worker};
use bootwire_proto::Instant;

use crate::random::Random;
use crate::scenario::{Kernel, Scenario};

/// Datagrams taken from one socket in one turn.
const RECEIVED_PER_TURN: usize = 512;
/// Time a turn takes even if there is nothing to do.
const TURN: Duration = Duration::from_micros(1);
/// Turns without effect after which the worker is taken to spin.
const IDLE_MAX: u32 = 20;
/// Turns between two looks at what a busy server holds.
const LOOK_EVERY: u32 = 64;

/// The server's machine.
pub(super) struct Server {
    pub(super) worker: Worker,
    local: SocketAddr,
    lane_ports: u16,
    /// Datagrams that wait, by socket.
    waiting: Vec<VecDeque<(SocketAddr, Vec<u8>)>>,
    kernel: Kernel,
    /// The worker is at work until then.
    busy_until: Instant,
    unblocks: Vec<(Instant, u16)>,
    turns: u32,
    crowded: bool,
    /// Turns in a row in which it did nothing although there seemed to be work.
    idle: u32,
}

/// A datagram the server sent.
pub(super) struct Sent {
    pub(super) socket: u16,
    pub(super) to: SocketAddr,
    /// IP may cut it in pieces.
    pub(super) fragment: bool,
    pub(super) payload: Vec<u8>,
}

/// Collects what is sent.
struct Collected<'a, F> {
    sent: Vec<Sent>,
    kernel: Kernel,
    random: &'a mut Random,
    too_big: F,
    full: Vec<u16>,
}

impl<F: Fn(SocketAddr, usize) -> bool> Wire for Collected<'_, F> {
    fn send(&mut self, socket: u16, to: SocketAddr, fragment: bool, bytes: &[u8]) -> Taken {
        if !fragment && (self.too_big)(to, bytes.len()) {
            return Taken::TooBig;
        }
        if self.random.chance(self.kernel.full) {
            self.full.push(socket);
            return Taken::Full;
        }
        self.sent.push(Sent {
            socket,
            to,
            fragment,
            payload: bytes.to_vec(),
        });
        Taken::Yes
    }
}

impl Server {
    pub(super) fn new(scenario: &Scenario, app: Router, clock: &Clock) -> Self {
        let settings = &scenario.settings;
        let news = clock.news();
        let runtime = clock.runtime().clone();
        Self {
            worker: Worker::new(settings, app, runtime, scenario.seed, news),
            local: settings.local,
            lane_ports: settings.lane_ports,
            waiting: vec![VecDeque::new(); usize::from(settings.lanes) + 1],
            kernel: scenario.kernel,
            busy_until: Instant::ZERO,
            unblocks: Vec::new(),
            turns: 0,
            crowded: false,
            idle: 0,
        }
    }

    /// The socket with this address.
    pub(super) fn socket_of(&self, address: SocketAddr) -> Option<u16> {
        if address.ip() != self.local.ip() {
            return None;
        }
        if address == self.local {
            return Some(LISTENER);
        }
        let number = address.port().checked_sub(self.lane_ports)?;
        (1..self.waiting.len())
            .contains(&usize::from(number))
            .then_some(number)
    }

    pub(super) fn address_of(&self, socket: u16) -> SocketAddr {
        match socket {
            LISTENER => self.local,
            lane => SocketAddr::new(self.local.ip(), self.lane_ports + lane),
        }
    }

    /// A datagram reaches a socket; `false` if its buffer is full.
    pub(super) fn take_in(&mut self, socket: u16, from: SocketAddr, payload: Vec<u8>) -> bool {
        let waiting = &mut self.waiting[usize::from(socket)];
        let room = waiting.len() < self.kernel.buffer;
        if room {
            waiting.push_back((from, payload));
        }
        room
    }

    /// When the worker's loop has something to do.
    pub(super) fn wants_turn(&self, now: Instant) -> Option<Instant> {
        let at_once = self.worker.has_work() || self.waiting.iter().any(|queue| !queue.is_empty());
        let at = if at_once {
            now
        } else {
            self.worker.next_due()?.max(now)
        };
        Some(at.max(self.busy_until))
    }

    /// The worker reads its sockets, transfer sockets first.
    pub(super) fn receive(&mut self, now: Instant, mut tell: impl FnMut(u16, SocketAddr, &[u8])) {
        let mut count = 0;
        for number in (1..self.waiting.len()).chain([0]) {
            for _ in 0..RECEIVED_PER_TURN {
                let Some((from, payload)) = self.waiting[number].pop_front() else {
                    break;
                };
                let socket = number as u16;
                tell(socket, from, &payload);
                self.worker.receive(now, socket, from, &payload);
                count += 1;
            }
        }
        self.busy_until = now + self.kernel.receives * count;
    }

    /// The rest of the worker's turn: messages, timers, one round. Returns what it sent.
    pub(super) fn turn(
        &mut self,
        now: Instant,
        random: &mut Random,
        too_big: impl Fn(SocketAddr, usize) -> bool,
    ) -> Vec<Sent> {
        let mut wire = Collected {
            sent: Vec::new(),
            kernel: self.kernel,
            random,
            too_big,
            full: Vec::new(),
        };
        self.worker.turn(now, &mut wire);
        let Collected {
            sent, full, random, ..
        } = wire;
        let work = TURN + self.kernel.sends * sent.len() as u32;
        self.idle = match sent.len() {
            0 if self.worker.has_work() => self.idle + 1,
            _ => 0,
        };
        self.busy_until = self.busy_until.max(now) + work;
        for socket in full {
            let after = random.micros(20..=3000);
            self.unblocks.push((now + after, socket));
        }
        sent
    }

    /// Whether it uses up its core for nothing. Told once.
    pub(super) fn spins(&mut self) -> bool {
        self.idle == IDLE_MAX
    }

    /// When which sockets have room again.
    pub(super) fn unblocks(&mut self) -> Vec<(Instant, u16)> {
        std::mem::take(&mut self.unblocks)
    }

    /// What the worker holds. Counting takes time: while it holds much, only now and then.
    pub(super) fn occupancy(&mut self) -> Option<Occupancy> {
        self.turns += 1;
        if self.crowded && !self.turns.is_multiple_of(LOOK_EVERY) {
            return None;
        }
        let occupancy = self.worker.occupancy();
        self.crowded = occupancy.slots > 64;
        Some(occupancy)
    }
}
