//! One who follows: his events, one after the other.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use bootwire::TransferRecord;
use futures_core::Stream;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::shown::Shown;
use super::{Shared, shutdown};
use crate::api::{self, EventsQuery, Hello, Lag, Topic};
use crate::feed::filter::Filter;
use crate::feed::live::{Heard, anew};
use crate::feed::news::Item;
use crate::feed::{event_text, lock};
use crate::problem::Problem;

/// Records that are taken at a time.
const BATCH: usize = 256;
/// How long somebody may not read before he is left.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often something is said when there is nothing to say.
const ALIVE: Duration = Duration::from_secs(10);
/// A piece of the stream is sent once it is so long, in bytes.
const PIECE: usize = 64 << 10;

/// What somebody wants to hear.
struct Wanted {
    records: bool,
    transfers: bool,
    boots: bool,
    stats: bool,
    text: bool,
    last: usize,
    filter: Filter,
}

impl Wanted {
    fn new(query: &EventsQuery) -> Result<Self, Problem> {
        let mut wanted = Self {
            records: false,
            transfers: false,
            boots: false,
            stats: false,
            text: query.text.unwrap_or(false),
            last: query.last.unwrap_or(0).min(api::LIMIT_MAX),
            filter: Filter::new(query.filter())?,
        };
        let topics = query.topics.as_deref().unwrap_or_default().split(',');
        let topics: Vec<_> = topics
            .map(str::trim)
            .filter(|topic| !topic.is_empty())
            .collect();
        if topics.is_empty() {
            (wanted.records, wanted.transfers) = (true, true);
            (wanted.boots, wanted.stats) = (true, true);
        }
        for topic in topics {
            match topic.parse::<Topic>()? {
                Topic::Records => wanted.records = true,
                Topic::Transfers => wanted.transfers = true,
                Topic::Boots => wanted.boots = true,
                Topic::Stats => wanted.stats = true,
            }
        }
        Ok(wanted)
    }
}

impl std::str::FromStr for Topic {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        match text {
            "records" => Ok(Self::Records),
            "transfers" => Ok(Self::Transfers),
            "boots" => Ok(Self::Boots),
            "stats" => Ok(Self::Stats),
            _ => Err(Problem::query(format!(
                "topic {text:?} is none: write records, transfers, boots, stats"
            ))),
        }
    }
}

/// The stream for one who follows.
///
/// # Errors
/// If his question makes no sense, or too many follow already.
pub(super) fn answer(
    shared: &Arc<Shared>,
    query: &EventsQuery,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let wanted = Wanted::new(query)?;
    let Ok(place) = Arc::clone(&shared.followers).try_acquire_owned() else {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "Too many follow",
            "the server has as many event streams open as it will: close one, or try later",
        ));
    };
    let header = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok());
    let last = header.or(query.last_event_id.as_deref());
    let follower = Follower::new(Arc::clone(shared), wanted, last, place);
    let (sender, receiver) = mpsc::channel(2);
    tokio::spawn(follower.run(sender));
    let mut response = Response::new(Body::from_stream(Pieces(receiver)));
    let told = response.headers_mut();
    told.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    told.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that gather answers would hold events back.
    told.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

struct Follower {
    shared: Arc<Shared>,
    wanted: Wanted,
    /// Number of the last news he has seen.
    seen: u64,
    /// Of the last second of transfers.
    tick: u64,
    /// Of the last statistics.
    stats: u64,
    piece: String,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    fn new(
        shared: Arc<Shared>,
        wanted: Wanted,
        last: Option<&str>,
        place: OwnedSemaphorePermit,
    ) -> Self {
        let newest = lock(&shared.feed.news).last();
        let mut piece = String::new();
        piece.push_str(&event_text(
            "hello",
            None,
            &Hello {
                instance: shared.feed.instance.clone(),
                version: shared.version.clone(),
                now: api::time(std::time::SystemTime::now()),
            },
        ));
        let seen = match last.filter(|last| !last.is_empty()) {
            None => newest,
            Some(last) => match numbered(last, &shared.feed.instance) {
                Some(number) => number.min(newest),
                // From before a restart: nobody knows what was lost.
                None => {
                    piece.push_str(&event_text("lag", None, &Lag { missed: None }));
                    0
                }
            },
        };
        if wanted.transfers {
            lock(&shared.feed.ticks).follow();
        }
        let mut follower = Self {
            shared,
            wanted,
            seen,
            tick: 0,
            stats: 0,
            piece,
            _place: place,
        };
        if last.is_none() {
            follower.write_last();
        }
        follower
    }

