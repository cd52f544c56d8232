//! File names as bytes: what may be asked for, and how a name is shown.

use std::fmt;

/// Names that begin so are the server's own: uploads that have not finished. They are never served
/// and cannot be uploaded to.
pub(crate) const RESERVED_PREFIX: &[u8] = b".bootwire-";

/// The components of a path, empty ones left out.
pub(crate) fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/')
        .filter(|component| !component.is_empty())
}

/// Whether a component is reserved, in any case: some file systems do not tell case apart.
pub(crate) fn is_reserved(component: &[u8]) -> bool {
    component
        .get(..RESERVED_PREFIX.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(RESERVED_PREFIX))
}

/// Why no file can have this name, whatever is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// Ends with a slash, or is the root itself.
    Directory,
    /// Has a `..`. Requests come normalised, but a route such as `/a{*rest}` makes `../x` out of
    /// `/a../x`.
    Climbs,
    /// Begins with [`RESERVED_PREFIX`] in some component.
    Reserved,
    /// Has a NUL, which no file name can.
    Nul,
}

/// Judges a name by its text alone.
pub(crate) fn judge(path: &[u8]) -> Result<(), Unfit> {
    if path.contains(&0) {
        return Err(Unfit::Nul);
    }
    if components(path).any(|component| component == b"..") {
        return Err(Unfit::Climbs);
    }
    if components(path).any(is_reserved) {
        return Err(Unfit::Reserved);
    }
    match components(path).last() {
        None | Some(b".") => Err(Unfit::Directory),
        Some(_) if path.ends_with(b"/") => Err(Unfit::Directory),
        Some(_) => Ok(()),
    }
}

/// Most characters of a name that [`Shown`] shows.
const SHOWN_MAX: usize = 200;

/// A name for the log: quoted, control characters escaped, cut when very long.
pub(crate) struct Shown<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy(self.0);
        match text.char_indices().nth(SHOWN_MAX) {
            Some((end, _)) => write!(f, "{:?}...", &text[..end]),
            None => write!(f, "{text:?}"),
        }
    }
}

/// `base/name`, or `name` if there is no base.
pub(crate) fn join(base: &[u8], name: &[u8]) -> Vec<u8> {
    let name = name.strip_prefix(b"/").unwrap_or(name);
    if base.is_empty() {
        name.to_vec()
    } else {
        [base, b"/", name].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_are_fit() {
        for name in [
            "pxelinux.0",
            "a/b/c",
            "....",
            ".../...",
            "a..",
            "%2e%2e/x",
            ".bootwire",
            "x:$DATA",
            "con ",
            "a.",
        ] {
            assert_eq!(judge(name.as_bytes()), Ok(()), "{name}");
        }
    }

    #[test]
    fn names_no_file_can_have_are_not() {
        for (name, why) in [
            ("", Unfit::Directory),
            ("/", Unfit::Directory),
            ("dtb/", Unfit::Directory),
            ("a/.", Unfit::Directory),
            ("../x", Unfit::Climbs),
            ("a/../x", Unfit::Climbs),
            ("a/..", Unfit::Climbs),
            (".bootwire-1.part", Unfit::Reserved),
            ("a/.BOOTWIRE-1/b", Unfit::Reserved),
            ("a\0b", Unfit::Nul),
        ] {
            assert_eq!(judge(name.as_bytes()), Err(why), "{name:?}");
        }
    }

    #[test]
    fn a_shown_name_cannot_drive_a_terminal() {
        assert_eq!(Shown(b"a\x1b[2J\nb").to_string(), r#""a\u{1b}[2J\nb""#);
        assert_eq!(Shown(b"\xff").to_string(), "\"\u{fffd}\"");
        assert_eq!(Shown(&[b'x'; 4096]).to_string().len(), SHOWN_MAX + 5);
    }
}
