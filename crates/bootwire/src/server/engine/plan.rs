//! What goes out in one round, and what becomes of what did not.

use bootwire_io::{Blocks, Destination, Full, Payload, Round};
use bootwire_proto::encode;
use bootwire_proto::negotiate::MAX_OACK;
use bootwire_proto::{Ack, Answer, Instant, ReceiverStatus, Run, Transmit};

use super::{Engine, Host};
use crate::content::changed;
use crate::server::inbox::TransferKey;
use crate::server::small::Small;
use crate::server::transfer::{Phase, Sending, Transfer};
use crate::{Moment, Refusal};

/// Most packets and runs in one round: what one send batch holds.
const ROUND_MAX: usize = 256;
/// Most blocks of one transfer in one round, so that a greedy window cannot keep others waiting.
const RUN_BLOCKS_MAX: u32 = bootwire_io::MAX_RUN_BLOCKS as u32;
/// Most bytes of one transfer in one round: what one GSO message holds.
const RUN_BYTES_MAX: u32 = bootwire_io::MAX_DATAGRAM as u32;

/// So many turns before its own a transfer is brought into the cache.
const AHEAD: usize = 3;

/// Something to send for a transfer.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct Planned {
    pub(in crate::server) index: u32,
    pub(in crate::server) lane: u16,
    /// To be sent with fragmentation allowed, apart from the rest.
    pub(in crate::server) fragment: bool,
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    Oack,
    Data(Run),
    Ack(Ack),
}

/// Where the packets of a round are collected: in a batch for the kernel or, where there is none,
/// in memory. `'p` is how long payloads stay as they are.
pub(in crate::server) trait Batch<'p> {
    /// See [`Round::packet`].
    fn packet(&mut self, to: Destination, tag: u32, bytes: &[u8]) -> Result<(), Full>;

    /// See [`Round::blocks`].
    fn blocks(
        &mut self,
        to: Destination,
        tag: u32,
        blocks: Blocks<impl ExactSizeIterator<Item = [u8; 4]>, impl Iterator<Item = Payload<'p>>>,
    ) -> Result<(), Full>;
}

impl<'p> Batch<'p> for Round<'_, 'p> {
    fn packet(&mut self, to: Destination, tag: u32, bytes: &[u8]) -> Result<(), Full> {
        Round::packet(self, to, tag, bytes)
    }

    fn blocks(
        &mut self,
        to: Destination,
        tag: u32,
        blocks: Blocks<impl ExactSizeIterator<Item = [u8; 4]>, impl Iterator<Item = Payload<'p>>>,
    ) -> Result<(), Full> {
        Round::blocks(self, to, tag, blocks)
    }
}

impl<H: Host> Engine<H> {
    /// Plans a round: at most one run or packet for each transfer that is ready, in turn. Both
    /// lists must be empty. Nothing else may be told to the engine before the round was sent.
    pub(in crate::server) fn plan(
        &mut self,
        now: Instant,
        planned: &mut Vec<Planned>,
        small: &mut Vec<Small>,
    ) {
        self.planned_at = now;
        if let Some(survey) = self.survey.take() {
            self.survey = survey.step(&self.transfers, now);
        }
        let mut moment = None;
        std::mem::swap(small, &mut self.outbox);
        let mut left = self.ready.round();
        while planned.len() < ROUND_MAX
            && let Some(index) = self.ready.next(&mut left)
        {
            if let Some(coming) = self.ready.after(AHEAD) {
                self.transfers.prefetch(coming);
            }
            let Some(transfer) = self.transfers.get_mut(index) else {
                continue;
            };
            transfer.queued = false;
            if transfer.blocked.is_some() {
                self.arm(index);
                continue;
            }
            let next = Self::next(now, &mut moment, transfer);
            let sends = matches!(next, Ok(Some(_)));
            match next {
                Ok(Some(what)) => {
                    // Block 1 leaves first: the others need not look whether it has.
                    if matches!(what, What::Data(run) if run.first == 1) {
                        transfer.first_data.get_or_insert(now);
                    }
                    planned.push(Planned {
                        index,
                        lane: transfer.lane.id,
                        fragment: transfer.fragment,
                        what,
                    });
                }
                Ok(None) => self.settle(now, index),
                Err(refusal) => self.refuse(now, index, &refusal),
            }
            self.look_ahead(now, index, sends);
        }
    }

    /// What the transfer has to send, if anything. `moment` is that of the round, once a last
    /// block needs it.
    fn next(
        now: Instant,
        moment: &mut Option<Moment>,
        transfer: &mut Transfer,
    ) -> Result<Option<What>, Refusal> {
        match &mut transfer.phase {
            Phase::Opening { .. } | Phase::Refused { .. } => Ok(None),
            Phase::Sending(sending) => {
                let available = sending.content.available();
                match sending.sender.poll(now, available, sending.run_max) {
                    Some(Transmit::Opening) => Ok(Some(What::Oack)),
                    Some(Transmit::Data(run)) => {
                        if run.end {
                            let moment = moment.get_or_insert_with(Moment::now);
                            sending.content.still_whole(*moment)?;
                        }
                        Ok(Some(What::Data(run)))
                    }
                    None => Ok(None),
                }
            }
            Phase::Receiving(receiving) => {
                let room = receiving.store.has_room();
                Ok(receiving
                    .receiver
                    .poll(now, room)
                    .map(|answer| match answer {
                        Answer::Opening => What::Oack,
                        Answer::Ack(ack) => What::Ack(ack),
                    }))
            }
        }
    }

