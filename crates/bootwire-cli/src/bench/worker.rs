//! A thread that drives its share of the clients.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bootwire_io::{Kernel, Poller, Ready, ReceiveBatch, Socket, SocketOptions, Waker};
use bootwire_proto::{Instant, Op};

use super::alarms::Alarms;
use super::busy::{Busy, Meter};
use super::client::{Bench, Client, End};
use super::faults::Random;
use super::plan::Plan;
use super::tally::Tally;
use super::wire::Wire;

/// Datagrams received by one call at most.
const RECEIVE_MAX: u16 = 64;

/// The same where each may be a whole run of blocks.
const GRO_SLOTS: usize = 8;

/// How long first answers are waited for after the end.
const SEND_OFF: Duration = Duration::from_millis(100);

/// The kernel's default for a receive buffer on Linux, which needs no asking.
const RECEIVE_BUFFER: usize = 212_992;

/// What the kernel charges for a waiting datagram beside twice its bytes.
const DATAGRAM_OVERHEAD: usize = 768;

/// How far a thread has come, for the eye.
#[derive(Debug, Default)]
pub(super) struct Live {
    pub(super) running: AtomicU64,
    pub(super) completed: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) bytes: AtomicU64,
}

/// What a thread has to tell at its end.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) tally: Tally,
    /// When the last of its transfers ended.
    pub(super) ended: Instant,
    /// How busy it was, where the system tells.
    pub(super) busy: Option<Busy>,
}

/// A thread's clients and all they need.
#[derive(Debug)]
pub(super) struct Worker {
    plan: Arc<Plan>,
    /// Every so-many-th client is ours, from the number of this thread on.
    clients: Vec<Client>,
    thread: u32,
    options: SocketOptions,
    poller: Poller,
    receive: ReceiveBatch,
    wire: Wire,
    alarms: Alarms,
    tally: Tally,
    live: Arc<Live>,
    unfinished: usize,
    ended: Instant,
    /// Where the clock of a run starts.
    origin: std::time::Instant,
}

impl Worker {
    /// Opens the sockets of all its clients.
    pub(super) fn open(
        plan: &Arc<Plan>,
        kernel: Kernel,
        thread: u32,
        live: &Arc<Live>,
    ) -> io::Result<Self> {
        let options = socket_options(plan);
        let mut poller = Poller::new(kernel)?;
        let mut clients = Vec::new();
        let mut alarms = Alarms::default();
        for number in (thread..plan.clients).step_by(plan.threads as usize) {
            let socket = Socket::bind(plan.local(number), &options)?;
            poller.add(&socket, clients.len())?;
            let mut client = Client::new(number, socket, plan);
            alarms.set(number, client.deadline(), &mut client.alarm);
            clients.push(client);
        }
        let random = Random::new(plan.seed, u64::MAX - u64::from(thread));
        Ok(Self {
            plan: Arc::clone(plan),
            unfinished: clients.len(),
            clients,
            thread,
            options,
            poller,
            receive: receive_batch(plan, kernel),
            wire: Wire::new(kernel, plan.faults, random),
            alarms,
            tally: Tally::new(),
            live: Arc::clone(live),
            ended: Instant::ZERO,
            origin: std::time::Instant::now(),
        })
    }

    /// Ends a wait, after the plan was stopped.
    pub(super) fn waker(&self) -> Waker {
        self.poller.waker()
    }

    /// The room a client has for datagrams that wait, in bytes.
    pub(super) fn receive_buffer(&self) -> Option<usize> {
        self.clients
            .first()
            .map(|client| client.socket().receive_buffer())
    }

    /// Drives the clients until all are done, or the run is over.
    pub(super) fn run(mut self, origin: std::time::Instant) -> io::Result<Done> {
        self.origin = origin;
        let meter = Meter::start();
        let end = self.plan.time_limit.map(|limit| Instant::ZERO.after(limit));
        let mut ready = Vec::new();
        loop {
            let now = self.now();
            self.fire(now)?;
            self.deliver_late(now)?;
            self.publish();
            let over = end.is_some_and(|end| now >= end) || self.plan.is_stopped();
            if over || self.unfinished == 0 {
                break;
            }
            let next = [self.alarms.next(), self.wire.next_late(), end];
            let next = next.into_iter().flatten().min();
            let timeout = next.map(|next| next.since(now));
            self.poller.wait(timeout, &mut ready)?;
            for event in &ready {
                self.receive(event)?;
            }
        }
        let busy = meter.and_then(Meter::stop);
        self.cut_off()?;
        Ok(Done {
            ended: self.ended,
            busy,
            tally: self.tally,
        })
    }

