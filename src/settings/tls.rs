//! Where a listener's certificate and its key are, as settings say it.

use std::path::{Path, PathBuf};

use super::fault::Fault;
use super::section::Said;

/// The files of a certificate and its key; two are equal where they name the same files.
#[derive(Debug, Clone)]
pub struct Tls {
    /// PEM: the listener's certificate, and behind it those that lead to one that clients know.
    pub cert: PathBuf,
    /// PEM: the key that belongs to it.
    pub key: PathBuf,
    cert_said: Said<String>,
    key_said: Said<String>,
}

impl Tls {
    /// The fault of the certificate's file, where the settings name it.
    pub fn cert_fault(&self, problem: &str, expected: &str) -> Fault {
        self.cert_said.fault(format!("({}) {problem}", self.cert.display()), expected)
    }

    /// The fault of the key's file, where the settings name it.
    pub fn key_fault(&self, problem: &str, expected: &str) -> Fault {
        self.key_said.fault(format!("({}) {problem}", self.key.display()), expected)
    }

    /// What two keys of the settings mean together; both are files, relative to the folder of the settings.
    pub(super) fn meant(
        cert: &Option<Said<String>>,
        key: &Option<Said<String>>,
        config: &Path,
        faults: &mut Vec<Fault>,
    ) -> Pair {
        let said = |said: &Option<Said<String>>| said.clone().filter(|said| !said.value.trim().is_empty());
        match (said(cert), said(key)) {
            (None, None) => Pair::Unsaid,
            (Some(cert), Some(key)) => Pair::Whole(Box::new(Self {
                cert: config.join(&cert.value),
                key: config.join(&key.value),
                cert_said: cert,
                key_said: key,
            })),
            (Some(cert), None) => {
                let other = cert.key.replace("tls_cert", "tls_key");
                faults.push(cert.fault("is said without its key", format!("{other} too")));
                Pair::Half
            }
            (None, Some(key)) => {
                let other = key.key.replace("tls_key", "tls_cert");
                faults.push(key.fault("is said without its certificate", format!("{other} too")));
                Pair::Half
            }
        }
    }
}

impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        (&self.cert, &self.key) == (&other.cert, &other.key)
    }
}

impl Eq for Tls {}

/// A certificate and its key, as far as they were said.
#[derive(Debug, Clone)]
pub(super) enum Pair {
    /// Neither.
    Unsaid,
    /// One without the other.
    Half,
    /// Both.
    Whole(Box<Tls>),
}

impl Pair {
    /// The two files, where both were said.
    pub(super) fn whole(self) -> Option<Tls> {
        match self {
            Self::Whole(tls) => Some(*tls),
            Self::Unsaid | Self::Half => None,
        }
    }
}
