//! Taking what an origin sends: into memory, into chunks, or into a file of unknown size.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bootwire::Refusal;
use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, sleep};

use super::chunks::{self, CHUNK, Sum};
use super::disk::{Full, Room, is_full};
use super::entry::now;
use super::fetch::Patience;
use super::held::Held;
use super::key::Key;
use super::lookup::{Failure, Found};
use super::memory::{SMALL_MAX, Small};
use super::pour::{Paced, Spill, Writer};
use super::{CacheEvent, Cached};
use crate::origin::{Ask, Body, Condition, Content, Got, OriginError, OriginErrorKind, Version};

/// How often room is looked for that is not there.
const ROOM_EVERY: Duration = Duration::from_millis(100);
/// How often an operator hears that there is none, at most, in milliseconds.
const TOLD_EVERY: u64 = 60_000;

impl Cached {
    /// Takes a version that is not in the cache, or not known to be.
    pub(super) async fn take(&self, key: &Key, content: Content) -> Result<Found, Failure> {
        if content.start != 0 {
            return Err(OriginError::unusable("sent another part than asked for").into());
        }
        match content.size {
            Some(size) if size > self.policy.object_max => Err(self.too_large(size).into()),
            Some(size) if size <= SMALL_MAX => {
                let version = content.version.clone();
                let share = self.share(size, self.policy.answer_within).await?;
                let mut body = Paced::new(content.body, share, self.policy.stall, 0);
                let bytes = self.read(&mut body, size).await?;
                if bytes.len() as u64 != size {
                    return Err(cut(bytes.len() as u64, size).into());
                }
                body.end().await;
                Ok(self.keep_small(key, version, bytes))
            }
            Some(size) => self.take_large(key, content, size).await,
            None => self.take_unsized(key, content).await,
        }
    }

    fn too_large(&self, size: u64) -> OriginError {
        let max = self.policy.object_max;
        let detail = format_args!("{size} bytes are more than the {max} an object may have");
        OriginError::new(OriginErrorKind::TooLarge, detail)
    }

