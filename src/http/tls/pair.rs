//! A certificate and its key: read from PEM, checked against each other, ready for handshakes.

use std::fmt;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use sha2::{Digest, Sha256};

use super::validity::Validity;

/// What a client may agree to speak within TLS.
const PROTOCOL: &[u8] = b"http/1.1";

/// A certificate and the key that belongs to it.
pub struct Pair {
    config: Arc<ServerConfig>,
    validity: Validity,
    fingerprint: Fingerprint,
}

/// SHA-256 of a certificate, shown as 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

/// Which of the two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The certificate, with those that lead to one that clients know.
    Certificate,
    /// The key.
    Key,
}

/// What is wrong with one of the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairFault {
    /// Which.
    pub part: Part,
    /// What is wrong with it.
    pub problem: String,
    /// What would have been right.
    pub expected: &'static str,
}

impl Pair {
    /// Reads both, PEM, and sees that they belong together; whether the certificate is valid now is not asked.
    ///
    /// # Errors
    /// Everything that is wrong with either.
    pub fn of_pem(certificate: &[u8], key: &[u8]) -> Result<Self, Vec<PairFault>> {
        let (chain, key) = match (chain_of(certificate), key_of(key)) {
            (Ok(chain), Ok(key)) => (chain, key),
            (chain, key) => return Err([chain.err(), key.err()].into_iter().flatten().collect()),
        };
        let (leaf, validity, chain) = chain;
        let faulty = |part, problem: String, expected| vec![PairFault { part, problem, expected }];
        let provider = Arc::new(ring::default_provider());
        let signing = provider.key_provider.load_private_key(key).map_err(|_| {
            let expected = "a key for ECDSA (P-256, P-384), Ed25519 or RSA (2048 to 8192 bits)";
            faulty(Part::Key, "is of a kind that cannot be used".to_owned(), expected)
        })?;
        let certified = CertifiedKey::new(chain, signing);
        certified.keys_match().map_err(|why| match why {
            rustls::Error::InconsistentKeys(_) => {
                let problem = "does not belong to the certificate".to_owned();
                faulty(Part::Key, problem, "the key that the certificate was made for")
            }
            why => faulty(Part::Certificate, format!("cannot be used: {why}"), CERTIFICATE),
        })?;
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|why| faulty(Part::Key, format!("cannot be used: {why}"), KEY))?;
        let resolver = Arc::new(SingleCertAndKey::from(certified));
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(Self { config: Arc::new(config), validity, fingerprint: leaf })
    }

    /// From when until when the certificate is valid.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// What tells the certificate from any other.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// What handshakes are made by: each pair with a memory of sessions of its own, so that none outlives its pair.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

impl Fingerprint {
    /// The fingerprint of a certificate, DER.
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }

    /// Reads 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let digits = text.as_bytes().chunks_exact(2);
        let is_whole = digits.len() == bytes.len() && digits.remainder().is_empty();
        for (byte, digits) in bytes.iter_mut().zip(digits) {
            let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
            *byte = u8::from_str_radix(digits, 16).ok()?;
        }
        is_whole.then_some(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Pair {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair")
            .field("fingerprint", &self.fingerprint.to_string())
            .field("validity", &self.validity)
            .finish_non_exhaustive()
    }
}

const CERTIFICATE: &str = "PEM: -----BEGIN CERTIFICATE-----, the listener's own first";
const KEY: &str = "PEM: -----BEGIN PRIVATE KEY-----, not encrypted";

type Chain = (Fingerprint, Validity, Vec<CertificateDer<'static>>);

fn chain_of(text: &[u8]) -> Result<Chain, PairFault> {
    let fault = |problem: String| PairFault { part: Part::Certificate, problem, expected: CERTIFICATE };
    let chain: Vec<_> = CertificateDer::pem_slice_iter(text)
        .collect::<Result<_, _>>()
        .map_err(|why| fault(format!("cannot be read: {why}")))?;
    let leaf = chain.first().ok_or_else(|| fault("holds no certificate".to_owned()))?;
    let fingerprint = Fingerprint::of(leaf);
    let validity = Validity::of_certificate(leaf)
        .ok_or_else(|| fault("holds something that is no certificate".to_owned()))?;
    Ok((fingerprint, validity, chain))
}

fn key_of(text: &[u8]) -> Result<PrivateKeyDer<'static>, PairFault> {
    PrivateKeyDer::from_pem_slice(text).map_err(|why| PairFault {
        part: Part::Key,
        problem: match why {
            pem::Error::NoItemsFound => "holds no key, or an encrypted one".to_owned(),
            why => format!("cannot be read: {why}"),
        },
        expected: KEY,
    })
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn made() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    fn problems(certificate: &str, key: &str) -> Vec<(Part, String)> {
        let faults = Pair::of_pem(certificate.as_bytes(), key.as_bytes()).unwrap_err();
        faults.into_iter().map(|fault| (fault.part, fault.problem)).collect()
    }

    #[test]
    fn a_key_of_another_certificate_is_told() {
        let ((certificate, key), (_, other)) = (made(), made());
        Pair::of_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
        let told = problems(&certificate, &other);
        assert_eq!(told, [(Part::Key, "does not belong to the certificate".to_owned())]);
    }

    #[test]
    fn what_is_wrong_with_either_is_told_at_once() {
        let (certificate, key) = made();
        assert_eq!(problems(&key, &certificate).len(), 2);
        assert_eq!(problems("", "").len(), 2);
        assert_eq!(problems(&certificate[..certificate.len() / 2], "x").len(), 2);
        let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(problems(nonsense, &key).len(), 1);
    }

    #[test]
    fn a_fingerprint_is_that_of_the_first_certificate() {
        let ((certificate, key), (other, _)) = (made(), made());
        let alone = Pair::of_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
        let chain = Pair::of_pem(format!("{certificate}{other}").as_bytes(), key.as_bytes()).unwrap();
        assert_eq!(alone.fingerprint(), chain.fingerprint());
        let text = alone.fingerprint().to_string();
        assert_eq!(Fingerprint::parse(&text), Some(alone.fingerprint()));
        for wrong in ["", &text[2..], &format!("{text}0"), &text.replace(&text[..1], "+")] {
            assert_eq!(Fingerprint::parse(wrong), None, "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "(-----BEGIN (CERTIFICATE|PRIVATE KEY|EC PRIVATE KEY)-----\n|-----END CERTIFICATE-----\n|[A-Za-z0-9+/=]{0,9}\n){0,9}") {
            let _ = Pair::of_pem(text.as_bytes(), text.as_bytes());
        }
    }
}
