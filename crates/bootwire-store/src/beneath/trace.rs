//! Reading links as text: where they lead, for absolute ones that lead back in and for messages.
//!
//! What is found here is a path and opens nothing. It goes to the kernel like the name a client
//! sent, under the same rule, so a link that is changed meanwhile cannot lead out.

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat2, readlinkat};
use rustix::io::Errno;

use super::Root;
use crate::name::components;

/// Links followed for one name, at most; the kernel has the same number.
const LINKS_MAX: usize = 40;
/// Components of a path while its links are put in, at most.
const COMPONENTS_MAX: usize = 1024;

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Traced {
    /// To this path, relative to the root. It has no absolute links.
    Inside(Vec<u8>),
    /// Out of the root, by this link.
    Outside { link: Vec<u8>, target: Vec<u8> },
    /// Nobody knows.
    Failed(Errno),
}

impl Root {
    /// Follows `path` link by link.
    pub(super) fn trace(&self, path: &[u8]) -> Traced {
        match self.walk_links(path) {
            Ok(traced) => traced,
            Err(errno) => Traced::Failed(errno),
        }
    }

    fn walk_links(&self, path: &[u8]) -> Result<Traced, Errno> {
        // Components to come, the next one last; and those that are behind, none of them a link.
        let mut ahead = reversed(path);
        let mut behind: Vec<Vec<u8>> = Vec::new();
        // The link that was followed last, for one that climbs out.
        let mut last = (Vec::new(), Vec::new());
        let mut links = 0;
        while let Some(component) = ahead.pop() {
            match &component[..] {
                b"." => continue,
                b".." => {
                    if behind.pop().is_none() {
                        let (link, target) = last;
                        return Ok(Traced::Outside { link, target });
                    }
                    continue;
                }
                _ => behind.push(component),
            }
            let here = behind.join(&b'/');
            let Some(target) = self.read_link(&here)? else {
                continue;
            };
            behind.pop();
            links += 1;
            if links > LINKS_MAX || ahead.len() + behind.len() > COMPONENTS_MAX {
                return Err(Errno::LOOP);
            }
            if target.starts_with(b"/") {
                let Some(inside) = self.names.iter().find_map(|name| below(name, &target)) else {
                    return Ok(Traced::Outside { link: here, target });
                };
                behind.clear();
                ahead.extend(reversed(&inside));
            } else {
                ahead.extend(reversed(&target));
            }
            last = (here, target);
        }
        Ok(Traced::Inside(if behind.is_empty() {
            b".".to_vec()
        } else {
            behind.join(&b'/')
        }))
    }

    /// What the link `path` says; `None` for what is no link. What is before it has no links.
    fn read_link(&self, path: &[u8]) -> Result<Option<Vec<u8>>, Errno> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let how = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let found = openat2(&self.fd, path, flags, Mode::empty(), how)?;
        if FileType::from_raw_mode(fstat(&found)?.st_mode) != FileType::Symlink {
            return Ok(None);
        }
        Ok(Some(readlinkat(&found, "", Vec::new())?.into_bytes()))
    }
}

fn reversed(path: &[u8]) -> Vec<Vec<u8>> {
    let mut components: Vec<Vec<u8>> = components(path).map(<[u8]>::to_vec).collect();
    components.reverse();
    components
}

/// What is left of the absolute path `target` below the directory `name`.
fn below(name: &[u8], target: &[u8]) -> Option<Vec<u8>> {
    let mut rest = components(target)
        .filter(|component| *component != b".")
        .peekable();
    for component in components(name) {
        if rest.next()? != component {
            return None;
        }
    }
    Some(rest.collect::<Vec<_>>().join(&b'/'))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_path_is_below_a_directory_by_whole_components() {
        let below = |name: &str, target: &str| super::below(name.as_bytes(), target.as_bytes());
        assert_eq!(
            below("/srv/tftp", "/srv//./tftp/a/b"),
            Some(b"a/b".to_vec())
        );
        assert_eq!(below("/srv/tftp", "/srv/tftp"), Some(Vec::new()));
        assert_eq!(below("/srv/tftp", "/srv/tftp2/a"), None);
        assert_eq!(below("/srv/tftp", "/srv"), None);
        assert_eq!(below("/srv/tftp", "/srv/x/../tftp/a"), None);
        assert_eq!(below("/", "/a"), Some(b"a".to_vec()));
    }
}
