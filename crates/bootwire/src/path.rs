//! File names as clients send them, made into paths that can be trusted to stay inside.

/// A file name that climbs above its root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LeavesRoot;

/// Normalises a file name: `\` becomes `/`, repeated slashes become one, `.` and `..` are
/// resolved without looking at any file, and the result begins with one `/`. A trailing slash
/// stays, so that a request for a directory can be told from one for a file.
///
/// It is put behind what `path` has; if the name climbs, nothing is.
pub(crate) fn normalise(filename: &[u8], path: &mut Vec<u8>) -> Result<(), LeavesRoot> {
    let start = path.len();
    let mut segments = filename
        .split(|byte| matches!(byte, b'/' | b'\\'))
        .peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            b"" | b"." => {}
            b".." => {
                let parent = path[start..].iter().rposition(|&byte| byte == b'/');
                path.truncate(start + parent.unwrap_or(0));
                if parent.is_none() {
                    return Err(LeavesRoot);
                }
            }
            name => {
                path.push(b'/');
                path.extend_from_slice(name);
                continue;
            }
        }
        if is_last {
            path.push(b'/');
        }
    }
    if path.len() == start {
        path.push(b'/');
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(filename: &str) -> Option<String> {
        let mut path = Vec::new();
        normalise(filename.as_bytes(), &mut path).ok()?;
        Some(String::from_utf8(path).unwrap())
    }

    #[test]
    fn names_as_boot_loaders_send_them() {
        for (sent, expected) in [
            ("pxelinux.0", "/pxelinux.0"),
            ("/grub/grub.cfg", "/grub/grub.cfg"),
            (
                "//grub//x86_64-efi///normal.mod",
                "/grub/x86_64-efi/normal.mod",
            ),
            ("\\Boot\\BCD", "/Boot/BCD"),
            ("boot/../ldlinux.c32", "/ldlinux.c32"),
            ("a/./b", "/a/b"),
            ("dtb/", "/dtb/"),
            ("a/..", "/"),
            ("/", "/"),
            (".", "/"),
            ("....//x", "/..../x"),
            ("name with spaces", "/name with spaces"),
        ] {
            assert_eq!(normal(sent).as_deref(), Some(expected), "{sent}");
        }
    }

    #[test]
    fn names_that_climb_out_are_refused() {
        for sent in [
            "..",
            "../x",
            "..\\x",
            "/../x",
            "a/../../x",
            "a/b/../../../x",
            ".\\..\\x",
            "//..//x",
        ] {
            assert_eq!(normal(sent), None, "{sent}");
        }
    }
}
