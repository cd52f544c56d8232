//! How HTTP services of the operator are reached: hooks, inventories.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bootwire_render::hook::HttpOptions;
use bootwire_telemetry::deliver::{Endpoint, EndpointError};

use super::opening::Opening;

/// Headers, token and authorities, with what the files and variables they name held.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Reaching {
    headers: Vec<(String, String)>,
    bearer: Option<String>,
    /// Where the token is, if it is in a file.
    bearer_file: Option<PathBuf>,
    authorities: Option<Vec<u8>>,
}

/// Without secrets.
impl std::fmt::Debug for Reaching {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reaching").finish_non_exhaustive()
    }
}

impl Reaching {
    /// Reads the files and variables. Whoever only wants an explanation may not be allowed to, and
    /// needs none of them.
    pub(super) fn read(
        opening: &Opening<'_>,
        headers: &BTreeMap<String, String>,
        bearer_file: Option<&Path>,
        bearer_env: Option<&str>,
        ca: Option<&Path>,
    ) -> Result<Self, String> {
        if !opening.reads_secrets() {
            return Ok(Self::default());
        }
        let config = opening.config;
        let cannot_read = |file: &Path, error| format!("cannot read {}: {error}", file.display());
        let bearer = match (bearer_file, bearer_env) {
            (Some(file), _) => {
                let file = config.path(file);
                let token = std::fs::read_to_string(&file);
                Some(token.map_err(|error| cannot_read(&file, error))?)
            }
            (None, Some(variable)) => Some(std::env::var(variable).map_err(|error| {
                format!("no token in the environment variable {variable}: {error}")
            })?),
            (None, None) => None,
        };
        let authorities = ca.map(|file| {
            let file = config.path(file);
            std::fs::read(&file).map_err(|error| cannot_read(&file, error))
        });
        Ok(Self {
            headers: headers
                .iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            bearer: bearer.map(|token| token.trim().to_owned()),
            bearer_file: bearer_file.map(|file| config.path(file)),
            authorities: authorities.transpose()?,
        })
    }
}

impl Reaching {
    /// An endpoint that is reached so.
    pub(super) fn apply(&self, mut endpoint: Endpoint) -> Result<Endpoint, EndpointError> {
        for (name, value) in &self.headers {
            endpoint = endpoint.header(name, value)?;
        }
        if let Some(file) = &self.bearer_file {
            endpoint = endpoint.bearer_file(file)?;
        } else if let Some(token) = &self.bearer {
            endpoint = endpoint.bearer(token)?;
        }
        match &self.authorities {
            Some(pem) => endpoint.authorities(pem),
            None => Ok(endpoint),
        }
    }
}

/// The options of a client that reaches the service so.
pub(super) fn options(reaching: &Reaching) -> Result<HttpOptions, String> {
    let failed = |error: bootwire_render::hook::HttpError| error.to_string();
    let mut options = HttpOptions::new();
    for (name, value) in &reaching.headers {
        options = options.header(name, value).map_err(failed)?;
    }
    if let Some(token) = &reaching.bearer {
        options = options.bearer(token).map_err(failed)?;
    }
    if let Some(pem) = &reaching.authorities {
        options = options.authorities(pem).map_err(failed)?;
    }
    Ok(options)
}

/// A URL as it may be shown: without what may be a secret, the user and the query.
pub(super) fn shown(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find('/').unwrap_or(rest.len());
            let (authority, path) = rest.split_at(end);
            let host = authority.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}{path}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::opening::{Notes, Purpose};
    use super::super::tests::config;
    use super::*;

    #[test]
    fn urls_are_shown_without_secrets() {
        for (url, expected) in [
            ("https://h:1/a/{path}?token=hunter2", "https://h:1/a/{path}"),
            ("http://me:hunter2@h/a@b", "http://h/a@b"),
            ("http://h", "http://h"),
            ("no url?hunter2", "no url"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }

    #[test]
    fn tokens_are_read_unless_nobody_needs_them() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path(), "");
        let read = |purpose| {
            let token = Some(Path::new("token"));
            let notes = Notes::default();
            let opening = Opening::new(&config, purpose, &notes);
            Reaching::read(&opening, &BTreeMap::new(), token, None, None)
        };
        let error = read(Purpose::Serve).unwrap_err();
        assert!(error.contains("token: No such file"), "{error}");
        assert!(read(Purpose::Look { ask: true }).is_err());
        assert!(read(Purpose::Look { ask: false }).is_ok());
        std::fs::write(dir.path().join("token"), " hunter2\n").unwrap();
        let reaching = read(Purpose::Serve).unwrap();
        assert_eq!(reaching.bearer.as_deref(), Some("hunter2"));
        assert!(!format!("{reaching:?}").contains("hunter2"));
        assert!(options(&reaching).is_ok());
    }
}
