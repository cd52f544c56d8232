//! Serving a directory.

mod fold;
mod lookup;
mod memo;
mod miss;
mod own;
#[cfg(test)]
pub(crate) mod tests;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bootwire::file::OpenFile;
use bootwire::{BoxFuture, Endpoint, Reason, Refusal, Reply, Request};

use crate::beneath::{Links, OpenError, Resolver};
use crate::directory::{DirEvent, Directory};
use crate::errno::refuse_io;
use crate::name::Shown;
use crate::name_from::NameFrom;
use lookup::Lookup;
use own::Own;
pub use own::{ClientName, Fallback};

/// A directory whose regular files are served to anyone who asks.
///
/// The name looked up is what the route leaves of the path: behind `/configs/{*path}` and
/// `/configs/{name}` alike, `/configs/router1` is the file `router1`. [`Dir::name_from`] chooses
/// another rule. See the [crate] for how names stay inside. What is refused:
///
/// | found | client gets |
/// |---|---|
/// | nothing | code 1, "File not found" |
/// | a directory, or a name that ends with `/` | code 1, "Is a directory" |
/// | a FIFO, socket or device | code 2, "Not a regular file" |
/// | a file the server may not read | code 2, "Access denied" |
/// | a link that leads out of the root, or in a circle | code 2, "Access denied" |
///
/// Names that begin with `.bootwire-` are not found: they are [uploads](crate::Uploads) that have
/// not finished.
///
/// Replace what is in it, file by file with `rename`, and running transfers finish with the old file
/// while new ones get the new. The directory is held open; replace it as a whole, or a link that
/// leads to it, and the new one is served within a second ([`Dir::observe`] hears of it). Any number
/// of these for one path hold it open once.
#[derive(Clone, Debug)]
pub struct Dir {
    lookup: Lookup,
    name: NameFrom,
}

