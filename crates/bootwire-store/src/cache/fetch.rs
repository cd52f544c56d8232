//! Getting chunks from an origin: attempts, patience, and what a failure means.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bootwire::Refusal;
use tokio::time::{Instant, sleep, timeout};

use super::chunks::{self, CHUNK};
use super::entry::Chunk;
use super::filler::Filler;
use super::pour::{PROGRESS_MIN, Paced, Spill, Writer};
use super::share::Share;
use super::{CacheEvent, Cached};
use crate::origin::{Ask, Body, Condition, Content, Got, ObjectName, OriginError, OriginErrorKind};

/// The pause after the first failure, doubled after each.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// An attempt gets at least this fraction of the time there is for all.
const ATTEMPT_MIN: u32 = 5;
/// Bytes thrown away, at most, if an origin sends an object from its start instead of the part
/// that was asked for.
const SKIP_MAX: u64 = 4 * CHUNK;

/// How long to go on in spite of failures.
pub(super) struct Patience {
    limit: Duration,
    since: Instant,
    pause: Duration,
}

impl Patience {
    pub(super) fn new(limit: Duration) -> Self {
        Self {
            limit,
            since: Instant::now(),
            pause: PAUSE_FIRST,
        }
    }

    /// Bytes came: the clock starts again.
    fn renew(&mut self) {
        self.since = Instant::now();
        self.pause = PAUSE_FIRST;
    }

    /// Time that is left.
    pub(super) fn left(&self) -> Duration {
        self.limit.saturating_sub(self.since.elapsed())
    }

    /// Waits before the next attempt; `false` if there should be none.
    pub(super) async fn pause(&mut self) -> bool {
        // Not all at the same moment: the clock's low digits add up to a quarter.
        let clock = SystemTime::now().duration_since(UNIX_EPOCH);
        let digits = clock.map_or(0, |time| time.subsec_nanos() % 256);
        let pause = self.pause + self.pause * digits / 1024;
        // An attempt without time would only hide what went wrong with the others.
        if pause + self.limit / ATTEMPT_MIN >= self.left() {
            return false;
        }
        sleep(pause).await;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        true
    }
}

impl Cached {
    /// Asks the origin, which has to answer within `limit`.
    pub(super) async fn ask(
        &self,
        object: &ObjectName,
        ask: &Ask,
        limit: Duration,
    ) -> Result<Got, OriginError> {
        self.cache.count(|counts| &counts.asked);
        match timeout(limit, self.origin.get(object, ask)).await {
            Ok(answer) => answer,
            Err(_) => Err(OriginError::unavailable(format_args!(
                "gave no answer within {:?}",
                in_words(limit)
            ))),
        }
    }
}

impl Filler {
    /// Fetches one chunk, or finds that it is here.
    pub(super) async fn fetch_chunk(
        self: &Arc<Self>,
        index: usize,
        body: Option<Box<dyn Body>>,
    ) -> Result<(), Refusal> {
        if self.claimed(index).await? {
            return Ok(());
        }
        let range = chunks::range(index, self.entry.size);
        let mut patience = Patience::new(self.source.policy.give_up);
        let mut body = match body {
            Some(body) => {
                let share = self.share(range.clone(), &patience).await;
                let share = share.map_err(|error| self.refuse(&error))?;
                Some(Paced::new(body, share, self.source.policy.stall, 0))
            }
            None => None,
        };
        let mut writer = self.writer(range);
        while writer.missing() > 0 {
            let (before, reliefs) = (writer.position(), self.source.cache.disk.reliefs());
            let result = self.attempt(&mut body, &mut writer, index, &patience).await;
            if writer.position() - before >= PROGRESS_MIN {
                patience.renew();
            }
            self.after(result, &mut patience, reliefs).await?;
        }
        if let Some(body) = body {
            body.end().await;
        }
        self.finish(index, writer).await
    }

    fn writer(&self, range: Range<u64>) -> Writer {
        Writer::new(&self.file, self.source.cache.disk.storage(), range)
    }

    async fn share(&self, range: Range<u64>, patience: &Patience) -> Result<Share, OriginError> {
        let bytes = range.end - range.start;
        self.source.share(bytes, patience.left()).await
    }

