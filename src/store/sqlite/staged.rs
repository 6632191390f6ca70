//! Numbers by the million: laid ready in pieces, brought into force by one row, folded into the others afterwards.
//!
//! ```text
//!   begin -> piece, piece, ... -> bring_into_force (a part of a commit) -> fold, fold, ...
//! ```
//!
//! Each of these is short, so that no commit waits for more than one of them.

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::failure::{Failure, Result};
use super::write::{Rows, integer};
use crate::domain::change::{NumberChanges, StagedId};
use crate::domain::id::Revision;
use crate::store::error::StoreErrorKind;

/// Most pieces that are thrown away in one go.
const DROPPED_MAX: i64 = 16;

/// Begins to lay numbers ready.
pub(super) fn begin(connection: &Connection) -> Result<StagedId> {
    let sql = "INSERT INTO import DEFAULT VALUES RETURNING id";
    Ok(StagedId(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?))
}

/// Lays a piece ready, after those before.
pub(super) fn piece(
    connection: &mut Connection,
    StagedId(id): StagedId,
    numbers: &NumberChanges,
) -> Result<()> {
    let changes = serde_json::to_string(numbers)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let place: Option<i64> = transaction
        .prepare_cached(
            "UPDATE import SET pieces = pieces + 1 WHERE id = ?1 AND revision IS NULL RETURNING pieces - 1",
        )?
        .query_row([id], |row| row.get(0))
        .optional()?;
    let place = place.ok_or(Failure::Known(StoreErrorKind::OutOfOrder))?;
    transaction
        .prepare_cached("INSERT INTO import_piece (import, place, changes) VALUES (?1, ?2, ?3)")?
        .execute(params![id, place, changes])?;
    transaction.commit()?;
    Ok(())
}

/// Throws away some of what lies ready; answers whether there is more.
pub(super) fn drop_some(connection: &mut Connection, StagedId(id): StagedId) -> Result<bool> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let dropped = transaction
        .prepare_cached(
            "DELETE FROM import_piece WHERE id IN (SELECT p.id FROM import_piece p JOIN import i ON i.id = p.import
               WHERE i.id = ?1 AND i.revision IS NULL ORDER BY place DESC LIMIT ?2)",
        )?
        .execute([id, DROPPED_MAX])?;
    if dropped == 0 {
        transaction.prepare_cached("DELETE FROM import WHERE id = ?1 AND revision IS NULL")?.execute([id])?;
    }
    transaction.commit()?;
    Ok(dropped > 0)
}

/// Throws away what a process that has ended laid ready in vain.
pub(super) fn sweep(connection: &Connection) -> Result<()> {
    connection.execute("DELETE FROM import WHERE revision IS NULL", [])?;
    Ok(())
}

/// Brings what lies ready into force, as a part of the commit of a revision.
pub(super) fn bring_into_force(
    transaction: &Transaction<'_>,
    StagedId(id): StagedId,
    revision: Revision,
) -> Result<()> {
    // One at a time, so that a number which was changed since is known to be newer than all that is not folded yet. Whoever
    // lays an import ready has folded the one before, so that nothing is left to do here and no commit waits for it.
    while fold_next(transaction)? {}
    let sql = "UPDATE import SET revision = ?2 WHERE id = ?1 AND revision IS NULL";
    match transaction.prepare_cached(sql)?.execute([id, integer(revision.0)])? {
        1 => Ok(()),
        _ => Err(Failure::Known(StoreErrorKind::OutOfOrder)),
    }
}

/// Folds the next piece into the rows of the present; answers whether there may be more.
pub(super) fn fold(connection: &mut Connection) -> Result<bool> {
    if pending(connection)?.is_none() {
        return Ok(false);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let more = fold_next(&transaction)?;
    transaction.commit()?;
    Ok(more)
}

/// The import that is in force and not folded whole, and how many of its pieces are.
pub(super) fn pending(connection: &Connection) -> Result<Option<(i64, i64)>> {
    let sql = "SELECT id, folded FROM import WHERE revision IS NOT NULL AND folded < pieces";
    let mut find = connection.prepare_cached(sql)?;
    Ok(find.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

/// A piece of an import, without the numbers that were changed since.
pub(super) fn unchanged_since(connection: &Connection, changes: &str) -> Result<NumberChanges> {
    let mut numbers: NumberChanges = serde_json::from_str(changes)?;
    let mut phone = connection.prepare_cached("SELECT 1 FROM changed_phone WHERE number = ?1")?;
    let mut user = connection.prepare_cached("SELECT 1 FROM changed_user WHERE name = ?1")?;
    let mut failure = None;
    let mut is_newer = |found: rusqlite::Result<bool>| match found {
        Ok(found) => found,
        Err(why) => {
            failure = Some(why);
            false
        }
    };
    numbers.phones.retain(|(number, _)| !is_newer(phone.exists([integer(number.value())])));
    numbers.users.retain(|(name, _)| !is_newer(user.exists([name])));
    match failure {
        Some(why) => Err(why.into()),
        None => Ok(numbers),
    }
}

fn fold_next(transaction: &Transaction<'_>) -> Result<bool> {
    let Some((import, place)) = pending(transaction)? else { return Ok(false) };
    let sql = "SELECT changes FROM import_piece WHERE import = ?1 AND place = ?2";
    let changes: String = transaction.prepare_cached(sql)?.query_row([import, place], |row| row.get(0))?;
    Rows(transaction).put_numbers(&unchanged_since(transaction, &changes)?)?;
    transaction.prepare_cached("UPDATE import SET folded = folded + 1 WHERE id = ?1")?.execute([import])?;
    let more = pending(transaction)?.is_some();
    if !more {
        transaction.execute("DELETE FROM changed_phone", [])?;
        transaction.execute("DELETE FROM changed_user", [])?;
    }
    Ok(more)
}
