//! What the kernel says, as an intent a client understands.

use bootwire::{Reason, Refusal};
use rustix::io::Errno;

/// Whether nothing has this name.
pub(crate) fn is_absent(errno: Errno) -> bool {
    matches!(errno, Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG)
}

/// Whether a file system does not know the kind of rename or link that was asked.
pub(crate) fn is_unsupported(errno: Errno) -> bool {
    matches!(errno, Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP)
}

/// The refusal for `errno`; `name`, relative to the root, and the kernel's words go to the
/// operator, not to the client.
pub(crate) fn refuse(errno: Errno, name: impl std::fmt::Display) -> Refusal {
    if errno == Errno::XDEV || errno == Errno::LOOP {
        return refuse_link(errno, name, None);
    }
    Refusal::new(reason(errno)).because(format_args!("{name}: {}", std::io::Error::from(errno)))
}

/// The refusal for a link that is not followed; `told` says which and where it leads.
pub(crate) fn refuse_link(
    errno: Errno,
    name: impl std::fmt::Display,
    told: Option<String>,
) -> Refusal {
    let told = told.unwrap_or_else(|| match errno {
        Errno::LOOP => "symbolic links go in a circle".to_owned(),
        _ => "a symbolic link leads out of the directory".to_owned(),
    });
    Refusal::denied().because(format_args!("{name}: {told}"))
}

/// Codes 1 and 2 end a boot loader's attempts, so only what may pass by itself is anything else.
fn reason(errno: Errno) -> Reason {
    match errno {
        absent if is_absent(absent) => Reason::NotFound,
        Errno::ACCESS | Errno::PERM | Errno::ROFS | Errno::XDEV | Errno::LOOP | Errno::TXTBSY => {
            Reason::Denied
        }
        Errno::EXIST => Reason::Exists,
        Errno::ISDIR => Reason::Denied,
        Errno::NOSPC | Errno::DQUOT | Errno::FBIG => Reason::DiskFull,
        Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::AGAIN | Errno::INTR | Errno::BUSY => {
            Reason::Busy
        }
        _ => Reason::Internal,
    }
}

/// As [`refuse`], for an error from the standard library.
pub(crate) fn refuse_io(error: &std::io::Error, name: impl std::fmt::Display) -> Refusal {
    match Errno::from_io_error(error) {
        Some(errno) => refuse(errno, name),
        None => Refusal::internal().because(format_args!("{name}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permanent_trouble_stops_a_client_and_passing_trouble_does_not() {
        for (errno, reason) in [
            (Errno::NOENT, Reason::NotFound),
            (Errno::NAMETOOLONG, Reason::NotFound),
            (Errno::ACCESS, Reason::Denied),
            (Errno::ROFS, Reason::Denied),
            (Errno::XDEV, Reason::Denied),
            (Errno::LOOP, Reason::Denied),
            (Errno::NOSPC, Reason::DiskFull),
            (Errno::DQUOT, Reason::DiskFull),
            (Errno::EXIST, Reason::Exists),
            (Errno::MFILE, Reason::Busy),
            (Errno::AGAIN, Reason::Busy),
            (Errno::IO, Reason::Internal),
        ] {
            let refusal = refuse(errno, "name");
            assert_eq!(refusal.reason(), reason, "{errno:?}");
            assert!(
                refusal
                    .detail()
                    .is_some_and(|detail| detail.starts_with("name: ")),
                "{errno:?}"
            );
            assert!(!refusal.client_text().contains("name:"), "{errno:?}");
        }
    }
}
