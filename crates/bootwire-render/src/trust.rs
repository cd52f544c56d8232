//! Which servers are believed where certificates are named: those the system trusts, and these.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};

/// Believes what the authorities have signed, and a server that shows one of their own certificates
/// and has its key: what `openssl req -x509` makes is an authority and its server in one. By the
/// rules an authority is no server, but whoever has its key could sign one with any name.
#[derive(Debug)]
pub(crate) struct Authorities {
    signed: Arc<WebPkiServerVerifier>,
    own: Vec<CertificateDer<'static>>,
}

impl Authorities {
    /// Those the system trusts, and these.
    pub(crate) fn beside_the_systems(
        certificates: Vec<CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        // Some of a system's certificates are always odd; those that are not count.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        for certificate in &certificates {
            roots
                .add(certificate.clone())
                .map_err(|error| error.to_string())?;
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        Ok(Self {
            signed: verifier.build().map_err(|error| error.to_string())?,
            own: certificates,
        })
    }
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

impl ServerCertVerifier for Authorities {
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
            Err(error) if is_an_authority(&error) && self.own.iter().any(|own| own == shown) => {
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

    use rustls::pki_types::pem::PemObject;

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
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let trusted = Authorities::beside_the_systems(vec![named.clone()], provider).unwrap();
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
}
