//! Whether the server is well: asked on the wire, answered by the engine itself. There is no
//! transfer, and so no record, no line in the log and no count of failures.

use bootwire_io::Datagram;
use bootwire_proto::Instant;

use super::{Engine, Host};
use crate::Refusal;
use crate::checkup::Way;
use crate::server::lane::Lanes;

impl<H: Host> Engine<H> {
    /// Answers from where it was asked to, within the budget for strangers and never with more
    /// bytes than the request has.
    // spec: checkup
    pub(super) fn on_checkup(
        &mut self,
        now: Instant,
        listener: u16,
        datagram: &Datagram<'_>,
        way: Way,
        lanes: &mut impl Lanes,
    ) {
        let Datagram { peer, local, .. } = *datagram;
        // This host may always ask: nothing from outside comes with its addresses.
        let here = peer.ip().is_loopback() || local == Some(peer.ip());
        if self.draining || (!here && self.hear(now, datagram).is_none()) {
            return;
        }
        let lane = match way {
            Way::Transfer => {
                let turn = self.recent.next_turn(now, peer);
                lanes.lane(listener, local, datagram.interface, turn)
            }
            Way::Listener => lanes.listening(listener, local, datagram.interface),
        };
        let Some(lane) = lane else {
            return;
        };
        let text = match way {
            Way::Transfer => way.answer(peer),
            Way::Listener => way.answer(lane.local),
        };
        let refusal = Refusal::not_found().text(text);
        if 5 + refusal.client_text().len() <= datagram.payload.len() {
            self.error_to_stranger(now, lane.id, lane.to(peer), &refusal);
        }
    }
}