    /// A transfer had its turn, and `sends` something or not: takes care of what it will want next,
    /// and when.
    fn look_ahead(&mut self, now: Instant, index: u32, sends: bool) {
        let Some(transfer) = self.transfers.get_mut(index) else {
            return;
        };
        let more = match &mut transfer.phase {
            Phase::Opening { .. } | Phase::Refused { .. } => false,
            Phase::Receiving(receiving) => {
                let stored = receiving.receiver.status() == ReceiverStatus::Received;
                let waits = !receiving.recorded && (stored || !receiving.store.has_room());
                receiving.held = waits.then(|| receiving.held.unwrap_or(now));
                true
            }
            Phase::Sending(sending) => feed_ahead(&mut self.host, now, transfer.key, sending),
        };
        if sends && more {
            transfer.queued = true;
            self.ready.push(index, transfer.unproven.is_some());
        }
        self.wheel.set(index, transfer.deadline(self.config.stall));
    }

    /// Adds a planned packet to the round being built.
    pub(in crate::server) fn add<'p>(
        &'p self,
        planned: &Planned,
        tag: u32,
        round: &mut impl Batch<'p>,
    ) -> Result<(), Full> {
        let Some(transfer) = self.transfers.get(planned.index) else {
            return Ok(());
        };
        let to = transfer.lane.to(transfer.peer);
        match planned.what {
            What::Oack => {
                let mut buffer = [0; MAX_OACK];
                round.packet(to, tag, transfer.agreed.encode_oack(&mut buffer))
            }
            What::Ack(ack) => {
                let mut buffer = [0; 5];
                round.packet(to, tag, encode::ack(ack, &mut buffer))
            }
            What::Data(run) => {
                let Phase::Sending(sending) = &transfer.phase else {
                    return Ok(());
                };
                let blocks = Blocks {
                    gso: !transfer.no_gso && !transfer.fragment,
                    blksize: usize::from(run.blksize),
                    headers: run.headers(),
                    pieces: sending.content.pieces(run.bytes()),
                };
                round.blocks(to, tag, blocks)
            }
        }
    }

    /// Counts what a planned packet put on the wire.
    pub(in crate::server) fn sent(&self, planned: &Planned) {
        if let What::Data(run) = planned.what {
            self.counters
                .bytes_out
                .add(run.bytes().end - run.bytes().start);
        }
    }

    /// The kernel took only the first `block` blocks of this, or nothing: to be sent again when
    /// [`Engine::retry`] says so.
    pub(in crate::server) fn unsent(&mut self, planned: &Planned, block: u32) {
        let Some(transfer) = self.transfers.get_mut(planned.index) else {
            return;
        };
        transfer.blocked.get_or_insert(self.planned_at);
        if let Phase::Sending(sending) = &mut transfer.phase {
            match planned.what {
                What::Oack => sending.sender.unsent(Transmit::Opening),
                What::Data(mut run) => {
                    run.first += u64::from(block);
                    run.blocks = run.blocks.saturating_sub(block as u16);
                    sending.sender.unsent(Transmit::Data(run));
                }
                What::Ack(_) => {}
            }
        }
        // A lost ACK is the receiver's timer's business, as it would be on any network.
        self.arm(planned.index);
    }

    /// The transfer may send again what was unsent.
    pub(in crate::server) fn retry(&mut self, index: u32) {
        if let Some(transfer) = self.transfers.get_mut(index) {
            transfer.blocked = None;
        }
        self.queue(index);
        self.arm(index);
    }

    /// The path is narrower than the interface: go on in fragments.
    pub(in crate::server) fn too_big(&mut self, planned: &Planned, block: u32) {
        if let Some(transfer) = self.transfers.get_mut(planned.index)
            && !transfer.fragment
        {
            transfer.fragment = true;
            self.unsent(planned, block);
            self.retry(planned.index);
        }
    }

    /// The kernel or driver does not cut windows into blocks for this peer.
    pub(in crate::server) fn gso_refused(&mut self, planned: &Planned) {
        if let Some(transfer) = self.transfers.get_mut(planned.index) {
            transfer.no_gso = true;
        }
    }

    /// A mapped file could not be read by the kernel: it was truncated.
    pub(in crate::server) fn faulted(&mut self, now: Instant, planned: &Planned) {
        self.refuse(
            now,
            planned.index,
            &changed().because("the file was truncated while it was sent"),
        );
    }
}

/// Most blocks of this size in one round.
pub(super) fn run_max(blksize: u16) -> u16 {
    let block = u32::from(blksize) + 4;
    (RUN_BYTES_MAX / block).clamp(1, RUN_BLOCKS_MAX) as u16
}

/// Has content brought closer that the transfer will want soon, and notes whether the client waits
/// for our side. Answers whether there is more to send at once.
fn feed_ahead(host: &mut impl Host, now: Instant, key: TransferKey, sending: &mut Sending) -> bool {
    let window = sending.sender.window();
    let available = sending.content.available();
    let opens = window.start < window.end;
    if !opens || available.end || available.upto >= window.end {
        sending.starved = None;
    } else if sending.starved.is_none() {
        sending.starved = Some(now);
    }
    bring(host, key, sending, window.end);
    opens && (available.end || window.start < available.upto)
}

/// Has the content brought that is wanted by a sender that goes on to `wanted`.
pub(super) fn bring(host: &mut impl Host, key: TransferKey, sending: &mut Sending, wanted: u64) {
    if let Some(range) = sending.content.want(wanted) {
        let errand = host.bring(key, &mut sending.content, range);
        sending.content.sent_for(errand);
    }
}
