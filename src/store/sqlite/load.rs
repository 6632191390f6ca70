//! How rows become the facts that make the present.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::FixedState;
use rusqlite::{Connection, Row, Transaction};
use serde::de::DeserializeOwned;

use super::failure::{Failure, Result};
use super::staged;
use super::write::{BRANCH, CONFIG_PAGE, CONNECTOR, TEST_RUN, TESTS, head};
use crate::domain::address::{E164, Prefix};
use crate::domain::agent::{AgentRef, Version};
use crate::domain::agent_config::Dispatch;
use crate::domain::change::{Change, NumberChanges, SplitRef};
use crate::domain::deployment::Deployment;
use crate::domain::id::{AccountId, AgentId, ConfigHash, Revision, SplitId, VersionNumber};
use crate::domain::object::ObjectRef;
use crate::domain::route::Route;
use crate::domain::time::Timestamp;

/// Most numbers of one fact.
const CHUNK: usize = 100_000;

/// Hands over the present, and sweeps what it shows to be used by nothing.
pub(super) fn load(connection: &mut Connection, absorb: &mut dyn FnMut(Change)) -> Result<Revision> {
    let transaction = connection.transaction()?;
    let revision = head(&transaction)?;
    each(&transaction, "SELECT spec FROM account ORDER BY place", |row| {
        absorb(Change::AccountPut(spec(row, 0)?));
        Ok(())
    })?;
    each(&transaction, "SELECT spec FROM key", |row| {
        absorb(Change::KeyPut(spec(row, 0)?));
        Ok(())
    })?;
    let dispatches = agents(&transaction, absorb)?;
    each(&transaction, "SELECT spec FROM split", |row| {
        absorb(Change::SplitPut(spec(row, 0)?));
        Ok(())
    })?;
    fallbacks(&transaction, absorb)?;
    let routes = numbers(&transaction, absorb)?;
    imported(&transaction, absorb)?;
    each(&transaction, "SELECT account, object FROM shadowed", |row| {
        absorb(Change::Shadowed(ObjectRef {
            account: AccountId::parse(text(row, 0)?)?,
            object: spec(row, 1)?,
        }));
        Ok(())
    })?;
    let files: Option<[u8; 16]> = transaction.query_row("SELECT files FROM head", [], |row| row.get(0))?;
    if let Some(hash) = files {
        absorb(Change::FilesApplied { hash: ConfigHash(hash) });
    }
    // The present is known: that old texts take some room, on a full disk say, must not keep it from being served.
    if let Err(failure) = sweep(transaction, &dispatches, &routes) {
        tracing::warn!(?failure, "texts that nothing uses could not be swept from the store");
    }
    Ok(revision)
}

/// The counts of the splits.
pub(super) fn split_calls(connection: &Connection) -> Result<Vec<(SplitRef, u64)>> {
    let mut counts = Vec::new();
    each(connection, "SELECT account, split, calls FROM split_calls", |row| {
        let id =
            SplitRef { account: AccountId::parse(text(row, 0)?)?, split: SplitId::parse(text(row, 1)?)? };
        counts.push((id, u64::try_from(row.get::<_, i64>(2)?).map_err(Failure::damage)?));
        Ok(())
    })?;
    Ok(counts)
}

