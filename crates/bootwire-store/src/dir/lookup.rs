//! From a name to an open regular file.

use std::fs::File;
use std::net::IpAddr;
use std::sync::Arc;

use bootwire::file::OpenFile;
use bootwire::{Moment, Refusal};
use rustix::fs::{FileType, OFlags, fstat};
use rustix::io::Errno;

use super::miss::{Miss, is_directory};
use super::{fold, memo};
use crate::beneath::{Links, Root};
use crate::directory::Directory;
use crate::errno::is_absent;
use crate::name::{Shown, Unfit, components, join, judge};

/// How often a file is looked at again because another took its name before it was opened.
const RACES_MAX: usize = 8;

/// A directory and how names are looked up in it.
#[derive(Clone, Debug)]
pub(super) struct Lookup {
    pub(super) directory: Arc<Directory>,
    pub(super) links: Links,
    pub(super) case_insensitive: bool,
    pub(super) per_client: bool,
}

impl Lookup {
    /// Refuses a name that cannot be served whatever is on the disk.
    pub(super) fn judge(name: &[u8]) -> Result<(), Refusal> {
        judge(name).map_err(|unfit| match unfit {
            Unfit::Directory => is_directory(),
            Unfit::Climbs => {
                Refusal::denied().because(format_args!("{}: climbs out of the root", Shown(name)))
            }
            Unfit::Reserved | Unfit::Nul => Refusal::not_found(),
        })
    }

    /// Opens the regular file that `client` gets for `name`. Blocks on the disk.
    pub(super) fn open(&self, name: &[u8], client: IpAddr) -> Result<File, Refusal> {
        Self::judge(name)?;
        let root = &self.directory.now();
        if self.per_client {
            // An IPv4 client of a dual-stack socket is ::ffff:10.0.0.7 there.
            let client = client.to_canonical();
            if names_another_client(name, client) {
                return Err(Refusal::not_found()
                    .because(format_args!("{}: belongs to another client", Shown(name))));
            }
            let own = client.to_string();
            match self.find(root, own.as_bytes(), name) {
                Err(miss) if miss.is_absent() => {}
                found => {
                    let path = join(own.as_bytes(), name);
                    return found.map_err(|miss| miss.refusal(root, self.links, &path));
                }
            }
        }
        self.find(root, b"", name)
            .map_err(|miss| miss.refusal(root, self.links, name))
    }

    /// The file anyone gets for `name`, or the refusal, if that can be told from what the
    /// kernel has in memory: every component of the path is cached, and the file is open already.
    pub(super) fn at_hand(
        &self,
        name: &[u8],
        moment: Option<Moment>,
    ) -> Option<Result<Arc<OpenFile>, Refusal>> {
        if let Err(refusal) = Self::judge(name) {
            return Some(Err(refusal));
        }
        // Both look at more than one path, and say more when they find nothing.
        if self.per_client || self.case_insensitive {
            return None;
        }
        let (root, path) = (self.directory.now_cached()?, join(b"", name));
        memo::found(moment, (&root, self.links, &path), || {
            self.cached(&root, &path)
        })
    }

    /// What the kernel's caches say of `path`.
    fn cached(&self, root: &Root, path: &[u8]) -> Option<Result<Arc<OpenFile>, Refusal>> {
        match root.resolve_cached(path, self.links)? {
            Ok(found) => OpenFile::opened(&File::from(found)).ok().flatten().map(Ok),
            Err(errno) if is_absent(errno) => Some(Err(Refusal::not_found())),
            Err(_) => None,
        }
    }

    /// Looks for `name` in the subdirectory `base`.
    fn find(&self, root: &Root, base: &[u8], name: &[u8]) -> Result<File, Miss> {
        let exact = self.open_regular(root, &join(base, name));
        match exact {
            Err(Miss::Kernel(Errno::NOENT | Errno::NOTDIR)) if self.case_insensitive => {
                let Some(path) = fold::find(root, self.links, base, name, fold::ENTRIES_MAX)?
                else {
                    return exact;
                };
                self.open_regular(root, &path)
            }
            exact => exact,
        }
    }

    /// Opens `path` if it is a regular file, without so much as opening anything else: to open a
    /// FIFO may block, and to open a device may rewind a tape.
    fn open_regular(&self, root: &Root, path: &[u8]) -> Result<File, Miss> {
        for _ in 0..RACES_MAX {
            let seen = fstat(root.resolve(path, OFlags::PATH, self.links)?)?;
            match FileType::from_raw_mode(seen.st_mode) {
                FileType::RegularFile => {}
                FileType::Directory => return Err(Miss::Directory),
                _ => return Err(Miss::Special),
            }
            // NONBLOCK for the case that it has become a FIFO since.
            let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
            let file = root.resolve(path, flags, self.links)?;
            let opened = fstat(&file)?;
            if (opened.st_dev, opened.st_ino) == (seen.st_dev, seen.st_ino) {
                return Ok(File::from(file));
            }
        }
        Err(Miss::Kernel(Errno::AGAIN))
    }
}

/// Whether `name` leads into the subdirectory of a client other than `client`.
fn names_another_client(name: &[u8], client: IpAddr) -> bool {
    let first = components(name)
        .find(|component| *component != b".")
        .unwrap_or_default();
    let address = std::str::from_utf8(first)
        .ok()
        .and_then(|text| text.parse::<IpAddr>().ok());
    address.is_some_and(|address| address.to_canonical() != client)
}
