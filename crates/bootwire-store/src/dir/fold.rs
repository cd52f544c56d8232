//! Finding a file by a name whose case does not match.

use rustix::fs::{Dir as Entries, OFlags};
use rustix::io::Errno;

use super::miss::Miss;
use crate::beneath::{Links, Root};
use crate::errno::is_absent;
use crate::name::{components, is_reserved, join};

/// Most directory entries read for one name.
pub(super) const ENTRIES_MAX: usize = 65_536;

/// The path of the first entry below `base` that equals `name` but for the case of ASCII letters,
/// exact components before others and those in the order of their bytes.
///
/// A tree may have both `Boot/` and `boot/`, and only one of them the file, so it is a search with
/// a stack. Everything is opened through the root: links obey the same rules as ever.
///
/// Reads at most `entries_max` directory entries; a directory opened counts as one as well.
pub(super) fn find(
    root: &Root,
    links: Links,
    base: &[u8],
    name: &[u8],
    entries_max: usize,
) -> Result<Option<Vec<u8>>, Miss> {
    let wanted: Vec<&[u8]> = components(name)
        .filter(|component| *component != b".")
        .collect();
    let mut budget = Budget {
        max: entries_max,
        left: entries_max,
    };
    let mut trouble = None;
    let mut pending = vec![(base.to_vec(), 0)];
    while let Some((path, depth)) = pending.pop() {
        let Some(&component) = wanted.get(depth) else {
            return Ok(Some(path));
        };
        match matching(root, links, &path, component, &mut budget) {
            // The best goes on top of the stack.
            Ok(names) => pending.extend(
                names
                    .iter()
                    .rev()
                    .map(|entry| (join(&path, entry), depth + 1)),
            ),
            Err(Miss::Kernel(errno)) if is_absent(errno) => {}
            Err(Miss::Kernel(errno)) => trouble = trouble.or(Some(errno)),
            Err(miss) => return Err(miss),
        }
    }
    // Nothing found; if a directory could not be read, that may be why.
    trouble.map_or(Ok(None), |errno| Err(Miss::Kernel(errno)))
}

struct Budget {
    max: usize,
    left: usize,
}

impl Budget {
    fn spend_one(&mut self) -> Result<(), Miss> {
        let left = self.left.checked_sub(1);
        self.left = left.ok_or(Miss::TooManyEntries(self.max))?;
        Ok(())
    }
}

/// The entries of the directory `path` that match `component`, the best first.
fn matching(
    root: &Root,
    links: Links,
    path: &[u8],
    component: &[u8],
    budget: &mut Budget,
) -> Result<Vec<Vec<u8>>, Miss> {
    budget.spend_one()?;
    let directory = root.resolve(path, OFlags::RDONLY | OFlags::DIRECTORY, links)?;
    let mut names = Vec::new();
    for entry in Entries::new(directory)? {
        budget.spend_one()?;
        let entry = entry.map_err(|errno: Errno| Miss::Kernel(errno))?;
        let name = entry.file_name().to_bytes();
        if name.eq_ignore_ascii_case(component) && !is_reserved(name) {
            names.push(name.to_vec());
        }
    }
    names.sort_unstable_by(|a, b| {
        (a != component)
            .cmp(&(b != component))
            .then_with(|| a.cmp(b))
    });
    Ok(names)
}
