//! Which formats of the file there are, and the steps from one to the next.

use rusqlite::{Connection, TransactionBehavior};

use super::failure::{Failure, Result};
use crate::store::error::StoreErrorKind;

/// "Cord", in the header of the file.
pub(super) const APPLICATION: i32 = 0x436f_7264;

/// The step at index `n` leads from format `n` to `n + 1`; format 0 is the empty file. Never edit a step that was
/// released: add one.
const STEPS: &[&str] = &[include_str!("format-1.sql")];

/// Brings the file to the newest format, each step whole or not at all.
pub(super) fn bring_up(connection: &mut Connection) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let steps = STEPS.get(of(&transaction)?..).unwrap_or_default();
    if steps.is_empty() {
        return Ok(());
    }
    for step in steps {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", u32::try_from(STEPS.len()).map_err(Failure::damage)?)?;
    transaction.commit()?;
    Ok(())
}

/// The format of a file, if it is a store that this release knows.
pub(super) fn of(connection: &Connection) -> Result<usize> {
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let (application, format) = (number("application_id")?, number("user_version")?);
    if application != APPLICATION && (application != 0 || format != 0 || tables != 0) {
        return Err(Failure::Known(StoreErrorKind::Foreign));
    }
    let format = usize::try_from(format).map_err(Failure::damage)?;
    if format > STEPS.len() {
        let count = |format| u32::try_from(format).unwrap_or(u32::MAX);
        return Err(Failure::Known(StoreErrorKind::Newer {
            found: count(format),
            known: count(STEPS.len()),
        }));
    }
    Ok(format)
}
