//! Taking uploads into a directory.

mod commit;
mod finished;
mod part;
mod space;
mod stale;
mod stamp;
mod target;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bootwire::{Accept, BoxFuture, Endpoint, Reason, Refusal, Request, Sink};
use bytes::Bytes;
use rustix::fs::{Access, AtFlags, OFlags, accessat};

use crate::beneath::{Links, OpenError, Resolver};
use crate::blocking::Blocking;
use crate::directory::{DirEvent, Directory};
use crate::errno::refuse;
use crate::name::Shown;
use crate::name_from::NameFrom;
use finished::Observer;
pub use finished::Stored;
use part::{Part, too_large};
use space::{KeepFree, Share};
use target::Target;

/// A directory that takes uploads.
///
/// The name stored under is what the route leaves of the path: behind `/configs/{*path}` and
/// `/configs/{name}` alike, `/configs/router1` is stored as `router1`. [`Uploads::name_from`]
/// chooses another rule.
///
/// A server takes none unless a route leads to this. Then a file appears under its name whole or
/// not at all: the bytes go into a hidden temporary file in the same directory, and only when the
/// client has sent the last block is it synced to disk and renamed. The client's last block is
/// acknowledged after that, so success on its side means stored. An upload that ends early leaves
/// nothing behind. Nothing is written or kept open before the client has sent data: the address of
/// one that only asks may be forged.
///
/// | refused | client gets |
/// |---|---|
/// | the file exists, with [`create_only`](Self::create_only) | code 6, "File already exists" |
/// | the file does not exist, with [`existing_only`](Self::existing_only) | code 1, "File not found" |
/// | not everybody may write the file, with [`public_only`](Self::public_only) | code 2, "Access denied" |
/// | larger than [`size_max`](Self::size_max) | code 3, "File too large" |
/// | too little space left, or too few inodes: [`keep_free`](Self::keep_free) | code 3, "Disk full" |
/// | the name is that of a directory, a link, a FIFO or a device | code 2 |
/// | the name has control characters, or begins with `.bootwire-` | code 2, "Bad file name" |
/// | its directory is not there, without [`create_dirs`](Self::create_dirs) | code 1, "No such directory" |
///
/// Symbolic links to directories are followed as long as they stay beneath the root, as with
/// [`Links::Beneath`]; a link as the last component is refused.
///
/// Two clients may upload the same name at once: each writes a file of its own, and the rules above
/// hold again when it takes its name.
///
/// A server that was killed leaves its temporary files, `.bootwire-*.part`; [`Uploads::into`]
/// removes those in the directory and below that are older than a day, and so does an upload once
/// a day. A [`Dir`](crate::Dir) never serves them.
///
/// A directory that is replaced as a whole is noticed within a second: uploads that begin then go
/// into the new one.
#[derive(Clone, Debug)]
pub struct Uploads {
    directory: Arc<Directory>,
    policy: Policy,
    name: NameFrom,
    /// When leftovers are looked for again.
    sweep_at: Arc<Mutex<Instant>>,
    /// Held while a version is kept without `RENAME_EXCHANGE`.
    versions: Arc<Mutex<()>>,
    blocking: Blocking,
    observer: Option<Observer>,
}

/// What to do about a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Existing {
    Refuse,
    Replace,
    /// There has to be one, and the new one gets its permissions and owner.
    Only,
    Keep,
}

/// The rules for uploads.
#[derive(Clone, Copy, Debug)]
struct Policy {
    existing: Existing,
    size_max: u64,
    keep_free: KeepFree,
    create_dirs: bool,
    /// Whether only files that everybody may write are replaced.
    public_only: bool,
    mode: u32,
    /// `renameat2` with flags; false only in tests, as on a file system that lacks it.
    rename_flags: bool,
}

impl Policy {
    /// Whether directories are made: there are no files in those that are missing.
    const fn makes_directories(&self) -> bool {
        self.create_dirs && !matches!(self.existing, Existing::Only)
    }
}

impl Uploads {
    /// Takes uploads into `path`, which must be a directory the server can write to.
    ///
    /// # Errors
    /// If it is not there, is no directory, or is not writable.
    pub fn into(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::new(Directory::open(path.as_ref())?)
    }

    fn new(directory: Arc<Directory>) -> Result<Self, OpenError> {
        let root = directory.held();
        let failed = |errno| OpenError::new(root.path(), errno);
        let place = root
            .resolve(b"", OFlags::RDONLY | OFlags::DIRECTORY, Links::Beneath)
            .map_err(failed)?;
        accessat(
            &place,
            ".",
            Access::WRITE_OK | Access::EXEC_OK,
            AtFlags::empty(),
        )
        .map_err(failed)?;
        let all = stale::remove(&place, SystemTime::now(), stale::ENTRIES_AT_START);
        let pause = if all { stale::AGE_MIN } else { Duration::ZERO };
        let policy = Policy {
            existing: Existing::Refuse,
            size_max: 1 << 30,
            keep_free: KeepFree::Default,
            create_dirs: false,
            public_only: false,
            mode: 0o644,
            rename_flags: true,
        };
        Ok(Self {
            directory,
            policy,
            name: NameFrom::Rest,
            sweep_at: Arc::new(Mutex::new(Instant::now() + pause)),
            versions: Arc::default(),
            blocking: Blocking::new(),
            observer: None,
        })
    }

