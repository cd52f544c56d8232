//! One transfer, from its request to its record.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bootwire_proto::{Agreed, ErrorCode, Instant, Receiver, ReceiverStatus, Sender, SenderStatus};

use super::admission::Unanswered;
use super::inbox::TransferKey;
use super::lane::Lane;
use super::reports::Reports;
use super::small::Small;
use super::store::StoreHandle;
use crate::Outcome;
use crate::content::Content;
use crate::record::{Ended, Figures, Waits};
use crate::request::Facts;

/// A transfer. What each of its packets touches comes first and begins with a line of the cache: of
/// thousands of transfers every line comes from far away, so they are to be few, and in a row.
#[repr(C, align(64))]
pub(super) struct Transfer {
    pub(super) peer: SocketAddr,
    pub(super) key: TransferKey,
    pub(super) lane: Lane,
    /// Whether it stands in the ready queue.
    pub(super) queued: bool,
    /// Whether the kernel or driver refused a window of it in one piece.
    pub(super) no_gso: bool,
    /// Whether the path turned out narrower than the interface: its packets may be fragmented.
    pub(super) fragment: bool,
    /// How many times its request came again and was answered; one more if the client's last transfer
    /// ended because it never spoke.
    pub(super) repeats: u8,
    /// Since when its socket takes nothing more: it is not asked before it is told to try again.
    pub(super) blocked: Option<Instant>,
    pub(super) phase: Phase,
    /// Its place among the unproven transfers, until its client has answered.
    pub(super) unproven: Option<Unanswered>,
    // From here on: for the beginning and the end.
    pub(super) agreed: Agreed,
    pub(super) started: Instant,
    pub(super) answered: Option<Instant>,
    pub(super) first_data: Option<Instant>,
    pub(super) size: Option<u64>,
    /// That its client is not there any more.
    pub(super) reports: Reports,
    pub(super) facts: Arc<Facts>,
    pub(super) route: Option<Arc<str>>,
}

/// Where a transfer stands.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all transfers send: behind a pointer each packet would touch one more line"
)]
pub(super) enum Phase {
    /// The handler has the request, until `deadline` at most.
    Opening {
        deadline: Instant,
    },
    // Here and not behind a pointer: nearly all transfers send.
    Sending(Sending),
    Receiving(Box<Receiving>),
    /// Refused and recorded; the ERROR is repeated if the request is.
    Refused {
        error: Box<Small>,
        since: Instant,
    },
}

/// How long an ERROR is kept for a client that repeats its request.
pub(super) const REFUSED_MEMORY: Duration = Duration::from_secs(1);
/// A repeat that comes sooner than this after the ERROR was sent had crossed it on the way. It
/// gets no answer: a client that uses one port for all its requests (LPXELINUX, SLOF) would take
/// the second ERROR for the answer to its next one.
pub(super) const CROSSING: Duration = Duration::from_millis(50);

pub(super) struct Sending {
    pub(super) sender: Sender,
    pub(super) content: Content,
    /// Most blocks in one round.
    pub(super) run_max: u16,
    /// Its handler wants so much time before a resend that this must be a client that counts
    /// duplicates.
    pub(super) polite: bool,
    /// Since when the client could have been sent more, had the content been at hand.
    pub(super) starved: Option<Instant>,
}

pub(super) struct Receiving {
    pub(super) receiver: Receiver,
    pub(super) store: StoreHandle,
    pub(super) size_max: Option<u64>,
    /// Since when the sink keeps the client waiting.
    pub(super) held: Option<Instant>,
    /// The upload is stored and its record made; only the last ACK may still have to be repeated.
    pub(super) recorded: bool,
}

/// Why a transfer ends, for its record.
#[derive(Debug)]
pub(super) struct End {
    pub(super) outcome: Outcome,
    pub(super) error: Option<(ErrorCode, String)>,
    pub(super) detail: Option<String>,
}

impl End {
    pub(super) const fn new(outcome: Outcome) -> Self {
        Self {
            outcome,
            error: None,
            detail: None,
        }
    }
}

impl Transfer {
    /// Bytes of it that each packet may touch, from its beginning.
    pub(super) const HOT: usize = std::mem::offset_of!(Self, agreed);

    /// Bytes a full window may hold.
    pub(super) fn window_bytes(&self) -> u64 {
        u64::from(self.agreed.blksize)
            * u64::from(self.agreed.windowsize.max(self.agreed.windowsize_max))
    }

