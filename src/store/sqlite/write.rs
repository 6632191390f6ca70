//! How facts become rows.

use std::borrow::Cow;
use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use serde::Serialize;

use super::failure::{Failure, Result};
use super::staged;
use crate::domain::agent::{AgentRef, PAST_DRAFTS_MAX, Version};
use crate::domain::caller_pin::CallerPinRef;
use crate::domain::change::{Change, Entry, NumberChanges, SplitRef};
use crate::domain::command::Body;
use crate::domain::deployment::Deployment;
use crate::domain::id::{Revision, VersionNumber};
use crate::store::durable::{durable, logged};
use crate::store::error::{Deed, StoreErrorKind};
use crate::store::port::{Commit, CommitError};

/// Kinds of rows in `part`.
pub(super) const BRANCH: &str = "branch";
pub(super) const CONNECTOR: &str = "connector";
pub(super) const CONFIG_PAGE: &str = "config-page";
/// What an agent is tested by, as a part of it.
pub(super) const TESTS: &str = "tests";
/// A run of tests as a part of an agent.
pub(super) const TEST_RUN: &str = "test-run";

/// Makes the commits in one transaction, or none of them.
pub(super) fn commit(
    connection: &mut Connection,
    expected: Revision,
    commits: &[Commit],
) -> std::result::Result<Revision, CommitError> {
    let told = |failure: Failure| CommitError::Failed(failure.told(Deed::Write));
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(|error| told(error.into()))?;
    let head = head(&transaction).map_err(told)?;
    if head != expected {
        return Err(CommitError::Stale { head });
    }
    write_all(transaction, head, commits).map_err(told)
}

pub(super) fn head(connection: &Connection) -> Result<Revision> {
    let revision: i64 =
        connection.prepare_cached("SELECT revision FROM head")?.query_row([], |row| row.get(0))?;
    u64::try_from(revision).map(Revision).map_err(Failure::damage)
}

fn write_all(transaction: Transaction<'_>, mut head: Revision, commits: &[Commit]) -> Result<Revision> {
    for Commit { entry, staged, changes, bodies } in commits {
        if entry.revision != head.next() {
            return Err(Failure::Known(StoreErrorKind::OutOfOrder));
        }
        head = entry.revision;
        let rows = Rows(&transaction);
        if let Some(staged) = staged {
            staged::bring_into_force(&transaction, *staged, head)?;
        }
        let changes: Vec<Cow<'_, Change>> = changes.iter().filter_map(durable).collect();
        for change in &changes {
            rows.change(change)?;
        }
        rows.log(entry, &changes)?;
        rows.log_of_agents(entry.revision, &changes)?;
        rows.bodies(bodies)?;
    }
    transaction.prepare_cached("UPDATE head SET revision = ?1")?.execute([integer(head.0)])?;
    transaction.commit()?;
    Ok(head)
}

/// Saves the counts, all or none.
pub(super) fn split_calls(connection: &mut Connection, counts: &[(SplitRef, u64)]) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (id, calls) in counts {
        let (account, split) = (id.account.as_str(), id.split.as_str());
        Rows(&transaction).execute(
            "INSERT INTO split_calls (account, split, calls)
             SELECT account, id, ?3 FROM split WHERE account = ?1 AND id = ?2
             ON CONFLICT DO UPDATE SET calls = excluded.calls",
            params![account, split, integer(*calls)],
        )?;
    }
    transaction.commit()?;
    Ok(())
}

/// The rows of the present within one transaction.
pub(super) struct Rows<'a>(pub(super) &'a Transaction<'a>);

