//! What other threads had to say: handlers' answers, pieces of content, fates of uploads.

use bootwire_proto::{Agreed, Instant, Mode, Op, Packet, Receiver, Rollover, Sender, negotiate};

use super::plan::{bring, run_max};
use super::unproven::opening_schedule;
use super::{Engine, Host};
use crate::content::Arrival;
use crate::provenance::Said;
use crate::server::experience::Experience;
use crate::server::inbox::{Message, TransferKey};
use crate::server::transfer::{End, Phase, Receiving, Sending};
use crate::{Accept, Answer, Outcome, Refusal, Reply, Terms};

impl<H: Host> Engine<H> {
    /// Another thread left a message. News for transfers that have ended is dropped.
    pub(in crate::server) fn on_message(&mut self, now: Instant, message: Message) {
        match message {
            Message::Answered { key, result } => self.on_answer(now, key, result),
            Message::Arrived { key, result } => self.on_arrival(now, key, result),
            Message::Stored { key, upto } => {
                let Some(transfer) = self.transfers.by_key(key) else {
                    return;
                };
                let Phase::Receiving(receiving) = &mut transfer.phase else {
                    return;
                };
                receiving.store.stored(upto);
                self.go_on(now, key.index);
            }
            Message::StoreEnded { key, result } => {
                let Some(transfer) = self.transfers.by_key(key) else {
                    return;
                };
                let Phase::Receiving(receiving) = &mut transfer.phase else {
                    return;
                };
                match result {
                    Ok(()) => {
                        // Only now does the client hear that its last block arrived.
                        receiving.receiver.confirm(now);
                        self.conclude(now, key.index, End::new(Outcome::Complete));
                        self.go_on(now, key.index);
                    }
                    Err(refusal) => self.refuse(now, key.index, &refusal),
                }
            }
            Message::Look(survey) => self.survey = Some(survey),
            // The worker's own business.
            Message::Serve(_) | Message::Drain | Message::Stop => {}
        }
    }

    /// Content was brought.
    fn on_arrival(&mut self, now: Instant, key: TransferKey, result: Result<Arrival, Refusal>) {
        if let Ok(Arrival::Piece(piece)) = &result
            && !self.may_hold(now, key, piece.len() as u64)
        {
            return;
        }
        let Some(transfer) = self.transfers.by_key(key) else {
            return;
        };
        let Phase::Sending(sending) = &mut transfer.phase else {
            return;
        };
        match result.and_then(|arrival| sending.content.arrived(arrival)) {
            Ok(()) => self.go_on(now, key.index),
            Err(refusal) => self.refuse(now, key.index, &refusal),
        }
    }

    /// The handler answered.
    pub(super) fn on_answer(
        &mut self,
        now: Instant,
        key: TransferKey,
        mut result: Result<Answer, Refusal>,
    ) {
        let Some(transfer) = self.transfers.by_key(key) else {
            return;
        };
        if !matches!(transfer.phase, Phase::Opening { .. }) {
            return;
        }
        transfer.answered = Some(now);
        let said = match &mut result {
            Ok(Answer::Reply(reply)) => Said {
                provenance: std::mem::take(&mut reply.provenance),
                file: reply.content.version(),
                labels: std::mem::take(&mut reply.terms.labels),
            },
            Ok(Answer::Accept(accept)) => Said {
                provenance: std::mem::take(&mut accept.provenance),
                file: None,
                labels: std::mem::take(&mut accept.terms.labels),
            },
            Err(refusal) => Said {
                provenance: std::mem::take(&mut refusal.provenance),
                file: None,
                labels: Vec::new(),
            },
        };
        if !said.is_nothing() {
            transfer.facts.say(said);
        }
        match result {
            Ok(Answer::Reply(reply)) => self.start_sending(now, key, reply),
            Ok(Answer::Accept(accept)) => self.start_receiving(now, key, accept),
            Err(refusal) => self.refuse(now, key.index, &refusal),
        }
        self.go_on(now, key.index);
    }

