//! Keys that people make and end.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::{Author, Command, Outcome};
use crate::domain::account::{KEYS_MAX, Key, KeyDigest};
use crate::domain::agent::AgentRef;
use crate::domain::change::Change;
use crate::domain::id::AccountId;
use crate::domain::refusal::{FieldFault, Refusal, RefusalKind};
use crate::domain::sight::Sight;
use crate::domain::state::State;
use crate::domain::time::Timestamp;

/// Names that stand for others than keys in the history.
const RESERVED: [&str; 2] = ["files", "console"];

impl State {
    /// The keys of an account. Cost: a look-up, and the keys.
    pub fn keys_of(&self, account: &AccountId) -> impl Iterator<Item = &Key> {
        let from = (account.clone(), KeyDigest([0; 32]));
        let keys = self.account_keys.range_from(Bound::Included(&from));
        keys.take_while(move |((owner, _), _)| *owner == from.0).map(|(_, key)| key.as_ref())
    }

    /// Makes a key that can do no more than its maker.
    pub(super) fn create_key(&self, command: &Command, key: &Key) -> Result<Outcome, Refusal> {
        if let Author::Key { key: maker, .. } = &command.author {
            no_more_than(maker, key)?;
        }
        let faults = self.faults_of_key(key, command.at);
        if !faults.is_empty() {
            return Err(Refusal::fields(faults));
        }
        if self.keys_of(&key.account).any(|other| other.name == key.name) {
            let message = format!("there is a key {} already: choose another name", key.name);
            return Err(Refusal::new(RefusalKind::Conflict, "ALREADY_EXISTS", message));
        }
        if self.keys_of(&key.account).count() >= KEYS_MAX {
            let message = format!("the account has {KEYS_MAX} keys: delete some that nobody uses");
            return Err(Refusal::new(RefusalKind::Conflict, "TOO_MANY_KEYS", message));
        }
        Ok(Outcome {
            changes: vec![Change::KeyPut(key.clone())],
            action: "key.create",
            target: key.id.clone(),
            summary: format!("the key {} was made", key.name),
            ..Outcome::default()
        })
    }

    /// Ends a key, unless nobody could make another one then.
    pub(super) fn delete_key(&self, command: &Command, id: &str) -> Result<Outcome, Refusal> {
        let account = &command.account;
        let key = self.keys_of(account).find(|key| key.id == id);
        let key = key.ok_or_else(|| no_key(id))?;
        if !Sight::of_author(self, &command.author).key(key) {
            return Err(Refusal::hidden());
        }
        if key.rules() && !self.keys_of(account).any(|other| other.rules() && other.digest != key.digest) {
            let message = format!(
                "{} is the last key that may do anything in the account for ever: make another such key first, or make this \
                 one anew with `cordboard keys reset`",
                key.name
            );
            return Err(Refusal::new(RefusalKind::Conflict, "LAST_ADMIN_KEY", message));
        }
        Ok(Outcome {
            changes: vec![Change::KeyRemoved(key.clone())],
            action: "key.delete",
            target: key.id.clone(),
            summary: format!("the key {} was ended", key.name),
            ..Outcome::default()
        })
    }

    fn faults_of_key(&self, key: &Key, now: Timestamp) -> Vec<FieldFault> {
        let mut faults = Vec::new();
        let mut fault = |field: &str, message: String| {
            faults.push(FieldFault { field: field.to_owned(), message });
        };
        if RESERVED.contains(&key.name.as_str()) {
            fault("name", format!("is what the history calls the {}: choose another name", key.name));
        }
        let agents = key.agents.as_deref().unwrap_or_default();
        let mut seen = BTreeSet::new();
        for (at, agent) in agents.iter().enumerate() {
            let field = format!("agents[{at}]");
            let id = AgentRef { account: key.account.clone(), agent: agent.clone() };
            if self.agent(&id).is_none() {
                fault(&field, format!("there is no agent {agent}"));
            } else if !seen.insert(agent) {
                fault(&field, format!("names {agent} again"));
            }
        }
        if key.agents.is_some() && agents.is_empty() {
            fault("agents", "names none: expected at least one agent, or no list for all of them".to_owned());
        }
        if key.expired(now) {
            fault("expiresAt", "is over: expected a time to come".to_owned());
        }
        faults
    }
}

/// The refusal of a key that is not there.
#[must_use]
pub fn no_key(id: &str) -> Refusal {
    Refusal::not_found("KEY_NOT_FOUND", format!("there is no key {id}"))
}

