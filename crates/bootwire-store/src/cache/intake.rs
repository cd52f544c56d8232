//! Taking what an origin sends: into memory, into chunks, or into a file of unknown size.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bootwire::Refusal;
use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, sleep};

use super::Cached;
use super::chunks::{self, CHUNK};
use super::disk::{Disk, Full, Spool};
use super::entry::Held;
use super::fills::Fills;
use super::key::Key;
use super::memory::{Memory, SMALL_MAX, Small};
use super::paced::Paced;
use super::sendable::{Failure, Sendable};
use super::source::Source;
use super::writer::{Cut, Writer};
use crate::origin::{Content, OriginError, OriginErrorKind, Version};

/// How often room is looked for that is not there.
const ROOM_EVERY: Duration = Duration::from_millis(100);

/// Makes a version that can be sent of what the origin begins to send.
pub(super) struct Intake<'a> {
    source: &'a Source,
    disk: &'a Arc<Disk>,
    memory: &'a Memory,
    fills: &'a Arc<Fills>,
    object_max: u64,
    read_ahead: u64,
}

impl<'a> Intake<'a> {
    pub(super) fn of(cached: &'a Cached) -> Self {
        let cache = &cached.cache;
        Self {
            source: &cached.source,
            disk: &cache.disk,
            memory: &cache.memory,
            fills: &cache.fills,
            object_max: cached.policy.object_max,
            read_ahead: cached.policy.read_ahead,
        }
    }

    /// Takes a version that is not in the cache, or not known to be.
    pub(super) async fn take(&self, key: &Key, content: Content) -> Result<Sendable, Failure> {
        if content.start != 0 {
            return Err(OriginError::unusable("sent another part than asked for").into());
        }
        match content.size {
            Some(size) if size > self.object_max => Err(self.too_large(size).into()),
            Some(size) if size <= SMALL_MAX => self.small(key, content, size).await,
            Some(size) => self.chunks(key, content, size).await,
            None => self.of_unknown_size(key, content).await,
        }
    }

    fn too_large(&self, size: u64) -> OriginError {
        let max = self.object_max;
        let detail = format_args!("{size} bytes are more than the {max} an object may have");
        OriginError::new(OriginErrorKind::TooLarge, detail)
    }

    async fn small(&self, key: &Key, content: Content, size: u64) -> Result<Sendable, Failure> {
        let limits = self.source.limits;
        let share = self.source.share(size, limits.answer_within).await?;
        let mut body = Paced::new(content.body, share, limits.stall, 0);
        let bytes = read(&mut body, size).await?;
        let got = bytes.len() as u64;
        if got != size {
            let detail = format_args!("cut the body after {got} of {size} bytes");
            return Err(OriginError::unavailable(detail).into());
        }
        body.end().await;
        Ok(self.keep_small(key, content.version, bytes))
    }

    /// Keeps a small object in memory and, for the time after a restart, on the disk.
    fn keep_small(&self, key: &Key, version: Version, bytes: Bytes) -> Sendable {
        self.disk.monitor.fetched_bytes.add(bytes.len() as u64);
        let checked = self.disk.now();
        let id = key.id(&version, bytes.len() as u64, checked);
        let small = Small::new(version, bytes, id, checked);
        self.memory.keep(key, &small);
        let (disk, key, kept) = (Arc::clone(self.disk), key.clone(), Arc::clone(&small));
        tokio::spawn(async move {
            let keeper = Arc::clone(&disk);
            let write = move || {
                let entry = keeper.keep(&key, &kept.version, &kept.bytes);
                entry.map(|entry| keeper.set_current(&entry))
            };
            if let Ok(Err(error)) = disk.run(write).await {
                // It is served from memory; only a restart forgets it.
                disk.monitor.disk_failed(disk.objects(), &error);
            }
        });
        Sendable::Small(small)
    }

