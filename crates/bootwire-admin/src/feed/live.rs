//! The transfers that run: looked at when somebody wants them, and what changed each second.

use std::cmp::Ordering;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Mutex;

use super::event_text;
use crate::api::{
    self, Progress, SortOrder, Transfer, TransfersEvent, TransfersPage, TransfersQuery,
};
use crate::sources::Live;

/// Most transfers that are looked at.
pub(crate) const LOOKED_AT: usize = 20_000;
/// A look that is younger is new enough.
const NEW: Duration = Duration::from_millis(400);
/// Between looks further apart nobody knows how fast a transfer was lately.
const LATELY: Duration = Duration::from_secs(10);
/// Transfers in one event.
const IN_ONE: usize = 500;
/// Seconds that are kept for those who are a bit behind.
const KEPT: usize = 8;
/// Silence that is worth a word.
const SILENT: Duration = Duration::from_secs(1);

/// What was seen at a time.
#[derive(Default)]
pub(crate) struct Looked {
    pub(crate) at: String,
    pub(crate) transfers: HashMap<u64, Arc<Transfer>>,
}

/// Looks at the transfers, for all who ask at about the same time once.
#[derive(Default)]
pub(crate) struct Looks(Mutex<Option<(Instant, Arc<Looked>)>>);

impl Looks {
    /// The transfers now, or a moment ago.
    pub(crate) async fn look(&self, live: &dyn Live) -> Arc<Looked> {
        let mut last = self.0.lock().await;
        if let Some((at, looked)) = &*last
            && at.elapsed() < NEW
        {
            return Arc::clone(looked);
        }
        let transfers = live.transfers(LOOKED_AT).await;
        let now = Instant::now();
        let before = last.take().filter(|(at, _)| now - *at < LATELY);
        let looked = Arc::new(Looked {
            at: api::time(SystemTime::now()),
            transfers: transfers
                .into_iter()
                .map(|mut transfer| {
                    transfer.rate = before.as_ref().and_then(|(at, looked)| {
                        let old = looked.transfers.get(&transfer.id)?;
                        Some(rate(old, &transfer, now - *at))
                    });
                    (transfer.id, Arc::new(transfer))
                })
                .collect(),
        });
        *last = Some((now, Arc::clone(&looked)));
        looked
    }
}

/// Bytes a second, half of it as it was before: a number that can be read.
fn rate(old: &Transfer, new: &Transfer, passed: Duration) -> u64 {
    let moved = new.bytes.saturating_sub(old.bytes) as f64 / passed.as_secs_f64().max(0.001);
    let smooth = old
        .rate
        .map_or(moved, |before| f64::midpoint(before as f64, moved));
    smooth as u64
}

impl Looked {
    /// A page of them.
    pub(crate) fn page(&self, query: &TransfersQuery) -> TransfersPage {
        let mut found: Vec<&Arc<Transfer>> = self
            .transfers
            .values()
            .filter(|transfer| is_wanted(query, transfer))
            .collect();
        let order = query.sort.unwrap_or_default();
        let descending = query.descending.unwrap_or(false);
        found.sort_by(|one, other| compare(order, descending, one, other));
        let offset = query.offset.unwrap_or(0).min(found.len());
        let page = found[offset..].iter().take(api::limit(query.limit));
        TransfersPage {
            at: self.at.clone(),
            total: found.len(),
            truncated: self.transfers.len() >= LOOKED_AT,
            transfers: page.map(|transfer| Transfer::clone(transfer)).collect(),
        }
    }
}

fn is_wanted(query: &TransfersQuery, transfer: &Transfer) -> bool {
    let is = |wanted: &Option<String>, value: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| value == Some(wanted))
    };
    let address = transfer.peer.rsplit_once(':').map(|(address, _)| address);
    is(&query.machine, transfer.machine.as_deref())
        && is(&query.route, transfer.route.as_deref())
        && is(
            &query.peer,
            address.map(|address| address.trim_matches(['[', ']'])),
        )
        && query
            .search
            .as_deref()
            .is_none_or(|text| transfer.contains(text))
}

impl Transfer {
    /// Whether path, peer, machine or route has this text in it, whatever its case.
    #[must_use]
    pub fn contains(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let places = [
            Some(&self.path),
            Some(&self.peer),
            self.machine.as_ref(),
            self.route.as_ref(),
        ];
        let mut places = places.into_iter().flatten();
        places.any(|place| place.to_lowercase().contains(&text))
    }