    /// Whether the request that opened this transfer has not been answered by the peer yet, so
    /// that the same request again is a repeat and not a new one.
    pub(super) fn is_fresh(&self) -> bool {
        match &self.phase {
            Phase::Opening { .. } | Phase::Refused { .. } => true,
            Phase::Sending(sending) => !sending.sender.is_proven(),
            // The first block may be empty, and be all there is.
            Phase::Receiving(receiving) => {
                let receiver = &receiving.receiver;
                receiver.counts().blocks == 0 && receiver.status() != ReceiverStatus::Moving
            }
        }
    }

    /// Whether it is an upload of which something has come: a request from its client begins
    /// something else, even if it is the same request. Were the two taken for one upload, what is
    /// stored could be the beginning of one and the end of the other.
    pub(super) fn is_begun_upload(&self) -> bool {
        matches!(self.phase, Phase::Receiving(_)) && !self.is_fresh()
    }

    /// When the client was last heard, or the transfer began.
    pub(super) fn heard_at(&self) -> Instant {
        match &self.phase {
            Phase::Opening { .. } | Phase::Refused { .. } => self.started,
            Phase::Sending(sending) => sending.sender.heard_at(),
            Phase::Receiving(receiving) => receiving.receiver.heard_at(),
        }
    }

    /// Whether the client lacks nothing but perhaps the last window, all of which was sent.
    pub(super) fn is_all_sent(&self) -> bool {
        let Phase::Sending(sending) = &self.phase else {
            return false;
        };
        let available = sending.content.available();
        sending.sender.status() == SenderStatus::Moving
            && available.end
            && sending.sender.window().start >= available.upto
            && available.upto - sending.sender.acked().min(available.upto) <= self.window_bytes()
    }

    /// Whether the client has the whole content for all that is known: of its answers the last ACK
    /// alone is missing. A window that was sent and never answered proves nothing.
    pub(super) fn is_all_there(&self) -> bool {
        matches!(&self.phase, Phase::Sending(sending) if sending.sender.lacks_only_last_ack())
    }

    /// Whether the whole content has arrived for all that is known, or was received and stored.
    pub(super) fn is_all_moved(&self) -> bool {
        match &self.phase {
            Phase::Sending(_) => self.is_all_there(),
            Phase::Receiving(receiving) => receiving.recorded,
            Phase::Opening { .. } | Phase::Refused { .. } => false,
        }
    }

    /// Whether the record has been made already.
    pub(super) fn is_recorded(&self) -> bool {
        match &self.phase {
            Phase::Opening { .. } | Phase::Sending(_) => false,
            Phase::Receiving(receiving) => receiving.recorded,
            Phase::Refused { .. } => true,
        }
    }

    /// What the client's ERROR means: ending a transfer right after the OACK is how UEFI asks for
    /// a size.
    // spec: clients-rule-8
    pub(super) fn abort_outcome(&self, code: ErrorCode, text: &str) -> Outcome {
        match &self.phase {
            Phase::Sending(sending)
                if sending.sender.status() == SenderStatus::Opening
                    && self.agreed.tsize.is_some()
                    && ends_probe(code, text) =>
            {
                Outcome::Probe
            }
            _ => Outcome::ClientAbort,
        }
    }

