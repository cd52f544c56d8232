//! Requests: who is let in, what is a repeat, what is new.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bootwire_io::Datagram;
use bootwire_proto::{Agreed, Instant, Malformed, Packet, Request as Rq};

use super::{Engine, Host};
use crate::request::{Arrival, Facts, Params};
use crate::server::inbox::Key;
use crate::server::lane::{Lane, Lanes};
use crate::server::transfer::{CROSSING, End, Phase, Transfer};
use crate::server::wheel::Armed;
use crate::{Op, Outcome, Reason, Refusal, Request};

/// A request that equals the one of a transfer younger than this is its echo, delayed on the way,
/// even if that transfer has moved on. Later it is the client starting over.
const ECHO: Duration = Duration::from_secs(1);
/// What a handler may be late, beyond its deadline, before the engine answers in its place.
const HANDLER_GRACE: Duration = Duration::from_secs(2);

impl<H: Host> Engine<H> {
    /// A datagram arrived on listening socket `listener`.
    pub(in crate::server) fn on_listener(
        &mut self,
        now: Instant,
        listener: u16,
        datagram: &Datagram<'_>,
        lanes: &mut impl Lanes,
    ) {
        self.counters.packets_in.add(1);
        if !datagram.unicast {
            // spec: rfc1123-broadcast
            self.counters.broadcasts.add(1);
            return;
        }
        match Packet::parse(datagram.payload) {
            Ok(Packet::Request(request)) if !datagram.truncated => {
                self.on_request(now, listener, datagram, request, lanes);
            }
            // spec: listener-silence
            // The listening port is no transfer's port: answering would let two servers, or a
            // server and an echo service, talk for ever.
            Ok(Packet::Data(_) | Packet::Ack(_) | Packet::Error(_) | Packet::Oack(_)) => {
                self.counters.strays.add(1);
            }
            Ok(Packet::Request(_)) => {
                self.malformed(now, listener, datagram, Malformed::TooShort, lanes);
            }
            Err(malformed) => self.malformed(now, listener, datagram, malformed, lanes),
        }
    }

    /// ERROR 4 for a request that cannot be read; silence for anything else.
    fn malformed(
        &mut self,
        now: Instant,
        listener: u16,
        datagram: &Datagram<'_>,
        malformed: Malformed,
        lanes: &mut impl Lanes,
    ) {
        self.counters.malformed.add(1);
        let is_request = matches!(datagram.payload, [0, 1 | 2, ..]);
        if !is_request || self.draining || !self.admission.allows(datagram.peer.ip()) {
            return;
        }
        let turn = self.recent.next_turn(now, datagram.peer);
        if let Some(lane) = lanes.lane(listener, datagram.local, datagram.interface, turn) {
            let text = match malformed {
                Malformed::UnknownMode => "Unknown mode: use octet or netascii",
                Malformed::NameTooLong => "File name too long",
                Malformed::EmptyName => "No file name",
                Malformed::TooShort | Malformed::Unterminated | Malformed::UnknownOpcode(_) => {
                    "Malformed request"
                }
            };
            let refusal = Refusal::new(Reason::Illegal).text(text);
            self.error_to_stranger(now, lane.id, lane.to(datagram.peer), &refusal);
        }
    }

    fn on_request(
        &mut self,
        now: Instant,
        listener: u16,
        datagram: &Datagram<'_>,
        request: Rq<'_>,
        lanes: &mut impl Lanes,
    ) {
        let peer = datagram.peer;
        if !self.admission.allows(peer.ip()) {
            self.counters.not_allowed.add(1);
            return;
        }
        let site = lanes.site(listener, datagram.local, datagram.interface);
        let running = site.and_then(|site| self.table.find(peer, site));
        if let Some(index) = running
            && self.joins(now, index, datagram.payload)
        {
            self.counters.repeated.add(1);
            return;
        }
        if self.draining {
            return;
        }
        if let Some(index) = running {
            self.replace(now, index);
        }
        let turn = self.recent.next_turn(now, peer);
        let Some(lane) = lanes.lane(listener, datagram.local, datagram.interface, turn) else {
            return;
        };
        if self.admission.enter(peer.ip()).is_err() {
            self.counters.over_limit.add(1);
            self.error_to_stranger(now, lane.id, lane.to(peer), &Refusal::busy());
            return;
        }
        match request.op {
            Op::Read => self.counters.reads.add(1),
            Op::Write => self.counters.writes.add(1),
        }
        self.open(now, peer, lane, datagram, request);
    }

    /// Whether the request belongs to the transfer its peer has already; acts on it if so.
    // spec: clients-rule-9
    fn joins(&mut self, now: Instant, index: u32, request: &[u8]) -> bool {
        let Some(transfer) = self.table.get_mut(index) else {
            return false;
        };
        if *transfer.facts.datagram != *request {
            return false;
        }
        if !transfer.is_fresh() {
            // With all of it sent or stored, the client may well want it once more.
            return now.since(transfer.started) < ECHO && !transfer.is_all_moved();
        }
        match &mut transfer.phase {
            Phase::Opening { .. } => {}
            Phase::Sending(sending) => sending.sender.on_repeated_request(now),
            Phase::Receiving(receiving) => receiving.receiver.on_repeated_request(now),
            Phase::Refused { error, since } => {
                if now.since(*since) >= CROSSING {
                    *since = now;
                    self.outbox.push(*error);
                }
            }
        }
        self.queue(index);
        true
    }

    /// The peer asks for something else: what it had is over.
    // spec: next-request-replaces
    fn replace(&mut self, now: Instant, index: u32) {
        let Some(transfer) = self.table.get(index) else {
            return;
        };
        let end = if transfer.is_all_sent() {
            End::new(Outcome::Complete)
        } else {
            let detail = Some("the client started another transfer from the same port".to_owned());
            End {
                detail,
                ..End::new(Outcome::ClientAbort)
            }
        };
        self.end(now, index, end);
    }

    /// Starts a transfer.
    fn open(
        &mut self,
        now: Instant,
        peer: SocketAddr,
        lane: Lane,
        datagram: &Datagram<'_>,
        request: Rq<'_>,
    ) {
        let arrival = Arrival {
            id: self.host.next_id(),
            arrived: self.host.wall_clock(),
            peer,
            local: lane.local,
            interface: datagram.interface,
        };
        let facts = Arc::new(Facts::new(arrival, &request, datagram.payload));
        let deadline = now + self.config.deadline + HANDLER_GRACE;
        let new = |key: Key| Transfer {
            key,
            peer,
            lane,
            agreed: Agreed::plain(),
            phase: Phase::Opening { deadline },
            armed: Armed::default(),
            queued: false,
            no_gso: false,
            fragment: false,
            started: now,
            answered: None,
            first_data: None,
            size: None,
            facts: Arc::clone(&facts),
            route: None,
            terms: None,
        };
        let key = self.table.insert(new);
        self.active += 1;
        self.counters.active.set(self.active);
        if facts.climbs {
            self.refuse(
                now,
                key.index,
                &Refusal::denied().because("the file name climbs out of the root"),
            );
            return;
        }
        let request = Request {
            facts,
            params: Params::default(),
        };
        let asked = self.host.ask(key, &request);
        if let Some(transfer) = self.table.by_key(key) {
            transfer.route = asked.route;
        }
        match asked.answer {
            Some(result) => self.on_answer(now, key, result),
            None => self.arm(key.index),
        }
    }
}