    /// The part that is done, from 0 to 1; nothing if the size is not known.
    #[must_use]
    pub fn progress(&self) -> Option<f64> {
        match self.size {
            None => None,
            Some(0) => Some(1.0),
            Some(size) => Some((self.bytes as f64 / size as f64).min(1.0)),
        }
    }

    /// What changed since `old`, if that is what [`Progress`] can tell.
    fn progress_since(&self, old: &Self) -> Option<Progress> {
        let same = Self {
            bytes: old.bytes,
            rate: old.rate,
            phase: old.phase.clone(),
            blocks_resent: old.blocks_resent,
            timeouts: old.timeouts,
            round_trip_us: old.round_trip_us,
            duration_us: old.duration_us,
            idle_us: old.idle_us,
            ..self.clone()
        };
        if same != *old {
            return None;
        }
        Some(Progress {
            id: self.id,
            bytes: changed(self.bytes, old.bytes),
            rate: self.rate.filter(|_| self.rate != old.rate),
            phase: (self.phase != old.phase).then(|| self.phase.clone()),
            blocks_resent: changed(self.blocks_resent, old.blocks_resent),
            timeouts: changed(self.timeouts, old.timeouts),
            round_trip_us: self
                .round_trip_us
                .filter(|_| self.round_trip_us != old.round_trip_us),
            idle_us: Some(self.idle_us).filter(|&idle| u128::from(idle) > SILENT.as_micros()),
        })
    }

    /// Adds how it got on.
    pub fn advance(&mut self, progress: &Progress) {
        if let Some(bytes) = progress.bytes {
            self.bytes = bytes;
        }
        self.rate = progress.rate.or(self.rate);
        if let Some(phase) = &progress.phase {
            self.phase.clone_from(phase);
        }
        self.blocks_resent = progress.blocks_resent.unwrap_or(self.blocks_resent);
        self.timeouts = progress.timeouts.unwrap_or(self.timeouts);
        self.round_trip_us = progress.round_trip_us.or(self.round_trip_us);
        self.idle_us = progress.idle_us.unwrap_or(0);
    }
}

fn changed<T: PartialEq + Copy>(new: T, old: T) -> Option<T> {
    (new != old).then_some(new)
}

impl Progress {
    fn is_empty(&self) -> bool {
        *self
            == Self {
                id: self.id,
                ..Self::default()
            }
    }
}

/// By one column; what is not known comes last, whichever way it is sorted.
fn compare(order: SortOrder, descending: bool, one: &Transfer, other: &Transfer) -> Ordering {
    let turned = |ordering: Ordering| match descending {
        true => ordering.reverse(),
        false => ordering,
    };
    let by = Column {
        one,
        other,
        turned: &turned,
    };
    let sorted = match order {
        SortOrder::Started => Ordering::Equal,
        SortOrder::Peer => by.known(address),
        SortOrder::Machine => by.known(|transfer| transfer.machine.as_deref()),
        SortOrder::Path => turned(one.path.cmp(&other.path)),
        SortOrder::Progress => by.known(Transfer::progress),
        SortOrder::Size => by.known(|transfer| transfer.size),
        SortOrder::Rate => by.known(|transfer| transfer.rate),
        SortOrder::Resent => turned(one.blocks_resent.cmp(&other.blocks_resent)),
        SortOrder::Idle => turned(one.idle_us.cmp(&other.idle_us)),
        SortOrder::RoundTrip => by.known(|transfer| transfer.round_trip_us),
    };
    sorted.then_with(|| turned(one.id.cmp(&other.id)))
}

/// Two transfers, to be compared by something that is not always known.
struct Column<'a> {
    one: &'a Transfer,
    other: &'a Transfer,
    turned: &'a dyn Fn(Ordering) -> Ordering,
}

