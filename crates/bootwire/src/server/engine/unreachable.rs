//! Clients that are not there any more, as their hosts or the network report it (ICMP).

use std::net::SocketAddr;
use std::time::Duration;

use bootwire_proto::Instant;

use super::{Engine, Host};
use crate::Outcome;
use crate::server::transfer::{End, Phase};

/// Reports after which a client is given up, each about another resend, with not a packet of the
/// client in between.
const REPORTS: u8 = 4;
/// And not before it was silent for so long. Anyone can forge a report, and clients pause: those
/// that are there have spoken by then.
const SILENCE: Duration = Duration::from_secs(5);

impl<H: Host> Engine<H> {
    /// The network reports that a packet from socket `lane`, of the local address `front`, did not
    /// reach `peer`. A client that has answered before is given up for that only if it stays
    /// silent for some resends more; one that has not is given up soon anyway.
    // spec: unreachable
    pub(in crate::server) fn on_unreachable(
        &mut self,
        now: Instant,
        lane: u16,
        front: u16,
        peer: SocketAddr,
    ) {
        let Some(index) = self.transfers.find(peer, front) else {
            return;
        };
        let Some(transfer) = self.transfers.get_mut(index) else {
            return;
        };
        if transfer.lane.id != lane {
            return;
        }
        let timeouts = match &transfer.phase {
            Phase::Sending(sending) => sending.sender.counts().timeouts,
            Phase::Receiving(receiving) if !receiving.recorded => {
                receiving.receiver.counts().timeouts
            }
            _ => return,
        };
        let heard = transfer.heard_at();
        let reports = transfer.reports.add(heard, timeouts);
        if transfer.unproven.is_some() || reports < REPORTS || now.since(heard) < SILENCE {
            return;
        }
        let seconds = now.since(heard).as_secs();
        let detail =
            format!("client silent for {seconds} s, and its port is reported to be closed (ICMP)");
        let end = End {
            detail: Some(detail),
            ..End::new(Outcome::Timeout)
        };
        self.end(now, index, end);
    }
}