    /// Begins with some of the newest records.
    fn write_last(&mut self) {
        if self.wanted.last == 0 || !self.wanted.records {
            return;
        }
        let found: Vec<_> = {
            let news = lock(&self.shared.feed.news);
            let found = news
                .records()
                .filter(|record| self.wanted.filter.takes(record));
            found.take(self.wanted.last).map(Arc::clone).collect()
        };
        for record in found.iter().rev() {
            let text = self.record(None, record);
            self.piece.push_str(&text);
        }
    }

    fn record(&self, id: Option<&str>, record: &TransferRecord) -> Arc<str> {
        let line = self.shared.line.as_ref().filter(|_| self.wanted.text);
        let text = line.map(|line| line(record));
        event_text("record", id, &Shown::new(record).with_text(text))
    }

    /// Until he leaves, does not read, or the server ends.
    async fn run(mut self, to: mpsc::Sender<Bytes>) {
        let shared = Arc::clone(&self.shared);
        let mut ending = shared.ending.subscribe();
        loop {
            // Asked for before looking, so that nothing that comes in between is missed.
            let mut changed = std::pin::pin!(shared.feed.changed.notified());
            changed.as_mut().enable();
            let more = self.gather();
            if !self.piece.is_empty() && !send(&to, std::mem::take(&mut self.piece)).await {
                return;
            }
            if more {
                continue;
            }
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep(ALIVE) => self.piece.push_str(": still here\n\n"),
                () = to.closed() => return,
                () = shutdown(&mut ending) => {
                    let _ = send(&to, "event: bye\ndata: {}\n\n".to_owned()).await;
                    return;
                }
            }
        }
    }

    /// Writes what is new into the piece; whether there may be more.
    fn gather(&mut self) -> bool {
        let shared = Arc::clone(&self.shared);
        let feed = &shared.feed;
        let mut more = false;
        if self.wanted.records || self.wanted.boots {
            let fresh = lock(&feed.news).since(self.seen, BATCH);
            if fresh.missed > 0 {
                let missed = Some(fresh.missed);
                self.piece
                    .push_str(&event_text("lag", None, &Lag { missed }));
                self.seen += fresh.missed;
            }
            for (number, item) in fresh.items {
                self.seen = number;
                if self.piece.len() < PIECE {
                    self.write(number, &item);
                } else {
                    self.seen = number - 1;
                    more = true;
                    break;
                }
            }
            more |= self.seen < lock(&feed.news).last();
        }
        if self.wanted.stats
            && let Some((number, text)) = feed.stats_since(self.stats)
        {
            self.stats = number;
            self.piece.push_str(&text);
        }
        if self.wanted.transfers {
            let heard = lock(&feed.ticks).since(self.tick);
            let (events, number) = match heard {
                Heard::Nothing => return more,
                Heard::Events(events, number) => (events, number),
                Heard::Anew(looked, number) => (anew(&looked), number),
            };
            self.tick = number;
            events.iter().for_each(|event| self.piece.push_str(event));
        }
        more
    }

    fn write(&mut self, number: u64, item: &Item) {
        let id = format!("{}-{number}", self.shared.feed.instance);
        let text = match item {
            Item::Record(record) if self.wanted.records && self.wanted.filter.takes(record) => {
                self.record(Some(&id), record)
            }
            Item::Boot(boot)
                if self.wanted.boots && self.wanted.filter.takes_boot_of(&boot.machine) =>
            {
                event_text("boot", Some(&id), &**boot)
            }
            _ => return,
        };
        self.piece.push_str(&text);
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        if self.wanted.transfers {
            lock(&self.shared.feed.ticks).leave();
        }
    }
}

/// The number in an id of this run of the server.
fn numbered(id: &str, instance: &str) -> Option<u64> {
    let (of, number) = id.rsplit_once('-')?;
    (of == instance).then(|| number.parse().ok()).flatten()
}

/// Whether it could be sent in time.
async fn send(to: &mpsc::Sender<Bytes>, piece: String) -> bool {
    matches!(
        tokio::time::timeout(PATIENCE, to.send(piece.into())).await,
        Ok(Ok(()))
    )
}

/// What the follower's task writes, as a body.
struct Pieces(mpsc::Receiver<Bytes>);

impl Stream for Pieces {
    type Item = Result<Bytes, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|piece| piece.map(Ok))
    }
}