    fn start_sending(&mut self, now: Instant, key: TransferKey, reply: Reply) {
        let Reply {
            mut content,
            terms,
            told_size,
            ..
        } = reply;
        let size = content.size();
        let seed = self.next_seed();
        let Some((agreed, known)) = self.agree(now, key, size.or(told_size), &terms) else {
            return;
        };
        // What others hold as well costs nothing more.
        let owned = content.owned();
        if owned > 0 && !self.may_hold(now, key, owned) {
            return;
        }
        let Some(transfer) = self.transfers.by_key(key) else {
            return;
        };
        transfer.agreed = agreed;
        transfer.size = size;
        let blocks = size.map_or(0, |size| size / u64::from(agreed.blksize) + 1);
        if agreed.rollover == Rollover::Refuse && blocks > u64::from(u16::MAX) {
            let refusal = Refusal::denied().text("File too large: use a larger block size");
            self.refuse(
                now,
                key.index,
                &refusal.because("more than 65535 blocks, and rollover is refused"),
            );
            return;
        }
        let opening = if transfer.unproven.is_some() {
            u64::from(agreed.blksize)
        } else {
            u64::MAX
        };
        content.open(transfer.window_bytes(), opening);
        let schedule = terms.schedule(self.config.schedule);
        let schedule = opening_schedule(&schedule, &agreed, transfer.facts.datagram());
        let mut sender = Sender::serve(now, &agreed, &schedule, seed);
        sender.recall(known.evidence, &schedule);
        let mut sending = Sending {
            sender,
            content,
            run_max: run_max(agreed.blksize),
            polite: terms.are_polite(&schedule),
            starved: None,
        };
        bring(&mut self.host, key, &mut sending, 0);
        transfer.phase = Phase::Sending(sending);
        self.note_life(now, key, agreed.timeout);
    }

    fn start_receiving(&mut self, now: Instant, key: TransferKey, accept: Accept) {
        let Accept {
            sink,
            size_max,
            terms,
            ..
        } = accept;
        let seed = self.next_seed();
        let Some((agreed, _)) = self.agree(now, key, None, &terms) else {
            return;
        };
        let Some(transfer) = self.transfers.by_key(key) else {
            return;
        };
        transfer.agreed = agreed;
        transfer.size = agreed.tsize;
        let octet = transfer.facts.mode == Mode::Octet;
        if octet
            && agreed
                .tsize
                .zip(size_max)
                .is_some_and(|(size, max)| size > max)
        {
            self.refuse(now, key.index, &Refusal::oversized());
            return;
        }
        let store = self.host.store(key, sink, !octet);
        let schedule = terms.schedule(self.config.schedule);
        let schedule = opening_schedule(&schedule, &agreed, transfer.facts.datagram());
        let receiver = Receiver::serve(now, &agreed, &schedule, seed);
        let receiving = Receiving {
            receiver,
            store,
            size_max,
            held: None,
            recorded: false,
        };
        transfer.phase = Phase::Receiving(Box::new(receiving));
        self.note_life(now, key, agreed.timeout);
    }

    /// What the client's options come to under the server's limits and the handler's terms, and what
    /// is known of a client that reads.
    fn agree(
        &mut self,
        now: Instant,
        key: TransferKey,
        size: Option<u64>,
        terms: &Terms,
    ) -> Option<(Agreed, Experience)> {
        let transfer = self.transfers.by_key(key)?;
        let Ok(Packet::Request(request)) = Packet::parse(transfer.facts.datagram()) else {
            return None;
        };
        let mtu_cap = transfer
            .lane
            .blksize_max(transfer.peer)
            .filter(|_| !self.config.fragment);
        let mut limits = terms.limits(self.config.limits, mtu_cap);
        let mut known = Experience::default();
        if request.op == Op::Read {
            known = self.experiences.of(now, transfer.peer.ip());
            limits.windowsize_max = limits.windowsize_max.min(first_window(
                self.config.windowsize_first,
                known,
                &request,
            ));
        }
        Some((negotiate(&request, size, &limits), known))
    }
}

/// U-Boot's virtio-net has so many buffers, and is deaf for good once a burst overruns them.
const VIRTIO_BUFFERS: u16 = 32;

/// The largest window for a client of which `known` is known. It is not pushed beyond what it has
/// shown that it takes, but for one doubling at a time.
// spec: first-window
fn first_window(most: u16, known: Experience, request: &bootwire_proto::Request<'_>) -> u16 {
    let most = most.max(known.window.saturating_mul(2));
    if most > VIRTIO_BUFFERS && is_uboot(request) {
        VIRTIO_BUFFERS
    } else {
        most
    }
}

/// U-Boot asks for a timeout of 5 s and a window; no other client is known to.
fn is_uboot(request: &bootwire_proto::Request<'_>) -> bool {
    let asks = |option, wanted: Option<&[u8]>| {
        request.options.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case(option) && wanted.is_none_or(|wanted| wanted == value)
        })
    };
    asks(b"timeout", Some(b"5")) && asks(b"windowsize", None)
}
