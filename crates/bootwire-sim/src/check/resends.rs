//! What is lost is sent again in time, and what is not lost is not sent again.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bootwire_proto::Instant;

use super::Resending;

/// Exchanges that measure a round trip before a lost block must be sent again in time.
const MEASURED: u32 = 3;
/// Blocks that may be sent again anyway.
const SLACK: u32 = 8;

/// Time before anything is sent again where no timeout was granted.
const POLITE: Duration = Duration::from_millis(1250);

/// The timeout an OACK grants.
fn granted(payload: &[u8]) -> Option<Duration> {
    let mut words = payload.strip_prefix(&[0, 6])?.split(|&byte| byte == 0);
    words.find(|word| *word == b"timeout")?;
    let seconds = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Blocks of one transfer, on the wire.
#[derive(Debug, Default)]
struct Flow {
    /// The last block sent and the last one acknowledged, and how many were new or not.
    highest: u16,
    acked: u16,
    fresh: u32,
    again: u32,
    /// ACKs of the newest block, before anything was lost.
    measured: u32,
    lost: bool,
    /// More than one block is on the way at a time.
    windowed: bool,
    /// When something must have been sent.
    due: Option<Instant>,
    /// The timeout that was granted.
    granted: Option<Duration>,
}

/// The flows of those clients for which something can be promised.
#[derive(Debug)]
pub(super) struct Resends {
    within: HashMap<IpAddr, Duration>,
    none: HashMap<IpAddr, Resending>,
    flows: HashMap<(SocketAddr, u16), Flow>,
    /// Peers that had a transfer: an echo of their request may open another one, to which nobody
    /// answers.
    over: HashSet<SocketAddr>,
    /// The earliest time at which a flow may be late.
    earliest: Option<Instant>,
}

impl Resends {
    pub(super) fn new(within: HashMap<IpAddr, Duration>, none: HashMap<IpAddr, Resending>) -> Self {
        Self {
            within,
            none,
            flows: HashMap::new(),
            over: HashSet::new(),
            earliest: None,
        }
    }

    pub(super) fn gets(&mut self, socket: u16, from: SocketAddr, payload: &[u8]) {
        let Some(flow) = self.flows.get_mut(&(from, socket)) else {
            return;
        };
        match payload {
            [0, 4, high, low, ..] => {
                let block = u16::from_be_bytes([*high, *low]);
                if block.wrapping_sub(flow.acked) < 1 << 15 {
                    flow.acked = block;
                }
                if block == flow.highest && !flow.lost {
                    flow.measured += 1;
                }
            }
            [0, 5, ..] => {
                self.flows.remove(&(from, socket));
            }
            _ => {}
        }
    }

    pub(super) fn sends(
        &mut self,
        _now: Instant,
        socket: u16,
        to: SocketAddr,
        payload: &[u8],
    ) -> Result<(), String> {
        let bounded = self.none.get(&to.ip()).copied();
        if bounded.is_none() && !self.within.contains_key(&to.ip()) {
            return Ok(());
        }
        if self.over.contains(&to) {
            return Ok(());
        }
        let flow = self.flows.entry((to, socket)).or_default();
        flow.due = None;
        let [0, 3, high, low, ..] = *payload else {
            flow.granted = granted(payload).or(flow.granted);
            return Ok(());
        };
        let block = u16::from_be_bytes([high, low]);
        if block == flow.highest.wrapping_add(1) {
            flow.windowed |= block.wrapping_sub(flow.acked) > 1;
            flow.highest = block;
            flow.fresh += 1;
            return Ok(());
        }
        flow.again += 1;
        let most = match bounded {
            None => return Ok(()),
            Some(Resending::Never) => 0,
            // The ACK of a doubled block may look like a gap: then a window is sent again.
            Some(Resending::Rarely) if flow.windowed => flow.fresh + 8 * SLACK,
            Some(Resending::Rarely) => flow.fresh / 4 + SLACK,
        };
        if flow.again > most {
            return Err(format!(
                "{} of {} blocks were sent to {to} again although none was lost, the last one {block}",
                flow.again, flow.fresh
            ));
        }
        Ok(())
    }

    pub(super) fn lost(&mut self, now: Instant, socket: u16, peer: SocketAddr) {
        let Some(&within) = self.within.get(&peer.ip()) else {
            return;
        };
        let Some(flow) = self.flows.get_mut(&(peer, socket)) else {
            return;
        };
        if !flow.lost && flow.measured >= MEASURED {
            // The first loss: nobody knows yet that packets get lost.
            let polite = flow.granted.unwrap_or(POLITE);
            let due = now + within + polite + polite / 10;
            flow.due = Some(due);
            self.earliest = Some(self.earliest.map_or(due, |earliest| earliest.min(due)));
        }
        flow.lost = true;
    }

    /// The transfers of `peer` have ended.
    pub(super) fn over(&mut self, peer: SocketAddr) {
        if self.within.contains_key(&peer.ip()) || self.none.contains_key(&peer.ip()) {
            self.flows.retain(|(known, _), _| *known != peer);
            self.over.insert(peer);
        }
    }

    pub(super) fn look(&mut self, now: Instant) -> Result<(), String> {
        if self.earliest.is_none_or(|earliest| now <= earliest) {
            return Ok(());
        }
        let mut late: Vec<_> = self
            .flows
            .iter_mut()
            .filter(|(_, flow)| flow.due.is_some_and(|due| due < now))
            .map(|((peer, _), flow)| {
                flow.due = None;
                *peer
            })
            .collect();
        late.sort_unstable();
        self.earliest = self.flows.values().filter_map(|flow| flow.due).min();
        match late.first() {
            Some(peer) => Err(format!(
                "what was lost for {peer} was not sent again in time"
            )),
            None => Ok(()),
        }
    }
}
