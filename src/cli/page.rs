//! Lists, page by page.

use clap::Args;
use serde_json::Value;

use super::failure::Failure;
use super::path::Path;
use super::session::Session;
use super::table::Look;
use super::words::{clean, text_in};

/// Which part of a list.
#[derive(Debug, Clone, Args)]
pub struct Page {
    /// Most lines to show [default: 100]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: Option<u32>,
    /// Where to go on, as the end of the page before says
    #[arg(long)]
    cursor: Option<String>,
}

impl Page {
    /// Shows this part of a list, and how to go on.
    pub(super) fn show(
        &self,
        session: &mut Session<'_, '_>,
        list: Path,
        read: impl FnOnce(&Value, Look) -> String,
    ) -> Result<(), Failure> {
        show(session, &list.query("limit", self.limit).query("cursor", self.cursor.as_ref()), read)
    }
}

/// Shows the part of a list that a path names, and how to go on.
pub(super) fn show(
    session: &mut Session<'_, '_>,
    path: &Path,
    read: impl FnOnce(&Value, Look) -> String,
) -> Result<(), Failure> {
    let reply = session.get(path)?;
    session.show(&reply, read)?;
    if !session.is_raw()
        && let Some(cursor) = text_in(&reply.json(), "nextCursor")
    {
        session.terminal.remark(format_args!("there is more: --cursor {}", clean(cursor)));
    }
    Ok(())
}
