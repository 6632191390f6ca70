//! TLS of a listener: the certificate that is in force, swapped whole, and the handshake before the first request.
//!
//! [`Pair::of_pem`] checks a certificate and its key and says what they are good for; an [`Identity`] is the pair that a
//! listener shows, and [`Identity::install`] replaces it for the handshakes that begin from then on. Nothing here reads
//! files or looks at the clock. The cryptography is named where it is used, so that nothing depends on what a process
//! has installed.

mod handshake;
mod pair;
mod validity;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

pub use handshake::secure;
pub use pair::{Fingerprint, Pair, PairFault, Part};
pub use validity::Validity;

/// The certificate that a listener shows; clones are the same.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    pair: ArcSwap<Pair>,
    fault: Mutex<Option<String>>,
}

impl Identity {
    /// A listener's certificate, to begin with.
    pub fn new(pair: Pair) -> Self {
        Self(Arc::new(Inner { pair: ArcSwap::from_pointee(pair), fault: Mutex::new(None) }))
    }

    /// The pair in force.
    pub fn pair(&self) -> Arc<Pair> {
        self.0.pair.load_full()
    }

    /// Puts a pair in force: handshakes that begin now use it, connections that are there go on.
    pub fn install(&self, pair: Pair) {
        self.0.pair.store(Arc::new(pair));
        self.set_fault(None);
    }

    /// Why the files as they are now are not in force, if they are not.
    pub fn fault(&self) -> Option<String> {
        self.0.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes why the files are not in force; tells whether that was not known.
    pub fn set_fault(&self, fault: Option<String>) -> bool {
        let mut known = self.0.fault.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = *known != fault;
        *known = fault;
        is_news
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.pair()).finish()
    }
}

/// Why a connection has come to no handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandshakeFault {
    /// It spoke something else than TLS, such as plain HTTP.
    Plain,
    /// It took too long.
    Slow,
    /// The two could not agree, or the peer went away.
    Failed,
}

impl HandshakeFault {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Slow, Self::Failed];

    /// As metrics and logs call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Slow => "slow",
            Self::Failed => "failed",
        }
    }
}
