//! Why a name gives no file.

use bootwire::Refusal;
use rustix::io::Errno;

use crate::beneath::{Links, Root};
use crate::errno::{is_absent, refuse, refuse_link};
use crate::name::Shown;

/// Why a name gives no file.
#[derive(Debug)]
pub(super) enum Miss {
    /// The kernel says no.
    Kernel(Errno),
    /// It is a directory.
    Directory,
    /// It is a FIFO, a socket or a device.
    Special,
    /// Not everybody may read it.
    NotPublic,
    /// Comparing without regard to case took too long: more than so many directory entries.
    TooManyEntries(usize),
}

impl From<Errno> for Miss {
    fn from(errno: Errno) -> Self {
        Self::Kernel(errno)
    }
}

impl Miss {
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Kernel(errno) if is_absent(*errno))
    }

    pub(super) fn refusal(&self, root: &Root, links: Links, path: &[u8]) -> Refusal {
        match self {
            Self::Kernel(errno @ (Errno::XDEV | Errno::LOOP)) => {
                refuse_link(*errno, Shown(path), root.tell_link(path, links))
            }
            // Ordinary: boot loaders try a dozen names. The record has the name, which says it all.
            Self::Kernel(errno) if is_absent(*errno) => Refusal::not_found(),
            Self::Kernel(errno) => refuse(*errno, Shown(path)),
            Self::Directory => is_directory(),
            Self::Special => Refusal::denied().text("Not a regular file"),
            Self::NotPublic => Refusal::denied().because(format_args!(
                "{}: not everybody may read it, and only such files are served",
                Shown(path)
            )),
            Self::TooManyEntries(max) => Refusal::not_found().because(format_args!(
                "{}: gave up comparing without regard to case after {max} directory entries",
                Shown(path)
            )),
        }
    }
}

/// Code 1, as for nothing at all: U-Boot asks for `dtb/` in ordinary boots and must go on.
pub(super) fn is_directory() -> Refusal {
    Refusal::not_found().text("Is a directory")
}
