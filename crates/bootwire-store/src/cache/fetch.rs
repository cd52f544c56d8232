//! Getting chunks from an origin: attempts, and what a failure means.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bootwire::Refusal;

use super::chunks::CHUNK;
use super::data::Meddled;
use super::entry::Chunk;
use super::fault::{Fault, is_planted};
use super::filler::Filler;
use super::paced::{PROGRESS_MIN, Paced};
use super::source::Patience;
use super::writer::{Cut, Writer};
use crate::origin::{Ask, Body, Condition, Content, Got, OriginError, OriginErrorKind};

/// Bytes thrown away, at most, if an origin sends an object from its start instead of the part
/// that was asked for.
const SKIP_MAX: u64 = 4 * CHUNK;

/// What the origin sends: one body, and then another where that was cut.
struct Stream {
    /// The answer that was there before the filler, from the first chunk's start on.
    first: Option<Box<dyn Body>>,
    /// The body that is being read, and the byte of the object that comes next.
    open: Option<(Paced, u64)>,
}

impl Filler {
    /// Fetches these chunks one after the other, those that are not here. `body` holds the object
    /// from the first one's start on.
    pub(super) async fn fetch(
        self: &Arc<Self>,
        all: Range<usize>,
        body: Option<Box<dyn Body>>,
    ) -> Result<(), Refusal> {
        let mut patience = self.source.patience(self.source.limits.give_up);
        let start = self.range(all.start).start;
        let mut stream = Stream {
            first: body,
            open: None,
        };
        for index in all {
            if self.claimed(index).await? {
                continue;
            }
            let mut writer = Writer::new(&self.disk, &self.data, self.range(index));
            while writer.missing() > 0 {
                let (before, reliefs) = (writer.position(), self.disk.reliefs());
                let result = match stream.first.take() {
                    Some(body) => self.begin(body, start, &patience).await.map(|begun| {
                        stream.open = Some(begun);
                    }),
                    None => {
                        self.attempt(&mut stream, &mut writer, index, &patience)
                            .await
                    }
                };
                if writer.position() - before >= PROGRESS_MIN {
                    patience.renew();
                }
                self.after(result, &mut patience, reliefs).await?;
            }
            self.finish(index, writer).await?;
        }
        if let Some((body, _)) = stream.open {
            body.end().await;
        }
        Ok(())
    }

    /// Begins to read a body that is there already.
    async fn begin(
        &self,
        body: Box<dyn Body>,
        start: u64,
        patience: &Patience,
    ) -> Result<(Paced, u64), Cut> {
        let bytes = self.range(0).end;
        let share = self.source.share(bytes, patience.left()).await?;
        let paced = Paced::new(body, share, self.source.limits.stall, 0);
        Ok((paced, start))
    }

    /// Reads on until the chunk is full or something ends it.
    async fn attempt(
        &self,
        stream: &mut Stream,
        writer: &mut Writer,
        index: usize,
        patience: &Patience,
    ) -> Result<(), Cut> {
        let arrived = |upto| self.arrived(index, upto);
        let (mut paced, at) = match stream.open.take() {
            Some(open) => open,
            // All of it has come, and the disk did not take it.
            None if writer.to_come() == 0 => return Ok(writer.settle(&arrived).await?),
            None => self.ask(writer.position(), index, patience).await?,
        };
        paced.skip(writer.position() - at);
        let poured = writer.pour(&mut paced, &arrived).await;
        if matches!(poured, Ok(()) | Err(Cut::Disk(_))) {
            // A disk that fails is not the body's fault: it goes on when there is room.
            let cut = poured.is_ok() && writer.to_come() > 0;
            stream.open = (!cut).then_some((paced, writer.position()));
        }
        poured?;
        if writer.to_come() > 0 {
            return Err(OriginError::unavailable("cut the body").into());
        }
        Ok(())
    }

    /// Asks for this version from byte `from` on, to the end of chunk `index`, or for all of it if
    /// it comes in one piece.
    async fn ask(
        &self,
        from: u64,
        index: usize,
        patience: &Patience,
    ) -> Result<(Paced, u64), OriginError> {
        let about = &self.entry.about;
        if about.whole && !about.version.is_known() {
            let detail = "the body was cut, and nothing tells versions apart";
            return Err(OriginError::new(OriginErrorKind::Changed, detail));
        }
        let range = if about.whole {
            self.range(0)
        } else {
            from..self.range(index).end
        };
        let ask = Ask {
            range: (!about.whole).then(|| range.clone()),
            condition: Condition::Only(about.version.clone()),
        };
        let bytes = range.end - range.start;
        let mut share = self.source.share(bytes, patience.left()).await?;
        let content = share.during(self.content_of(&ask)).await?;
        let skip = range.start.checked_sub(content.start);
        if skip.is_none_or(|skip| skip > SKIP_MAX) {
            return Err(OriginError::unusable("sent another part than asked for"));
        }
        let paced = Paced::new(content.body, share, self.source.limits.stall, 0);
        Ok((paced, content.start))
    }

