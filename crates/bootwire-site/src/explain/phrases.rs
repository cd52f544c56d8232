//! What came of single steps, in words.

use bootwire::{Refusal, Reply, Request};
use bootwire_render::hook::Decision;

use crate::shown::escaped;
use crate::site::action::OpenAction;
use crate::site::inquiry::Object;

/// What came of it, in words.
pub(super) fn came(answer: &Result<Reply, Refusal>) -> String {
    match answer {
        Ok(reply) => match reply.size() {
            Some(size) => crate::size::count(size, "byte", "bytes"),
            None => "content of unknown size".to_owned(),
        },
        Err(refusal) => {
            let code = refusal.reason().code().wire();
            format!("ERROR {code}: {refusal}")
        }
    }
}

/// What an origin said of an object.
pub(super) fn object(known: &Object, action: &OpenAction) -> String {
    let OpenAction::Origin(origin, _) = action else {
        return String::new();
    };
    let version = known.version.as_ref().map_or_else(String::new, |version| {
        format!(", version {}", escaped(version.as_bytes()))
    });
    format!(", {} of {}{version}", known.object, origin.address)
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