    /// What there is to say about it, now that it has ended.
    pub(super) fn ended(&mut self, now: Instant, end: End) -> Ended {
        let mut figures = Figures {
            blksize: self.agreed.blksize,
            windowsize: self.agreed.windowsize,
            timeout: self.agreed.timeout,
            size: self.size,
            handler_time: self.answered.unwrap_or(now).since(self.started),
            first_data: self.first_data.map(|first| first.since(self.started)),
            duration: now.since(self.started),
            ..Figures::default()
        };
        let began = self.answered.unwrap_or(self.started);
        // A handler that never answered had all the time there was.
        figures.waits.content = figures.handler_time;
        match &self.phase {
            Phase::Opening { .. } | Phase::Refused { .. } => {}
            Phase::Sending(sending) => {
                let counts = sending.sender.counts();
                figures.blocks = counts.blocks_sent.saturating_sub(counts.blocks_resent);
                figures.blocks_resent = counts.blocks_resent;
                figures.gaps = counts.gaps;
                figures.timeouts = counts.timeouts;
                figures.duplicate_acks = counts.duplicate_acks;
                figures.round_trip = sending.sender.round_trip();
                figures.round_trip_min = sending.sender.round_trip_min();
                figures.waits =
                    Waits::of_transfer(figures.handler_time, sending.sender.waited(began, now));
                figures.granted = self.agreed.has_oack().then_some(self.agreed);
                figures.last_ack_missing =
                    sending.sender.status() == SenderStatus::Complete { acked: false };
                figures.bytes = match end.outcome {
                    Outcome::Complete => self
                        .size
                        .unwrap_or_else(|| sending.content.available().upto),
                    _ => sending.sender.acked(),
                };
            }
            Phase::Receiving(receiving) => {
                let counts = receiving.receiver.counts();
                figures.blocks = counts.blocks;
                figures.blocks_resent = counts.blocks_unused;
                figures.gaps = counts.gaps;
                figures.timeouts = counts.timeouts;
                figures.round_trip = receiving.receiver.round_trip();
                figures.round_trip_min = receiving.receiver.round_trip_min();
                let waited = receiving.receiver.waited(began, now);
                figures.waits = Waits::of_transfer(figures.handler_time, waited);
                figures.granted = self.agreed.has_oack().then_some(self.agreed);
                figures.bytes = receiving.receiver.received();
            }
        }
        Ended {
            facts: Arc::clone(&self.facts),
            route: self.route.take(),
            outcome: end.outcome,
            error: end.error,
            detail: end.detail,
            figures,
        }
    }

    /// When it wants to be looked at.
    pub(super) fn deadline(&self, stall: Duration) -> Option<Instant> {
        let (deadline, waits) = match &self.phase {
            Phase::Opening { deadline } => return Some(*deadline),
            Phase::Refused { since, .. } => return Some(*since + REFUSED_MEMORY),
            Phase::Sending(sending) => (sending.sender.deadline(), sending.starved),
            Phase::Receiving(receiving) => (receiving.receiver.deadline(), receiving.held),
        };
        // A machine counts what it has sent: where nothing goes out, its client is not to blame.
        let stalled = |since: Option<Instant>| since.map(|since| since + stall);
        match (waits, self.blocked) {
            (None, None) => deadline,
            (waits, None) => stalled(waits).into_iter().chain(deadline).min(),
            (waits, blocked) => [waits, blocked].into_iter().filter_map(stalled).min(),
        }
    }
}

/// Whether a client that has learned the size ends the transfer with this ERROR. EDK2 says 8 "User
/// aborted the transfer", iPXE 0 "TFTP Aborted", the Raspberry Pi 0 "Early terminate", PXELINUX 0
/// "No error, file close"; some say nothing. Any other code tells of a failure, and so does a text
/// that says more than that somebody has ended it.
fn ends_probe(code: ErrorCode, text: &str) -> bool {
    const WORDS: [&str; 21] = [
        "abort",
        "aborted",
        "by",
        "cancel",
        "canceled",
        "cancelled",
        "client",
        "close",
        "closed",
        "early",
        "error",
        "file",
        "no",
        "operation",
        "terminate",
        "terminated",
        "termination",
        "tftp",
        "the",
        "transfer",
        "user",
    ];
    matches!(code, ErrorCode::NotDefined | ErrorCode::OptionRefused)
        && text
            .split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .all(|said| WORDS.iter().any(|word| word.eq_ignore_ascii_case(said)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_ends_with_what_loaders_say_and_with_nothing_else() {
        use ErrorCode::{DiskFull, NotDefined, OptionRefused};
        for (code, text) in [
            (OptionRefused, "User aborted the transfer"),
            (NotDefined, "TFTP Aborted"),
            (NotDefined, "Early terminate"),
            (NotDefined, "No error, file close"),
            (NotDefined, ""),
        ] {
            assert!(ends_probe(code, text), "{code:?} {text}");
        }
        for (code, text) in [
            (DiskFull, "Disk full"),
            (DiskFull, "Transfer aborted: disk full"),
            (OptionRefused, "Option negotiation failed"),
            (OptionRefused, "blksize too large"),
            (NotDefined, "Out of memory"),
            (NotDefined, "Transfer aborted: out of memory"),
        ] {
            assert!(!ends_probe(code, text), "{code:?} {text}");
        }
    }

    #[test]
    fn a_packet_touches_six_lines_of_its_transfer_at_most() {
        const { assert!(Transfer::HOT <= 6 * 64) };
        let size = size_of::<Option<Transfer>>();
        assert!(size <= 512, "{size} bytes");
    }
}