    /// Begins to fill a file in chunks.
    async fn chunks(
        &self,
        key: &Key,
        mut content: Content,
        size: u64,
    ) -> Result<Sendable, Failure> {
        let mut in_one = content.end == Some(size) && size > CHUNK;
        if !content.version.is_known() && content.end != Some(size) {
            // Parts of different versions could not be told apart.
            content = self.source.all_of(&key.object).await?;
            in_one = true;
            if content.version.is_known() || content.size != Some(size) {
                let detail = "the object changed while it was fetched";
                return Err(OriginError::new(OriginErrorKind::Changed, detail).into());
            }
        }
        let version = content.version;
        let begun = Instant::now();
        let entry = loop {
            let (disk, key, version) = (Arc::clone(self.disk), key.clone(), version.clone());
            let create = move || disk.create(&key, &version, size, in_one);
            match self.disk.run(create).await? {
                Ok(entry) => break entry,
                // Somebody may finish reading soon, and what he reads may go.
                Err(error)
                    if Full::is_behind(&error)
                        && begun.elapsed() < self.source.limits.answer_within =>
                {
                    sleep(ROOM_EVERY).await;
                }
                Err(error) => return Err(self.no_room(&error).into()),
            }
        };
        if !entry.is_complete() {
            let (fills, disk) = (Arc::clone(self.fills), Arc::clone(self.disk));
            let (held, source, ahead) = (entry.clone(), self.source.clone(), self.read_ahead);
            let filler = move || fills.filler(&held, (&disk, &source), ahead);
            match self.disk.run(filler).await? {
                Ok(filler) => filler.start(0, Some(content.body)),
                Err(error) => return Err(self.disk.unreadable(&entry, &error).await.into()),
            }
        }
        Ok(self.current(key, entry))
    }

    fn current(&self, key: &Key, entry: Held) -> Sendable {
        entry.check(self.disk.now());
        self.disk.set_current(&entry);
        self.memory.forget(key);
        Sendable::Stored(entry)
    }

    /// There is no place for an object.
    fn no_room(&self, error: &io::Error) -> Refusal {
        if Full::is_behind(error) {
            self.disk.monitor.full(self.disk.now(), error);
            return Refusal::busy().because(error);
        }
        self.disk.failed(self.disk.objects(), error)
    }

    /// Takes an object of which the size is known at its end: all of it has to come before it can
    /// be sent.
    async fn of_unknown_size(&self, key: &Key, content: Content) -> Result<Sendable, Failure> {
        let limits = self.source.limits;
        let share = self.source.share(CHUNK, limits.answer_within).await?;
        let mut body = Paced::new(content.body, share, limits.stall, 0);
        let start = read(&mut body, SMALL_MAX + 1).await?;
        if start.len() as u64 <= SMALL_MAX {
            return Ok(self.keep_small(key, content.version, start));
        }
        let disk = Arc::clone(self.disk);
        let spool = self.disk.run(move || disk.spool()).await?;
        let spool = spool.map_err(|error| self.no_room(&error))?;
        body.unread(&start);
        let entry = self.spool(key, content.version, body, spool).await?;
        Ok(self.current(key, entry))
    }

    async fn spool(
        &self,
        key: &Key,
        version: Version,
        mut body: Paced,
        spool: Spool,
    ) -> Result<Held, Failure> {
        let mut room = self
            .disk
            .room(0)
            .map_err(|full| self.no_room(&full.into()))?;
        let mut sums = Vec::new();
        let mut size = 0;
        loop {
            // Counted as far as it may grow now.
            let upto = size + CHUNK;
            let grown = self
                .disk
                .run(move || room.grow(upto).map(|()| room))
                .await?;
            room = grown.map_err(|full| self.no_room(&full.into()))?;
            let mut writer = Writer::new(self.disk, &spool.data, size..size + CHUNK);
            let mut patience = self.source.patience(self.source.limits.give_up);
            loop {
                let reliefs = self.disk.reliefs();
                match writer.pour(&mut body, &|_| ()).await {
                    Ok(()) => break,
                    Err(Cut::Origin(error)) => return Err(error.into()),
                    Err(Cut::Disk(error)) => {
                        // The writer has kept what it could not write.
                        if !self.disk.relieved(&error, reliefs).await || !patience.pause().await {
                            return Err(self.disk.failed(&spool.path, &error).into());
                        }
                    }
                }
            }
            let end = writer.position();
            if end > self.object_max {
                return Err(self.too_large(end).into());
            }
            let sum = writer
                .finish()
                .map_err(|error| self.disk.failed(&spool.path, &error))?;
            if end > size {
                sums.push(Some(sum));
            }
            let ended = end < size + CHUNK;
            size = end;
            if ended {
                break;
            }
        }
        debug_assert_eq!(sums.len(), chunks::count(size));
        self.disk.monitor.fetched_bytes.add(size);
        let (disk, key) = (Arc::clone(self.disk), key.clone());
        let adopt = move || disk.adopt(&key, &version, size, &sums, (&spool, room));
        let adopted = self.disk.run(adopt).await?;
        adopted.map_err(|error| self.no_room(&error).into())
    }
}