impl Dir {
    /// Opens a directory to serve it.
    ///
    /// # Errors
    /// If it is not there, is no directory or may not be searched.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Ok(Self::new(Directory::open(path.as_ref())?))
    }

    const fn new(directory: Arc<Directory>) -> Self {
        Self {
            lookup: Lookup {
                directory,
                links: Links::Beneath,
                case_insensitive: false,
                own: None,
                public_only: false,
            },
            name: NameFrom::Rest,
        }
    }

    /// Which part of a request is the name looked up. Default [`NameFrom::Rest`].
    #[must_use]
    pub fn name_from(mut self, part: NameFrom) -> Self {
        self.name = part;
        self
    }

    /// Calls `observer` for what an operator should hear of the directory. It must not block. All
    /// who use this directory share the last one.
    #[must_use]
    pub fn observe(self, observer: impl Fn(&DirEvent) + Send + Sync + 'static) -> Self {
        self.lookup.directory.observe(Arc::new(observer));
        self
    }

    /// What symbolic links may do. Default [`Links::Beneath`].
    #[must_use]
    pub const fn links(mut self, links: Links) -> Self {
        self.lookup.links = links;
        self
    }

    /// Finds `\Boot\BCD` under `boot/bcd` too: Windows' boot manager does not keep case. ASCII
    /// letters only.
    ///
    /// The name as sent is tried first. Then, directory by directory, the exact entry goes before
    /// the others, and those in the order of their bytes; an entry that leads nowhere is left for
    /// the next. Each such search lists directories, at most 65 536 entries: when that does not do
    /// the client gets "File not found" and the record the reason. Default off.
    #[must_use]
    pub const fn case_insensitive(mut self, on: bool) -> Self {
        self.lookup.case_insensitive = on;
        self
    }

    /// Looks first in a subdirectory named like the client's address (`10.0.0.7`, `fd00::7`; an
    /// IPv4 client of an IPv6 socket goes by its IPv4 address), then in the root.
    ///
    /// A client cannot ask for another's subdirectory by name: paths whose first component is an
    /// IP address other than its own are not found. Addresses can be forged and say nothing about
    /// who asks; this keeps machines apart, not secrets safe. Default off.
    #[must_use]
    pub fn per_client(mut self, on: bool) -> Self {
        self.lookup.own = on.then_some(Own {
            name: ClientName::Address,
            fallback: Fallback::File,
        });
        self
    }

    /// Gives each client a subdirectory of its own, called like this; [`Fallback`] says who gets what is
    /// not in it. [`Dir::per_client`] is this by address, with what it lacks from the directory itself.
    ///
    /// With [`Fallback::None`] no client can ask for anything outside its own subdirectory, and one
    /// without it finds nothing. Otherwise paths whose first component is the name of another client's
    /// are not found. Hardware addresses are those of [`Request::client_mac`]: a layer has to look them
    /// up. A client without one has no directory of its own.
    #[must_use]
    pub const fn client_directories(mut self, name: ClientName, fallback: Fallback) -> Self {
        self.lookup.own = Some(Own { name, fallback });
        self
    }

    /// Serves only files that everybody may read (`o+r`), as tftpd does. Default off.
    #[must_use]
    pub const fn public_only(mut self, on: bool) -> Self {
        self.lookup.public_only = on;
        self
    }

    /// The path of the file that `request` gets, to tell people: a client's own, or the one whose name
    /// has other capitals. `None` where it gets none. Blocks on the disk.
    #[must_use]
    pub fn path_of(&self, request: &Request) -> Option<PathBuf> {
        let name = self.name.of(request).ok()?;
        let found = self.lookup.locate(name, request).ok()?;
        let root = self.lookup.directory.held();
        Some(root.path().join(OsStr::from_bytes(&found.path)))
    }

    /// One line for the log: the directory and how names are looked up in it.
    #[must_use]
    pub fn describe(&self) -> String {
        let root = self.lookup.directory.held();
        let links = match (root.resolver(), self.lookup.links) {
            (_, Links::Anywhere) => "links anywhere",
            (Resolver::Walk, _) => "no links, this kernel has no openat2",
            (Resolver::Kernel, Links::Beneath) => "links beneath it",
            (Resolver::Kernel, Links::InRoot) => "links from it as the root",
        };
        let case = if self.lookup.case_insensitive {
            ", any case"
        } else {
            ""
        };
        let client = self.lookup.own.map_or("", Own::described);
        let public = if self.lookup.public_only {
            ", only what everybody may read"
        } else {
            ""
        };
        let name = self.name.described();
        format!(
            "{} ({links}{case}{client}{public}{name})",
            root.path().display()
        )
    }
}

/// What was found, for the client and for the record.
fn said(found: Result<Arc<OpenFile>, Refusal>) -> Result<Reply, Refusal> {
    const KIND: &str = "dir";
    match found {
        Ok(file) => Ok(Reply::file(file).answered_by(KIND)),
        Err(refusal) => Err(refusal.answered_by(KIND)),
    }
}

impl Endpoint<Reply> for Dir {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Reply, Refusal>> {
        let (lookup, proven) = (self.lookup.clone(), request.is_proven());
        let rule = self.name.clone();
        let open = move || {
            let (name, kept) = (rule.of(&request)?, &lookup.directory.kept);
            let file = match lookup.open(name, &request) {
                // Out of descriptors, perhaps: what is kept for the next has more of them than
                // anybody needs.
                Err(refusal) if refusal.reason() == Reason::Busy && kept.let_all_go() => {
                    lookup.open(name, &request)?
                }
                opened => opened?,
            };
            let file = OpenFile::new(file).map_err(|error| refuse_io(&error, Shown(name)))?;
            kept.keep(&file);
            Ok(file)
        };
        let reads = &self.lookup.directory.reads;
        Box::pin(async move { said(reads.run_for(proven, open).await) })
    }

    /// Files that are open already, and names that the kernel knows to lead nowhere, without
    /// waiting for the disk.
    fn at_hand(&self, request: &Request) -> Option<Result<Reply, Refusal>> {
        let name = match self.name.of(request) {
            Ok(name) => name,
            Err(refusal) => return Some(said(Err(refusal))),
        };
        self.lookup.at_hand(name, request.moment()).map(said)
    }
}
