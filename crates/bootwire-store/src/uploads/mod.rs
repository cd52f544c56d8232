//! Taking uploads into a directory.

mod commit;
mod finished;
mod part;
mod stale;
mod stamp;
mod target;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use bootwire::{Accept, BoxFuture, Endpoint, Reason, Refusal, Request, Sink};
use bytes::Bytes;
use rustix::fs::{Access, AtFlags, OFlags, accessat};

use crate::beneath::{Links, OpenError, Resolver, Root};
use crate::blocking::Blocking;
use finished::Observer;
pub use finished::Stored;
use part::Part;
use target::Target;

/// A directory that takes uploads.
///
/// A server takes none unless a route leads to this. Then a file appears under its name whole or
/// not at all: the bytes go into a hidden temporary file in the same directory, and only when the
/// client has sent the last block is it synced to disk and renamed. The client's last block is
/// acknowledged after that, so success on its side means stored. An upload that ends early leaves
/// nothing behind.
///
/// | refused | client gets |
/// |---|---|
/// | the file exists, with [`create_only`](Self::create_only) | code 6, "File already exists" |
/// | larger than [`size_max`](Self::size_max), or too little space left | code 3, "Disk full" |
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
/// removes those that lie directly in the directory and are older than a day. A
/// [`Dir`](crate::Dir) never serves them.
#[derive(Clone, Debug)]
pub struct Uploads {
    root: Arc<Root>,
    policy: Policy,
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
    Keep,
}

/// The rules for uploads.
#[derive(Clone, Copy, Debug)]
struct Policy {
    existing: Existing,
    size_max: u64,
    keep_free: u64,
    create_dirs: bool,
    mode: u32,
    /// `renameat2` with flags; false only in tests, as on a file system that lacks it.
    rename_flags: bool,
}

impl Uploads {
    /// Takes uploads into `path`, which must be a directory the server can write to.
    ///
    /// # Errors
    /// If it is not there, is no directory, or is not writable.
    pub fn into(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::new(Root::open(path.as_ref())?)
    }

    fn new(root: Root) -> Result<Self, OpenError> {
        let failed = |errno| OpenError::new(root.path(), errno);
        let directory = root
            .resolve(b"", OFlags::RDONLY | OFlags::DIRECTORY, Links::Beneath)
            .map_err(failed)?;
        accessat(
            &directory,
            ".",
            Access::WRITE_OK | Access::EXEC_OK,
            AtFlags::empty(),
        )
        .map_err(failed)?;
        stale::remove(&directory, SystemTime::now());
        let policy = Policy {
            existing: Existing::Refuse,
            size_max: 1 << 30,
            keep_free: 64 << 20,
            create_dirs: false,
            mode: 0o644,
            rename_flags: true,
        };
        Ok(Self {
            root: Arc::new(root),
            policy,
            versions: Arc::default(),
            blocking: Blocking::new(),
            observer: None,
        })
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

    /// Space on the disk that uploads leave free, in bytes. Looked at before an upload, with the
    /// size the client announces in `tsize`, and again every 4 MiB. Default 64 MiB.
    #[must_use]
    pub const fn keep_free(mut self, bytes: u64) -> Self {
        self.policy.keep_free = bytes;
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
            Existing::Keep => "old versions are kept",
        };
        let dirs = if self.policy.create_dirs {
            ", directories are made"
        } else {
            ""
        };
        let links = match self.root.resolver() {
            Resolver::Kernel => "",
            Resolver::Walk => ", no links, this kernel has no openat2",
        };
        format!(
            "{} ({existing}, up to {} bytes{dirs}{links})",
            self.root.path().display(),
            self.policy.size_max
        )
    }

    /// Checks `request` and makes the temporary file.
    async fn begin(&self, request: Request) -> Result<UploadSink, Refusal> {
        let (root, policy, versions) = (
            Arc::clone(&self.root),
            self.policy,
            Arc::clone(&self.versions),
        );
        let told = self.observer.clone().zip(Some(request.clone()));
        let begin = move || {
            // In netascii the announced size is that of the text with CR LF: at least as large.
            let announced = request
                .option("tsize")
                .and_then(|value| value.parse().ok())
                .unwrap_or(0);
            let target = Target::resolve(&root, policy, request.rest_bytes())?;
            Part::create(target, policy, versions, announced)
        };
        let part = self.blocking.run(begin).await?;
        Ok(UploadSink {
            part: Some(part),
            blocking: self.blocking.clone(),
            root: Arc::clone(&self.root),
            told,
        })
    }
}

impl Endpoint<Accept> for Uploads {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Accept, Refusal>> {
        Box::pin(async move {
            Ok(Accept::into(self.begin(request).await?).size_max(self.policy.size_max))
        })
    }
}

/// An upload on its way.
struct UploadSink {
    /// Moves to a blocking thread for each write and comes back with it. `None` after a failure:
    /// the temporary file is gone by then.
    part: Option<Part>,
    blocking: Blocking,
    root: Arc<Root>,
    /// Who is told when it is stored, and of which request.
    told: Option<(Observer, Request)>,
}

impl UploadSink {
    fn take(&mut self) -> Result<Part, Refusal> {
        self.part
            .take()
            .ok_or_else(|| Refusal::new(Reason::Internal).because("the upload has failed before"))
    }
}

impl Sink for UploadSink {
    fn write(&mut self, data: Bytes) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async move {
            let mut part = self.take()?;
            let write = move || {
                part.write(&data)?;
                Ok(part)
            };
            self.part = Some(self.blocking.run(write).await?);
            Ok(())
        })
    }

    fn finish(mut self: Box<Self>) -> BoxFuture<'static, Result<(), Refusal>> {
        Box::pin(async move {
            let part = self.take()?;
            let (size, file) = (part.written(), self.root.path().join(part.target.name()));
            self.blocking.run(move || part.commit()).await?;
            if let Some((observer, request)) = self.told {
                observer.tell(&Stored {
                    request,
                    file,
                    size,
                });
            }
            Ok(())
        })
    }
}