    async fn content_of(&self, ask: &Ask) -> Result<Content, OriginError> {
        let (about, limit) = (&self.entry.about, self.source.limits.answer_within);
        match self.source.ask(&about.key.object, ask, limit).await? {
            Got::Content(content) => {
                let same = content.version.is(&about.version)
                    && content.size.is_none_or(|size| size == about.size);
                if same || is_planted(&**self.disk.storage(), Fault::VersionUnchecked) {
                    Ok(content)
                } else {
                    let detail = "the object changed while it was fetched";
                    Err(OriginError::new(OriginErrorKind::Changed, detail))
                }
            }
            Got::Unchanged => Err(OriginError::unusable("said not modified, unasked")),
        }
    }

    /// What a failed attempt means: another one, or a refusal.
    async fn after(
        &self,
        result: Result<(), Cut>,
        patience: &mut Patience,
        reliefs: u64,
    ) -> Result<(), Refusal> {
        match result {
            Ok(()) => Ok(()),
            Err(Cut::Origin(error)) => {
                if patience.outlasts(&error).await {
                    self.disk.monitor.retried.add(1);
                    return Ok(());
                }
                if !matches!(
                    error.kind(),
                    OriginErrorKind::Changed | OriginErrorKind::NotFound
                ) {
                    return Err(self.refuse(error.kind(), &error));
                }
                // The next request finds the new version, if there is one.
                self.disk.is_outdated(&self.entry);
                let changed = self.refuse(OriginErrorKind::Changed, &error);
                self.die(changed.clone(), false);
                Err(changed)
            }
            Err(Cut::Disk(error)) => {
                if self.disk.relieved(&error, reliefs).await && patience.pause().await {
                    // The writer has kept what it could not write.
                    return Ok(());
                }
                Err(self.disk_failed(&error))
            }
        }
    }

    fn refuse(&self, kind: OriginErrorKind, error: &OriginError) -> Refusal {
        let key = &self.entry.about.key;
        let error = OriginError::new(kind, format_args!("{}: {error}", key.object));
        error.refusal(&key.origin)
    }

    fn disk_failed(&self, error: &io::Error) -> Refusal {
        let file = &self.entry.about.data;
        let refusal = Refusal::origin().because(format_args!(
            "cannot write to the cache, {}: {error}",
            file.display()
        ));
        self.disk.monitor.disk_failed(file, error);
        if !Meddled::is_behind(error) {
            return refusal;
        }
        self.spoiled()
    }

    /// Whether the chunk is here: now, or since an earlier process and still whole.
    async fn claimed(self: &Arc<Self>, index: usize) -> Result<bool, Refusal> {
        let sum = match self.entry.chunk(index) {
            Chunk::Here(_) => {
                self.completed(index);
                return Ok(true);
            }
            Chunk::Missing => return Ok(false),
            Chunk::Claimed(sum) => sum,
        };
        let filler = Arc::clone(self);
        let check = move || filler.disk.check(&filler.entry, index, sum, &filler.data);
        match self.disk.run(check).await? {
            Ok(true) => {
                self.completed(index);
                Ok(true)
            }
            Err(error) if Meddled::is_behind(&error) => Err(self.disk_failed(&error)),
            // Also a file that cannot be read may be written to.
            Ok(false) | Err(_) => Ok(false),
        }
    }

    /// The chunk is full: remember that.
    async fn finish(self: &Arc<Self>, index: usize, writer: Writer) -> Result<(), Refusal> {
        let sum = writer.finish().map_err(|error| self.disk_failed(&error))?;
        let range = self.range(index);
        let monitor = &self.disk.monitor;
        monitor.fetched_bytes.add(range.end - range.start);
        let filler = Arc::clone(self);
        let written = move || filler.disk.written(&filler.entry, index, sum, &filler.data);
        match self.disk.run(written).await? {
            Err(error) if Meddled::is_behind(&error) => return Err(self.disk_failed(&error)),
            // The content is good; only the next process will not know.
            Err(error) => monitor.disk_failed(&self.entry.about.meta, &error),
            Ok(()) => {}
        }
        self.completed(index);
        Ok(())
    }
}
