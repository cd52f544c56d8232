//! The engine without its sockets: transfers, admission and timers of one worker.
//!
//! It reads no clock and makes no system call of its own. Datagrams, messages and time are given to
//! it; what it wants sent is planned for the worker to send; and whatever takes time is asked of a
//! [`Host`]. So a simulation can drive it as well as a worker thread does.
//!
//! | called when | method |
//! |---|---|
//! | a datagram came in on a listening socket | [`Engine::on_listener`] |
//! | a datagram came in on a transfer socket | [`Engine::on_lane`] |
//! | a packet did not reach its client | [`Engine::on_unreachable`] |
//! | another thread left a message | [`Engine::on_message`] |
//! | time has passed | [`Engine::on_time`]; or [`Engine::is_overdue`], and then [`Engine::on_overdue`] once no packet is left unheard |
//! | the wire is free | [`Engine::plan`], [`Engine::add`] for each planned packet, then the failures |

mod checkup;
mod messages;
#[cfg(feature = "simulation")]
mod occupancy;
mod packets;
mod plan;
mod progress;
mod ready;
mod rejected;
mod requests;
mod survey;
#[cfg(test)]
mod tests;
mod unproven;
mod unreachable;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bootwire_io::Destination;
use bootwire_proto::{Instant, Limits, Schedule};

#[cfg(feature = "simulation")]
pub(super) use self::plan::Batch;
pub(super) use self::plan::Planned;
use self::ready::ReadyQueue;
use self::unproven::{ROOM_PER_SECOND, Waiting};
use super::admission::Admission;
use super::experience::Experiences;
use super::inbox::TransferKey;
use super::late::LateClients;
use super::live::Survey;
use super::recent::RecentPeers;
use super::small::Small;
use super::stats::Counters;
use super::store::StoreHandle;
use super::transfers::Transfers;
use super::wheel::Wheel;
use crate::content::{Content, Errand};
use crate::record::Ended;
use crate::router::App;
use crate::{Answer, Moment, Refusal, Request, Sink};

/// What the engine needs done elsewhere: handlers, sources and sinks run on tokio, records go to
/// the observers. Answers come back as messages.
pub(crate) trait Host {
    /// The time of day, for records.
    fn wall_clock(&self) -> SystemTime;

    /// A number for the next transfer, unique within the server.
    fn next_id(&mut self) -> u64;

    /// Asks the application. The answer is given at once if it is at hand, else it comes as
    /// [`Message::Answered`](super::inbox::Message::Answered).
    fn ask(&mut self, key: TransferKey, request: &Request) -> Asked;

    /// Has a range of content brought here that it [wants](Content::want). What was brought comes back
    /// as [`Message::Arrived`](super::inbox::Message::Arrived).
    fn bring(&mut self, key: TransferKey, content: &mut Content, range: Range<u64>) -> Errand;

    /// Starts to fill a sink; netascii is decoded on the way if `decode`.
    fn store(&mut self, key: TransferKey, sink: Box<dyn Sink>, decode: bool) -> StoreHandle;

    /// From now on asks this application. Hosts that answer by themselves have none.
    fn serve(&mut self, app: App) {
        drop(app);
    }

    /// Takes the record of a transfer that ended. `false` if it had to be thrown away.
    fn record(&mut self, ended: Ended) -> bool;
}

/// How the application took a request.
pub(crate) struct Asked {
    /// The pattern of the route that answers.
    pub(crate) route: Option<Arc<str>>,
    /// The answer, if it was at hand.
    pub(crate) answer: Option<Result<Answer, Refusal>>,
}

/// The settings the engine goes by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Config {
    pub(super) limits: Limits,
    pub(super) schedule: Schedule,
    /// Largest window for a client that has not acknowledged one yet.
    pub(super) windowsize_first: u16,
    /// Longest a handler may take.
    pub(super) deadline: Duration,
    /// Longest a source or sink may do nothing while its client waits.
    pub(super) stall: Duration,
    /// Blocks larger than the MTU are granted.
    pub(super) fragment: bool,
    /// A trace context at the end of a file name is taken off.
    pub(super) traceparent: bool,
    /// Sockets with numbers below this are listening sockets, although transfers may be answered
    /// from them.
    pub(super) listeners: u16,
}

