//! Which files a boot loader's configuration names.
//!
//! [`read`] takes the text of a configuration as it went to a machine: GRUB's, PXELINUX's (and
//! extlinux', and U-Boot's `pxe`), iPXE's scripts, a Raspberry Pi's `config.txt`. What it finds is
//! what the machine will ask for next. It follows simple variables and no conditions: of an `if`,
//! both sides count.
//!
//! A text may come from anywhere. Whatever it says, reading it takes time in proportion to its length,
//! and what comes out is bounded: 64 entries of 32 files with names of 512 bytes.

mod grub;
mod ipxe;
mod names;
mod raspberry_pi;
mod syslinux;
#[cfg(test)]
mod tests;
mod words;

use crate::Stage;

/// Bytes of a text that are looked at.
pub const TEXT_MAX: usize = 256 << 10;
/// Entries of a menu that are kept.
const ENTRIES_MAX: usize = 64;
/// Files of an entry that are kept.
const FILES_MAX: usize = 32;
/// Other configurations that are kept.
const INCLUDES_MAX: usize = 32;
/// Bytes of a name.
const NAME_MAX: usize = 512;

/// Whose configuration it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// GRUB 2.
    Grub,
    /// PXELINUX, syslinux.efi, extlinux, U-Boot's `pxe`.
    Syslinux,
    /// iPXE.
    Ipxe,
    /// `config.txt` of a Raspberry Pi.
    RaspberryPi,
}

/// What a configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Script {
    /// Whose it is.
    pub format: Format,
    /// Its entries, in order; what stands outside of all of them is one, too.
    pub entries: Vec<Entry>,
    /// The entry that starts by itself, if it says so.
    pub default: Option<usize>,
    /// Other configurations that it takes.
    pub includes: Vec<Target>,
}

/// What one choice of a menu fetches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Its name, if it has one.
    pub title: String,
    /// Its files, in order.
    pub files: Vec<Named>,
    /// Whether it boots from the machine's own disk.
    pub local: bool,
    /// Whether some of it depends on conditions.
    pub conditional: bool,
}

/// A file that a configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// What it is used as.
    pub stage: Stage,
    /// Where it is.
    pub target: Target,
}

/// Where a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// Here: a path as [`bootwire::Request::path`] has it. A star stands for what is not known: the
    /// value of a variable.
    Path(String),
    /// Elsewhere: a URL. The boot leaves TFTP here.
    Url(String),
}

impl Target {
    /// The path or the URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Path(text) | Self::Url(text) => text,
        }
    }

    /// Whether a request for `path` asks for it. A name that is looked for in several places is the
    /// same file: what was asked for may have directories before it.
    #[must_use]
    pub fn is_asked_by(&self, path: &str) -> bool {
        match self {
            Self::Path(pattern) => {
                names::matches(pattern, path)
                    || (pattern.len() > 1
                        && path.len() > pattern.len()
                        && path
                            .char_indices()
                            .filter(|(at, letter)| *letter == '/' && *at > 0)
                            .take(16)
                            .any(|(at, _)| names::matches(pattern, &path[at..])))
            }
            Self::Url(_) => false,
        }
    }
}

impl Script {
    fn new(format: Format) -> Self {
        Self {
            format,
            entries: Vec::new(),
            default: None,
            includes: Vec::new(),
        }
    }

    /// All files that it names, with the entry that names them.
    pub fn files(&self) -> impl Iterator<Item = (usize, &Named)> {
        let entries = self.entries.iter().enumerate();
        entries.flat_map(|(at, entry)| entry.files.iter().map(move |file| (at, file)))
    }

    /// The entry that starts by itself, or the only one there is.
    #[must_use]
    pub fn default_entry(&self) -> Option<&Entry> {
        match (self.default, self.entries.as_slice()) {
            (Some(at), entries) => entries.get(at),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }

    /// Whether it names nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.includes.is_empty()
            && self
                .entries
                .iter()
                .all(|entry| entry.files.is_empty() && !entry.local)
    }

    fn include(&mut self, target: Option<Target>) {
        if let Some(target) = target
            && self.includes.len() < INCLUDES_MAX
            && !self.includes.contains(&target)
        {
            self.includes.push(target);
        }
    }

    /// Takes an entry, unless there is nothing in it.
    fn push(&mut self, entry: Entry) -> bool {
        let is_empty = entry.files.is_empty() && !entry.local;
        let takes = !is_empty && self.entries.len() < ENTRIES_MAX;
        if takes {
            self.entries.push(entry);
        }
        takes
    }
}

impl Entry {
    fn name(&mut self, stage: Stage, target: Option<Target>) {
        let Some(target) = target else { return };
        let named = Named { stage, target };
        if self.files.len() < FILES_MAX && !self.files.contains(&named) {
            self.files.push(named);
        }
    }
}

/// Whose configuration a file of this name is, if it is one that can be read. Cheap: it is asked for
/// every request.
#[must_use]
pub fn format_of(path: &str) -> Option<Format> {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    let parent = directory.rsplit('/').next().unwrap_or_default();
    let is = |name: &str, other: &str| name.eq_ignore_ascii_case(other);
    let begins = |name: &str, with: &str| name.get(..with.len()).is_some_and(|part| is(part, with));
    let ends = |with: &str| {
        let at = name.len().checked_sub(with.len());
        at.and_then(|at| name.get(at..))
            .is_some_and(|part| is(part, with))
    };
    if is(parent, "pxelinux.cfg")
        || ["extlinux.conf", "syslinux.cfg", "isolinux.cfg"]
            .iter()
            .any(|one| is(name, one))
    {
        return Some(Format::Syslinux);
    }
    if ends(".ipxe") {
        return Some(Format::Ipxe);
    }
    if is(name, "config.txt") {
        return Some(Format::RaspberryPi);
    }
    let is_grub = begins(name, "grub.cfg")
        || (ends(".cfg") && directory.split('/').any(|part| begins(part, "grub")));
    is_grub.then_some(Format::Grub)
}

/// Reads the configuration that was served as `path`. `None` if it is none that is understood.
///
/// ```
/// use bootwire_boots::scripts::{self, Target};
///
/// let text = b"menuentry Debian {\n  linux /images/12.7/vmlinuz quiet\n  initrd /images/12.7/initrd\n}";
/// let script = scripts::read("/grub/grub.cfg", text).expect("GRUB's");
/// let (_, kernel) = script.files().next().expect("a kernel");
/// assert_eq!(kernel.target, Target::Path("/images/12.7/vmlinuz".to_owned()));
/// ```
#[must_use]
pub fn read(path: &str, text: &[u8]) -> Option<Script> {
    let text = &text[..text.len().min(TEXT_MAX)];
    let format = if text.starts_with(b"#!ipxe") || text.starts_with(b"#!gpxe") {
        Format::Ipxe
    } else {
        format_of(path)?
    };
    if text.contains(&0) {
        // No text at all.
        return None;
    }
    let text = String::from_utf8_lossy(text);
    let (directory, _) = path.rsplit_once('/').unwrap_or_default();
    Some(match format {
        Format::Grub => grub::read(&text),
        // Names begin where the loader was, above pxelinux.cfg.
        Format::Syslinux => {
            let root = directory.strip_suffix("/pxelinux.cfg").unwrap_or(directory);
            syslinux::read(&text, root)
        }
        Format::Ipxe => ipxe::read(&text, directory),
        Format::RaspberryPi => raspberry_pi::read(&text, directory),
    })
}
