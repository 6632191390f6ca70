//! How the log is read.

use std::sync::Arc;

use rusqlite::{Connection, Row, named_params, params};

use super::failure::{Failure, Result};
use super::write::integer;
use crate::domain::address::Number;
use crate::domain::change::{Change, Entry};
use crate::domain::deployment::{Deployment, DeploymentId, DeploymentKind};
use crate::domain::id::{AccountId, AgentId, Environment, Revision};
use crate::domain::time::Timestamp;
use crate::store::port::{DeploymentFilter, HistoryFilter};

/// A line of files is of each thing that its summary names, and of each number of the API that went with its agent; one of
/// a deployment of the split that it ended; one of a split, of an agent that was deleted or of an import of each number that it changed; one of a plan also of each of its
/// targets, which stand on lines of their own; and what goes from files to API and back, or goes with an agent, is named by
/// its facts, all of it.
const OF_TARGET: &str = "
    (target = :target
     OR (action = 'plan.apply' AND instr(char(10) || target || char(10), char(10) || :target || char(10)) > 0)
     OR (action IN ('files.apply', 'import') AND instr(summary, ' ' || :target || ' ') > 0)
     OR (action IN ('files.apply', 'import', 'plan.apply', 'split.create', 'split.change', 'agent.delete')
         AND instr(changes, :changed) > 0)
     OR (action IN ('adopt', 'release', 'import', 'agent.delete') AND instr(changes, :named) > 0)
     OR (action LIKE 'deployment.%' AND instr(summary, ', and split ' || :target || ' ended') > 0)
     OR (action = 'numbers.import' AND (instr(changes, :changed) > 0 OR EXISTS (SELECT 1 FROM import i
           JOIN import_piece p ON p.import = i.id WHERE i.revision = log.revision AND instr(p.changes, :changed) > 0))))";

const OF_ACCOUNT: &str = "account = :account AND revision < :before AND :agent IS NULL";

const OF_AGENT: &str = "revision IN (SELECT revision FROM agent_log
    WHERE account = :account AND agent = :agent AND revision < :before)";

/// Lines, newest first.
pub(super) fn history(connection: &Connection, filter: &HistoryFilter) -> Result<Vec<Entry>> {
    let HistoryFilter { account, before, limit, target, agent, author, actor, action, from, to } = filter;
    // What happened to an agent is found by the agent's account, whosever line it is.
    let whose = if agent.is_some() { OF_AGENT } else { OF_ACCOUNT };
    let sql = format!(
        "SELECT revision, at, account, author, actor, action, target, summary FROM log WHERE {whose}
           AND (:author IS NULL OR author = :author)
           AND (:actor IS NULL OR actor = :actor)
           AND (:action IS NULL OR action = :action)
           AND (:from IS NULL OR at >= :from)
           AND (:to IS NULL OR at < :to)
           AND (:target IS NULL OR {OF_TARGET})
         ORDER BY revision DESC LIMIT :limit"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(named_params! {
        ":account": account.as_str(),
        ":agent": agent.as_ref().map(AgentId::as_str),
        ":before": before.map_or(i64::MAX, |before| integer(before.0)),
        ":target": target,
        ":changed": target.as_deref().map(as_changed).transpose()?,
        ":named": target.as_deref().map(as_named).transpose()?,
        ":author": author,
        ":actor": actor,
        ":action": action,
        ":from": from.map(|at| at.0),
        ":to": to.map(|at| at.0),
        ":limit": self::rows(*limit),
    })?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(entry(row)?);
    }
    Ok(entries)
}

/// Deployments of an agent, newest first.
pub(super) fn deployments(
    connection: &Connection,
    filter: &DeploymentFilter,
) -> Result<Vec<Arc<Deployment>>> {
    let DeploymentFilter { agent, id, environment, kind, before, offset, limit } = filter;
    let sql = "SELECT d.spec FROM deployment d JOIN agent a ON a.id = d.agent
       WHERE a.account = ?1 AND a.name = ?2 AND (?3 IS NULL OR d.environment = ?3) AND (?4 IS NULL OR d.id = ?4)
         AND d.place < coalesce((SELECT place FROM deployment b WHERE b.agent = a.id AND b.id = ?5), 9223372036854775807)
         AND (?6 IS NULL OR d.spec ->> 'kind' = ?6)
       ORDER BY d.place DESC LIMIT ?7 OFFSET ?8";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![
        agent.account.as_str(),
        agent.agent.as_str(),
        environment.map(Environment::as_str),
        id.as_ref().map(DeploymentId::as_bytes),
        before.as_ref().map(DeploymentId::as_bytes),
        kind.map(DeploymentKind::as_str),
        self::rows(*limit),
        self::rows(*offset),
    ])?;
    let mut deployments = Vec::new();
    while let Some(row) = rows.next()? {
        deployments.push(serde_json::from_str(row.get_ref(0)?.as_str().map_err(Failure::damage)?)?);
    }
    Ok(deployments)
}

/// How the facts of a line write a number that was changed, up to its route.
fn as_changed(target: &str) -> Result<String> {
    match Number::parse(target) {
        Ok(Number::E164(phone)) => Ok(format!("[{},", phone.value())),
        Ok(Number::User(user)) => Ok(format!("[{},", serde_json::to_string(&user)?)),
        Err(_) => Ok(format!("[{},", serde_json::to_string(target)?)),
    }
}

/// How the facts of a line write the name of something.
fn as_named(target: &str) -> Result<String> {
    Ok(format!(":{}", serde_json::to_string(target)?))
}

/// Lines with their changes, in order.
pub(super) fn after(
    connection: &Connection,
    revision: Revision,
    limit: usize,
) -> Result<Vec<(Entry, Vec<Change>)>> {
    let mut statement = connection.prepare_cached(
        "SELECT revision, at, account, author, actor, action, target, summary, changes FROM log
         WHERE revision > ?1 ORDER BY revision LIMIT ?2",
    )?;
    let mut rows = statement.query([integer(revision.0), rows(limit)])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let entry = entry(row)?;
        let mut changes = imported(connection, entry.revision)?;
        let rest: Vec<Change> = serde_json::from_str(row.get_ref(8)?.as_str().map_err(Failure::damage)?)?;
        changes.extend(rest);
        entries.push((entry, changes));
    }
    Ok(entries)
}

/// What was laid ready for a revision.
fn imported(connection: &Connection, revision: Revision) -> Result<Vec<Change>> {
    let mut statement = connection.prepare_cached(
        "SELECT changes FROM import_piece p JOIN import i ON i.id = p.import WHERE i.revision = ?1 ORDER BY place",
    )?;
    let mut rows = statement.query([integer(revision.0)])?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next()? {
        changes
            .push(Change::Numbers(serde_json::from_str(row.get_ref(0)?.as_str().map_err(Failure::damage)?)?));
    }
    Ok(changes)
}

fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn entry(row: &Row<'_>) -> Result<Entry> {
    Ok(Entry {
        revision: Revision(u64::try_from(row.get::<_, i64>(0)?).map_err(Failure::damage)?),
        at: Timestamp(row.get(1)?),
        account: AccountId::parse(row.get_ref(2)?.as_str().map_err(Failure::damage)?)?,
        author: row.get(3)?,
        actor: row.get(4)?,
        action: row.get(5)?,
        target: row.get(6)?,
        summary: row.get(7)?,
    })
}
