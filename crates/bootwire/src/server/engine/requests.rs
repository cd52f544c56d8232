//! Requests: who is let in, what is a repeat, what is new.

use std::sync::Arc;
use std::time::Duration;

use bootwire_io::Datagram;
use bootwire_proto::{Agreed, Instant, Malformed, Packet, Request as Rq};

use super::{Engine, Host};
use crate::checkup::Way;
use crate::params::Params;
use crate::request::{Arrival, Facts};
use crate::server::admission::{Caller, Unanswered};
use crate::server::inbox::TransferKey;
use crate::server::lane::{Lane, Lanes};
use crate::server::reports::Reports;
use crate::server::stats::DropReason;
use crate::server::transfer::{CROSSING, End, Phase, Transfer};
use crate::{Op, Outcome, Refusal, Request};

/// A read request that equals the one of a transfer whose client spoke less than this ago is its echo,
/// even if that transfer has moved on: delayed on the way, or in our own queue when too much comes
/// in. Later it is the client starting over.
const ECHO: Duration = Duration::from_secs(1);
/// How many times the answer to a request is sent because the request came again. Clients that ask
/// more often hear from the timer; and a forger cannot keep a transfer alive with repeats.
const REPEATS_MAX: u8 = 4;
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

    fn on_request(
        &mut self,
        now: Instant,
        listener: u16,
        datagram: &Datagram<'_>,
        request: Rq<'_>,
        lanes: &mut impl Lanes,
    ) {
        if let Some(way) = Way::of(&request) {
            self.on_checkup(now, listener, datagram, way, lanes);
            return;
        }
        let peer = datagram.peer;
        let Some(caller) = self.hear(now, datagram) else {
            return;
        };
        let front = lanes.front(listener, datagram.local, datagram.interface);
        let mut running = front.and_then(|front| self.transfers.find(peer, front));
        let last = running.and_then(|index| self.transfers.get(index).map(|old| old.lane.id));
        // spec: write-begins-anew
        // Whatever becomes of the request.
        if let Some(index) = running
            && self
                .transfers
                .get(index)
                .is_some_and(Transfer::is_begun_upload)
        {
            self.replace(now, index);
            running = None;
        }
        if let Some(index) = running
            && self.joins(now, index, datagram.payload)
        {
            self.counters.repeated.add(1);
            return;
        }
        if self.draining {
            return;
        }
        let Some(place) = self.wait_for_answer(now, caller) else {
            let reason = DropReason::UnprovenDropped;
            self.counters.dropped(now, reason, peer.ip());
            return;
        };
        // Its last transfer ended as if it were not there; but it is.
        let unheard = self.late.knows(now, peer);
        self.late.remove(peer);
        if let Some(index) = running {
            self.replace(now, index);
        }
        let mut lane = || {
            let turn = self.recent.next_turn(now, peer);
            lanes.lane(listener, datagram.local, datagram.interface, turn)
        };
        // Its turns may have been forgotten in a crowd: what it has now tells for sure.
        let Some(lane) = lane().and_then(|found| match last {
            Some(last) if last == found.id => lane(),
            _ => Some(found),
        }) else {
            self.admission.answered(place);
            return;
        };
        if self.admission.enter(peer.ip()).is_err() {
            self.admission.answered(place);
            self.over_limit(now, &lane, datagram, &request);
            return;
        }
        match request.op {
            Op::Read => self.counters.reads.add(1),
            Op::Write => self.counters.writes.add(1),
        }
        self.open(now, lane, (caller, place), datagram, request, unheard);
    }

    /// Whether the request may be answered; if not, that is counted.
    pub(super) fn hear(&self, now: Instant, datagram: &Datagram<'_>) -> Option<Caller> {
        let Datagram { peer, local, .. } = *datagram;
        self.admission
            .hear(now, peer, local)
            .inspect_err(|&reason| self.counters.dropped(now, reason, peer.ip()))
            .ok()
    }

    /// Whether the request belongs to the transfer its peer has already; acts on it if so.
    // spec: clients-rule-9
    fn joins(&mut self, now: Instant, index: u32, request: &[u8]) -> bool {
        let Some(transfer) = self.transfers.get_mut(index) else {
            return false;
        };
        if !transfer.facts.is(request) {
            return false;
        }
        if !transfer.is_fresh() {
            // With all of it there or stored, the client may well want it once more.
            return now.since(transfer.heard_at()) < ECHO && !transfer.is_all_moved();
        }
        // spec: unproven-repeats
        if transfer.repeats >= REPEATS_MAX {
            return true;
        }
        if transfer.answered.is_some() {
            transfer.repeats += 1;
        }
        match &mut transfer.phase {
            Phase::Opening { .. } => {}
            Phase::Sending(sending) => sending.sender.on_repeated_request(now),
            Phase::Receiving(receiving) => receiving.receiver.on_repeated_request(now),
            Phase::Refused { error, since } => {
                if now.since(*since) >= CROSSING {
                    *since = now;
                    self.outbox.push(**error);
                }
            }
        }
        self.queue(index);
        true
    }

    /// The peer asks for something else: what it had is over.
    // spec: next-request-replaces
    fn replace(&mut self, now: Instant, index: u32) {
        let Some(transfer) = self.transfers.get_mut(index) else {
            return;
        };
        if let Some(place) = transfer.unproven.take() {
            self.admission.hold(now, place);
        }
        let end = if transfer.is_all_there() {
            End::new(Outcome::Complete)
        } else {
            let detail = if transfer.is_all_sent() {
                "the client started another transfer from the same port before it acknowledged \
                 the last blocks"
            } else {
                "the client started another transfer from the same port"
            };
            End {
                detail: Some(detail.to_owned()),
                ..End::new(Outcome::ClientAbort)
            }
        };
        self.end(now, index, end);
    }

    /// Starts a transfer.
    fn open(
        &mut self,
        now: Instant,
        lane: Lane,
        (caller, place): (Caller, Unanswered),
        datagram: &Datagram<'_>,
        request: Rq<'_>,
        unheard: bool,
    ) {
        let peer = datagram.peer;
        let arrival = Arrival {
            proven: !caller.is_stranger(),
            ..self.arrival(datagram, &lane)
        };
        let facts = Arc::new(Facts::new(arrival, &request, datagram.payload));
        let deadline = now + self.config.deadline + HANDLER_GRACE;
        let new = |key: TransferKey| Transfer {
            key,
            peer,
            lane,
            agreed: Agreed::plain(),
            phase: Phase::Opening { deadline },
            queued: false,
            blocked: None,
            no_gso: false,
            fragment: false,
            unproven: Some(place),
            repeats: u8::from(unheard),
            started: now,
            answered: None,
            first_data: None,
            size: None,
            reports: Reports::default(),
            facts: Arc::clone(&facts),
            route: None,
        };
        let key = self.transfers.insert(new);
        self.note_unproven(key);
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
            moment: self.moment(),
        };
        let asked = self.host.ask(key, &request);
        if let Some(transfer) = self.transfers.by_key(key) {
            transfer.route = asked.route;
        }
        match asked.answer {
            Some(result) => self.on_answer(now, key, result),
            None => self.arm(key.index),
        }
    }
}
