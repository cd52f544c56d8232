//! A directory: its path, and what of it depends on the request.

use std::path::{Path, PathBuf};

use bootwire::router::ParamText;

use super::Written;
use crate::config::model::{Fallback, Links, PerClient, SandboxLevel};
use crate::config::route::{Action, Dir};
use crate::config::rules::Report;
use crate::config::tree::Spot;

pub(super) fn parse(written: &Written<'_>, report: &mut Report) -> Option<Action> {
    let (table, here) = (written.table, written.here);
    let per_client = table.per_client.unwrap_or(PerClient::No);
    if per_client == PerClient::No && here.has("fallback") {
        let what = "\"fallback\" is for directories of single clients: write \"per_client\", too";
        report.wrong(here.key("fallback"), what);
    }
    if per_client == PerClient::Mac {
        hardware(
            written,
            here.key("per_client"),
            "per_client = \"mac\"",
            report,
        );
    }
    let sandbox = &written.document.sandbox;
    if table.links == Some(Links::Anywhere)
        && sandbox.level != SandboxLevel::Off
        && sandbox.read.is_none()
        && sandbox.write.is_none()
    {
        let what = "the sandbox keeps the server out of where links may lead: name those \
                    directories in \"read\" of [sandbox]";
        report.warn(here.key("links"), what);
    }
    let (path, below) = parts(table.dir.as_deref()?);
    let below = match below {
        None => None,
        Some(below) => Some(beneath(written, &path, below, report)?),
    };
    Some(Action::Dir(Dir {
        path,
        below,
        links: table.links.unwrap_or(Links::Beneath),
        case_insensitive: table.case_insensitive.unwrap_or(false),
        per_client,
        fallback: table.fallback.unwrap_or(Fallback::File),
        public_only: table.public_only.unwrap_or(false),
    }))
}

/// A directory that is always the same, and from the first name with a brace what depends on the
/// request.
fn parts(dir: &Path) -> (PathBuf, Option<&str>) {
    let Some(text) = dir.to_str() else {
        return (dir.to_owned(), None);
    };
    let Some(brace) = text.find(['{', '}']) else {
        return (dir.to_owned(), None);
    };
    let start = text[..brace].rfind('/').map_or(0, |slash| slash + 1);
    let path = match &text[..start] {
        "" => ".",
        "/" => "/",
        path => path.trim_end_matches('/'),
    };
    (PathBuf::from(path), Some(&text[start..]))
}

/// The directories below `path` that depend on the request.
fn beneath(
    written: &Written<'_>,
    path: &Path,
    below: &str,
    report: &mut Report,
) -> Option<ParamText> {
    let here = written.here.key("dir");
    if below.split('/').any(|name| name == "..") {
        report.wrong(here, "leave out \"..\": write the directory it leads to");
        return None;
    }
    match ParamText::parse(below, written.pattern?) {
        Ok(text) => {
            if text.needs_client_mac() {
                hardware(written, here, "{client:mac}", report);
            }
            Some(text)
        }
        Err(error) => {
            let what = format!(
                "dir, below {}, column {}: {}",
                path.display(),
                error.column(),
                error.problem()
            );
            report.wrong(here, what);
            None
        }
    }
}

/// Says so if nobody knows hardware addresses by which something goes.
pub(in super::super) fn hardware(
    written: &Written<'_>,
    here: Spot<'_>,
    what: &str,
    report: &mut Report,
) {
    let identity = &written.document.identity;
    let has_leases = [&identity.dnsmasq, &identity.isc, &identity.kea]
        .iter()
        .any(|files| files.is_some());
    if !has_leases && identity.neighbours != Some(true) {
        let what = format!(
            "{what} needs to know hardware addresses: name lease files in [identity], or write \
             \"neighbours = true\" there"
        );
        report.wrong(here, what);
    }
}