    /// Looks at the clients whose time has come.
    fn fire(&mut self, now: Instant) -> io::Result<()> {
        while let Some((at, number)) = self.alarms.due(now) {
            let index = self.index(number);
            let Some(client) = self.clients.get_mut(index) else {
                continue;
            };
            if client.alarm != Some(at) {
                // There was an earlier one.
                continue;
            }
            client.alarm = None;
            if client.is_active() && client.deadline().is_some_and(|deadline| deadline <= now) {
                let end = client.on_time(&mut Bench {
                    plan: &self.plan,
                    wire: &mut self.wire,
                    tally: &mut self.tally,
                    now,
                });
                self.after(index, now, end)?;
            } else {
                self.after(index, now, None)?;
            }
        }
        Ok(())
    }

    /// Takes what has come for a client.
    fn receive(&mut self, event: &Ready) -> io::Result<()> {
        let index = event.token;
        let Some(client) = self.clients.get_mut(index) else {
            return Ok(());
        };
        // What is left is told again.
        let count = self.receive.receive(client.socket())?;
        let now = self.now();
        let faultless = self.plan.faults.is_none();
        for slot in 0..count {
            let datagram = self.receive.get(slot);
            let peer = datagram.peer;
            let single = (!self.plan.gro).then_some(datagram.payload);
            let joined = self.plan.gro.then(|| self.receive.payloads(slot));
            let Some(client) = self.clients.get_mut(index) else {
                break;
            };
            for bytes in single.into_iter().chain(joined.into_iter().flatten()) {
                let times = if faultless {
                    1
                } else {
                    self.wire.arrivals(now, client.side(), peer, bytes)
                };
                for _ in 0..times {
                    let mut bench = Bench {
                        plan: &self.plan,
                        wire: &mut self.wire,
                        tally: &mut self.tally,
                        now,
                    };
                    if let Some(end) = client.on_datagram(&mut bench, peer, bytes) {
                        client.conclude(&mut bench, end);
                        self.ended = now;
                    }
                }
            }
        }
        self.after(index, now, None)
    }

    /// Hands on packets that were held back.
    fn deliver_late(&mut self, now: Instant) -> io::Result<()> {
        while let Some(late) = self.wire.late(now) {
            let index = self.index(late.client);
            let Some(client) = self.clients.get_mut(index) else {
                continue;
            };
            if client.socket().local_addr().port() != late.port {
                continue;
            }
            if late.inwards {
                let mut bench = Bench {
                    plan: &self.plan,
                    wire: &mut self.wire,
                    tally: &mut self.tally,
                    now,
                };
                let end = client.on_datagram(&mut bench, late.peer, &late.bytes);
                self.after(index, now, end)?;
            } else {
                // Late as it is, its failure would surprise nobody.
                let _ = self.wire.send(client.side(), late.peer, &late.bytes);
            }
        }
        Ok(())
    }

    /// Concludes a transfer that has ended, begins the next one if it is time, and sets the alarm.
    fn after(&mut self, index: usize, now: Instant, end: Option<End>) -> io::Result<()> {
        let Some(client) = self.clients.get_mut(index) else {
            return Ok(());
        };
        let mut bench = Bench {
            plan: &self.plan,
            wire: &mut self.wire,
            tally: &mut self.tally,
            now,
        };
        if let Some(end) = end {
            client.conclude(&mut bench, end);
            self.ended = now;
        }
        // Ends with the first request that leaves: a transfer that fails at once makes a pause.
        while client.begins().is_some_and(|begins| begins <= now) {
            if !self.plan.take_ticket() {
                client.finish();
                break;
            }
            if client.is_worn() {
                self.poller.remove(client.socket(), index)?;
                let local = self.plan.local(client.number());
                client.give_port(Socket::bind(local, &self.options)?);
                self.poller.add(client.socket(), index)?;
            }
            if let Some(end) = client.begin(&mut bench) {
                client.conclude(&mut bench, end);
                self.ended = now;
            }
        }
        if client.is_finished() {
            // A datagram may still come for it afterwards.
            self.unfinished -= usize::from(client.leaves());
        } else {
            let deadline = client.deadline();
            self.alarms
                .set(client.number(), deadline, &mut client.alarm);
        }
        Ok(())
    }