impl Rows<'_> {
    fn execute(&self, sql: &str, values: impl rusqlite::Params) -> Result<()> {
        self.0.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    fn change(&self, change: &Change) -> Result<()> {
        match change {
            Change::AccountPut(account) => self.execute(
                "INSERT INTO account (id, spec) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET spec = excluded.spec",
                params![account.id.as_str(), spec(account)?],
            ),
            Change::KeyPut(key) => self.execute(
                "INSERT INTO key (digest, spec) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET spec = excluded.spec",
                params![key.digest.0, spec(key)?],
            ),
            Change::KeyRemoved(key) => self.execute("DELETE FROM key WHERE digest = ?1", [key.digest.0]),
            Change::AgentPut(profile) => self.execute(
                "INSERT INTO agent (account, name, spec) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET spec = excluded.spec",
                params![profile.id.account.as_str(), profile.id.agent.as_str(), spec(profile)?],
            ),
            Change::AgentRemoved(id) => self.execute(
                "DELETE FROM agent WHERE account = ?1 AND name = ?2",
                [id.account.as_str(), id.agent.as_str()],
            ),
            Change::DraftPut { agent, version } => self.draft(agent, version),
            Change::VersionSaved { agent, version } => {
                version.number.map_or(Ok(()), |number| self.version(agent, number, version))
            }
            Change::Deployed { .. }
            | Change::EnvironmentEmptied { .. }
            | Change::BranchPut { .. }
            | Change::BranchRemoved { .. }
            | Change::ConnectorPut { .. }
            | Change::ConnectorRemoved { .. }
            | Change::ConfigPagePut { .. }
            | Change::TestsPut { .. }
            | Change::TestRunPut { .. }
            | Change::TestRunRemoved { .. } => self.part(change),
            Change::Numbers(numbers) => self.numbers(numbers),
            Change::SplitPut(split) => self.execute(
                "INSERT INTO split (account, id, spec) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET spec = excluded.spec",
                params![split.account.as_str(), split.id.as_str(), spec(split)?],
            ),
            Change::SplitRemoved(id) => self.execute(
                "DELETE FROM split WHERE account = ?1 AND id = ?2",
                [id.account.as_str(), id.split.as_str()],
            ),
            Change::CallerPinPut(pin) => self.execute(
                "INSERT INTO caller_pin (account, agent, caller, spec) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET spec = excluded.spec",
                params![
                    pin.id.agent.account.as_str(),
                    pin.id.agent.agent.as_str(),
                    pin.id.caller.to_string(),
                    spec(pin)?
                ],
            ),
            Change::CallerPinRemoved(CallerPinRef { agent, caller }) => self.execute(
                "DELETE FROM caller_pin WHERE account = ?1 AND agent = ?2 AND caller = ?3",
                params![agent.account.as_str(), agent.agent.as_str(), caller.to_string()],
            ),
            Change::Shadowed(id) => self.execute(
                "INSERT INTO shadowed (account, object) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                params![id.account.as_str(), spec(&id.object)?],
            ),
            Change::Unshadowed(id) => self.execute(
                "DELETE FROM shadowed WHERE account = ?1 AND object = ?2",
                params![id.account.as_str(), spec(&id.object)?],
            ),
            Change::FilesApplied { hash } => self.execute("UPDATE head SET files = ?1", [hash.0]),
            Change::PrefixPut { .. }
            | Change::PrefixRemoved { .. }
            | Change::DefaultPut { .. }
            | Change::DefaultRemoved { .. } => self.fallback(change),
            Change::FileNumbers(_) => Ok(()),
        }
    }

    /// What serves numbers that have no route of their own.
    fn fallback(&self, change: &Change) -> Result<()> {
        match change {
            Change::PrefixPut { prefix, route } => self.execute(
                "INSERT INTO prefix (account, prefix, spec) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET spec = excluded.spec",
                params![route.account.as_str(), prefix.to_string(), spec(route)?],
            ),
            Change::PrefixRemoved { account, prefix } => self.execute(
                "DELETE FROM prefix WHERE account = ?1 AND prefix = ?2",
                params![account.as_str(), prefix.to_string()],
            ),
            Change::DefaultPut { route } => self.execute(
                "INSERT INTO default_route (account, spec) VALUES (?1, ?2)
                 ON CONFLICT DO UPDATE SET spec = excluded.spec",
                params![route.account.as_str(), spec(route)?],
            ),
            Change::DefaultRemoved { account } => {
                self.execute("DELETE FROM default_route WHERE account = ?1", [account.as_str()])
            }
            _ => Ok(()),
        }
    }

    /// Of an agent that is not there nothing is kept, as [`crate::domain::state::State::absorb`] has it.
    fn agent(&self, id: &AgentRef) -> Result<Option<i64>> {
        let mut find = self.0.prepare_cached("SELECT id FROM agent WHERE account = ?1 AND name = ?2")?;
        Ok(find.query_row([id.account.as_str(), id.agent.as_str()], |row| row.get(0)).optional()?)
    }

    fn version(&self, agent: &AgentRef, number: VersionNumber, version: &Version) -> Result<()> {
        let Some(agent) = self.agent(agent)? else { return Ok(()) };
        self.execute(
            "INSERT INTO version (agent, number, hash, name, description, author, created_at, dispatch)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT DO UPDATE SET hash = excluded.hash, name = excluded.name,
               description = excluded.description, author = excluded.author, created_at = excluded.created_at,
               dispatch = excluded.dispatch",
            params![
                agent,
                number.get(),
                version.hash.0,
                version.name,
                version.description,
                version.author,
                version.created_at.0,
                self.dispatch(version)?
            ],
        )
    }

    /// Keeps those that have served, as [`crate::domain::agent::Agent::put_draft`] does.
    fn draft(&self, agent: &AgentRef, draft: &Version) -> Result<()> {
        let Some(agent) = self.agent(agent)? else { return Ok(()) };
        self.execute(
            "DELETE FROM draft WHERE agent = ?1 AND hash = ?2
               AND place < (SELECT max(place) FROM draft WHERE agent = ?1)",
            params![agent, draft.hash.0],
        )?;
        self.execute(
            "INSERT INTO draft (agent, hash, name, description, author, created_at, dispatch)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                agent,
                draft.hash.0,
                draft.name,
                draft.description,
                draft.author,
                draft.created_at.0,
                self.dispatch(draft)?
            ],
        )?;
        self.execute(
            "DELETE FROM draft WHERE agent = ?1 AND place <
               (SELECT place FROM draft WHERE agent = ?1 ORDER BY place DESC LIMIT 1 OFFSET ?2)",
            params![agent, i64::try_from(PAST_DRAFTS_MAX).map_err(Failure::damage)?],
        )
    }

    fn dispatch(&self, version: &Version) -> Result<i64> {
        self.interned(
            "SELECT id FROM dispatch WHERE hash = ?1",
            "INSERT INTO dispatch (hash, spec) VALUES (?1, ?2) RETURNING id",
            &spec(&version.dispatch)?,
        )
    }

    /// What an agent has besides its profile, its draft and its versions.
    fn part(&self, change: &Change) -> Result<()> {
        match change {
            Change::Deployed { agent, deployment } => self.deployment(agent, deployment),
            Change::EnvironmentEmptied { agent, environment } => match self.agent(agent)? {
                Some(agent) => self.execute(
                    "DELETE FROM environment WHERE agent = ?1 AND name = ?2",
                    params![agent, environment.as_str()],
                ),
                None => Ok(()),
            },
            Change::BranchPut { agent, branch } => {
                self.put_part(agent, (BRANCH, branch.id.as_str()), &spec(branch)?)
            }
            Change::BranchRemoved { agent, branch } => self.remove_part(agent, (BRANCH, branch.as_str())),
            Change::ConnectorPut { agent, connector } => {
                self.put_part(agent, (CONNECTOR, connector.id.as_str()), &spec(connector)?)
            }
            Change::ConnectorRemoved { agent, connector } => {
                self.remove_part(agent, (CONNECTOR, connector.as_str()))
            }
            Change::ConfigPagePut { agent, page } => {
                self.put_part(agent, (CONFIG_PAGE, page.environment.as_str()), &spec(page)?)
            }
            Change::TestsPut { agent, suite } => self.put_part(agent, (TESTS, ""), &spec(suite)?),
            Change::TestRunPut { agent, run } => {
                self.put_part(agent, (TEST_RUN, &run.id.to_string()), &spec(run)?)
            }
            Change::TestRunRemoved { agent, run } => self.remove_part(agent, (TEST_RUN, &run.to_string())),
            _ => Ok(()),
        }
    }

    fn deployment(&self, agent: &AgentRef, deployment: &Deployment) -> Result<()> {
        let Some(agent) = self.agent(agent)? else { return Ok(()) };
        let (id, environment) = (deployment.id.as_bytes(), deployment.environment.as_str());
        self.execute(
            "INSERT INTO deployment (agent, environment, id, spec) VALUES (?1, ?2, ?3, ?4)",
            params![agent, environment, id, spec(deployment)?],
        )?;
        self.execute(
            "INSERT INTO environment (agent, name, deployment) VALUES (?1, ?2, last_insert_rowid())
             ON CONFLICT DO UPDATE SET deployment = excluded.deployment",
            params![agent, environment],
        )
    }

    fn put_part(&self, agent: &AgentRef, (kind, name): (&str, &str), spec: &str) -> Result<()> {
        let Some(agent) = self.agent(agent)? else { return Ok(()) };
        self.execute(
            "INSERT INTO part (agent, kind, name, spec) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET spec = excluded.spec",
            params![agent, kind, name, spec],
        )
    }

    fn remove_part(&self, agent: &AgentRef, (kind, name): (&str, &str)) -> Result<()> {
        let Some(agent) = self.agent(agent)? else { return Ok(()) };
        self.execute(
            "DELETE FROM part WHERE agent = ?1 AND kind = ?2 AND name = ?3",
            params![agent, kind, name],
        )
    }

    fn numbers(&self, numbers: &NumberChanges) -> Result<()> {
        if staged::pending(self.0)?.is_some() {
            self.newer_than_import(numbers)?;
        }
        self.put_numbers(numbers)
    }

    /// Notes that what an import says of these numbers is no longer so.
    fn newer_than_import(&self, numbers: &NumberChanges) -> Result<()> {
        let sql = "INSERT INTO changed_phone (number) VALUES (?1) ON CONFLICT DO NOTHING";
        let mut changed = self.0.prepare_cached(sql)?;
        for (phone, _) in &numbers.phones {
            changed.execute([integer(phone.value())])?;
        }
        let sql = "INSERT INTO changed_user (name) VALUES (?1) ON CONFLICT DO NOTHING";
        let mut changed = self.0.prepare_cached(sql)?;
        for (user, _) in &numbers.users {
            changed.execute([user])?;
        }
        Ok(())
    }

    pub(super) fn put_numbers(&self, numbers: &NumberChanges) -> Result<()> {
        let mut routes = Vec::with_capacity(numbers.routes.len());
        for route in &numbers.routes {
            routes.push(self.interned(
                "SELECT id FROM route WHERE hash = ?1",
                "INSERT INTO route (hash, spec) VALUES (?1, ?2) RETURNING id",
                &spec(route)?,
            )?);
        }
        let route = |at: &Option<u32>| at.and_then(|at| routes.get(at as usize).copied());
        let mut put = self.0.prepare_cached(
            "INSERT INTO phone (number, route) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET route = excluded.route",
        )?;
        let mut release = self.0.prepare_cached("DELETE FROM phone WHERE number = ?1")?;
        for (phone, at) in &numbers.phones {
            match route(at) {
                Some(route) => put.execute([integer(phone.value()), route])?,
                None => release.execute([integer(phone.value())])?,
            };
        }
        let mut put = self.0.prepare_cached(
            "INSERT INTO sip_user (name, route) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET route = excluded.route",
        )?;
        let mut release = self.0.prepare_cached("DELETE FROM sip_user WHERE name = ?1")?;
        for (user, at) in &numbers.users {
            match route(at) {
                Some(route) => put.execute(params![user, route])?,
                None => release.execute([user])?,
            };
        }
        Ok(())
    }

    /// The id of a text that is kept once.
    fn interned(&self, find: &str, insert: &str, text: &str) -> Result<i64> {
        let mut hash = [0_u8; 16];
        blake3::Hasher::new().update(text.as_bytes()).finalize_xof().fill(&mut hash);
        let id = |row: &rusqlite::Row<'_>| row.get(0);
        let found = self.0.prepare_cached(find)?.query_row([hash], id).optional()?;
        match found {
            Some(found) => Ok(found),
            None => Ok(self.0.prepare_cached(insert)?.query_row(params![hash, text], id)?),
        }
    }

    fn log(&self, entry: &Entry, changes: &[Cow<'_, Change>]) -> Result<()> {
        let changes: Vec<_> = changes.iter().filter(|change| logged(change)).collect();
        self.execute(
            "INSERT INTO log (revision, at, account, author, actor, action, target, summary, changes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                integer(entry.revision.0),
                entry.at.0,
                entry.account.as_str(),
                entry.author,
                entry.actor,
                entry.action,
                entry.target,
                entry.summary,
                spec(&changes)?
            ],
        )
    }

    /// Notes to which agents a line happened.
    fn log_of_agents(&self, revision: Revision, changes: &[Cow<'_, Change>]) -> Result<()> {
        let agents: BTreeSet<&AgentRef> = changes.iter().filter_map(|change| change.agent()).collect();
        for agent in agents {
            self.execute(
                "INSERT INTO agent_log (account, agent, revision) VALUES (?1, ?2, ?3)",
                params![agent.account.as_str(), agent.agent.as_str(), integer(revision.0)],
            )?;
        }
        Ok(())
    }

    fn bodies(&self, bodies: &[Body]) -> Result<()> {
        for (hash, content) in bodies {
            self.execute(
                "INSERT INTO body (hash, content) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                params![hash.0, content.as_ref()],
            )?;
        }
        Ok(())
    }
}

fn spec(value: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string(value)?)
}

/// SQLite counts to 2⁶³ - 1, and so do we.
pub(super) fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
