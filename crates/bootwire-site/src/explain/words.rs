//! What came of single steps, in words.

use bootwire::{Refusal, Reply, Request};
use bootwire_render::hook::Decision;

use crate::shown::{escaped, word};
use crate::site::routes::Action;

/// Who outside would have to be asked.
pub(super) fn outside(action: &Action, request: &Request) -> Option<String> {
    match action {
        Action::Origin(origin) => {
            let name = escaped(request.rest_bytes());
            Some(format!("{} for {name}", origin.address))
        }
        Action::Http(hook) | Action::Exec(hook) => Some(hook.shown.clone()),
        _ => None,
    }
}

/// What came of it, in words.
pub(super) fn came(answer: &Result<Reply, Refusal>) -> String {
    match answer {
        Ok(reply) => match reply.size() {
            Some(size) => crate::size::count(size, "byte", "bytes"),
            None => "content, of a size nobody knows yet".to_owned(),
        },
        Err(refusal) => {
            let code = refusal.reason().code().wire();
            format!("ERROR {code}: {refusal}")
        }
    }
}

/// What else there is to say.
pub(super) fn detail(
    action: &Action,
    request: &Request,
    answer: &Result<Reply, Refusal>,
) -> String {
    match action {
        Action::Dir(root, _) if answer.is_ok() => {
            use std::os::unix::ffi::OsStrExt;
            let path = root.join(std::ffi::OsStr::from_bytes(request.rest_bytes()));
            // Another case, or the client's own directory, is the directory's business.
            let shown = path.is_file().then(|| word(path.as_os_str().as_bytes()));
            shown.map_or_else(String::new, |path| format!(", {path}"))
        }
        Action::Origin(origin) => match origin.seen() {
            Some(seen) => {
                let version = seen.version.map_or_else(String::new, |version| {
                    format!(", version {}", escaped(version.as_bytes()))
                });
                format!(", {} of {}{version}", seen.object, origin.address)
            }
            None => String::new(),
        },
        _ => String::new(),
    }
}

pub(super) fn decided(decision: &Decision) -> String {
    match decision {
        Decision::Content(_) => "content".to_owned(),
        Decision::Redirect(redirect) => {
            let path = escaped(redirect.path.as_bytes());
            format!(
                "{path} of the origin {}",
                escaped(redirect.origin.as_bytes())
            )
        }
        Decision::Template { name, .. } => format!("template {}", escaped(name.as_bytes())),
        Decision::Refuse(_) => "no".to_owned(),
        Decision::Pass => "to pass".to_owned(),
    }
}

pub(super) fn shown_path(request: &Request) -> String {
    escaped(request.path_bytes())
}
