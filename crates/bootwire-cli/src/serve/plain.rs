//! A directory, and uploads if flags say so: what is served without a configuration.

use std::path::Path;

use bootwire::Router;
use bootwire::router::{App, Pattern};
use bootwire_sandbox::{Access, Grant, Sandbox};
use bootwire_site::with_built_in_quirks;
use bootwire_store::{Dir, DirEvent, Uploads};

use super::args::{Args, UploadRule};

use crate::out;

/// What is served: read from, and written to.
pub(super) struct Plain {
    pub(super) app: App,
    reads: String,
    uploads: String,
}

impl Plain {
    pub(super) fn open(args: &Args) -> anyhow::Result<Self> {
        let dir = Dir::open(args.dir())?
            .observe(note_directory)
            .links(args.links.into())
            .case_insensitive(args.case_insensitive)
            .per_client(args.per_client);
        let reads = dir.describe();
        let mut router = Router::new().fallback(with_built_in_quirks(dir));
        let mut uploads = "off".to_owned();
        if let Some(rule) = args.upload_rule() {
            let mut taken = Uploads::into(upload_dir(args))?
                .observe(note_directory)
                .size_max(args.upload_max)
                .create_dirs(args.create_dirs);
            if let Some(bytes) = args.keep_free {
                taken = taken.keep_free(bytes);
            }
            let taken = match rule {
                UploadRule::Create => taken.create_only(),
                UploadRule::Replace => taken.replace(),
                UploadRule::Versioned => taken.versioned(),
            };
            uploads = taken.describe();
            // Clients may name a file as they will read it, or leave out the directory.
            if let Some(below) = below(args.dir(), upload_dir(args))
                && let Ok(pattern) = Pattern::try_from(&*format!("/{below}/{{*rest}}"))
            {
                uploads = format!("{uploads}, as {below}/NAME or NAME");
                router = router.write(pattern, taken.clone());
            }
            router = router.write_fallback(taken);
        }
        Ok(Self {
            app: router.into(),
            reads,
            uploads,
        })
    }

    /// The paths that stay within reach.
    pub(super) fn grants(args: &Args, sandbox: &Sandbox) -> anyhow::Result<Vec<Grant>> {
        let mut grants = vec![Grant::new(args.dir(), Access::Read)?];
        if args.upload_rule().is_some() {
            let access = if args.create_dirs {
                Access::WriteAndMakeDirs
            } else {
                Access::Write
            };
            grants.push(Grant::new(upload_dir(args), access)?);
        }
        grants.extend(sandbox.beside([args.dir()]));
        Ok(grants)
    }

    /// What is served, in lines for the log.
    pub(super) fn describe(&self) -> Vec<String> {
        vec![
            format!("serves {}", self.reads),
            format!("uploads: {}", self.uploads),
        ]
    }
}

/// Where in the directory `served` the directory `inside` is, as clients name it; `None` if it is
/// the same or elsewhere, or has a name that means something else in a pattern.
fn below(served: &Path, inside: &Path) -> Option<String> {
    let served = std::fs::canonicalize(served).ok()?;
    let inside = std::fs::canonicalize(inside).ok()?;
    let below = inside.strip_prefix(&served).ok()?.to_str()?;
    let is_plain = !below.is_empty() && !below.contains(['{', '}', '*', '\\']);
    is_plain.then(|| below.to_owned())
}

fn upload_dir(args: &Args) -> &Path {
    args.upload_dir.as_deref().unwrap_or_else(|| args.dir())
}

/// Tells of what happens to a directory that is served.
fn note_directory(event: &DirEvent) {
    match event {
        DirEvent::Replaced { .. } | DirEvent::Back { .. } => out::note(&event.to_string()),
        _ => out::note(&format!("warning: {event}")),
    }
}