/// One worker's transfers.
pub(super) struct Engine<H> {
    pub(super) host: H,
    config: Config,
    counters: Arc<Counters>,
    transfers: Transfers,
    wheel: Wheel,
    /// Transfers whose deadlines have come, between looking and acting.
    due: Vec<u32>,
    admission: Admission,
    recent: RecentPeers,
    experiences: Arc<Experiences>,
    /// Clients whose transfer ended before their first answer.
    late: LateClients,
    /// Transfers that may be unproven for long, the oldest first, and when they count for their
    /// sources no longer.
    ageing: VecDeque<(Instant, TransferKey)>,
    ready: ReadyQueue,
    /// Packets that belong to no running transfer: ERRORs.
    outbox: Vec<Small>,
    /// Somebody's look at the transfers. A second one takes the place of the first, whose asker has
    /// gone.
    survey: Option<Box<Survey>>,
    /// Transfers that were unproven when they started, the oldest first.
    waiting: Waiting,
    /// Refused transfers whose ERROR is kept.
    refused: usize,
    /// Strangers for whom others may still make room before [`ROOM_PER_SECOND`] more are granted.
    room_budget: u32,
    room_refill: Instant,
    /// ERRORs to strangers that may still be sent before [`STRANGERS_PER_SECOND`] more are granted.
    stranger_budget: u32,
    stranger_refill: Instant,
    /// When the round was planned that is being sent.
    planned_at: Instant,
    /// Whether the packets that are being told were taken from the kernel together.
    together: bool,
    /// The moment they share, once one of them is a request.
    moment: Option<Moment>,
    /// Transfers that have no record yet.
    active: u64,
    draining: bool,
    seed: u32,
}

/// ERRORs sent to peers without a transfer, at most; the rest get silence.
const STRANGERS_PER_SECOND: u32 = 1_000;

impl<H: Host> Engine<H> {
    pub(super) fn new(
        now: Instant,
        host: H,
        config: Config,
        admission: Admission,
        experiences: Arc<Experiences>,
        counters: Arc<Counters>,
        seed: u32,
    ) -> Self {
        Self {
            host,
            config,
            counters,
            transfers: Transfers::new(),
            wheel: Wheel::new(now),
            due: Vec::new(),
            admission,
            recent: RecentPeers::new(now),
            experiences,
            late: LateClients::default(),
            ageing: VecDeque::new(),
            ready: ReadyQueue::default(),
            outbox: Vec::new(),
            survey: None,
            waiting: Waiting::default(),
            refused: 0,
            room_budget: ROOM_PER_SECOND,
            room_refill: now,
            stranger_budget: STRANGERS_PER_SECOND,
            stranger_refill: now,
            planned_at: now,
            together: false,
            moment: None,
            active: 0,
            draining: false,
            seed,
        }
    }

    /// Transfers that have not ended.
    pub(super) const fn active(&self) -> u64 {
        self.active
    }

    /// The packets told from now on were taken from the kernel together, just now.
    pub(super) fn taken_together(&mut self) {
        self.together = true;
        self.moment = None;
    }

    /// The moment of a request that is being told. Numbering moments is shared by all workers, so
    /// there is one only where it is of use.
    fn moment(&mut self) -> Option<Moment> {
        self.together
            .then(|| *self.moment.get_or_insert_with(Moment::now))
    }

    /// Takes no more requests.
    pub(super) fn drain(&mut self) {
        self.draining = true;
    }

    /// When [`Engine::on_time`] has something to do; `None` if no timer runs.
    pub(super) fn next_due(&self) -> Option<Instant> {
        match (self.wheel.next_due(), self.admission.next_due()) {
            (Some(timer), Some(held)) => Some(timer.min(held)),
            (timer, held) => timer.or(held),
        }
    }

    /// Whether [`Engine::plan`] may have something to send at once.
    pub(super) fn has_work(&self) -> bool {
        !self.ready.is_empty() || !self.outbox.is_empty() || self.survey.is_some()
    }

    /// A number for one transfer's jitter.
    fn next_seed(&mut self) -> u32 {
        self.seed = self
            .seed
            .wrapping_mul(0x9E37_79B1)
            .wrapping_add(0x7F4A_7C15);
        self.seed
    }

    /// Puts a transfer into the ready queue, if it is not there. Answers whether it is there now.
    fn queue(&mut self, index: u32) -> bool {
        let Some(transfer) = self.transfers.get_mut(index) else {
            return false;
        };
        if !transfer.queued && transfer.blocked.is_none() {
            transfer.queued = true;
            self.ready.push(index, transfer.unproven.is_some());
        }
        transfer.queued
    }

    /// Tells the wheel a transfer's next deadline.
    fn arm(&mut self, index: u32) {
        if let Some(transfer) = self.transfers.get(index) {
            self.wheel.set(index, transfer.deadline(self.config.stall));
        }
    }

    /// Sends an ERROR to a peer that has no transfer, within a budget: strangers' addresses may be
    /// forged. Answers whether it is sent.
    fn error_to_stranger(
        &mut self,
        now: Instant,
        lane: u16,
        to: Destination,
        refusal: &Refusal,
    ) -> bool {
        if now.since(self.stranger_refill) >= Duration::from_secs(1) {
            self.stranger_refill = now;
            self.stranger_budget = STRANGERS_PER_SECOND;
        }
        if self.stranger_budget == 0 {
            self.counters.errors_withheld.add(1);
            return false;
        }
        self.stranger_budget -= 1;
        self.outbox.push(Small::error(
            lane,
            to,
            refusal.reason().code(),
            refusal.client_text(),
        ));
        true
    }
}