fn agents(connection: &Connection, absorb: &mut dyn FnMut(Change)) -> Result<Interned<Dispatch>> {
    let mut dispatches = Interned::read(connection, "SELECT id, spec FROM dispatch")?;
    each(connection, "SELECT spec FROM agent ORDER BY id", |row| {
        absorb(Change::AgentPut(spec(row, 0)?));
        Ok(())
    })?;
    let sql = "SELECT account, a.name, number, hash, v.name, description, author, created_at, dispatch
               FROM version v JOIN agent a ON a.id = v.agent ORDER BY v.agent, number";
    each(connection, sql, |row| {
        let version = Arc::new(version(row, &mut dispatches)?);
        absorb(Change::VersionSaved { agent: agent(row)?, version });
        Ok(())
    })?;
    let sql = "SELECT account, a.name, NULL, hash, d.name, description, author, created_at, dispatch
               FROM draft d JOIN agent a ON a.id = d.agent ORDER BY place";
    each(connection, sql, |row| {
        let version = Arc::new(version(row, &mut dispatches)?);
        absorb(Change::DraftPut { agent: agent(row)?, version });
        Ok(())
    })?;
    let sql = "SELECT account, a.name, d.spec FROM environment e
               JOIN agent a ON a.id = e.agent JOIN deployment d ON d.place = e.deployment";
    each(connection, sql, |row| {
        absorb(Change::Deployed { agent: agent(row)?, deployment: spec(row, 2)? });
        Ok(())
    })?;
    // What was emptied since: its last deployment may have moved calls that did not ask since.
    let sql = "SELECT account, a.name, d.spec FROM deployment d JOIN agent a ON a.id = d.agent
               WHERE d.place IN (SELECT max(place) FROM deployment GROUP BY agent, environment)
                 AND NOT EXISTS (SELECT 1 FROM environment e WHERE e.agent = d.agent AND e.name = d.environment)";
    each(connection, sql, |row| {
        let (agent, deployment) = (agent(row)?, spec::<Arc<Deployment>>(row, 2)?);
        let environment = deployment.environment;
        absorb(Change::Deployed { agent: agent.clone(), deployment });
        absorb(Change::EnvironmentEmptied { agent, environment });
        Ok(())
    })?;
    let sql = "SELECT account, a.name, kind, p.spec FROM part p JOIN agent a ON a.id = p.agent";
    each(connection, sql, |row| {
        let agent = agent(row)?;
        absorb(match text(row, 2)? {
            BRANCH => Change::BranchPut { agent, branch: spec(row, 3)? },
            CONNECTOR => Change::ConnectorPut { agent, connector: spec(row, 3)? },
            CONFIG_PAGE => Change::ConfigPagePut { agent, page: spec(row, 3)? },
            TESTS => Change::TestsPut { agent, suite: spec(row, 3)? },
            TEST_RUN => Change::TestRunPut { agent, run: spec(row, 3)? },
            kind => return Err(Failure::damage(format!("no part of an agent is a {kind:?}"))),
        });
        Ok(())
    })?;
    Ok(dispatches)
}

fn agent(row: &Row<'_>) -> Result<AgentRef> {
    Ok(AgentRef { account: AccountId::parse(text(row, 0)?)?, agent: AgentId::parse(text(row, 1)?)? })
}

fn version(row: &Row<'_>, dispatches: &mut Interned<Dispatch>) -> Result<Version> {
    let number: Option<u32> = row.get(2)?;
    Ok(Version {
        number: number.and_then(VersionNumber::new),
        hash: ConfigHash(row.get(3)?),
        name: row.get(4)?,
        description: row.get(5)?,
        author: row.get(6)?,
        created_at: Timestamp(row.get(7)?),
        dispatch: dispatches.used(row.get(8)?)?,
    })
}

fn fallbacks(connection: &Connection, absorb: &mut dyn FnMut(Change)) -> Result<()> {
    each(connection, "SELECT prefix, spec FROM prefix", |row| {
        let prefix = text(row, 0)?;
        let prefix = Prefix::parse(prefix).ok_or_else(|| Failure::damage(format!("no prefix {prefix:?}")))?;
        absorb(Change::PrefixPut { prefix, route: spec(row, 1)? });
        Ok(())
    })?;
    each(connection, "SELECT spec FROM default_route", |row| {
        absorb(Change::DefaultPut { route: spec(row, 0)? });
        Ok(())
    })?;
    each(connection, "SELECT spec FROM caller_pin", |row| {
        absorb(Change::CallerPinPut(spec(row, 0)?));
        Ok(())
    })
}

