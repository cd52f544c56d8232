//! Requests that become no transfer: they cannot be read, or there is no place for them. Their
//! clients get an ERROR, and the record says why.

use std::sync::Arc;

use bootwire_io::Datagram;
use bootwire_proto::{Instant, Malformed, Request};

use super::{Engine, Host};
use crate::record::{Ended, Figures};
use crate::request::{Arrival, Facts, Unreadable};
use crate::server::lane::{Lane, Lanes};
use crate::{Outcome, Reason, Refusal};

impl<H: Host> Engine<H> {
    /// ERROR 4 for a request that cannot be read; silence for anything else.
    pub(super) fn malformed(
        &mut self,
        now: Instant,
        listener: u16,
        datagram: &Datagram<'_>,
        malformed: Malformed,
        lanes: &mut impl Lanes,
    ) {
        self.counters.malformed.add(1);
        let is_request = matches!(datagram.payload, [0, 1 | 2, ..]);
        if !is_request || self.draining || self.hear(now, datagram).is_none() {
            return;
        }
        let turn = self.recent.next_turn(now, datagram.peer);
        let Some(lane) = lanes.lane(listener, datagram.local, datagram.interface, turn) else {
            return;
        };
        let unreadable = Unreadable::read(datagram.payload);
        let (text, detail) = match malformed {
            Malformed::UnknownMode => {
                let mode = String::from_utf8_lossy(unreadable.mode);
                let text = "Unknown mode: use octet or netascii";
                (text, format!("the mode is \"{mode}\""))
            }
            Malformed::NameTooLong => (
                "File name too long",
                format!("the name has {} bytes", unreadable.name_len),
            ),
            Malformed::EmptyName => ("No file name", "the name is empty".to_owned()),
            Malformed::Unterminated => (
                "Malformed request",
                "no NUL behind the name or the mode".to_owned(),
            ),
            Malformed::TooShort | Malformed::UnknownOpcode(_) => {
                ("Malformed request", "the request was cut".to_owned())
            }
        };
        let refusal = Refusal::new(Reason::Illegal).text(text).because(detail);
        if self.error_to_stranger(now, lane.id, lane.to(datagram.peer), &refusal) {
            let facts = Facts::unreadable(self.arrival(datagram, &lane), &unreadable);
            self.rejected(facts, &refusal, Outcome::Malformed);
        }
    }

    /// There is no place for one more transfer. Beyond the budget for ERRORs to strangers this is
    /// silent, costs nothing and has no record.
    pub(super) fn over_limit(
        &mut self,
        now: Instant,
        lane: &Lane,
        datagram: &Datagram<'_>,
        request: &Request<'_>,
    ) {
        self.counters.over_limit.add(1);
        let refusal = Refusal::busy().because("too many transfers at a time");
        if self.error_to_stranger(now, lane.id, lane.to(datagram.peer), &refusal) {
            let arrival = self.arrival(datagram, lane);
            let facts = Facts::new(arrival, request, datagram.payload);
            self.rejected(facts, &refusal, Outcome::Busy);
        }
    }

    pub(super) fn arrival(&mut self, datagram: &Datagram<'_>, lane: &Lane) -> Arrival {
        Arrival {
            id: self.host.next_id(),
            arrived: self.host.wall_clock(),
            peer: datagram.peer,
            local: lane.local,
            interface: datagram.interface,
            proven: false,
            traced: self.config.traceparent,
        }
    }

    /// Makes the record of a request whose ERROR was sent.
    fn rejected(&mut self, facts: Facts, refusal: &Refusal, outcome: Outcome) {
        self.counters.ended(outcome);
        let ended = Ended {
            facts: Arc::new(facts),
            route: None,
            outcome,
            error: Some((refusal.reason().code(), refusal.client_text().to_owned())),
            detail: refusal.detail().map(str::to_owned),
            figures: Figures::default(),
        };
        if !self.host.record(ended) {
            self.counters.records_dropped.add(1);
        }
    }
}
