//! Packets of running transfers.

use bootwire_io::Datagram;
use bootwire_proto::{Data, ErrorCode, ErrorPacket, Instant, Packet, Reception};

use super::{Engine, Host};
use crate::server::transfer::{End, Phase};
use crate::{Reason, Refusal};

/// Bytes of a client's ERROR text that are kept.
const ERROR_TEXT_KEPT: usize = 120;

impl<H: Host> Engine<H> {
    /// A datagram arrived on transfer socket `lane`, which answers for the local address `front`.
    pub(in crate::server) fn on_lane(
        &mut self,
        now: Instant,
        lane: u16,
        front: u16,
        datagram: &Datagram<'_>,
    ) {
        self.counters.packets_in.add(1);
        let Ok(packet) = Packet::parse(datagram.payload) else {
            self.counters.malformed.add(1);
            return;
        };
        let found = self.transfers.find(datagram.peer, front);
        let found = found.filter(|&index| {
            self.transfers
                .get(index)
                .is_some_and(|transfer| transfer.lane.id == lane)
        });
        let Some(index) = found else {
            self.stray(now, lane, datagram, packet);
            return;
        };
        let Some(transfer) = self.transfers.get_mut(index) else {
            return;
        };
        match (packet, &mut transfer.phase) {
            (Packet::Ack(ack), Phase::Sending(sending)) => {
                sending.sender.on_ack(now, ack);
                if transfer.unproven.is_some() && sending.sender.is_proven() {
                    self.prove(now, index);
                }
            }
            (Packet::Data(data), Phase::Receiving(_)) if !datagram.truncated => {
                transfer.first_data.get_or_insert(now);
                self.on_data(now, index, data);
            }
            (Packet::Error(error), phase) if !matches!(phase, Phase::Refused { .. }) => {
                // Before the answer went out there was nothing to tell our port from.
                if transfer.answered.is_some() {
                    self.prove(now, index);
                }
                self.on_error(now, index, error);
                return;
            }
            // An ACK of an ERROR, an OACK, DATA where ACKs are due: nothing a good client sends,
            // and nothing to end a transfer for.
            _ => {
                self.counters.strays.add(1);
                return;
            }
        }
        self.go_on(now, index);
    }

    fn on_data(&mut self, now: Instant, index: u32, data: Data<'_>) {
        let Some(transfer) = self.transfers.get_mut(index) else {
            return;
        };
        let Phase::Receiving(receiving) = &mut transfer.phase else {
            return;
        };
        let Reception::Accepted { offset, last } = receiving.receiver.on_data(now, data) else {
            return;
        };
        self.counters.bytes_in.add(data.payload.len() as u64);
        if receiving
            .size_max
            .is_some_and(|max| offset + data.payload.len() as u64 > max)
        {
            self.refuse(now, index, &Refusal::oversized());
            return;
        }
        receiving.store.push(data.payload);
        if last {
            receiving.store.finish();
        }
        if transfer.unproven.is_some() {
            self.prove(now, index);
        }
    }

    /// The client ended the transfer. It is never answered (RFC 1350 section 7).
    // spec: rfc1350-error-ends, error-never-answered
    fn on_error(&mut self, now: Instant, index: u32, error: ErrorPacket<'_>) {
        let Some(transfer) = self.transfers.get(index) else {
            return;
        };
        let text = error.text.get(..ERROR_TEXT_KEPT).unwrap_or(error.text);
        let text = String::from_utf8_lossy(text).into_owned();
        let code = ErrorCode::from_wire(error.code);
        let end = End {
            error: Some((code, text.clone())),
            ..End::new(transfer.abort_outcome(code, &text))
        };
        self.end(now, index, end);
    }

    /// A packet for no transfer. Peers we knew a moment ago are late, not wrong; strangers are told
    /// so, and the transfer they may have meant goes on (RFC 1350 section 4).
    // spec: rfc1350-foreign-tid
    fn stray(&mut self, now: Instant, lane: u16, datagram: &Datagram<'_>, packet: Packet<'_>) {
        self.counters.strays.add(1);
        // spec: listener-silence
        // On the listening port, an answer to what is no request could make two servers talk for
        // ever.
        let answerable =
            matches!(packet, Packet::Data(_) | Packet::Ack(_)) && lane >= self.config.listeners;
        let too_late = answerable && self.late.knows(now, datagram.peer);
        if answerable
            && (too_late || !self.recent.knows(now, datagram.peer))
            && self
                .admission
                .hear(now, datagram.peer, datagram.local)
                .is_ok()
        {
            let to = bootwire_io::Destination {
                peer: datagram.peer,
                from: None,
            };
            let mut refusal = Refusal::new(Reason::UnknownTid);
            if too_late {
                refusal = refusal.text("Transfer timed out, ask again");
            }
            self.error_to_stranger(now, lane, to, &refusal);
        }
    }
}