    /// Reads on until the chunk is full or something ends it.
    async fn attempt(
        self: &Arc<Self>,
        body: &mut Option<Paced>,
        writer: &mut Writer,
        index: usize,
        patience: &Patience,
    ) -> Result<(), Spill> {
        let arrived = |upto| self.arrived(index, upto);
        let mut paced = match body.take() {
            Some(body) => body,
            // All of it has come, and the disk did not take it.
            None if writer.to_come() == 0 => return Ok(writer.settle(&arrived).await?),
            None => {
                let end = chunks::range(index, self.entry.size).end;
                self.part(writer.position()..end, patience).await?
            }
        };
        let poured = writer.pour(&mut paced, &arrived).await;
        if matches!(poured, Ok(()) | Err(Spill::Disk(_))) {
            // A disk that fails is not the body's fault: it goes on when there is room.
            let cut = poured.is_ok() && writer.to_come() > 0;
            *body = (!cut).then_some(paced);
        }
        poured?;
        if writer.to_come() > 0 {
            return Err(OriginError::unavailable("cut the body").into());
        }
        Ok(())
    }

    /// Asks for a part of this version.
    async fn part(&self, range: Range<u64>, patience: &Patience) -> Result<Paced, OriginError> {
        let ask = Ask {
            range: Some(range.clone()),
            condition: Condition::Only(self.entry.version.clone()),
        };
        let mut share = self.share(range.clone(), patience).await?;
        let content = share.during(self.content_of(&ask)).await?;
        let skip = range.start.saturating_sub(content.start);
        if content.start > range.start || skip > SKIP_MAX {
            return Err(OriginError::unusable("sent another part than asked for"));
        }
        let stall = self.source.policy.stall;
        Ok(Paced::new(content.body, share, stall, skip))
    }

    async fn content_of(&self, ask: &Ask) -> Result<Content, OriginError> {
        let limit = self.source.policy.answer_within;
        let object = &self.entry.key.object;
        match self.source.ask(object, ask, limit).await? {
            Got::Content(content) => {
                let same = content.version.is(&self.entry.version)
                    && content.size.is_none_or(|size| size == self.entry.size);
                if same {
                    Ok(content)
                } else {
                    Err(OriginError::new(
                        OriginErrorKind::Changed,
                        "the object changed while it was fetched",
                    ))
                }
            }
            Got::Unchanged => Err(OriginError::unusable("said not modified, unasked")),
        }
    }

    /// Fetches the whole object from its start to its end.
    pub(super) async fn fetch_whole(
        self: &Arc<Self>,
        body: Option<Box<dyn Body>>,
    ) -> Result<(), Refusal> {
        let stall = self.source.policy.stall;
        let mut patience = Patience::new(self.source.policy.give_up);
        let first = chunks::range(0, self.entry.size);
        let mut body = match body {
            Some(body) => {
                let share = self.share(first, &patience).await;
                let share = share.map_err(|error| self.refuse(&error))?;
                Some((Paced::new(body, share, stall, 0), 0))
            }
            None => None,
        };
        for index in 0..chunks::count(self.entry.size) {
            if self.claimed(index).await? {
                continue;
            }
            let range = chunks::range(index, self.entry.size);
            let mut writer = self.writer(range);
            while writer.missing() > 0 {
                let (before, reliefs) = (writer.position(), self.source.cache.disk.reliefs());
                let result = self
                    .attempt_whole(&mut body, &mut writer, index, &patience)
                    .await;
                if writer.position() - before >= PROGRESS_MIN {
                    patience.renew();
                }
                self.after(result, &mut patience, reliefs).await?;
            }
            self.finish(index, writer).await?;
        }
        if let Some((body, _)) = body {
            body.end().await;
        }
        Ok(())
    }

    /// As [`Filler::attempt`], with a body that goes on behind the chunk and where it stands.
    async fn attempt_whole(
        self: &Arc<Self>,
        body: &mut Option<(Paced, u64)>,
        writer: &mut Writer,
        index: usize,
        patience: &Patience,
    ) -> Result<(), Spill> {
        let arrived = |upto| self.arrived(index, upto);
        let (mut paced, at) = match body.take() {
            Some(body) => body,
            None if writer.to_come() == 0 => return Ok(writer.settle(&arrived).await?),
            None if !self.entry.version.is_known() => {
                let detail = "the body was cut, and nothing tells versions apart";
                return Err(OriginError::new(OriginErrorKind::Changed, detail).into());
            }
            None => {
                let ask = Ask {
                    range: None,
                    condition: Condition::Only(self.entry.version.clone()),
                };
                let first = chunks::range(0, self.entry.size);
                let mut share = self.share(first, patience).await?;
                let content = share.during(self.content_of(&ask)).await?;
                let stall = self.source.policy.stall;
                (Paced::new(content.body, share, stall, 0), 0)
            }
        };
        paced.skip(writer.position() - at);
        let poured = writer.pour(&mut paced, &arrived).await;
        if matches!(poured, Ok(()) | Err(Spill::Disk(_))) {
            let cut = poured.is_ok() && writer.to_come() > 0;
            *body = (!cut).then_some((paced, writer.position()));
        }
        poured?;
        if writer.to_come() > 0 {
            return Err(OriginError::unavailable("cut the body").into());
        }
        Ok(())
    }

