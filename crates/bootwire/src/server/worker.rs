//! The loop of one worker thread: receive, act, send, sleep.

use std::sync::Arc;
use std::time::{Duration, Instant as Clock};

use bootwire_io::{FailureKind, Kernel, Ready, ReceiveBatch, SendBatch, SendFailure, SendReport};
use bootwire_proto::Instant;

use super::engine::{Engine, Host, Planned};
use super::inbox::{Inbox, Message};
use super::lane::Lanes;
use super::pulse::Meter;
use super::small::Small;
use super::sockets::{Role, Sockets};
use super::spin::Spin;
use super::stats::Counters;
use super::watching::Watching;

/// Datagrams received by one call.
const RECEIVE_SLOTS: usize = 64;
/// Longest datagram: UDP's own bound.
const SLOT_LEN: usize = 65_536;
/// Receive calls on one socket before the others have their turn.
const RECEIVE_CALLS: usize = 16;
/// Marks the tag of a small packet, which has no transfer to hear of its failure.
const SMALL_TAG: u32 = 1 << 31;

/// One worker.
pub(super) struct Worker<H> {
    engine: Engine<H>,
    sockets: Sockets,
    inbox: Arc<Inbox>,
    counters: Arc<Counters>,
    origin: Clock,
    receive: ReceiveBatch,
    send: SendBatch,
    report: SendReport,
    draining: bool,
    stopping: bool,
    spin: Spin,
    watching: Watching,
    meter: Meter,
    // Lists used anew in each round.
    messages: Vec<Message>,
    ready: Vec<Ready>,
    planned: Vec<Planned>,
    small: Vec<Small>,
    /// Indices into `planned` by socket, small packets marked by [`SMALL_TAG`].
    by_lane: Vec<Vec<u32>>,
    touched: Vec<u16>,
    failures: Vec<SendFailure>,
}

