//! How HTTP services of the operator are reached: hooks, inventories.

use std::collections::BTreeMap;
use std::path::Path;

use bootwire_render::hook::HttpOptions;

use crate::config::Config;

/// Headers, token and authorities, with what the files and variables they name held.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Reaching {
    headers: Vec<(String, String)>,
    bearer: Option<String>,
    authorities: Option<Vec<u8>>,
}

/// Without secrets.
impl std::fmt::Debug for Reaching {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reaching").finish_non_exhaustive()
    }
}

impl Reaching {
    /// Reads the files and variables.
    pub(super) fn read(
        config: &Config,
        headers: &BTreeMap<String, String>,
        bearer_file: Option<&Path>,
        bearer_env: Option<&str>,
        ca: Option<&Path>,
    ) -> Result<Self, String> {
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
            authorities: authorities.transpose()?,
        })
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