fn numbers(connection: &Connection, absorb: &mut dyn FnMut(Change)) -> Result<Interned<Route>> {
    let mut routes = Interned::read(connection, "SELECT id, spec FROM route")?;
    let mut chunk = Chunk::default();
    each(connection, "SELECT number, route FROM phone ORDER BY number", |row| {
        let place = chunk.place(row.get(1)?, &mut routes)?;
        let value: i64 = row.get(0)?;
        let phone = u64::try_from(value).ok().and_then(E164::from_value);
        let phone = phone.ok_or_else(|| Failure::damage(format!("no phone number {value}")))?;
        chunk.numbers.phones.push((phone, Some(place)));
        chunk.hand_over(CHUNK, absorb);
        Ok(())
    })?;
    each(connection, "SELECT name, route FROM sip_user ORDER BY name", |row| {
        let place = chunk.place(row.get(1)?, &mut routes)?;
        chunk.numbers.users.push((Arc::from(text(row, 0)?), Some(place)));
        chunk.hand_over(CHUNK, absorb);
        Ok(())
    })?;
    chunk.hand_over(1, absorb);
    Ok(routes)
}

/// What an import says that is not among the other rows yet.
fn imported(connection: &Connection, absorb: &mut dyn FnMut(Change)) -> Result<()> {
    let Some((import, folded)) = staged::pending(connection)? else { return Ok(()) };
    let sql = "SELECT changes FROM import_piece WHERE import = ?1 AND place >= ?2 ORDER BY place";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([import, folded])?;
    while let Some(row) = rows.next()? {
        absorb(Change::Numbers(staged::unchanged_since(connection, text(row, 0)?)?));
    }
    Ok(())
}

/// Numbers that are handed over together, and the routes of these.
#[derive(Default)]
struct Chunk {
    numbers: NumberChanges,
    places: HashMap<i64, u32, FixedState>,
    /// Neighbours mostly have the same route.
    last: Option<(i64, u32)>,
}

impl Chunk {
    fn place(&mut self, id: i64, routes: &mut Interned<Route>) -> Result<u32> {
        if let Some((last, place)) = self.last
            && last == id
        {
            return Ok(place);
        }
        let place = match self.places.get(&id) {
            Some(place) => *place,
            None => {
                let place = u32::try_from(self.numbers.routes.len()).map_err(Failure::damage)?;
                self.numbers.routes.push(routes.used(id)?);
                self.places.insert(id, place);
                place
            }
        };
        self.last = Some((id, place));
        Ok(place)
    }

    fn hand_over(&mut self, from: usize, absorb: &mut dyn FnMut(Change)) {
        if self.numbers.len() >= from {
            absorb(Change::Numbers(std::mem::take(self).numbers));
        }
    }
}

/// Texts that are kept once, read, and which of them something uses.
struct Interned<T> {
    values: HashMap<i64, Arc<T>, FixedState>,
    used: HashSet<i64, FixedState>,
}

impl<T: DeserializeOwned> Interned<T> {
    fn read(connection: &Connection, sql: &str) -> Result<Self> {
        let mut values = HashMap::default();
        each(connection, sql, |row| {
            values.insert(row.get(0)?, Arc::new(spec(row, 1)?));
            Ok(())
        })?;
        Ok(Self { values, used: HashSet::default() })
    }

    fn used(&mut self, id: i64) -> Result<Arc<T>> {
        let value =
            self.values.get(&id).ok_or_else(|| Failure::damage(format!("no text has the id {id}")))?;
        self.used.insert(id);
        Ok(Arc::clone(value))
    }
}

impl<T> Interned<T> {
    fn unused(&self) -> impl Iterator<Item = i64> {
        self.values.keys().filter(|id| !self.used.contains(id)).copied()
    }
}

fn sweep(
    transaction: Transaction<'_>,
    dispatches: &Interned<Dispatch>,
    routes: &Interned<Route>,
) -> Result<()> {
    for id in dispatches.unused() {
        transaction.prepare_cached("DELETE FROM dispatch WHERE id = ?1")?.execute([id])?;
    }
    for id in routes.unused() {
        transaction.prepare_cached("DELETE FROM route WHERE id = ?1")?.execute([id])?;
    }
    transaction.commit()?;
    Ok(())
}

fn each(connection: &Connection, sql: &str, mut take: impl FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        take(row)?;
    }
    Ok(())
}

fn text<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a str> {
    row.get_ref(column)?.as_str().map_err(Failure::damage)
}

fn spec<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<T> {
    Ok(serde_json::from_str(text(row, column)?)?)
}