    /// What a failed attempt means: another one, or a refusal.
    async fn after(
        self: &Arc<Self>,
        result: Result<(), Spill>,
        patience: &mut Patience,
        reliefs: u64,
    ) -> Result<(), Refusal> {
        match result {
            Ok(()) => Ok(()),
            Err(Spill::Origin(error)) => {
                if error.kind() == OriginErrorKind::Unavailable && patience.pause().await {
                    self.source.cache.count(|counts| &counts.retried);
                    return Ok(());
                }
                let refusal = self.refuse(&error);
                if matches!(
                    error.kind(),
                    OriginErrorKind::Changed | OriginErrorKind::NotFound
                ) {
                    // The next request finds the new version, if there is one.
                    self.source.cache.disk.unset_current(&self.entry.key);
                    let changed = OriginError::new(
                        OriginErrorKind::Changed,
                        format_args!("{}: {error}", self.entry.key.object),
                    );
                    let changed = changed.refusal(&self.entry.key.origin);
                    self.die(changed.clone());
                    return Err(changed);
                }
                Err(refusal)
            }
            Err(Spill::Disk(error)) => {
                if self.source.relieved(&error, reliefs).await && patience.pause().await {
                    // The writer has kept what it could not write.
                    return Ok(());
                }
                Err(self.disk_failed(&error))
            }
        }
    }

    fn refuse(&self, error: &OriginError) -> Refusal {
        let object = &self.entry.key.object;
        let error = OriginError::new(error.kind(), format_args!("{object}: {error}"));
        error.refusal(&self.entry.key.origin)
    }

    fn disk_failed(&self, error: &io::Error) -> Refusal {
        let file = self.entry.data.clone();
        let refusal = Refusal::origin().because(format_args!(
            "cannot write to the cache, {}: {error}",
            file.display()
        ));
        let error = error.to_string();
        self.source
            .cache
            .tell(&CacheEvent::DiskFailed { file, error });
        refusal
    }

    /// Whether the chunk is here: now, or since an earlier process and still whole.
    async fn claimed(self: &Arc<Self>, index: usize) -> Result<bool, Refusal> {
        let sum = match self.entry.chunk(index) {
            Chunk::Here(_) => return Ok(true),
            Chunk::Missing => return Ok(false),
            Chunk::Claimed(sum) => sum,
        };
        let filler = Arc::clone(self);
        let check = tokio::task::spawn_blocking(move || filler.check(index, sum));
        match check.await {
            Ok(Ok(true)) => {
                self.completed(index);
                Ok(true)
            }
            // Also a file that cannot be read may be written to.
            Ok(_) => Ok(false),
            Err(lost) => Err(Refusal::internal().because(lost)),
        }
    }

    /// The chunk is full: remember that.
    async fn finish(self: &Arc<Self>, index: usize, writer: Writer) -> Result<(), Refusal> {
        let sum = writer.finish().map_err(|error| self.disk_failed(&error))?;
        let range = chunks::range(index, self.entry.size);
        self.source
            .cache
            .add(|counts| &counts.fetched_bytes, range.end - range.start);
        let entry = Arc::clone(&self.entry);
        let file = Arc::clone(&self.file);
        let written = move || entry.written(index, sum, &file);
        let written = tokio::task::spawn_blocking(written).await;
        if let Ok(Err(error)) = written {
            // The content is good; only the next process will not know.
            let file = self.entry.meta.clone();
            let error = error.to_string();
            self.source
                .cache
                .tell(&CacheEvent::DiskFailed { file, error });
        }
        self.completed(index);
        Ok(())
    }
}

/// A time as people say it: of what is left of a limit nobody wants nine digits.
fn in_words(limit: Duration) -> Duration {
    let step = if limit >= Duration::from_secs(1) {
        100
    } else {
        1
    };
    let millis = limit.as_micros().div_ceil(1000) as u64;
    let rounded = (millis + step / 2) / step * step;
    Duration::from_millis(rounded.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_limit_is_told_in_few_digits() {
        for (limit, words) in [
            (Duration::from_nanos(1_999_999_758), "2s"),
            (Duration::from_micros(1_549_000), "1.5s"),
            (Duration::from_nanos(249_999_990), "250ms"),
            (Duration::from_nanos(3), "1ms"),
        ] {
            assert_eq!(format!("{:?}", in_words(limit)), words);
        }
    }
}
