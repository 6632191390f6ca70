//! How the files, the store and the keys of tokens are: what an operator looks at first.

use std::sync::{Mutex, PoisonError};

use crate::domain::fault::Fault;
use crate::domain::id::ConfigHash;
use crate::domain::time::Timestamp;

/// How the last reading of the files went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReloadStatus {
    /// When.
    pub at: Timestamp,
    /// When files were last taken or found unchanged; nothing if that was before the start.
    pub taken_at: Option<Timestamp>,
    /// Fingerprint of the set in force.
    pub hash: Option<ConfigHash>,
    /// Fingerprint of a set that waits to be accepted.
    pub held: Option<ConfigHash>,
    /// What is wrong with the files as they are now; empty: nothing, they are in force.
    pub faults: Vec<Fault>,
    /// What the operator should know of the set in force.
    pub warnings: Vec<String>,
    /// What the files in force list although the API has it.
    pub shadowed: Vec<String>,
}

/// Shared by those who write it and those who show it.
#[derive(Debug, Default)]
pub struct Status {
    reload: Mutex<ReloadStatus>,
    store_fault: Mutex<Option<String>>,
    token_key_fault: Mutex<Option<String>>,
}

impl Status {
    /// How the last reading of the files went.
    #[must_use]
    pub fn reload(&self) -> ReloadStatus {
        self.reload.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes how a reading went.
    pub fn set_reload(&self, status: ReloadStatus) {
        *self.reload.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }

    /// Why the last write to the store failed, if it did.
    #[must_use]
    pub fn store_fault(&self) -> Option<String> {
        self.store_fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes how the last write to the store went.
    pub fn set_store_fault(&self, fault: Option<String>) {
        *self.store_fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// Why the file of the keys of tokens cannot be read as it is now, if it cannot.
    #[must_use]
    pub fn token_key_fault(&self) -> Option<String> {
        self.token_key_fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes how the last look at that file went.
    pub fn set_token_key_fault(&self, fault: Option<String>) {
        *self.token_key_fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }
}
