//! Every transfer ends, in exactly one record, and no handler is called twice for it.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::time::Duration;

use bootwire::{Op, Outcome, TransferRecord};
use bootwire_proto::{Instant, Packet};

/// A repeated read request joins the transfer it opened for at least this long.
const ECHO: Duration = Duration::from_secs(1);

/// What one peer did last.
#[derive(Debug)]
struct Peer {
    heard: Instant,
    /// Its last request, when it came, and whether the peer has sent anything else since.
    request: Vec<u8>,
    asked: Instant,
    answered: bool,
    /// Its last request was the same as the one before.
    repeated: bool,
}

/// The transfers that were opened and ended.
#[derive(Debug)]
pub(super) struct Records {
    silence_max: Duration,
    peers: HashMap<SocketAddr, Peer>,
    called: HashSet<u64>,
    ended: HashSet<u64>,
    /// Requests that were answered with an ERROR and became no transfer.
    turned_away: u64,
}

impl Records {
    pub(super) fn new(silence_max: Duration) -> Self {
        Self {
            silence_max,
            peers: HashMap::new(),
            called: HashSet::new(),
            ended: HashSet::new(),
            turned_away: 0,
        }
    }

    pub(super) fn gets(&mut self, now: Instant, socket: u16, from: SocketAddr, payload: &[u8]) {
        let is_request = matches!(payload, [0, 1 | 2, ..]) && socket == 0;
        let peer = self.peers.entry(from).or_insert_with(|| Peer {
            heard: now,
            request: Vec::new(),
            asked: now,
            answered: false,
            repeated: false,
        });
        peer.heard = now;
        if !is_request {
            peer.answered = true;
        } else if peer.request == payload {
            peer.repeated = true;
        } else {
            peer.request = payload.to_vec();
            peer.asked = now;
            peer.answered = false;
            peer.repeated = false;
        }
    }

    pub(super) fn called(&mut self, id: u64) -> Result<(), String> {
        if self.called.insert(id) {
            Ok(())
        } else {
            Err(format!("the handler was called twice for transfer {id}"))
        }
    }

    pub(super) fn ended(&mut self, now: Instant, record: &TransferRecord) -> Result<(), String> {
        if !self.ended.insert(record.id) {
            return Err(format!("transfer {} has two records", record.id));
        }
        let Some(peer) = self.peers.get(&record.peer) else {
            return Err(format!("a record for {}, who never asked", record.peer));
        };
        let silence = now.since(peer.heard);
        if silence > self.silence_max {
            return Err(format!(
                "transfer {} of {} ended {silence:?} after the peer's last packet",
                record.id, record.peer
            ));
        }
        adds_up(record)?;
        let no_place = record
            .detail
            .as_deref()
            .is_some_and(|detail| detail == "too many transfers at a time");
        if record.outcome == Outcome::Malformed || no_place {
            self.turned_away += 1;
        }
        // Replaced by nothing but its own request, repeated: then the handler is called again.
        let replaced = record.outcome == Outcome::ClientAbort
            && record
                .detail
                .as_deref()
                .is_some_and(|detail| detail.contains("another transfer"));
        // Once DATA of an upload has come, any request begins anew.
        let moving = record.op == Op::Read && record.duration < ECHO;
        let echo = moving || !peer.answered;
        if replaced && echo && peer.repeated && peer.heard == now && is_of(record, &peer.request) {
            return Err(format!(
                "transfer {} of {} was replaced by its own request, repeated",
                record.id, record.peer
            ));
        }
        Ok(())
    }

    pub(super) fn finish(&self, accepted: u64) -> Result<(), String> {
        let ended = self.ended.len() as u64;
        let requests = accepted + self.turned_away;
        if ended != requests {
            return Err(format!(
                "{accepted} transfers were opened, {} requests turned away, {ended} have records",
                self.turned_away
            ));
        }
        if let Some(id) = (1..=requests).find(|id| !self.ended.contains(id)) {
            return Err(format!("transfer {id} has no record"));
        }
        Ok(())
    }
}

/// At any time a transfer waits for one: no moment counts twice, and none is missing.
fn adds_up(record: &TransferRecord) -> Result<(), String> {
    let (total, took) = (record.waits.total(), record.duration);
    if total == took {
        return Ok(());
    }
    Err(format!(
        "transfer {} took {took:?}, and says of {total:?} whom it waited for: {:?}",
        record.id, record.waits
    ))
}

/// Whether the record is that of this request.
fn is_of(record: &TransferRecord, request: &[u8]) -> bool {
    let Ok(Packet::Request(request)) = Packet::parse(request) else {
        return false;
    };
    let text = |bytes| String::from_utf8_lossy(bytes);
    request.filename == record.filename
        && request.options.iter().count() == record.options.len()
        && (request.options.iter().zip(&record.options)).all(|((name, value), asked)| {
            text(name).eq_ignore_ascii_case(&asked.0) && text(value) == asked.1
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 2070);

    /// What the checks say of a record whose transfer took 100 ms.
    fn checked(plant: impl FnOnce(&mut TransferRecord)) -> Result<(), String> {
        let mut records = Records::new(Duration::from_secs(1));
        records.gets(Instant::ZERO, 0, PEER, b"\0\x01x\0octet\0");
        let mut record = TransferRecord::new(Op::Read, PEER, "/x");
        record.duration = Duration::from_millis(100);
        record.waits.content = Duration::from_millis(20);
        record.waits.client = Duration::from_millis(70);
        record.waits.server = Duration::from_millis(10);
        plant(&mut record);
        records.ended(Instant::ZERO, &record)
    }

    #[test]
    fn a_record_whose_waits_are_its_duration_is_clean() {
        assert_eq!(checked(|_| {}), Ok(()));
    }

    #[test]
    fn a_moment_that_counts_twice_or_not_at_all_is_found() {
        let micro = Duration::from_micros(1);
        for found in [
            // A wait for the client that was the server's turn as well.
            checked(|record| record.waits.client += record.waits.server),
            checked(|record| record.waits.network = micro),
            checked(|record| record.waits.content -= micro),
            checked(|record| record.waits = bootwire::Waits::default()),
            checked(|record| record.duration -= micro),
        ] {
            assert!(found.is_err_and(|text| text.contains("whom it waited for")));
        }
    }
}
