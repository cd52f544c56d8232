//! A directory, and uploads if flags say so: what is served without a configuration.

use std::path::Path;

use bootwire::Router;
use bootwire::router::App;
use bootwire_store::{Dir, Uploads};

use super::args::{Args, UploadRule};
use super::sandbox::{Access, Grant, Sandbox};
use crate::site::note_directory;

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
        let mut router = Router::new().fallback(dir);
        let mut uploads = "off".to_owned();
        if let Some(rule) = args.upload_rule() {
            let taken = Uploads::into(upload_dir(args))?
                .size_max(args.upload_max)
                .keep_free(args.keep_free)
                .create_dirs(args.create_dirs);
            let taken = match rule {
                UploadRule::Create => taken.create_only(),
                UploadRule::Replace => taken.replace(),
                UploadRule::Versioned => taken.versioned(),
            };
            uploads = taken.describe();
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

fn upload_dir(args: &Args) -> &Path {
    args.upload_dir.as_deref().unwrap_or_else(|| args.dir())
}
