//! From a name to an open regular file.

use std::fs::File;
use std::sync::Arc;

use bootwire::file::OpenFile;
use bootwire::{Moment, Refusal};
use rustix::fs::{FileType, OFlags, fstat};
use rustix::io::Errno;

use super::miss::{Miss, is_directory};
use super::own::{Client, Fallback, Own};
use super::{fold, memo};
use crate::beneath::{Links, Root};
use crate::directory::Directory;
use crate::errno::is_absent;
use crate::name::{Shown, Unfit, join, judge};

/// How often a file is looked at again because another took its name before it was opened.
const RACES_MAX: usize = 8;

/// The bit of a file's mode that lets everybody read it.
const FOR_ALL: u32 = 0o004;

/// A directory and how names are looked up in it.
#[derive(Clone, Debug)]
pub(super) struct Lookup {
    pub(super) directory: Arc<Directory>,
    pub(super) links: Links,
    pub(super) case_insensitive: bool,
    /// Whether clients have directories of their own.
    pub(super) own: Option<Own>,
    /// Whether only what everybody may read is served.
    pub(super) public_only: bool,
}

/// An open file.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) file: File,
    /// Its path below the root, through links as they are.
    pub(super) path: Vec<u8>,
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
    pub(super) fn open(&self, name: &[u8], client: impl Into<Client>) -> Result<File, Refusal> {
        self.locate(name, client).map(|found| found.file)
    }

    /// As [`Lookup::open`], with where it lies.
    pub(super) fn locate(&self, name: &[u8], client: impl Into<Client>) -> Result<Found, Refusal> {
        Self::judge(name)?;
        let root = &self.directory.now();
        match self.own {
            Some(own) => self.open_own(root, name, own, client.into()),
            None => self.open_shared(root, name),
        }
    }

    /// From the directory itself.
    fn open_shared(&self, root: &Root, name: &[u8]) -> Result<Found, Refusal> {
        self.find(root, b"", name)
            .map_err(|miss| miss.refusal(root, self.links, name))
    }

    /// From the client's own directory, and from what there is besides.
    fn open_own(
        &self,
        root: &Root,
        name: &[u8],
        own: Own,
        client: Client,
    ) -> Result<Found, Refusal> {
        let directory = own.directory(client);
        let beside = own.fallback != Fallback::None;
        if beside && own.is_of_another(name, directory.as_deref(), self.case_insensitive) {
            return Err(Refusal::not_found()
                .because(format_args!("{}: belongs to another client", Shown(name))));
        }
        let Some(directory) = directory else {
            return match beside {
                true => self.open_shared(root, name),
                false => Err(own.nothing(client)),
            };
        };
        match self.find(root, directory.as_bytes(), name) {
            Err(miss) if miss.is_absent() => {}
            found => {
                let path = join(directory.as_bytes(), name);
                return found.map_err(|miss| miss.refusal(root, self.links, &path));
            }
        }
        if own.fallback == Fallback::File {
            return self.open_shared(root, name);
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        match root.resolve(directory.as_bytes(), flags, self.links) {
            Ok(_) => Err(Refusal::not_found()),
            Err(errno) if !is_absent(errno) => {
                Err(Miss::Kernel(errno).refusal(root, self.links, directory.as_bytes()))
            }
            Err(_) if beside => self.open_shared(root, name),
            Err(_) => Err(own.nothing(client)),
        }
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
        // These look at more than one path or at its mode, and say more when they find nothing.
        if self.own.is_some() || self.case_insensitive || self.public_only {
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
    fn find(&self, root: &Root, base: &[u8], name: &[u8]) -> Result<Found, Miss> {
        let exact = self.open_regular(root, join(base, name));
        match exact {
            Err(Miss::Kernel(Errno::NOENT | Errno::NOTDIR)) if self.case_insensitive => {
                let Some(path) = fold::find(root, self.links, base, name, fold::ENTRIES_MAX)?
                else {
                    return exact;
                };
                self.open_regular(root, path)
            }
            exact => exact,
        }
    }

    /// Opens `path` if it is a regular file, without so much as opening anything else: to open a
    /// FIFO may block, and to open a device may rewind a tape.
    fn open_regular(&self, root: &Root, path: Vec<u8>) -> Result<Found, Miss> {
        for _ in 0..RACES_MAX {
            let seen = fstat(root.resolve(&path, OFlags::PATH, self.links)?)?;
            match FileType::from_raw_mode(seen.st_mode) {
                FileType::RegularFile if self.public_only && seen.st_mode & FOR_ALL == 0 => {
                    return Err(Miss::NotPublic);
                }
                FileType::RegularFile => {}
                FileType::Directory => return Err(Miss::Directory),
                _ => return Err(Miss::Special),
            }
            // NONBLOCK for the case that it has become a FIFO since.
            let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
            let file = root.resolve(&path, flags, self.links)?;
            let opened = fstat(&file)?;
            if (opened.st_dev, opened.st_ino) == (seen.st_dev, seen.st_ino) {
                let file = File::from(file);
                return Ok(Found { file, path });
            }
        }
        Err(Miss::Kernel(Errno::AGAIN))
    }
}