    /// Ends what still runs.
    fn cut_off(&mut self) -> io::Result<()> {
        let now = self.now();
        let mut unanswered = 0_usize;
        for client in &mut self.clients {
            if client.is_active() {
                self.ended = now;
                unanswered += usize::from(!client.is_answered());
            }
            client.abort(&mut Bench {
                plan: &self.plan,
                wire: &mut self.wire,
                tally: &mut self.tally,
                now,
            });
        }
        self.publish();
        self.send_off(unanswered)
    }

    /// Ends the transfers whose first answer is still on its way, or the server would go on with
    /// them for seconds.
    fn send_off(&mut self, mut unanswered: usize) -> io::Result<()> {
        let end = self.now().after(SEND_OFF);
        let mut ready = Vec::new();
        while unanswered > 0 {
            let left = end.since(self.now());
            if left.is_zero() {
                break;
            }
            self.poller.wait(Some(left), &mut ready)?;
            for event in &ready {
                let Some(client) = self.clients.get(event.token) else {
                    continue;
                };
                for slot in 0..self.receive.receive(client.socket())? {
                    let datagram = self.receive.get(slot);
                    if client.turn_away(&mut self.wire, datagram.peer, datagram.payload) {
                        unanswered = unanswered.saturating_sub(1);
                    }
                }
            }
        }
        Ok(())
    }

    /// Tells how far it has come.
    fn publish(&self) {
        self.live
            .running
            .store(self.tally.running, Ordering::Relaxed);
        self.live
            .completed
            .store(self.tally.completed, Ordering::Relaxed);
        self.live
            .failed
            .store(self.tally.failed(), Ordering::Relaxed);
        self.live.bytes.store(self.tally.bytes, Ordering::Relaxed);
    }

    /// Time since the start.
    fn now(&self) -> Instant {
        let micros = self.origin.elapsed().as_micros();
        Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// Where a client is.
    fn index(&self, number: u32) -> usize {
        ((number - self.thread) / self.plan.threads) as usize
    }
}

/// What a window takes of a receive buffer, in bytes as the kernel counts them.
pub(super) fn window_room(plan: &Plan) -> usize {
    if plan.op == Op::Write {
        return 0;
    }
    let blksize = usize::from(plan.offer.blksize.unwrap_or(512));
    usize::from(plan.offer.windowsize.unwrap_or(1)) * (2 * blksize + DATAGRAM_OVERHEAD)
}

/// Room for what one call receives. The blocks of an upload are answered one by one.
fn receive_batch(plan: &Plan, kernel: Kernel) -> ReceiveBatch {
    if plan.gro {
        return ReceiveBatch::new(kernel, GRO_SLOTS, 65_535);
    }
    let slots = match plan.op {
        Op::Read => plan.offer.windowsize.unwrap_or(1).min(RECEIVE_MAX),
        Op::Write => 1,
    };
    // For one datagram at a time the plainest call is the cheapest.
    let kernel = if slots == 1 {
        Kernel::portable()
    } else {
        kernel
    };
    // An ERROR or an OACK may be longer than a block; a longer DATA shows as such.
    let blksize = plan.offer.blksize.unwrap_or(512);
    ReceiveBatch::new(kernel, slots.into(), usize::from(blksize.max(512)) + 5)
}

fn socket_options(plan: &Plan) -> SocketOptions {
    let window = window_room(plan);
    SocketOptions {
        // Twice that is given.
        receive_buffer: if window > RECEIVE_BUFFER { window } else { 0 },
        // ACKs fit everywhere; without DF the kernel numbers each of them.
        dont_fragment: plan.op == Op::Read,
        gro: plan.gro,
        ..SocketOptions::default()
    }
}
