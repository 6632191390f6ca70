//! Whom a client believes to be the router it meant.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::failure::Failure;
use crate::http::tls::Fingerprint;

/// Whom a client believes, where it speaks TLS.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Trust {
    /// Whom this machine trusts.
    System,
    /// Those of a file that the operator names: who has issued the router's certificate, or that certificate itself.
    Given(Vec<CertificateDer<'static>>),
    /// The one certificate that the router said in its data folder, whatever its name and whoever has issued it.
    Exactly(Fingerprint),
}

impl Trust {
    /// Trust in the certificates of a file, PEM.
    pub(super) fn of_file(path: &Path, source: &str) -> Result<Self, Failure> {
        let refused = |why: &dyn std::fmt::Display| {
            Failure::Usage(format!("{source}: {}: {why}: expected certificates, PEM", path.display()))
        };
        let certificates: Result<Vec<_>, _> =
            CertificateDer::pem_file_iter(path).map_err(|why| refused(&why))?.collect();
        match certificates {
            Ok(certificates) if certificates.is_empty() => Err(refused(&"holds no certificate")),
            Ok(certificates) => Ok(Self::Given(certificates)),
            Err(why) => Err(refused(&why)),
        }
    }

    /// How to begin TLS with whom this trusts.
    pub(super) fn config(&self) -> Result<Arc<ClientConfig>, Error> {
        let provider = Arc::new(ring::default_provider());
        let (exactly, issuers) = match self {
            Self::System => (Vec::new(), rustls_native_certs::load_native_certs().certs),
            Self::Given(all) => (all.iter().map(|one| Fingerprint::of(one)).collect(), all.clone()),
            Self::Exactly(fingerprint) => (vec![*fingerprint], Vec::new()),
        };
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(issuers);
        let by_issuer =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
        // It refuses to be made of nobody, who indeed issues nothing.
        let believed = Believed { exactly, by_issuer: by_issuer.ok(), provider: Arc::clone(&provider) };
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let config = config.dangerous().with_custom_certificate_verifier(Arc::new(believed));
        Ok(Arc::new(config.with_no_client_auth()))
    }
}

/// Believes certificates that it knows, and those of issuers that it knows; that the other side has the key of its
/// certificate is asked of everybody.
#[derive(Debug)]
struct Believed {
    exactly: Vec<Fingerprint>,
    by_issuer: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Believed {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.exactly.contains(&Fingerprint::of(certificate)) {
            return Ok(ServerCertVerified::assertion());
        }
        match &self.by_issuer {
            Some(issuers) => issuers.verify_server_cert(certificate, others, name, ocsp, now),
            None => Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
