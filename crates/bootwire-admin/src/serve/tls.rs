//! TLS: a certificate and its key from files, read again when they change.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use bootwire::file::Stamp;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// A certificate that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CertificateError(String);

/// A certificate with its chain and its key, in PEM files. Cheap to clone: all clones show the same.
#[derive(Clone)]
pub struct Certificate(Arc<Files>);

struct Files {
    certificate: PathBuf,
    key: PathBuf,
    shown: RwLock<Arc<CertifiedKey>>,
    seen: Mutex<Option<Seen>>,
}

/// What tells one state of the files from another.
type Seen = [Stamp; 2];

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    /// If they cannot be read, or do not belong together.
    pub fn open(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        let seen = seen(certificate, key);
        let shown = read(certificate, key)?;
        Ok(Self(Arc::new(Files {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            shown: RwLock::new(shown),
            seen: Mutex::new(seen),
        })))
    }

    /// Reads the files again if they have changed since; whether they have. Blocks on the disk.
    ///
    /// # Errors
    /// As [`Certificate::open`]; the old one is shown on, and the files are tried again once they
    /// change once more.
    pub fn renew(&self) -> Result<bool, CertificateError> {
        let files = &*self.0;
        let now = seen(&files.certificate, &files.key);
        let mut before = files.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *before == now {
            return Ok(false);
        }
        *before = now;
        drop(before);
        let new = read(&files.certificate, &files.key)?;
        *files.shown.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(true)
    }

    /// Reads the files again whenever they change, and tells what came of it. Does not end.
    pub(crate) async fn look_after(&self, tell: impl Fn(&str)) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let files = self.clone();
            let renewed = tokio::task::spawn_blocking(move || files.renew()).await;
            match renewed {
                Ok(Ok(true)) => tell("admin: the certificate was renewed"),
                Ok(Err(error)) => tell(&format!("admin: {error}; the old one is shown on")),
                _ => {}
            }
        }
    }

    pub(crate) fn config(&self) -> Result<Arc<ServerConfig>, CertificateError> {
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder
            .with_safe_default_protocol_versions()
            .map_err(|error| CertificateError(error.to_string()))?;
        let resolver = Arc::new(self.clone());
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = self.0.shown.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&shown))
    }
}

/// Without the key.
impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Certificate")
            .field(&self.0.certificate)
            .finish()
    }
}

fn seen(certificate: &Path, key: &Path) -> Option<Seen> {
    let one = |file: &Path| Stamp::at(file).ok().flatten();
    Some([one(certificate)?, one(key)?])
}

fn read(certificate: &Path, key: &Path) -> Result<Arc<CertifiedKey>, CertificateError> {
    let cannot = |file: &Path, why: String| {
        CertificateError(format!("cannot use {}: {why}", file.display()))
    };
    let bytes = |file: &Path| fs::read(file).map_err(|error| cannot(file, error.to_string()));
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes(certificate)?).collect();
    let chain = chain.map_err(|error| cannot(certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(cannot(
            certificate,
            "no certificate in it: write PEM".to_owned(),
        ));
    }
    let secret = PrivateKeyDer::from_pem_slice(&bytes(key)?)
        .map_err(|error| cannot(key, format!("no private key in it: {error}")))?;
    let certified =
        CertifiedKey::from_der(chain, secret, &ring::default_provider()).map_err(|error| {
            cannot(
                key,
                format!("{error}: is it the key of {}?", certificate.display()),
            )
        })?;
    Ok(Arc::new(certified))
}
