//! A thread that drives its share of the clients.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bootwire_io::{Kernel, Waker};
use bootwire_proto::Instant;

use super::alarms::Alarms;
use super::busy::{Busy, Meter};
use super::client::{Bench, Client, End, network};
use super::faults::Random;
use super::net::Net;
use super::plan::Plan;
use super::tally::Tally;
use super::wire::Wire;

/// How long first answers are waited for after the end.
const SEND_OFF: Duration = Duration::from_millis(100);

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
    /// How its packets came in.
    pub(super) net: &'static str,
    /// Datagrams lost here for want of room, where that is counted.
    pub(super) drops: Option<u64>,
}

/// A thread's clients and all they need.
#[derive(Debug)]
pub(super) struct Worker {
    plan: Arc<Plan>,
    /// Every so-many-th client is ours, from the number of this thread on.
    clients: Vec<Client>,
    thread: u32,
    net: Net,
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
        let mut net = Net::new(plan, kernel, thread)?;
        let mut clients = Vec::new();
        let mut alarms = Alarms::default();
        for number in (thread..plan.clients).step_by(plan.threads as usize) {
            let line = net.open(plan, number, clients.len())?;
            let mut client = Client::new(number, line, plan);
            alarms.set(number, client.deadline(), &mut client.alarm);
            clients.push(client);
        }
        let random = Random::new(plan.seed, u64::MAX - u64::from(thread));
        Ok(Self {
            plan: Arc::clone(plan),
            unfinished: clients.len(),
            clients,
            thread,
            wire: Wire::new(kernel, plan.faults, random, net.queues()),
            net,
            alarms,
            tally: Tally::new(),
            live: Arc::clone(live),
            ended: Instant::ZERO,
            origin: std::time::Instant::now(),
        })
    }

    /// Ends a wait, after the plan was stopped.
    pub(super) fn waker(&self) -> Waker {
        self.net.waker()
    }

    /// The room a client has for datagrams that wait, in bytes.
    pub(super) fn receive_buffer(&self) -> Option<usize> {
        self.clients
            .first()
            .and_then(|client| Some(client.line().socket()?.receive_buffer()))
    }

    /// Drives the clients until all are done, or the run is over.
    pub(super) fn run(mut self, origin: std::time::Instant) -> io::Result<Done> {
        self.origin = origin;
        let meter = Meter::start();
        let end = self.plan.time_limit.map(|limit| Instant::ZERO.after(limit));
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
            self.wait(next.map(|next| next.since(now)))?;
            while let Some(index) = self.next()? {
                self.receive(index)?;
            }
            self.hear_failures()?;
        }
        let busy = meter.and_then(|meter| meter.stop(self.net.looked()));
        self.cut_off()?;
        Ok(Done {
            ended: self.ended,
            busy,
            net: self.net.name(),
            drops: self.net.drops(),
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

    /// Sends what is queued, and waits for datagrams.
    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        flush(&mut self.wire, &mut self.net, &self.plan, self.thread)?;
        self.net.wait(timeout)
    }

    /// The next client something has come for.
    fn next(&mut self) -> io::Result<Option<usize>> {
        let clients = &self.clients;
        self.net.next(|index| clients.get(index)?.line().socket())
    }

    /// Takes what has come for a client.
    fn receive(&mut self, index: usize) -> io::Result<()> {
        let now = self.now();
        let faultless = self.plan.faults.is_none();
        let Some(client) = self.clients.get_mut(index) else {
            return Ok(());
        };
        for slot in 0..self.net.len() {
            let Some((peer, payloads)) = self.net.get(slot) else {
                break;
            };
            for bytes in payloads {
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
        if let Some(peer) = client.settles(&self.plan) {
            self.net.connect(index, peer);
        }
        self.after(index, now, None)
    }

    /// Ends the transfers of clients whose sockets cannot go on.
    fn hear_failures(&mut self) -> io::Result<()> {
        while let Some((index, error)) = self.net.failure() {
            let now = self.now();
            let active = self.clients.get(index).is_some_and(Client::is_active);
            self.after(index, now, active.then(|| network(&error)))?;
        }
        Ok(())
    }

    /// Hands on packets that were held back.
    fn deliver_late(&mut self, now: Instant) -> io::Result<()> {
        while let Some(late) = self.wire.late(now) {
            let index = self.index(late.client);
            let Some(client) = self.clients.get_mut(index) else {
                continue;
            };
            if client.line().port() != late.port {
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
        if let Some(end) = end {
            let mut bench = Bench {
                plan: &self.plan,
                wire: &mut self.wire,
                tally: &mut self.tally,
                now,
            };
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
                // What it has to send goes out by its old port.
                flush(&mut self.wire, &mut self.net, &self.plan, self.thread)?;
                let number = client.number();
                self.net
                    .renew(client.new_port(), &self.plan, number, index)?;
            }
            let mut bench = Bench {
                plan: &self.plan,
                wire: &mut self.wire,
                tally: &mut self.tally,
                now,
            };
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
        self.wait(Some(Duration::ZERO))?;
        while unanswered > 0 {
            let left = end.since(self.now());
            if left.is_zero() {
                break;
            }
            self.wait(Some(left))?;
            while let Some(index) = self.next()? {
                let Some(client) = self.clients.get(index) else {
                    continue;
                };
                for slot in 0..self.net.len() {
                    let Some((peer, payloads)) = self.net.get(slot) else {
                        break;
                    };
                    for bytes in payloads {
                        if client.turn_away(&mut self.wire, peer, bytes) {
                            unanswered = unanswered.saturating_sub(1);
                        }
                    }
                }
            }
        }
        // What was said last goes out.
        self.wait(Some(Duration::ZERO))
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
        place(&self.plan, self.thread, number)
    }
}

/// Queues what the clients have to send, where it was not sent at once.
fn flush(wire: &mut Wire, net: &mut Net, plan: &Plan, thread: u32) -> io::Result<()> {
    wire.flush(|client, to, bytes| net.send(place(plan, thread, client), to, bytes))
}

/// Where a client is among those of its thread.
fn place(plan: &Plan, thread: u32, number: u32) -> usize {
    ((number - thread) / plan.threads) as usize
}
