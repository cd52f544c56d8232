//! Tokens that live in files or the environment.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bootwire::file::Stamp;

use super::OriginError;

/// Longest secret, in bytes.
const SECRET_MAX: u64 = 64 << 10;

/// Where a bearer token is found. It is never printed.
#[derive(Clone)]
pub struct Secret(Place);

#[derive(Clone)]
enum Place {
    Text(Arc<str>),
    Environment(Arc<str>),
    File(Arc<Watched>),
}

impl Secret {
    /// The token itself.
    pub fn text(token: impl Into<String>) -> Self {
        Self(Place::Text(token.into().into()))
    }

    /// An environment variable, read whenever the token is needed.
    pub fn environment(variable: impl Into<String>) -> Self {
        Self(Place::Environment(variable.into().into()))
    }

    /// A file, read again when it changes. Spaces and line ends around the token do not count.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Place::File(Arc::new(Watched::new(path.into()))))
    }

    /// Where it is: origins with tokens in different places are different origins. A token in a
    /// file or variable may change and be the same origin's.
    pub(super) fn place(&self) -> String {
        match &self.0 {
            Place::Text(text) => format!("text {text}"),
            Place::Environment(variable) => format!("environment {variable}"),
            Place::File(file) => format!("file {}", file.path.display()),
        }
    }

    /// The token now.
    pub(crate) async fn read(&self) -> Result<Arc<str>, OriginError> {
        match &self.0 {
            Place::Text(text) => Ok(Arc::clone(text)),
            Place::Environment(variable) => match std::env::var(&**variable) {
                Ok(token) => Ok(token.trim().into()),
                Err(error) => Err(OriginError::unavailable(format_args!(
                    "no token in the environment variable {variable}: {error}"
                ))),
            },
            Place::File(file) => {
                let file = Arc::clone(file);
                let read = tokio::task::spawn_blocking(move || file.read());
                read.await.map_err(OriginError::unavailable)?
            }
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Text(_) => f.write_str("Secret"),
            Place::Environment(variable) => write!(f, "Secret in ${variable}"),
            Place::File(file) => write!(f, "Secret in {}", file.path.display()),
        }
    }
}

/// A file whose content is kept until it changes.
struct Watched {
    path: PathBuf,
    kept: Mutex<Option<(Stamp, Arc<str>)>>,
}

impl Watched {
    const fn new(path: PathBuf) -> Self {
        Self {
            path,
            kept: Mutex::new(None),
        }
    }

    fn read(&self) -> Result<Arc<str>, OriginError> {
        let failed = |error: std::io::Error| {
            OriginError::unavailable(format_args!(
                "cannot read the token in {}: {error}",
                self.path.display()
            ))
        };
        let stamp = std::fs::metadata(&self.path)
            .map(|metadata| Stamp::of(&metadata))
            .map_err(failed)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((seen, token)) = &*kept
            && *seen == stamp
        {
            return Ok(Arc::clone(token));
        }
        if stamp.size() > SECRET_MAX {
            return Err(failed(std::io::Error::other("too large for a token")));
        }
        let token: Arc<str> = std::fs::read_to_string(&self.path)
            .map_err(failed)?
            .trim()
            .into();
        *kept = Some((stamp, Arc::clone(&token)));
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_token_in_a_file_is_read_again_when_it_changes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, " first\n").unwrap();
        let secret = Secret::file(&path);
        assert_eq!(&*secret.read().await.unwrap(), "first");
        let next = dir.path().join("next");
        std::fs::write(&next, "second\n").unwrap();
        std::fs::rename(&next, &path).unwrap();
        assert_eq!(&*secret.read().await.unwrap(), "second");
        std::fs::remove_file(&path).unwrap();
        let error = secret.read().await.unwrap_err();
        assert!(error.detail().contains("token"), "{error}");
    }

    #[tokio::test]
    async fn secrets_are_not_printed() {
        let secret = Secret::text("hunter2");
        assert_eq!(&*secret.read().await.unwrap(), "hunter2");
        assert!(!format!("{secret:?}").contains("hunter2"));
        let absent = Secret::environment("BOOTWIRE_TEST_NO_SUCH_TOKEN");
        assert!(absent.read().await.is_err());
    }
}