    /// Which part of a request is the name stored under. Default [`NameFrom::Rest`].
    #[must_use]
    pub fn name_from(mut self, part: NameFrom) -> Self {
        self.name = part;
        self
    }

    /// A name that is taken stays: the upload is refused, at once if the file is there when the
    /// request comes, else at its end. The default.
    #[must_use]
    pub const fn create_only(mut self) -> Self {
        self.policy.existing = Existing::Refuse;
        self
    }

    /// A file that is there is replaced, in one step; who reads the old one reads it to its end.
    #[must_use]
    pub const fn replace(mut self) -> Self {
        self.policy.existing = Existing::Replace;
        self
    }

    /// Only files that are there can be uploaded, and that the server may write; new names are refused.
    /// The file is replaced in one step and keeps its permissions, and its owner and group where the
    /// server may give files away. It is a new file: other names of the old one keep that.
    #[must_use]
    pub const fn existing_only(mut self) -> Self {
        self.policy.existing = Existing::Only;
        self
    }

    /// Files that not everybody may write (`o+w`) stay as they are, as with tftpd. Default off.
    #[must_use]
    pub const fn public_only(mut self, on: bool) -> Self {
        self.policy.public_only = on;
        self
    }

    /// A file that is there is kept as `name.YYYYMMDD-HHMMSS`, the UTC time at which the new one
    /// took its place, with `-1`, `-2`, ... added if that name is taken too. Nothing ever removes
    /// the old versions.
    #[must_use]
    pub const fn versioned(mut self) -> Self {
        self.policy.existing = Existing::Keep;
        self
    }

    /// Largest upload, in bytes. Default 1 GiB.
    #[must_use]
    pub const fn size_max(mut self, bytes: u64) -> Self {
        self.policy.size_max = bytes;
        self
    }

    /// Refuses uploads that would leave less than this many bytes free on the file system, or less
    /// than the same part of its inodes. All uploads of the process count together: what one has
    /// been promised, another is not. Default 64 MiB, or a sixteenth of a smaller file system.
    #[must_use]
    pub const fn keep_free(mut self, bytes: u64) -> Self {
        self.policy.keep_free = KeepFree::Bytes(bytes);
        self
    }

    /// Makes the directories an upload's name needs, when the upload succeeds, with the
    /// permissions the umask leaves. Default off.
    #[must_use]
    pub const fn create_dirs(mut self, on: bool) -> Self {
        self.policy.create_dirs = on;
        self
    }

    /// Permission bits of the finished file, of which only the lowest nine count; the umask does
    /// not. Default `0o644`.
    #[must_use]
    pub const fn mode(mut self, bits: u32) -> Self {
        self.policy.mode = bits & 0o777;
        self
    }

    /// Calls `observer` for each upload that is stored, before its client hears of it. It must not
    /// block, and cannot refuse any more.
    #[must_use]
    pub fn finished(mut self, observer: impl Fn(&Stored) + Send + Sync + 'static) -> Self {
        self.observer = Some(Observer::new(observer));
        self
    }

    /// One line for the log: the directory and the rules.
    #[must_use]
    pub fn describe(&self) -> String {
        let existing = match self.policy.existing {
            Existing::Refuse => "new files only",
            Existing::Replace => "files are replaced",
            Existing::Only => "only files that exist are replaced",
            Existing::Keep => "old versions are kept",
        };
        let public = if self.policy.public_only {
            ", those that everybody may write"
        } else {
            ""
        };
        let dirs = if self.policy.create_dirs {
            ", directories are made"
        } else {
            ""
        };
        let root = self.directory.held();
        let links = match root.resolver() {
            Resolver::Kernel => "",
            Resolver::Walk => ", no links, this kernel has no openat2",
        };
        format!(
            "{} ({existing}{public}, up to {} bytes{dirs}{links}{})",
            root.path().display(),
            self.policy.size_max,
            self.name.described()
        )
    }

    /// Calls `observer` for what an operator should hear of the directory. It must not block. All
    /// who use this directory share the last one.
    #[must_use]
    pub fn observe(self, observer: impl Fn(&DirEvent) + Send + Sync + 'static) -> Self {
        self.directory.observe(Arc::new(observer));
        self
    }

