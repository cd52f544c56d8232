//! The HTTP client, made again when its certificates change.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bootwire::file::Stamp;
use bootwire_tls::{CertificateDer, ClientConfig, PemObject, PrivateKeyDer, Trust};
use reqwest::Client;
use reqwest::redirect::Policy;

use super::{CONNECT_TIMEOUT, OriginError};

/// How often the files are looked at, at most.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Where certificates are.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    pub(super) ca: Option<PathBuf>,
    pub(super) identity: Option<(PathBuf, PathBuf)>,
}

/// The client of the day.
#[derive(Default)]
pub(super) struct Clients {
    pub(super) files: Files,
    made: Arc<Mutex<Option<Made>>>,
}

struct Made {
    client: Client,
    stamps: Vec<Stamp>,
    looked: Instant,
}

impl Clients {
    /// The client, made now if there is none or its files have changed.
    pub(super) async fn get(&self) -> Result<Client, OriginError> {
        if let Some(made) = &*lock(&self.made)
            && made.looked.elapsed() < LOOK_EVERY
        {
            return Ok(made.client.clone());
        }
        let (files, made) = (self.files.clone(), Arc::clone(&self.made));
        let look = move || {
            let stamps = files.stamps()?;
            let mut made = lock(&made);
            if let Some(made) = &mut *made
                && made.stamps == stamps
            {
                made.looked = Instant::now();
                return Ok(made.client.clone());
            }
            let client = files.client()?;
            *made = Some(Made {
                client: client.clone(),
                stamps,
                looked: Instant::now(),
            });
            Ok(client)
        };
        tokio::task::spawn_blocking(look)
            .await
            .map_err(OriginError::unavailable)?
    }
}

fn lock(made: &Mutex<Option<Made>>) -> std::sync::MutexGuard<'_, Option<Made>> {
    made.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Files {
    fn stamps(&self) -> Result<Vec<Stamp>, OriginError> {
        let identity = self.identity.iter().flat_map(|(cert, key)| [cert, key]);
        let files = self.ca.iter().chain(identity);
        files
            .map(|path| match std::fs::metadata(path) {
                Ok(metadata) => Ok(Stamp::of(&metadata)),
                Err(error) => Err(unreadable(path, error)),
            })
            .collect()
    }

    fn client(&self) -> Result<Client, OriginError> {
        Client::builder()
            .user_agent(concat!("bootwire/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            // Followed by hand, see `Redirects`.
            .redirect(Policy::none())
            .referer(false)
            // What a variable of the environment says should not decide where machines boot from.
            .no_proxy()
            // A connection for each stream: one that stalls holds up no other.
            .http1_only()
            .tls_backend_preconfigured(self.tls()?)
            .build()
            .map_err(|error| OriginError::unusable(format_args!("no HTTP client: {error}")))
    }

    fn tls(&self) -> Result<ClientConfig, OriginError> {
        let trust = match &self.ca {
            None => Trust::system(),
            Some(path) => Trust::nobody()
                .and(certificates(path)?)
                .map_err(|error| unreadable(path, error))?,
        };
        let identity = self.identity.as_ref().map(|(chain, key)| {
            let private = PrivateKeyDer::from_pem_file(key);
            let private = private.map_err(|error| unreadable(key, error))?;
            Ok((certificates(chain)?, private))
        });
        trust
            .client_config(identity.transpose()?)
            .map_err(|error| match &self.identity {
                Some((certificate, _)) => unreadable(certificate, error),
                None => OriginError::unusable(error),
            })
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, OriginError> {
    let pem = std::fs::read(path).map_err(|error| unreadable(path, error))?;
    bootwire_tls::certificates(&pem).map_err(|error| unreadable(path, error))
}

fn unreadable(path: &Path, why: impl std::fmt::Display) -> OriginError {
    OriginError::unavailable(format_args!("cannot use {}: {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn certificates_that_are_none_are_told_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        let clients = |path: &Path| Clients {
            files: Files {
                ca: Some(path.to_owned()),
                identity: None,
            },
            made: Arc::default(),
        };
        let error = clients(&path).get().await.unwrap_err();
        assert!(error.detail().contains("ca.pem"), "{error}");
        std::fs::write(&path, "no certificate").unwrap();
        let error = clients(&path).get().await.unwrap_err();
        assert!(error.detail().contains("no certificate"), "{error}");
        Clients::default().get().await.expect("the system's");
    }
}