/// A key gives what it has itself: permissions, agents, and time.
fn no_more_than(maker: &Key, key: &Key) -> Result<(), Refusal> {
    let forbidden = |why: String| Err(Refusal::new(RefusalKind::Forbidden, "USER_ACCESS_FORBIDDEN", why));
    if let Some(more) = key.permissions.iter().find(|permission| !maker.may(**permission)) {
        return forbidden(format!(
            "the key has not the permission `{}` itself, and cannot give it",
            more.as_str()
        ));
    }
    if !maker.sees_all_of(key) {
        return forbidden("the key is limited to some agents, and cannot give more".to_owned());
    }
    let outlives = |end| key.expires_at.is_none_or(|at| at > end);
    if maker.expires_at.is_some_and(outlives) {
        return forbidden("the key ends some day, and cannot make one that lives longer".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::account::Permission;
    use crate::domain::command::Action;
    use crate::domain::testing::*;

    fn named(name: &str, digest: u8) -> Key {
        Key { id: format!("key-{name}"), name: name.to_owned(), digest: KeyDigest([digest; 32]), ..key() }
    }

    fn by(state: &State, maker: &Key, action: Action) -> Result<Outcome, Refusal> {
        let author = Author::Key { key: Arc::new(maker.clone()), actor: None };
        let command = Command { account: account(), author, at: Timestamp(1_000), action };
        state.authorise(&command)?;
        state.weigh(&command)
    }

    fn make(state: &State, maker: &Key, key: &Key) -> Result<Outcome, Refusal> {
        by(state, maker, Action::CreateKey(key.clone()))
    }

    #[test]
    fn a_key_gives_what_it_has_and_no_more() {
        let mut state = world();
        let sales = || Some(vec!["sales".parse().unwrap()]);
        let poor = Key { permissions: vec![Permission::Admin, Permission::Read], ..named("poor", 1) };
        let limited = Key { agents: sales(), ..named("limited", 2) };
        let brief = Key { expires_at: Some(Timestamp(2_000)), ..named("brief", 3) };
        for maker in [&poor, &limited, &brief] {
            state.act(Action::CreateKey(maker.clone())).unwrap();
        }
        let reader = Key { permissions: vec![Permission::Read], ..named("reader", 9) };
        let both = Key {
            agents: Some(vec!["sales".parse().unwrap(), "reception".parse().unwrap()]),
            ..named("both", 9)
        };
        let within = Key { agents: sales(), expires_at: Some(Timestamp(2_000)), ..reader.clone() };
        let later = Key { expires_at: Some(Timestamp(2_001)), ..named("later", 9) };
        for (maker, more) in [
            (&poor, named("all", 9)),
            (&limited, reader.clone()),
            (&limited, both),
            (&brief, reader.clone()),
            (&brief, later),
        ] {
            let refused = make(&state, maker, &more).unwrap_err();
            assert_eq!(
                (refused.kind, refused.code),
                (RefusalKind::Forbidden, "USER_ACCESS_FORBIDDEN"),
                "{more:?}"
            );
        }
        assert!(make(&state, &poor, &reader).is_ok());
        assert!(make(&state, &limited, &within).is_ok());
        assert!(make(&state, &brief, &within).is_ok());
    }

    #[test]
    fn names_are_unique_and_none_that_the_history_needs() {
        let mut state = world();
        state.act(Action::CreateKey(named("ci", 1))).unwrap();
        assert_eq!(state.act(Action::CreateKey(named("ci", 2))).unwrap_err().code, "ALREADY_EXISTS");
        for name in RESERVED {
            assert_eq!(state.act(Action::CreateKey(named(name, 2))).unwrap_err().fields[0].field, "name");
        }
    }

    #[test]
    fn every_fault_of_a_key_is_told_by_its_place() {
        let agents = ["sales", "nobody", "sales"].map(|agent| agent.parse().unwrap()).to_vec();
        let wrong = Key { agents: Some(agents), expires_at: Some(Timestamp(0)), ..named("ci", 1) };
        let mut state = world();
        let refused = state.act(Action::CreateKey(wrong)).unwrap_err();
        let fields: Vec<_> = refused.fields.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["agents[1]", "agents[2]", "expiresAt"]);
        let none = Key { agents: Some(Vec::new()), ..named("ci", 1) };
        assert_eq!(state.act(Action::CreateKey(none)).unwrap_err().fields[0].field, "agents");
    }

    #[test]
    fn the_last_key_that_rules_stays_whatever_lesser_ones_there_are() {
        let mut state = world();
        let lesser = [
            Key { permissions: vec![Permission::Read], ..named("poor", 1) },
            // It could give away nothing but itself.
            Key { permissions: vec![Permission::Admin], ..named("keys", 5) },
            Key { agents: Some(vec!["sales".parse().unwrap()]), ..named("limited", 2) },
            Key { expires_at: Some(Timestamp(i64::MAX)), ..named("brief", 3) },
        ];
        for key in lesser {
            state.act(Action::CreateKey(key)).unwrap();
        }
        let delete = |id: &str| Action::DeleteKey(id.to_owned());
        assert_eq!(state.act(delete("key-1")).unwrap_err().code, "LAST_ADMIN_KEY");
        assert_eq!(state.act(delete("key-nobody")).unwrap_err().code, "KEY_NOT_FOUND");
        state.act(Action::CreateKey(named("second", 4))).unwrap();
        state.act(delete("key-1")).unwrap();
        assert!(!state.keys.contains_key(&key().digest));
        assert_eq!(state.act(delete("key-second")).unwrap_err().code, "LAST_ADMIN_KEY");
        assert_eq!(state.keys_of(&account()).count(), 5);
    }

    #[test]
    fn a_limited_key_ends_none_that_sees_more() {
        let mut state = world();
        let limited = Key { agents: Some(vec!["sales".parse().unwrap()]), ..named("limited", 1) };
        let child = Key { agents: limited.agents.clone(), ..named("child", 2) };
        for key in [&limited, &child, &named("second", 3)] {
            state.act(Action::CreateKey(key.clone())).unwrap();
        }
        let hidden = by(&state, &limited, Action::DeleteKey("key-second".to_owned())).unwrap_err();
        assert_eq!(hidden.kind, RefusalKind::Forbidden);
        assert!(by(&state, &limited, Action::DeleteKey("key-child".to_owned())).is_ok());
    }

    #[test]
    fn an_account_has_so_many_keys_and_no_more() {
        let mut state = world();
        let digest = |n: usize| {
            let mut digest = [9; 32];
            digest[..8].copy_from_slice(&n.to_be_bytes());
            KeyDigest(digest)
        };
        let numbered = |n: usize| Key { digest: digest(n), ..named(&format!("k{n}"), 0) };
        let before = state.keys_of(&account()).count();
        for n in before..KEYS_MAX {
            state.act(Action::CreateKey(numbered(n))).unwrap();
        }
        assert_eq!(state.act(Action::CreateKey(numbered(KEYS_MAX))).unwrap_err().code, "TOO_MANY_KEYS");
    }
}