impl<H: Host> Worker<H> {
    pub(super) fn new(
        kernel: Kernel,
        engine: Engine<H>,
        sockets: Sockets,
        inbox: Arc<Inbox>,
        counters: Arc<Counters>,
        origin: Clock,
    ) -> Self {
        Self {
            engine,
            sockets,
            inbox,
            counters,
            origin,
            receive: ReceiveBatch::new(kernel, RECEIVE_SLOTS, SLOT_LEN),
            send: SendBatch::new(kernel),
            report: SendReport::new(),
            draining: false,
            stopping: false,
            spin: Spin::default(),
            watching: Watching::default(),
            meter: Meter::default(),
            messages: Vec::new(),
            ready: Vec::new(),
            planned: Vec::new(),
            small: Vec::new(),
            by_lane: Vec::new(),
            touched: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// How it looks for packets before it goes to sleep.
    pub(super) fn spinning(mut self, spin: Spin) -> Self {
        self.spin = spin;
        self
    }

    /// Runs until told to stop, or until a drain has nothing left to finish.
    pub(super) fn run(mut self) {
        loop {
            let now = self.now();
            self.meter.turn(now, &self.counters.pulse);
            self.read_messages(now);
            if self.engine.is_overdue(now) {
                // The worker may have been kept from the processor since it last listened.
                self.listen_again();
                self.engine.on_overdue(now);
            }
            let sends = self.send_round(now);
            if self.stopping
                || (self.draining && self.engine.active() == 0 && !self.engine.has_work())
            {
                return;
            }
            if self.sockets.ask_drops(now) {
                // The others are told of by the poller.
                let unasked = (0..).map_while(|at| self.watching.get(at));
                for id in unasked.collect::<Vec<_>>() {
                    self.hear_reports(id);
                }
            }
            self.hear(now, sends);
        }
    }

    /// Waits for packets unless there is something else to do, and receives them. `sends`: something
    /// was sent in this turn.
    fn hear(&mut self, now: Instant, sends: bool) {
        let mut ready = std::mem::take(&mut self.ready);
        if self.watching.asks(now) {
            self.wait(now, &mut ready);
        }
        let unasked = self.take_in(&ready);
        if unasked > 0 || !ready.is_empty() {
            self.spin.found();
            if let Some(id) = self.watching.idle() {
                watch(&mut self.sockets, &mut self.watching, id);
            }
        } else {
            if !sends {
                self.meter.looked();
            }
            if !self.watching.is_watched()
                && !self.engine.has_work()
                && !self.spin.looks(now, self.engine.active())
            {
                // The next round asks the poller, and may sleep.
                while let Some(id) = self.watching.rest()
                    && watch(&mut self.sockets, &mut self.watching, id)
                {}
            }
        }
        ready.clear();
        self.ready = ready;
    }

    /// Receives what is there already.
    fn listen_again(&mut self) {
        let mut ready = std::mem::take(&mut self.ready);
        // A poller that fails for lack of memory tells in the next round.
        let _ = self.sockets.wait(Some(Duration::ZERO), &mut ready);
        self.take_in(&ready);
        ready.clear();
        self.ready = ready;
    }

    /// Acts on what the poller told, and reads the sockets that it is not asked about; answers how
    /// many packets those had.
    fn take_in(&mut self, ready: &[Ready]) -> usize {
        for event in ready.iter().filter(|event| event.writable) {
            for index in self.sockets.unblock(event.token as u16) {
                self.engine.retry(index);
            }
        }
        // Transfer ports first: a client may acknowledge its last block and ask for the next
        // file in one breath, and is then to be heard in that order.
        let unasked = self.receive_unasked();
        for listeners in [false, true] {
            for event in ready.iter().filter(|event| event.readable) {
                let id = event.token as u16;
                if self.sockets.is_listener(id) == listeners {
                    if self.receive_from(id) == 0 {
                        self.hear_reports(id);
                    }
                    if self.watching.is_busy()
                        && self.sockets.sends_data(id)
                        && self.sockets.unwatch(id)
                    {
                        self.watching.add(id);
                    }
                }
            }
        }
        unasked
    }

    fn wait(&mut self, now: Instant, ready: &mut Vec<Ready>) {
        let timeout = if self.watching.is_watched() {
            self.timeout(now)
        } else {
            Some(Duration::ZERO)
        };
        let sleeps = timeout != Some(Duration::ZERO);
        // A lone client's packet is never there yet: that it slept need not be measured.
        let several = self.engine.active() > 1;
        let timed = sleeps && (self.meter.sleeps(&self.counters.pulse) || several);
        let since = if timed { self.now() } else { now };
        if self.sockets.wait(timeout, ready).is_err() {
            // The poller fails only for reasons that pass, such as lack of memory.
            std::thread::sleep(Duration::from_millis(1));
        }
        if timed {
            let slept = self.now().since(since);
            self.meter.slept(slept);
            self.watching
                .told(if several { slept } else { Duration::MAX });
        } else if sleeps {
            self.watching.told(Duration::MAX);
        } else if !ready.is_empty() {
            self.watching.told(Duration::ZERO);
        }
    }

    /// Receives from the sockets that are not watched, and answers how many packets.
    fn receive_unasked(&mut self) -> usize {
        let mut received = 0;
        let mut at = 0;
        while let Some(id) = self.watching.get(at) {
            let count = self.receive_from(id);
            self.watching.read(at, count);
            received += count;
            at += 1;
        }
        received
    }

    fn now(&self) -> Instant {
        let micros = self.origin.elapsed().as_micros();
        Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    fn timeout(&mut self, now: Instant) -> Option<Duration> {
        if self.engine.has_work() || self.spin.looks(now, self.engine.active()) {
            return Some(Duration::ZERO);
        }
        self.engine.next_due().map(|due| due.since(now))
    }

    fn read_messages(&mut self, now: Instant) {
        self.inbox.take(&mut self.messages);
        if self.messages.is_empty() {
            return;
        }
        for message in self.messages.drain(..) {
            match message {
                Message::Serve(app) => self.engine.host.serve(app),
                Message::Drain => {
                    self.draining = true;
                    self.engine.drain();
                    self.sockets.deafen();
                }
                Message::Stop => {
                    self.stopping = true;
                    self.engine.drain();
                    self.engine.stop(now);
                }
                message => self.engine.on_message(now, message),
            }
        }
    }

    /// Answers how many packets there were.
    fn receive_from(&mut self, id: u16) -> usize {
        let mut received = 0;
        for _ in 0..RECEIVE_CALLS {
            let Some(port) = self.sockets.port(id) else {
                return received;
            };
            let (role, bound) = (port.role, port.bound);
            // A socket's error is a peer's trouble; the next call has the next datagram.
            let Ok(count) = self.receive.receive(&port.socket) else {
                return received;
            };
            received += count;
            let now = self.now();
            self.engine.taken_together();
            for slot in 0..count {
                let mut datagram = self.receive.get(slot);
                bound.place(&mut datagram);
                match role {
                    Role::Lane(front) => self.engine.on_lane(now, id, front, &datagram),
                    Role::Listener if is_request(datagram.payload) || !datagram.unicast => {
                        self.engine
                            .on_listener(now, id, &datagram, &mut self.sockets);
                    }
                    Role::Listener => {
                        match self.sockets.front(id, datagram.local, datagram.interface) {
                            Some(front) => self.engine.on_lane(now, id, front, &datagram),
                            None => self
                                .engine
                                .on_listener(now, id, &datagram, &mut self.sockets),
                        }
                    }
                }
            }
            self.count_drops(id, count);
            if count < self.receive.capacity() {
                return received;
            }
        }
        received
    }

    /// Hears what did not reach its client.
    fn hear_reports(&mut self, id: u16) {
        let Some(port) = self.sockets.port(id) else {
            return;
        };
        let fronts = match port.role {
            Role::Lane(front) => front..front + 1,
            Role::Listener if self.sockets.sends_data(id) => self.sockets.fronts(),
            Role::Listener => return,
        };
        let now = self.now();
        for peer in bootwire_io::reported(&port.socket) {
            for front in fronts.clone() {
                self.engine.on_unreachable(now, id, front, peer);
            }
        }
    }

    /// Hears what the kernel dropped on a socket, if it was asked.
    fn count_drops(&mut self, id: u16, count: usize) {
        if let Some(port) = self.sockets.port_mut(id)
            && port.drops.is_waiting()
            && let Some(last) = count.checked_sub(1)
        {
            let answer = self.receive.get(last).drops;
            let new = port.drops.hear(&port.socket, answer);
            self.counters.kernel_drops.add(new.into());
        }
    }

    /// Sends what the engine has, one round. Answers whether there was anything.
    fn send_round(&mut self, now: Instant) -> bool {
        self.engine.plan(now, &mut self.planned, &mut self.small);
        let sends = !self.planned.is_empty() || !self.small.is_empty();
        for (tag, small) in self.small.iter().enumerate() {
            note(
                &mut self.by_lane,
                &mut self.touched,
                small.lane,
                tag as u32 | SMALL_TAG,
            );
        }
        for (tag, planned) in self
            .planned
            .iter()
            .enumerate()
            .filter(|(_, planned)| !planned.fragment)
        {
            note(
                &mut self.by_lane,
                &mut self.touched,
                planned.lane,
                tag as u32,
            );
        }
        while let Some(lane) = self.touched.pop() {
            self.send_lane(lane);
            self.by_lane[usize::from(lane)].clear();
        }
        for tag in 0..self.planned.len() {
            if self.planned[tag].fragment {
                self.send_fragmented(tag);
            }
        }
        self.answer_failures(now);
        self.planned.clear();
        self.small.clear();
        sends
    }

    /// Sends everything noted for one socket.
    fn send_lane(&mut self, lane: u16) {
        let Some(port) = self.sockets.port(lane) else {
            return;
        };
        let mut round = self.send.round();
        for &tag in &self.by_lane[usize::from(lane)] {
            // What does not fit goes into the next batch; twice in a row is not possible, as one
            // run always fits an empty batch.
            for _ in 0..2 {
                let added = if tag & SMALL_TAG != 0 {
                    let small = &self.small[(tag & !SMALL_TAG) as usize];
                    round.packet(small.to, tag, small.bytes())
                } else {
                    self.engine
                        .add(&self.planned[tag as usize], tag, &mut round)
                };
                if added.is_ok() {
                    break;
                }
                round.send(&port.socket, &mut self.report);
                self.counters
                    .packets_out
                    .add(u64::from(self.report.datagrams));
                self.failures.append(&mut self.report.failures);
            }
        }
        round.send(&port.socket, &mut self.report);
        self.counters
            .packets_out
            .add(u64::from(self.report.datagrams));
        self.failures.append(&mut self.report.failures);
    }

    /// Sends one run with fragmentation allowed: its path is narrower than the interface.
    fn send_fragmented(&mut self, tag: usize) {
        let planned = &self.planned[tag];
        let Some(port) = self.sockets.port(planned.lane) else {
            return;
        };
        let mut round = self.send.round();
        if self.engine.add(planned, tag as u32, &mut round).is_err() {
            return;
        }
        let _ = port.socket.set_dont_fragment(false);
        round.send(&port.socket, &mut self.report);
        let _ = port.socket.set_dont_fragment(true);
        self.counters
            .packets_out
            .add(u64::from(self.report.datagrams));
        self.failures.append(&mut self.report.failures);
    }

    fn answer_failures(&mut self, now: Instant) {
        for planned in &self.planned {
            self.engine.sent(planned);
        }
        if self.failures.is_empty() {
            return;
        }
        for failure in self.failures.drain(..) {
            let Some(planned) = self.planned.get(failure.tag as usize).copied() else {
                continue;
            };
            match failure.kind {
                FailureKind::Unsent => {
                    self.engine.unsent(&planned, failure.block);
                    if self.watching.contains(planned.lane) {
                        // Only a watched socket tells when it takes more.
                        watch(&mut self.sockets, &mut self.watching, planned.lane);
                    }
                    self.sockets.block(planned.lane, planned.index);
                }
                FailureKind::TooBig => self.engine.too_big(&planned, failure.block),
                FailureKind::Fault => self.engine.faulted(now, &planned),
                FailureKind::GsoRefused => self.engine.gso_refused(&planned),
                // No route, a firewall: to the protocol it is a lost packet.
                FailureKind::Peer(_) => {}
            }
        }
    }
}

impl<H> Drop for Worker<H> {
    /// Whoever waits for an answer hears that there will be none, also if the worker has panicked.
    fn drop(&mut self) {
        self.inbox.close();
    }
}

/// Has the poller watch a socket again that was read unasked. If it cannot now, the socket is still
/// read in each round, and the worker does not sleep.
fn watch(sockets: &mut Sockets, watching: &mut Watching, id: u16) -> bool {
    let watched = sockets.watch(id);
    if watched {
        watching.remove(id);
    }
    watched
}

/// Notes a packet for its socket.
fn note(by_lane: &mut Vec<Vec<u32>>, touched: &mut Vec<u16>, lane: u16, tag: u32) {
    let index = usize::from(lane);
    if by_lane.len() <= index {
        by_lane.resize_with(index + 1, Vec::new);
    }
    if by_lane[index].is_empty() {
        touched.push(lane);
    }
    by_lane[index].push(tag);
}

/// RRQ or WRQ, or what tries to be.
fn is_request(payload: &[u8]) -> bool {
    matches!(payload, [0, 1 | 2, ..])
}
