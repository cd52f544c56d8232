//! Taking uploads.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use bootwire::{Accept, BoxFuture, Endpoint, Refusal, Request};
use bootwire_store::Uploads;

use super::Purpose;
use super::finished::Runner;
use super::secret::Suffix;
use crate::config::{Config, model};

/// What the mode of finished files is, unless told otherwise.
const MODE: u32 = 0o644;

/// A directory that takes uploads, and the rules.
pub(crate) struct UploadRule {
    dir: PathBuf,
    existing: model::Existing,
    size_max: Option<u64>,
    create_dirs: bool,
    mode: u32,
    pub(super) suffix: Option<Arc<Suffix>>,
    program: Option<PathBuf>,
    /// `None` to explain: nothing is opened then.
    pub(super) endpoint: Option<Arc<dyn Endpoint<Accept>>>,
}

impl fmt::Debug for UploadRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UploadRule").field(&self.dir).finish()
    }
}

impl UploadRule {
    /// Opens the directory.
    pub(super) fn open(
        config: &Config,
        route: &model::Route,
        dir: &std::path::Path,
        purpose: Purpose,
    ) -> Result<Self, String> {
        let suffix = route.secret_suffix_file.as_ref();
        let suffix = suffix.map(|file| match Suffix::read(&config.path(file)) {
            // Whoever only wants an explanation may not be allowed to read it.
            Err(_) if purpose != Purpose::Serve => Ok(Suffix::unknown()),
            read => read,
        });
        let mut rule = Self {
            dir: config.path(dir),
            existing: route.existing.unwrap_or(model::Existing::Create),
            size_max: route.size_max.map(|size| size.0),
            create_dirs: route.create_dirs.unwrap_or(false),
            mode: route.mode.as_deref().map_or(Ok(MODE), mode)?,
            suffix: suffix.transpose()?.map(Arc::new),
            program: route
                .finished
                .as_ref()
                .map(|finished| config.path(&finished.program)),
            endpoint: None,
        };
        if purpose == Purpose::Serve {
            let uploads = Uploads::into(&rule.dir)
                .map_err(|error| error.to_string())?
                .observe(super::note_directory);
            rule.endpoint = Some(rule.endpoint(rule.ruled(uploads, config, route)));
        }
        Ok(rule)
    }

    fn ruled(&self, uploads: Uploads, config: &Config, route: &model::Route) -> Uploads {
        let mut uploads = match self.existing {
            model::Existing::Create => uploads.create_only(),
            model::Existing::Replace => uploads.replace(),
            model::Existing::Versioned => uploads.versioned(),
        };
        if let Some(bytes) = self.size_max {
            uploads = uploads.size_max(bytes);
        }
        if let Some(size) = route.keep_free {
            uploads = uploads.keep_free(size.0);
        }
        uploads = uploads.create_dirs(self.create_dirs).mode(self.mode);
        match &route.finished {
            None => uploads,
            Some(finished) => {
                let runner = Runner::new(config.path(&finished.program), finished);
                uploads.finished(move |stored| runner.run(stored))
            }
        }
    }

    fn endpoint(&self, uploads: Uploads) -> Arc<dyn Endpoint<Accept>> {
        match &self.suffix {
            None => Arc::new(uploads),
            Some(suffix) => Arc::new(OnlyWith {
                suffix: Arc::clone(suffix),
                inner: uploads,
            }),
        }
    }

    /// The rule in words.
    pub(crate) fn describe(&self) -> String {
        let mut parts = vec![match self.existing {
            model::Existing::Create => "new files only".to_owned(),
            model::Existing::Replace => "files are replaced".to_owned(),
            model::Existing::Versioned => "old versions are kept".to_owned(),
        }];
        if let Some(bytes) = self.size_max {
            parts.push(format!("up to {bytes} bytes"));
        }
        if self.create_dirs {
            parts.push("directories are made".to_owned());
        }
        if self.mode != MODE {
            parts.push(format!("mode {:04o}", self.mode));
        }
        if self.suffix.is_some() {
            parts.push("only names that end in the secret".to_owned());
        }
        if let Some(program) = &self.program {
            parts.push(format!("then {}", program.display()));
        }
        format!("{} ({})", self.dir.display(), parts.join(", "))
    }

    /// The request as the directory sees it, with the secret cut off its name.
    ///
    /// # Errors
    /// If the name lacks the secret.
    pub(crate) fn admit(&self, request: &Request) -> Result<Request, Refusal> {
        match &self.suffix {
            Some(suffix) => suffix.cut(request),
            None => Ok(request.clone()),
        }
    }
}

/// Permission bits, as they are written.
fn mode(text: &str) -> Result<u32, String> {
    u32::from_str_radix(text, 8)
        .ok()
        .filter(|bits| *bits <= 0o777)
        .ok_or_else(|| format!("mode {text:?}: write permissions in octal, like \"0640\""))
}

/// Lets uploads in whose names end in a secret.
struct OnlyWith {
    suffix: Arc<Suffix>,
    inner: Uploads,
}

impl Endpoint<Accept> for OnlyWith {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Accept, Refusal>> {
        match self.suffix.cut(&request) {
            Ok(request) => self.inner.call(request),
            Err(refusal) => Box::pin(std::future::ready(Err(refusal))),
        }
    }

    fn at_hand(&self, request: &Request) -> Option<Result<Accept, Refusal>> {
        match self.suffix.cut(request) {
            Ok(request) => self.inner.at_hand(&request),
            Err(refusal) => Some(Err(refusal)),
        }
    }
}