    /// Checks `request`. Nothing is made and nothing stays open.
    async fn begin(&self, request: Request) -> Result<UploadSink, Refusal> {
        self.sweep();
        // In netascii the announced size is that of the text with CR LF: at least as large.
        let announced = request
            .option("tsize")
            .and_then(|value| value.parse().ok())
            .unwrap_or(0);
        let upload = Upload {
            directory: Arc::clone(&self.directory),
            policy: self.policy,
            name: self.name.clone(),
            versions: Arc::clone(&self.versions),
            request,
            announced,
        };
        let upload = self.blocking.run(move || upload.check()).await?;
        Ok(UploadSink {
            stage: Stage::Waits(upload),
            blocking: self.blocking.clone(),
            observer: self.observer.clone(),
        })
    }

    /// Looks for leftovers, once a day, beside the uploads.
    fn sweep(&self) {
        {
            let mut at = self.sweep_at.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            if now < *at {
                return;
            }
            *at = now + stale::AGE_MIN;
        }
        let directory = Arc::clone(&self.directory);
        tokio::task::spawn_blocking(move || {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY;
            if let Ok(place) = directory.now().resolve(b"", flags, Links::Beneath) {
                stale::remove(&place, SystemTime::now(), stale::ENTRIES_MAX);
            }
        });
    }
}

/// What the record calls it.
const KIND: &str = "upload";

impl Endpoint<Accept> for Uploads {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Accept, Refusal>> {
        Box::pin(async move {
            match self.begin(request).await {
                Ok(sink) => Ok(Accept::into(sink)
                    .size_max(self.policy.size_max)
                    .answered_by(KIND)),
                Err(refusal) => Err(refusal.answered_by(KIND)),
            }
        })
    }
}

/// An upload that was asked for.
struct Upload {
    directory: Arc<Directory>,
    policy: Policy,
    name: NameFrom,
    versions: Arc<Mutex<()>>,
    request: Request,
    announced: u64,
}

impl Upload {
    /// Whether it would be taken now.
    fn check(self) -> Result<Self, Refusal> {
        if self.announced > self.policy.size_max {
            return Err(too_large(self.policy));
        }
        let target = self.target()?;
        accessat(
            &target.base,
            ".",
            Access::WRITE_OK | Access::EXEC_OK,
            AtFlags::empty(),
        )
        .map_err(|errno| refuse(errno, Shown(&target.path)))?;
        Share::look(
            &target.base,
            self.policy.keep_free,
            self.announced,
            &target.path,
        )?;
        Ok(self)
    }

    /// Makes its temporary file.
    fn open(&self) -> Result<Part, Refusal> {
        let versions = Arc::clone(&self.versions);
        Part::create(self.target()?, self.policy, versions, self.announced)
    }

    fn target(&self) -> Result<Target, Refusal> {
        let root = self.directory.now();
        Target::resolve(&root, self.policy, self.name.of(&self.request)?)
    }
}

/// An upload on its way.
struct UploadSink {
    stage: Stage,
    blocking: Blocking,
    /// Who is told when it is stored.
    observer: Option<Observer>,
}

/// Moves to a blocking thread for each write and comes back with it.
enum Stage {
    /// Its client has sent nothing yet.
    Waits(Upload),
    Open(Upload, Box<Part>),
    /// The temporary file is gone.
    Failed,
}

impl Stage {
    /// The temporary file, made if need be.
    fn opened(self) -> Result<(Upload, Box<Part>), Refusal> {
        match self {
            Self::Waits(upload) => {
                let part = upload.open()?;
                Ok((upload, Box::new(part)))
            }
            Self::Open(upload, part) => Ok((upload, part)),
            Self::Failed => {
                Err(Refusal::new(Reason::Internal).because("the upload has failed before"))
            }
        }
    }
}

impl Sink for UploadSink {
    fn write(&mut self, data: Bytes) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async move {
            let stage = std::mem::replace(&mut self.stage, Stage::Failed);
            let write = move || {
                let (upload, mut part) = stage.opened()?;
                part.write(&data)?;
                Ok(Stage::Open(upload, part))
            };
            self.stage = self.blocking.run(write).await?;
            Ok(())
        })
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), Refusal>> {
        Box::pin(async move {
            let Self {
                stage,
                blocking,
                observer,
            } = *self;
            // Whoever gives the upload up drops this.
            let wanted = Arc::new(());
            let still = Arc::downgrade(&wanted);
            let commit = move || {
                let (upload, part) = stage.opened()?;
                let size = part.written();
                let file = upload.directory.held().path().join(part.target.name());
                part.commit(&still)?;
                Ok(Stored {
                    request: upload.request,
                    file,
                    size,
                })
            };
            let stored = blocking.run(commit).await?;
            drop(wanted);
            if let Some(observer) = observer {
                observer.tell(&stored);
            }
            Ok(())
        })
    }
}