/// Reads at most `max` bytes into memory, and takes no more of it than came: it may be kept for long,
/// and is counted by its length.
async fn read(body: &mut Paced, max: u64) -> Result<Bytes, OriginError> {
    let mut bytes = BytesMut::with_capacity(max.min(SMALL_MAX) as usize);
    while (bytes.len() as u64) < max {
        let left = max - bytes.len() as u64;
        let piece = body.next(left).await?;
        if piece.is_empty() {
            break;
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(exactly(bytes))
}

/// The same bytes in as much memory as they take: an origin that does not say how much it sends is
/// given the most a small object may have.
fn exactly(bytes: BytesMut) -> Bytes {
    if bytes.len() == bytes.capacity() {
        return bytes.freeze();
    }
    Bytes::copy_from_slice(&bytes)
}

#[cfg(test)]
mod tests {
    use bootwire::BoxFuture;

    use super::*;
    use crate::cache::Cache;
    use crate::origin::{Ask, Body, Got, ObjectName, Origin};

    /// Sends nothing by itself.
    struct Silent;

    impl Origin for Silent {
        fn name(&self) -> &str {
            "http://silent/"
        }

        fn get<'a>(
            &'a self,
            _object: &'a ObjectName,
            _ask: &'a Ask,
        ) -> BoxFuture<'a, Result<Got, OriginError>> {
            Box::pin(std::future::ready(Ok(Got::Unchanged)))
        }
    }

    /// Pieces of these lengths, the last one first, each cut from a buffer as large as an HTTP
    /// client's.
    struct Pieces(Vec<usize>);

    impl Body for Pieces {
        fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, OriginError>> {
            let piece = self.0.pop();
            let piece = piece.map(|len| Bytes::from(vec![7; 400 << 10]).slice(..len));
            Box::pin(std::future::ready(Ok(piece)))
        }
    }

    #[tokio::test]
    async fn what_is_kept_in_memory_takes_as_much_as_it_has_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::builder(dir.path()).open().await.unwrap();
        let cached = Cached::new(Arc::new(Silent), &cache);
        for (pieces, max) in [
            // Of a size that is known,
            (vec![100], 100),
            (vec![1, 40_000, 20_000], 60_001),
            // and of one that is not.
            (vec![], SMALL_MAX + 1),
            (vec![100], SMALL_MAX + 1),
            (vec![1, 40_000, 20_000], SMALL_MAX + 1),
            (vec![1, 40_000, 40_000], SMALL_MAX + 1),
        ] {
            let expected = pieces.iter().sum::<usize>().min(max as usize);
            let second = Duration::from_secs(1);
            let share = cached.source.share(CHUNK, second).await.unwrap();
            let mut body = Paced::new(Box::new(Pieces(pieces.clone())), share, second, 0);
            let bytes = read(&mut body, max).await.unwrap();
            assert_eq!(bytes.len(), expected, "{pieces:?}");
            // None take nothing, and cannot be asked.
            let taken = match bytes.is_empty() {
                true => 0,
                false => bytes.try_into_mut().expect("its own").capacity(),
            };
            assert_eq!(taken, expected, "{pieces:?}");
        }
    }
}
