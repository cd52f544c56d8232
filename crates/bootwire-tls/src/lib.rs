#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

use std::sync::Arc;

pub use rustls::ClientConfig;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
pub use rustls::pki_types::pem::PemObject;
pub use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::pki_types::{ServerName, UnixTime};
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};

/// Certificates that cannot be used.
#[derive(Debug)]
pub struct TlsError(String);

impl TlsError {
    fn new(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

impl std::fmt::Display for TlsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsError {}

/// Sees to it that this process can speak TLS: without a provider of cryptography the first connection
/// would panic. Another one of the program's own stays.
pub fn install_provider() {
    if CryptoProvider::get_default().is_none() {
        let _ = ring::default_provider().install_default();
    }
}

/// The certificates in PEM text.
///
/// # Errors
/// If there is none, or one that cannot be read.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(TlsError::new)?;
    if found.is_empty() {
        return Err(TlsError::new("no certificate in it"));
    }
    Ok(found)
}

/// Which servers are believed.
#[derive(Clone, Debug)]
pub struct Trust {
    roots: RootCertStore,
    /// Certificates that were named.
    named: Vec<CertificateDer<'static>>,
}

impl Trust {
    /// Nobody, until you [name](Trust::and) certificates.
    #[must_use]
    pub fn nobody() -> Self {
        Self {
            roots: RootCertStore::empty(),
            named: Vec::new(),
        }
    }

    /// Those the system trusts. Reads its certificates from the disk.
    #[must_use]
    pub fn system() -> Self {
        let mut trust = Self::nobody();
        // Some of a system's certificates are always odd; those that are not count.
        let found = rustls_native_certs::load_native_certs().certs;
        trust.roots.add_parsable_certificates(found);
        trust
    }

    /// Believes what these authorities have signed, and a server that shows one of these very
    /// certificates and has its key: what `openssl req -x509` makes is an authority and its server in
    /// one. By the rules an authority is no server, but whoever has its key could sign one with any
    /// name.
    ///
    /// # Errors
    /// If one of them is no certificate.
    pub fn and(mut self, certificates: Vec<CertificateDer<'static>>) -> Result<Self, TlsError> {
        for certificate in &certificates {
            let added = self.roots.add(certificate.clone());
            added.map_err(TlsError::new)?;
        }
        self.named.extend(certificates);
        Ok(self)
    }

    /// The settings of a client that believes these servers, and shows them a certificate of its own
    /// if it has one: its chain, and its key. Where nobody is believed every connection fails; plain
    /// HTTP needs nobody.
    ///
    /// # Errors
    /// If certificate and key do not go together.
    pub fn client_config(
        self,
        identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    ) -> Result<ClientConfig, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::new)?;
        let builder = if self.named.is_empty() {
            builder.with_root_certificates(self.roots)
        } else {
            let verifier = Arc::new(self.verifier(provider)?);
            builder
                .dangerous()
                .with_custom_certificate_verifier(verifier)
        };
        match identity {
            None => Ok(builder.with_no_client_auth()),
            Some((chain, key)) => builder
                .with_client_auth_cert(chain, key)
                .map_err(TlsError::new),
        }
    }

    fn verifier(self, provider: Arc<CryptoProvider>) -> Result<Verifier, TlsError> {
        let signed = WebPkiServerVerifier::builder_with_provider(Arc::new(self.roots), provider);
        Ok(Verifier {
            signed: signed.build().map_err(TlsError::new)?,
            named: self.named,
        })
    }
}

/// Asks the authorities first, and looks then whether the certificate was named.
#[derive(Debug)]
struct Verifier {
    signed: Arc<WebPkiServerVerifier>,
    named: Vec<CertificateDer<'static>>,
}

/// Whether all that is wrong with a certificate, its time included, is that it is an authority's.
fn is_an_authority(error: &Error) -> bool {
    match error {
        Error::InvalidCertificate(CertificateError::Other(OtherError(why))) => {
            why.to_string() == "CaUsedAsEndEntity"
        }
        _ => false,
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let signed = self
            .signed
            .verify_server_cert(shown, between, name, ocsp, now);
        match signed {
            Err(error)
                if is_an_authority(&error) && self.named.iter().any(|named| named == shown) =>
            {
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed.verify_tls12_signature(message, shown, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed.verify_tls13_signature(message, shown, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signed.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// What `openssl req -x509` makes; nothing if there is no openssl here.
    fn certificate(dir: &std::path::Path, name: &str) -> Option<CertificateDer<'static>> {
        let mut make = Command::new("openssl");
        make.args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"]);
        make.args(["-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj"]);
        make.args(["/CN=here", "-keyout", "key.pem", "-out", name]);
        let made = make.current_dir(dir).output();
        made.ok().filter(|made| made.status.success())?;
        CertificateDer::from_pem_file(dir.join(name)).ok()
    }

    #[test]
    fn a_server_may_show_the_very_certificate_that_is_named_and_no_other_authority() {
        let dir = tempfile::tempdir().unwrap();
        let (Some(named), Some(other)) = (
            certificate(dir.path(), "named.pem"),
            certificate(dir.path(), "other.pem"),
        ) else {
            return;
        };
        let trust = Trust::system().and(vec![named.clone()]).unwrap();
        let trusted = trust.verifier(Arc::new(ring::default_provider())).unwrap();
        let name = ServerName::try_from("anything.example").unwrap();
        let shown = |shown: &CertificateDer<'_>, now| {
            let verified = trusted.verify_server_cert(shown, &[], &name, &[], now);
            verified.map(|_| ())
        };
        assert_eq!(shown(&named, UnixTime::now()), Ok(()));
        assert!(shown(&other, UnixTime::now()).is_err());
        let later = UnixTime::now().as_secs() + 3 * 24 * 3600;
        let later = UnixTime::since_unix_epoch(std::time::Duration::from_secs(later));
        assert!(shown(&named, later).is_err(), "it has expired");
    }

    #[test]
    fn a_system_without_certificates_still_speaks_plain_http() {
        assert!(Trust::nobody().client_config(None).is_ok());
    }

    #[test]
    fn rubbish_is_no_certificate() {
        let rubbish = CertificateDer::from(vec![1, 2, 3]);
        assert!(Trust::nobody().and(vec![rubbish]).is_err());
        assert!(certificates(b"nothing").is_err());
    }
}