impl<'a> Column<'a> {
    fn known<T: PartialOrd>(&self, value: impl Fn(&'a Transfer) -> Option<T>) -> Ordering {
        match (value(self.one), value(self.other)) {
            (Some(one), Some(other)) => {
                (self.turned)(one.partial_cmp(&other).unwrap_or(Ordering::Equal))
            }
            (one, other) => other.is_some().cmp(&one.is_some()),
        }
    }
}

/// Addresses are in order as numbers.
fn address(transfer: &Transfer) -> Option<std::net::SocketAddr> {
    transfer.peer.parse().ok()
}

/// Sorts by a column, as the server does.
pub fn sort(transfers: &mut [Transfer], order: SortOrder, descending: bool) {
    transfers.sort_by(|one, other| compare(order, descending, one, other));
}

/// What changed each second, as events that all followers share.
#[derive(Default)]
pub(crate) struct Ticks {
    followers: usize,
    /// Number of the newest.
    last: u64,
    kept: VecDeque<Arc<[Arc<str>]>>,
    now: Option<Arc<Looked>>,
}

/// What a follower of transfers is to hear.
pub(crate) enum Heard {
    Nothing,
    /// Events, and the number that he has seen then.
    Events(Vec<Arc<str>>, u64),
    /// He has to begin anew: with this, and that number.
    Anew(Arc<Looked>, u64),
}

impl Ticks {
    pub(crate) const fn is_followed(&self) -> bool {
        self.followers > 0
    }

    pub(crate) fn follow(&mut self) {
        if self.followers == 0 {
            // What was seen before is too old.
            self.now = None;
            self.kept.clear();
        }
        self.followers += 1;
    }

    pub(crate) fn leave(&mut self) {
        self.followers = self.followers.saturating_sub(1);
    }

    pub(crate) fn add(&mut self, looked: &Arc<Looked>) {
        let events = match &self.now {
            Some(before) => difference(before, looked),
            None => Arc::default(),
        };
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(events);
        self.last += 1;
        self.now = Some(Arc::clone(looked));
    }

    /// What is new for who has seen number `seen`; 0 for who has seen nothing.
    pub(crate) fn since(&self, seen: u64) -> Heard {
        let Some(now) = &self.now else {
            return Heard::Nothing;
        };
        if seen == self.last {
            return Heard::Nothing;
        }
        let behind = usize::try_from(self.last.saturating_sub(seen)).unwrap_or(usize::MAX);
        if seen == 0 || behind >= self.kept.len() {
            return Heard::Anew(Arc::clone(now), self.last);
        }
        let missed = self.kept.iter().skip(self.kept.len() - behind);
        let events = missed.flat_map(|events| events.iter().cloned());
        Heard::Events(events.collect(), self.last)
    }
}

fn difference(before: &Looked, now: &Looked) -> Arc<[Arc<str>]> {
    let (mut began, mut progress) = (Vec::new(), Vec::new());
    for (id, transfer) in &now.transfers {
        let Some(old) = before.transfers.get(id) else {
            began.push(Transfer::clone(transfer));
            continue;
        };
        match transfer.progress_since(old) {
            Some(change) if change.is_empty() => {}
            Some(change) => progress.push(change),
            None => began.push(Transfer::clone(transfer)),
        }
    }
    let ended = before
        .transfers
        .keys()
        .filter(|id| !now.transfers.contains_key(id));
    let mut event = TransfersEvent {
        at: now.at.clone(),
        reset: false,
        total: now.transfers.len(),
        began,
        progress,
        ended: ended.copied().collect(),
    };
    let rest = event.began.split_off(event.began.len().min(IN_ONE));
    let mut events = vec![event_text("transfers", None, &event)];
    events.extend(pieces(now, &rest, false));
    events.into()
}

/// The whole list, as events.
pub(crate) fn anew(looked: &Looked) -> Vec<Arc<str>> {
    let mut all: Vec<Transfer> = looked
        .transfers
        .values()
        .map(|one| Transfer::clone(one))
        .collect();
    all.sort_unstable_by_key(|transfer| transfer.id);
    match all.as_slice() {
        [] => vec![event_text(
            "transfers",
            None,
            &TransfersEvent {
                at: looked.at.clone(),
                reset: true,
                ..TransfersEvent::default()
            },
        )],
        all => pieces(looked, all, true).collect(),
    }
}

fn pieces<'a>(
    looked: &'a Looked,
    transfers: &'a [Transfer],
    reset: bool,
) -> impl Iterator<Item = Arc<str>> + use<'a> {
    transfers
        .chunks(IN_ONE)
        .enumerate()
        .map(move |(index, some)| {
            let event = TransfersEvent {
                at: looked.at.clone(),
                reset: reset && index == 0,
                total: looked.transfers.len(),
                began: some.to_vec(),
                ..TransfersEvent::default()
            };
            event_text("transfers", None, &event)
        })
}

#[cfg(test)]
mod tests;
