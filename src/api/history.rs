//! `/v1/history`: who changed what, and when.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Answer;
use super::caller::Caller;
use super::cursor::{QueryPrint, no_entry};
use super::request::Query;
use super::{Management, aside};
use crate::control::HistoryFilter;
use crate::domain::change::Entry;
use crate::domain::command::BETWEEN_TARGETS;
use crate::domain::id::Revision;
use crate::domain::time::Timestamp;
use crate::http::error::ApiError;

/// A line of the history.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Entry)]
pub struct EntryView {
    /// The revision it made.
    #[schema(value_type = u64)]
    revision: Revision,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The name of the key that did it, or `files`.
    author: String,
    /// Who the author said it was for.
    actor: Option<String>,
    /// What was done, e.g. `number.put`.
    action: String,
    /// To what; of a plan the first ten, though a `target` of the query finds it by each.
    target: String,
    /// A sentence for people.
    summary: String,
}

/// A page of the history.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryPage {
    /// The newest first.
    entries: Vec<EntryView>,
    /// Where the next page begins; null at the end.
    next_cursor: Option<String>,
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new().routes(routes!(get_history))
}

/// Lists the changes of the account, the newest first; for keys that see all agents.
#[utoipa::path(
    get, path = "/v1/history", tag = "history", security(("key" = ["read"])),
    params(
        ("target" = Option<String>, Query, description = "Only changes of this number, prefix, split or agent; \
            one of files is of each thing that its summary names, which are the first ten, one of a plan of all its targets."),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before, of the same query."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "100 unless said."),
    ),
    responses((status = 200, body = HistoryPage, description = "A page."))
)]
async fn get_history(
    State(management): State<Arc<Management>>,
    caller: Caller,
    mut query: Query,
) -> Result<Answer<HistoryPage>, ApiError> {
    caller.whole_account()?;
    // A plus that was not encoded comes as a space.
    let target = query.take("target", |text| {
        Ok(text.strip_prefix(' ').map_or_else(|| text.to_owned(), |digits| format!("+{digits}")))
    })?;
    let print = QueryPrint::of(&caller.key, &[&"history", &target]);
    let before = query.text("cursor")?.map(|cursor| print.read(&cursor)).transpose()?;
    let before = before.map(|text| text.parse().map(Revision).map_err(|_| no_entry())).transpose()?;
    let limit = query.limit()?;
    query.end()?;
    let filter = HistoryFilter { account: caller.account().clone(), target, before, limit: limit + 1 };
    let mut entries = aside(move || management.control.history(&filter)).await??;
    let more = entries.len() > limit;
    entries.truncate(limit);
    let last = entries.last().map(|entry| print.after(&entry.revision.to_string()));
    let next_cursor = last.filter(|_| more);
    Ok(Answer::ok(HistoryPage { entries: entries.into_iter().map(EntryView::from).collect(), next_cursor }))
}

/// Most targets of a line that are shown.
const TARGETS_MAX: usize = 10;

/// What a line is about: of many things the first few.
fn shown(targets: &str) -> String {
    let mut targets = targets.split(BETWEEN_TARGETS);
    let mut shown: Vec<&str> = targets.by_ref().take(TARGETS_MAX).collect();
    shown.extend(targets.next().map(|_| "…"));
    shown.join(", ")
}

impl From<Entry> for EntryView {
    fn from(entry: Entry) -> Self {
        Self {
            revision: entry.revision,
            at: entry.at,
            author: entry.author,
            actor: entry.actor,
            action: entry.action,
            target: shown(&entry.target),
            summary: entry.summary,
        }
    }
}
