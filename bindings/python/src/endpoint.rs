//! A handler of Python as an endpoint.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bootwire::file::OpenFile;
use bootwire::{Accept, Answer, BoxFuture, Endpoint, Refusal, Reply, Request};
use bootwire_store::Dir;
use tokio::sync::oneshot;

use crate::directory::file_in;
use crate::job::{Job, Told};
use crate::pool::Pool;

/// What all handlers of one server share.
#[derive(Clone)]
pub(crate) struct Common {
    pub(crate) pool: Arc<Pool>,
    /// The file system from its root, for answers that name a file.
    pub(crate) files: Dir,
    /// Largest block the server grants.
    pub(crate) blksize_max: u16,
    /// Whether blocks may be larger than the network's frames.
    pub(crate) fragment: bool,
}

/// The handler with this number.
pub(crate) struct PythonHandler {
    pub(crate) common: Common,
    pub(crate) number: usize,
}

impl PythonHandler {
    async fn ask(&self, request: Request) -> Result<Answer, Refusal> {
        let (tell, told) = oneshot::channel();
        self.common.pool.submit(Job::Call {
            blksize: self.common.blksize(&request),
            handler: self.number,
            request: request.clone(),
            tell,
        });
        let gone = |_| Refusal::busy().because("no thread of Python answers: the server stops");
        match told.await.map_err(gone)?? {
            Told::Answer(answer) => Ok(answer),
            Told::File(path, said) => {
                let reply = self.common.file(&request, path).await?;
                Ok(said.on_reply(reply).into())
            }
            Told::FileIn(dir, name, said) => {
                let reply = file_in(&dir, &name, &request).await?;
                Ok(said.on_reply(reply).into())
            }
        }
    }
}

impl Endpoint<Reply> for PythonHandler {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Reply, Refusal>> {
        Box::pin(async move { Reply::try_from(self.ask(request).await?) })
    }
}

impl Endpoint<Accept> for PythonHandler {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Accept, Refusal>> {
        Box::pin(async move { Accept::try_from(self.ask(request).await?) })
    }
}

/// Largest block that crosses an Ethernet in one frame, over IPv4 and IPv6.
const FRAME: [u16; 2] = [1468, 1448];

impl Common {
    /// The block size that will be granted, as far as it is known before the answer: the content is
    /// read in pieces of it.
    fn blksize(&self, request: &Request) -> u16 {
        let asked = request.option("blksize");
        let asked = asked.and_then(|value| value.trim().parse::<u32>().ok());
        let Some(asked @ 8..) = asked else {
            return 512;
        };
        let peer = request.peer_ip().to_canonical();
        let whole = self.fragment || peer.is_loopback();
        let frame = FRAME[usize::from(peer.is_ipv6())];
        let most = if whole {
            self.blksize_max
        } else {
            self.blksize_max.min(frame)
        };
        u16::try_from(asked).unwrap_or(u16::MAX).min(most)
    }

    /// The file with an absolute path, shared by all who ask for it.
    async fn file(&self, request: &Request, path: PathBuf) -> Result<Reply, Refusal> {
        // Names of clients have their backslashes turned, and end somewhere; a program's own do not.
        let bytes = path.as_os_str().as_bytes();
        let named = (!bytes.contains(&b'\\'))
            .then(|| request.renamed(bytes))
            .flatten();
        let Some(named) = named else {
            let opened = tokio::task::spawn_blocking(move || open(&path)).await;
            return Ok(Reply::file(opened.map_err(std::io::Error::other)??));
        };
        if let Some(found) = self.files.at_hand(&named) {
            return found;
        }
        Endpoint::<Reply>::call(&self.files, named).await
    }
}

/// Opens a regular file, whatever it is called. What else there is might never let go of who opens it.
fn open(path: &Path) -> std::io::Result<Arc<OpenFile>> {
    let what = std::fs::metadata(path)?;
    if what.is_dir() {
        return Err(std::io::ErrorKind::IsADirectory.into());
    }
    if !what.is_file() {
        return Err(std::io::ErrorKind::PermissionDenied.into());
    }
    OpenFile::new(std::fs::File::open(path)?)
}
