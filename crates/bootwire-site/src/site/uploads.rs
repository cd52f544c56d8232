//! Taking uploads.

use std::path::PathBuf;
use std::sync::Arc;

use bootwire::{Accept, BoxFuture, Endpoint, Refusal, Request};
use bootwire_store::Uploads;

use super::after_upload::Runner;
use super::opening::Opening;
use super::secret::Suffix;
use crate::config::model;
use crate::config::route::Upload;
use crate::text::Refused;

/// A directory that takes uploads, and the rules.
pub(crate) struct UploadRule {
    rules: Upload,
    dir: PathBuf,
    program: Option<PathBuf>,
    pub(super) suffix: Option<Arc<Suffix>>,
    /// `None` to look at: nothing is opened then.
    open: Option<Uploads>,
}

impl UploadRule {
    /// Opens the directory.
    pub(super) fn open(rules: &Upload, opening: &Opening<'_>) -> Result<Self, String> {
        let config = opening.config;
        let suffix = rules.secret_suffix_file.as_ref();
        let suffix = suffix.map(|file| match Suffix::read(&config.path(file)) {
            // Whoever only looks may not be allowed to read it.
            Err(_) if !opening.serves() => Ok(Suffix::unknown()),
            read => read,
        });
        let program = rules.finished.as_ref();
        let mut rule = Self {
            dir: config.path(&rules.dir),
            program: program.map(|finished| config.path(&finished.program)),
            suffix: suffix.transpose()?.map(Arc::new),
            rules: rules.clone(),
            open: None,
        };
        if opening.serves() {
            rule.open = Some(rule.uploads(opening).map_err(|error| error.to_string())?);
        }
        Ok(rule)
    }

    fn uploads(&self, opening: &Opening<'_>) -> Result<Uploads, bootwire_store::OpenError> {
        let rules = &self.rules;
        let uploads = Uploads::into(&self.dir)?.observe(opening.notes.directory());
        let mut uploads = match rules.existing {
            model::Existing::Create => uploads.create_only(),
            model::Existing::Replace => uploads.replace(),
            model::Existing::Overwrite => uploads.existing_only(),
            model::Existing::Versioned => uploads.versioned(),
        };
        if let Some(bytes) = rules.size_max {
            uploads = uploads.size_max(bytes);
        }
        if let Some(bytes) = rules.keep_free {
            uploads = uploads.keep_free(bytes);
        }
        uploads = uploads
            .create_dirs(rules.create_dirs)
            .public_only(rules.public_only)
            .mode(rules.mode);
        Ok(match (&rules.finished, &self.program) {
            (Some(finished), Some(program)) => {
                let runner = Runner::new(program.clone(), finished, opening.notes);
                uploads.finished(move |stored| runner.run(stored))
            }
            _ => uploads,
        })
    }

    /// What takes uploads, whatever they are called.
    pub(super) fn takes(&self) -> Arc<dyn Endpoint<Accept>> {
        match &self.open {
            Some(uploads) => Arc::new(uploads.clone()),
            None => Arc::new(Refused(
                Refusal::internal().because("the directory is not open, only looked at"),
            )),
        }
    }

    /// Lets those in to `inner` whose names the rule allows.
    pub(super) fn guarding(&self, inner: Arc<dyn Endpoint<Accept>>) -> Arc<dyn Endpoint<Accept>> {
        match &self.suffix {
            None => inner,
            Some(suffix) => Arc::new(OnlyWith {
                suffix: Arc::clone(suffix),
                inner,
            }),
        }
    }

    /// The rule in words.
    pub(crate) fn describe(&self) -> String {
        let mut parts = vec![match self.rules.existing {
            model::Existing::Create => "new files only".to_owned(),
            model::Existing::Replace => "files are replaced".to_owned(),
            model::Existing::Overwrite => "only files that exist are replaced".to_owned(),
            model::Existing::Versioned => "old versions are kept".to_owned(),
        }];
        if self.rules.public_only {
            parts.push("those that everybody may write".to_owned());
        }
        if let Some(bytes) = self.rules.size_max {
            parts.push(format!("up to {bytes} bytes"));
        }
        if self.rules.create_dirs {
            parts.push("directories are made".to_owned());
        }
        if self.rules.mode != Upload::MODE {
            parts.push(format!("mode {:04o}", self.rules.mode));
        }
        if self.suffix.is_some() {
            parts.push("only names that end in the secret".to_owned());
        }
        if let Some(program) = &self.program {
            parts.push(format!("then {}", program.display()));
        }
        format!("{} ({})", self.dir.display(), parts.join(", "))
    }
}

/// Lets uploads in whose names end in a secret.
struct OnlyWith {
    suffix: Arc<Suffix>,
    inner: Arc<dyn Endpoint<Accept>>,
}

impl Endpoint<Accept> for OnlyWith {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Accept, Refusal>> {
        match self.suffix.cut(&request) {
            Ok(request) => self.inner.call(request),
            Err(refusal) => Box::pin(std::future::ready(Err(refusal.answered_by("upload")))),
        }
    }

    fn at_hand(&self, request: &Request) -> Option<Result<Accept, Refusal>> {
        match self.suffix.cut(request) {
            Ok(request) => self.inner.at_hand(&request),
            Err(refusal) => Some(Err(refusal.answered_by("upload"))),
        }
    }
}
