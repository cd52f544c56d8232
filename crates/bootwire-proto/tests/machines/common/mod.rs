//! Two ends, a network between them, and a clock moved by hand.

pub(crate) mod ends;
pub(crate) mod peers;

use std::collections::BTreeMap;
use std::time::Duration;

use bootwire_proto::{Ack, Agreed, Instant, Limits, Mode, Offer, Op, Packet, Rollover, negotiate};

/// A packet on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Request,
    Oack,
    Data { block: u16, payload: Vec<u8> },
    Ack(Ack),
}

/// One end of a transfer: a state machine of ours, or a scripted peer.
pub(crate) trait End {
    fn deliver(&mut self, now: Instant, packet: &Wire);
    fn on_time(&mut self, now: Instant);
    fn deadline(&self) -> Option<Instant>;
    /// The next packet to send.
    fn poll(&mut self, now: Instant) -> Option<Wire>;
    /// Whether nothing more is expected of this end.
    fn done(&self) -> bool;
}

/// Who a packet goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    Client,
    Server,
}

/// A packet as the network sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passage<'a> {
    pub(crate) now: Instant,
    pub(crate) to: To,
    /// How many packets went this way before.
    pub(crate) index: u64,
    pub(crate) wire: &'a Wire,
}

impl Passage<'_> {
    /// Whether it is DATA with this block number.
    pub(crate) fn is_data(&self, number: u16) -> bool {
        matches!(self.wire, Wire::Data { block, .. } if *block == number)
    }

    /// Whether it is an ACK of this block number.
    pub(crate) fn is_ack(&self, number: u16) -> bool {
        matches!(self.wire, Wire::Ack(ack) if ack.block == number)
    }
}

/// How long each copy of a packet takes; none means that it is lost.
pub(crate) type Fate = Vec<Duration>;

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A network of constant delay without loss.
pub(crate) fn steady(delay: Duration) -> impl FnMut(Passage<'_>) -> Fate {
    move |_| vec![delay]
}

/// A network of constant delay that loses every packet `lost` says, the first time only.
pub(crate) fn losing_once(
    delay: Duration,
    mut lost: impl FnMut(&Passage<'_>) -> bool,
) -> impl FnMut(Passage<'_>) -> Fate {
    let mut seen = Vec::<(To, Wire)>::new();
    move |passage| {
        if lost(&passage) {
            let packet = (passage.to, passage.wire.clone());
            if !seen.contains(&packet) {
                seen.push(packet);
                return vec![];
            }
        }
        vec![delay]
    }
}

/// A client, a server, and what is on its way between them.
pub(crate) struct Net<C, S, F> {
    pub(crate) client: C,
    pub(crate) server: S,
    pub(crate) now: Instant,
    /// Packets sent to the client and to the server.
    pub(crate) sent_to_client: u64,
    pub(crate) sent_to_server: u64,
    fate: F,
    queue: BTreeMap<(Instant, u64), (To, Wire)>,
    order: u64,
    /// Steps since the clock last moved.
    still: u32,
}

/// What a step of a [`Net`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Moved,
    /// Both ends are done.
    Done,
    /// Nothing is on its way and nobody waits for time to pass.
    Idle,
}

impl<C: End, S: End, F: FnMut(Passage<'_>) -> Fate> Net<C, S, F> {
    pub(crate) fn new(client: C, server: S, fate: F) -> Self {
        let now = Instant::ZERO;
        Self {
            client,
            server,
            now,
            sent_to_client: 0,
            sent_to_server: 0,
            fate,
            queue: BTreeMap::new(),
            order: 0,
            still: 0,
        }
    }

    /// Runs until both ends are done, for at most `limit` of virtual time and `packets` packets.
    pub(crate) fn run(&mut self, limit: Duration, packets: u64) {
        while self.step(limit) == Step::Moved {
            let sent = self.sent_to_client + self.sent_to_server;
            assert!(sent <= packets, "{sent} packets after {:?}", self.elapsed());
        }
        assert!(
            self.client.done() && self.server.done(),
            "not done after {:?}",
            self.elapsed()
        );
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.now.since(Instant::ZERO)
    }

    /// Sends what is due, then moves the clock to the next event.
    pub(crate) fn step(&mut self, limit: Duration) -> Step {
        self.pump();
        if self.client.done() && self.server.done() {
            return Step::Done;
        }
        let arrival = self.queue.keys().next().map(|(at, _)| *at);
        let deadlines = [self.client.deadline(), self.server.deadline(), arrival];
        let Some(next) = deadlines.into_iter().flatten().min() else {
            return Step::Idle;
        };
        // Two machines that keep asking to be woken at once would stop the clock.
        self.still = if next > self.now { 0 } else { self.still + 1 };
        assert!(
            self.still < 1000,
            "the clock stands at {:?}: {deadlines:?}",
            self.elapsed()
        );
        self.now = self.now.max(next);
        assert!(self.elapsed() <= limit, "still running after {limit:?}");
        while let Some(entry) = self.queue.first_entry()
            && entry.key().0 <= self.now
        {
            match entry.remove() {
                (To::Client, wire) => self.client.deliver(self.now, &wire),
                (To::Server, wire) => self.server.deliver(self.now, &wire),
            }
            self.pump();
        }
        self.client.on_time(self.now);
        self.server.on_time(self.now);
        Step::Moved
    }

    fn pump(&mut self) {
        while let Some(wire) = self.client.poll(self.now) {
            self.send(To::Server, &wire);
        }
        while let Some(wire) = self.server.poll(self.now) {
            self.send(To::Client, &wire);
        }
    }

    fn send(&mut self, to: To, wire: &Wire) {
        let counter = match to {
            To::Client => &mut self.sent_to_client,
            To::Server => &mut self.sent_to_server,
        };
        let passage = Passage {
            now: self.now,
            to,
            index: *counter,
            wire,
        };
        *counter += 1;
        for delay in (self.fate)(passage) {
            self.order += 1;
            self.queue
                .insert((self.now + delay, self.order), (to, wire.clone()));
        }
    }
}

/// What both sides agree on when a client makes this offer.
pub(crate) fn agreed(op: Op, offer: Offer) -> Agreed {
    let mut request = Vec::new();
    offer.encode_request(op, b"f", Mode::Octet, &mut request);
    let Ok(Packet::Request(request)) = Packet::parse(&request) else {
        panic!("a request")
    };
    let limits = Limits {
        windowsize_max: u16::MAX,
        ..Limits::default()
    };
    negotiate(&request, None, &limits)
}

/// A read with this block size and window.
pub(crate) fn windowed(blksize: u16, windowsize: u16) -> Agreed {
    let offer = Offer {
        blksize: Some(blksize),
        windowsize: Some(windowsize),
        ..Offer::default()
    };
    agreed(Op::Read, offer)
}

/// The same with a rollover policy.
pub(crate) fn rolling(blksize: u16, windowsize: u16, rollover: Rollover) -> Agreed {
    let mut agreed = windowed(blksize, windowsize);
    agreed.rollover = rollover;
    agreed
}

/// Bytes that differ from block to block.
pub(crate) fn content(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_be_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}

/// Compares a table with the file that keeps it; where they differ, shows what to put there.
pub(crate) fn compare(name: &str, actual: &str, expected: &str) {
    assert!(actual == expected, "{name} is now:\n{actual}");
}