    /// Reads at most `max` bytes into memory.
    async fn read(&self, body: &mut Paced, max: u64) -> Result<Bytes, OriginError> {
        let mut bytes = BytesMut::with_capacity(max.min(SMALL_MAX) as usize);
        while (bytes.len() as u64) < max {
            let left = max - bytes.len() as u64;
            let piece = body.next(left).await?;
            if piece.is_empty() {
                break;
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes.freeze())
    }

    /// Keeps a small object in memory and, for the time after a restart, on the disk.
    fn keep_small(&self, key: &Key, version: Version, bytes: Bytes) -> Found {
        self.cache
            .add(|counts| &counts.fetched_bytes, bytes.len() as u64);
        let checked = now();
        let id = key.id(&version, bytes.len() as u64, checked);
        let small = Small::new(version, bytes, id, checked);
        self.cache.memory.keep(key, &small);
        let (source, key, kept) = (self.clone(), key.clone(), Arc::clone(&small));
        tokio::spawn(async move {
            let (disk, writer) = (Arc::clone(&source.cache.disk), source.clone());
            let write = move || {
                let (version, bytes) = (&kept.version, &kept.bytes);
                let entry = disk.create(&key, version, bytes.len() as u64, false)?;
                if !bytes.is_empty() && !entry.is_complete() {
                    let file = std::fs::File::options().write(true).open(&entry.data)?;
                    std::os::unix::fs::FileExt::write_all_at(&file, bytes, 0)?;
                    entry.written(0, Sum::of(bytes), &file)?;
                }
                disk.set_current(&entry);
                Ok(())
            };
            let wrote = writer.cache.blocking.run(move || Ok(write())).await;
            if let Ok(Err(error)) = wrote {
                // It is served from memory; only a restart forgets it.
                let error: io::Error = error;
                source.cache.tell(&CacheEvent::DiskFailed {
                    file: source.cache.disk.objects().to_owned(),
                    error: error.to_string(),
                });
            }
        });
        Found::Small(small)
    }

    /// Begins to fill a file in chunks.
    async fn take_large(
        &self,
        key: &Key,
        mut content: Content,
        size: u64,
    ) -> Result<Found, Failure> {
        let mut in_one = content.end == Some(size) && size > CHUNK;
        if !content.version.is_known() && content.end != Some(size) {
            // Parts of different versions could not be told apart.
            content = self.all_of(key).await?;
            in_one = true;
            if content.version.is_known() || content.size != Some(size) {
                let detail = "the object changed while it was fetched";
                return Err(OriginError::new(OriginErrorKind::Changed, detail).into());
            }
        }
        let (disk, wanted) = (Arc::clone(&self.cache.disk), key.clone());
        let version = content.version;
        let begun = Instant::now();
        let entry = loop {
            let (disk, wanted, version) = (Arc::clone(&disk), wanted.clone(), version.clone());
            let create = move || Ok(disk.create(&wanted, &version, size, in_one));
            match self.cache.blocking.run(create).await? {
                Ok(entry) => break entry,
                // Somebody may finish reading soon, and what he reads may go.
                Err(error) if is_busy(&error) && begun.elapsed() < self.policy.answer_within => {
                    sleep(ROOM_EVERY).await;
                }
                Err(error) => return Err(self.no_room(&error).into()),
            }
        };
        self.fill(&entry, content.body).await?;
        self.make_current(key, &entry);
        Ok(Found::Entry(entry))
    }

    async fn fill(&self, entry: &Held, body: Box<dyn Body>) -> Result<(), Refusal> {
        if entry.is_complete() {
            return Ok(());
        }
        if let Some(filler) = self.filler(entry).await? {
            filler.start(0, Some(body));
        }
        Ok(())
    }

    fn make_current(&self, key: &Key, entry: &Held) {
        entry.check_now();
        self.cache.disk.set_current(entry);
        self.cache.memory.forget(key);
    }

    async fn all_of(&self, key: &Key) -> Result<Content, OriginError> {
        let ask = Ask {
            range: None,
            condition: Condition::None,
        };
        match self
            .ask(&key.object, &ask, self.policy.answer_within)
            .await?
        {
            Got::Content(content) if content.start == 0 => Ok(content),
            _ => Err(OriginError::unusable("sent a part, asked for the whole")),
        }
    }

    /// Whether a disk that failed was full and now has room.
    pub(super) async fn relieved(&self, error: &io::Error, reliefs: u64) -> bool {
        let disk = Arc::clone(&self.cache.disk);
        is_full(error)
            && tokio::task::spawn_blocking(move || disk.relieve(reliefs))
                .await
                .unwrap_or(false)
    }

    /// There is no place for an object.
    fn no_room(&self, error: &io::Error) -> Refusal {
        if is_busy(error) {
            let told = &self.cache.told_full;
            let last = told.load(Ordering::Relaxed);
            if now().saturating_sub(last) >= TOLD_EVERY {
                told.store(now(), Ordering::Relaxed);
                let why = error.to_string();
                self.cache.tell(&CacheEvent::Full { why });
            }
            return Refusal::busy().because(error);
        }
        self.disk_failed(self.cache.disk.objects(), error)
    }

    /// Takes an object of which the size is known at its end: all of it has to come before it can
    /// be sent.
    async fn take_unsized(&self, key: &Key, content: Content) -> Result<Found, Failure> {
        let share = self.share(CHUNK, self.policy.answer_within).await?;
        let mut body = Paced::new(content.body, share, self.policy.stall, 0);
        let start = self.read(&mut body, SMALL_MAX + 1).await?;
        if start.len() as u64 <= SMALL_MAX {
            return Ok(self.keep_small(key, content.version, start));
        }
        let disk = Arc::clone(&self.cache.disk);
        let spool = self.cache.blocking.run(move || Ok(disk.spool())).await?;
        let (file, path) = match spool {
            Ok(spool) => spool,
            Err(error) => return Err(self.no_room(&error).into()),
        };
        let spool = Spool {
            file: Arc::new(file),
            path,
        };
        body.unread(&start);
        let entry = self.spool(key, content.version, body, &spool).await?;
        self.make_current(key, &entry);
        Ok(Found::Entry(entry))
    }

    async fn spool(
        &self,
        key: &Key,
        version: Version,
        mut body: Paced,
        spool: &Spool,
    ) -> Result<Held, Failure> {
        let mut room: Option<Room> = None;
        let mut sums = Vec::new();
        let mut size = 0;
        loop {
            let index = sums.len();
            // Counted as far as it may grow now. The old room goes only when the new is there.
            let (disk, upto) = (Arc::clone(&self.cache.disk), size + CHUNK);
            let more = self.cache.blocking.run(move || Ok(disk.room(upto))).await?;
            let more = more.map_err(|full| self.no_room(&io::Error::other(full)))?;
            room.replace(more);
            let storage = self.cache.disk.storage();
            let mut writer = Writer::new(&spool.file, storage, size..size + CHUNK);
            let mut patience = Patience::new(self.policy.give_up);
            loop {
                let reliefs = self.cache.disk.reliefs();
                match writer.pour(&mut body, &|_| ()).await {
                    Ok(()) => break,
                    Err(Spill::Origin(error)) => return Err(error.into()),
                    Err(Spill::Disk(error)) => {
                        // The writer has kept what it could not write.
                        if !self.relieved(&error, reliefs).await || !patience.pause().await {
                            return Err(self.disk_failed(&spool.path, &error).into());
                        }
                    }
                }
            }
            let end = writer.position();
            if end > self.policy.object_max {
                return Err(self.too_large(end).into());
            }
            let sum = writer
                .finish()
                .map_err(|error| self.disk_failed(&spool.path, &error))?;
            if end > size {
                sums.push((index, sum));
            }
            let ended = end < size + CHUNK;
            size = end;
            if ended {
                break;
            }
        }
        debug_assert_eq!(sums.len(), chunks::count(size));
        self.cache.add(|counts| &counts.fetched_bytes, size);
        let (disk, key, path) = (
            Arc::clone(&self.cache.disk),
            key.clone(),
            spool.path.clone(),
        );
        let adopt = move || {
            // Exactly what it takes, now that this is known.
            drop(room);
            let room = disk.room(size).map_err(io::Error::other)?;
            disk.adopt(&key, &version, size, &sums, (&path, room))
        };
        match self.cache.blocking.run(move || Ok(adopt())).await? {
            Ok(entry) => Ok(entry),
            Err(error) => Err(self.no_room(&error).into()),
        }
    }
}

/// Whether there is no room because of what is there.
fn is_busy(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|error| error.is::<Full>())
}

fn cut(got: u64, size: u64) -> OriginError {
    OriginError::unavailable(format_args!("cut the body after {got} of {size} bytes"))
}

/// A file that grows; removed when it is given up.
struct Spool {
    file: Arc<std::fs::File>,
    path: PathBuf,
}

impl Drop for Spool {
    fn drop(&mut self) {
        // Gone already if it was adopted. One name in a folder of our own: quick enough.
        let _ = std::fs::remove_file(&self.path);
    }
}
