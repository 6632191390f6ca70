//! Configurations of what serves or has calls, for whoever runs them.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock, Weak};

use dashmap::DashMap;
use foldhash::fast::FixedState;

use super::table::Served;
use crate::domain::agent_config::AgentConfig;
use crate::domain::id::{AccountId, ConfigHash};

/// Most bodies that are asked for and not yet fetched; more are not fetched.
const WANTED_MAX: usize = 1_024;

/// A whole configuration as JSON, defaults filled in.
#[derive(Debug, PartialEq, Eq)]
pub struct Body {
    /// Its fingerprint.
    pub hash: ConfigHash,
    /// The document.
    pub json: Arc<[u8]>,
}

/// Where canonical configurations come from.
pub trait Bodies {
    /// The canonical text behind a fingerprint, if it can be had.
    fn canonical(&self, hash: ConfigHash) -> Option<Arc<[u8]>>;
}

impl<F: Fn(ConfigHash) -> Option<Arc<[u8]>>> Bodies for F {
    fn canonical(&self, hash: ConfigHash) -> Option<Arc<[u8]>> {
        self(hash)
    }
}

/// Bodies in memory, by account and fingerprint.
///
/// The shelf does not keep them: the table does while they serve, and calls do while they are in progress. When the
/// last of these lets go, the body is gone from here too.
#[derive(Debug, Default)]
pub struct Shelf {
    bodies: DashMap<(AccountId, ConfigHash), Weak<Body>, FixedState>,
    wanted: OnceLock<SyncSender<Weak<Served>>>,
}

impl Shelf {
    /// A body that is in use.
    #[must_use]
    pub fn get(&self, account: &AccountId, hash: ConfigHash) -> Option<Arc<Body>> {
        self.bodies.get(&(account.clone(), hash)).and_then(|weak| weak.upgrade())
    }

    /// A body for use: the one in memory, else made from its canonical text.
    pub fn take(&self, account: &AccountId, hash: ConfigHash, bodies: &dyn Bodies) -> Option<Arc<Body>> {
        if let Some(body) = self.get(account, hash) {
            return Some(body);
        }
        let config = AgentConfig::from_stored(&bodies.canonical(hash)?).ok()?;
        let json = serde_json::to_vec(&config.to_json()).ok()?;
        let body = Arc::new(Body { hash, json: json.into() });
        let mut place = self.bodies.entry((account.clone(), hash)).or_default();
        // Somebody else may have been quicker, and what they hold must stay to be found.
        if let Some(first) = place.upgrade() {
            return Some(first);
        }
        *place = Arc::downgrade(&body);
        Some(body)
    }

    /// What serves by name without its body, as calls bring it: for somebody who may wait for a store, and fetches.
    /// Ends with the shelf. Only the first who asks is told.
    #[must_use]
    pub fn wanted(&self) -> Receiver<Weak<Served>> {
        let (send, receive) = sync_channel(WANTED_MAX);
        // A second one hears nothing: its sending half is gone already.
        let _ = self.wanted.set(send);
        receive
    }

    /// Gives a version that a call names its body: at once if it is in memory, else a little later.
    pub fn want(&self, served: &Arc<Served>) {
        match (self.get(&served.agent.account, served.version.hash), self.wanted.get()) {
            // Nobody else has given it one.
            (Some(body), _) => drop(served.body.set(body)),
            // Where there is no room the body stays unknown, as it is where there is no store.
            (None, Some(wanted)) => drop(wanted.try_send(Arc::downgrade(served))),
            (None, None) => {}
        }
    }

    /// Fetches the body of what is wanted.
    pub fn fetch(&self, wanted: &Weak<Served>, bodies: &dyn Bodies) {
        if let Some(served) = wanted.upgrade()
            && let Some(body) = self.take(&served.agent.account, served.version.hash, bodies)
        {
            // Fetched twice it is the same.
            let _ = served.body.set(body);
        }
    }

    /// Forgets the names of bodies that nobody holds any more.
    pub fn sweep(&self) {
        self.bodies.retain(|_, weak| weak.strong_count() > 0);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::OnceCell;

    use super::*;

    #[test]
    fn two_who_take_a_body_at_once_hold_the_same() {
        let shelf = Shelf::default();
        let account = AccountId::first();
        let config = AgentConfig::from_toml("name = \"x\"").unwrap();
        let (hash, text) = (config.hash(), Arc::<[u8]>::from(config.canonical_json()));
        let quicker = OnceCell::new();
        // While one reads the store, another one takes the same body.
        let slow = |_| {
            quicker.get_or_init(|| shelf.take(&account, hash, &|_| Some(Arc::clone(&text))));
            Some(Arc::clone(&text))
        };
        drop(shelf.take(&account, hash, &slow).unwrap());
        assert!(shelf.get(&account, hash).is_some(), "in use, but not to be found");
        drop(quicker);
    }
}
