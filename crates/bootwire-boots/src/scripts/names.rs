//! Names in configurations, made paths.

use super::{NAME_MAX, Target};

/// Schemes that lead elsewhere.
const ELSEWHERE: [&str; 8] = [
    "http://", "https://", "ftp://", "nfs://", "iscsi:", "fcp:", "aoe:", "srp:",
];

/// The path of a name, which is looked for in `directory` if it does not begin with a slash.
/// `None` for a name that leads above the root, is too long, or is nothing.
pub(super) fn path(directory: &str, name: &str) -> Option<Target> {
    let name = name.trim();
    if name.is_empty() || name.len() + directory.len() > NAME_MAX {
        return None;
    }
    let absolute = name.starts_with(['/', '\\']);
    let directory = if absolute { "" } else { directory };
    let mut parts: Vec<&str> = Vec::new();
    for part in directory.split('/').chain(name.split(['/', '\\'])) {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop()?,
            part => parts.push(part),
        }
    }
    let mut path: String = parts.iter().flat_map(|part| ["/", part]).collect();
    if path.is_empty() {
        return None;
    }
    path.retain(|letter| !letter.is_control());
    Some(Target::Path(path))
}

/// A name that may be a URL: `tftp://` is here, whatever the host is called.
pub(super) fn url_or_path(directory: &str, name: &str) -> Option<Target> {
    let name = name.trim();
    if name.len() > NAME_MAX {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    if ELSEWHERE.iter().any(|scheme| lower.starts_with(scheme)) {
        let mut url = without_secrets(name);
        url.retain(|letter| !letter.is_control());
        return Some(Target::Url(url));
    }
    if lower.starts_with("tftp://") {
        let rest = &name["tftp://".len()..];
        let (_, path) = rest.split_once('/')?;
        return self::path("", &format!("/{path}"));
    }
    if name.contains("://") {
        return None;
    }
    path(directory, name)
}

/// A URL without the user and password, and without a query: either may be a secret.
fn without_secrets(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// Whether `path` is what `pattern` says, where a star stands for any text.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == path;
    };
    let Some(mut left) = path.strip_prefix(first) else {
        return false;
    };
    let mut pieces = rest.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return left.ends_with(piece);
        }
        match left.find(piece) {
            Some(at) => left = &left[at + piece.len()..],
            None => return false,
        }
    }
    true
}
