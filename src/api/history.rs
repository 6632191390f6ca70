//! `/v1/history` and that of an agent: who changed what, and when.

use std::io;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;
use tokio::sync::mpsc::Sender;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::agents::find;
use super::answer::Answer;
use super::caller::Caller;
use super::cursor::{QueryPrint, no_entry};
use super::request::{Id, Query};
use super::transfer::streamed;
use super::{Management, aside};
use crate::control::HistoryFilter;
use crate::domain::change::Entry;
use crate::domain::command::BETWEEN_TARGETS;
use crate::domain::id::{AgentId, Revision};
use crate::domain::time::Timestamp;
use crate::http::error::ApiError;
use crate::http::json::faults::CODE;

pub(super) const NDJSON: &str = "application/x-ndjson";
/// Lines that are read at a time, where all are wanted.
const LINES_AT_A_TIME: usize = 1_000;

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
    OpenApiRouter::new().routes(routes!(get_history)).routes(routes!(get_history_of_agent))
}

/// Lists the changes of the account, the newest first; for keys that see all agents.
#[utoipa::path(
    get, path = "/v1/history", tag = "history", security(("key" = ["read"])),
    params(
        ("target" = Option<String>, Query, description = "Only changes of this number, prefix, split, agent, key or \
            account; one of files is of each thing that its summary names, which are the first ten, one of a plan of all \
            its targets."),
        ("author" = Option<String>, Query, description = "Only by the key of this name, by `files` or by `console`."),
        ("actor" = Option<String>, Query, description = "Only on behalf of this one."),
        ("action" = Option<String>, Query, description = "Only of this kind, e.g. `number.put`."),
        ("from" = Option<String>, Query, description = "Only from this moment on, e.g. 2026-01-01T00:00:00Z."),
        ("to" = Option<String>, Query, description = "Only before this moment."),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before, of the same query."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "100 unless said."),
        ("format" = Option<String>, Query, description = "`json`, a page, unless `ndjson` is said: then all of it as it \
            comes, a line of JSON each, and neither `cursor` nor `limit`."),
    ),
    responses((status = 200, content((HistoryPage = "application/json"), (String = "application/x-ndjson")),
        description = "A page, or all lines."))
)]
async fn get_history(
    State(management): State<Arc<Management>>,
    caller: Caller,
    mut query: Query,
) -> Result<Response, ApiError> {
    caller.whole_account()?;
    // A plus that was not encoded comes as a space.
    let target = query.take("target", |text| {
        Ok(text.strip_prefix(' ').map_or_else(|| text.to_owned(), |digits| format!("+{digits}")))
    });
    let filter = HistoryFilter { target, ..read(&caller, &mut query) };
    answer(management, caller, query, filter).await
}

/// Lists the changes of an agent itself, of its drafts, versions and environments, the newest first.
#[utoipa::path(
    get, path = "/v1/agents/{id}/history", tag = "history", security(("key" = ["read"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("author" = Option<String>, Query, description = "Only by the key of this name, by `files` or by `console`."),
        ("actor" = Option<String>, Query, description = "Only on behalf of this one."),
        ("action" = Option<String>, Query, description = "Only of this kind, e.g. `files.apply`."),
        ("from" = Option<String>, Query, description = "Only from this moment on, e.g. 2026-01-01T00:00:00Z."),
        ("to" = Option<String>, Query, description = "Only before this moment."),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before, of the same query."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "100 unless said."),
        ("format" = Option<String>, Query, description = "`json`, a page, unless `ndjson` is said: then all of it as it \
            comes, a line of JSON each, and neither `cursor` nor `limit`."),
    ),
    responses(
        (status = 200, content((HistoryPage = "application/json"), (String = "application/x-ndjson")),
            description = "A page, or all lines."),
    )
)]
async fn get_history_of_agent(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(id): Id<AgentId>,
    mut query: Query,
) -> Result<Response, ApiError> {
    find(&caller, &caller.state, &id)?;
    let filter = HistoryFilter { agent: Some(id), ..read(&caller, &mut query) };
    answer(management, caller, query, filter).await
}

/// What both lists can be asked for.
fn read(caller: &Caller, query: &mut Query) -> HistoryFilter {
    let time = |text: &str| {
        // A plus that was not encoded comes as a space.
        let at = Timestamp::parse(&text.replace(' ', "+"));
        at.ok_or_else(|| "is no time: expected one such as 2026-01-01T00:00:00Z".to_owned())
    };
    HistoryFilter {
        author: query.text("author"),
        actor: query.text("actor"),
        action: query.text("action"),
        from: query.take("from", time),
        to: query.take("to", time),
        ..HistoryFilter::last(caller.account().clone(), 0)
    }
}

/// A page, or all of it, as the query wants.
async fn answer(
    management: Arc<Management>,
    caller: Caller,
    mut query: Query,
    filter: HistoryFilter,
) -> Result<Response, ApiError> {
    let format = query.take("format", |text| match text {
        "json" => Ok(false),
        "ndjson" => Ok(true),
        _ => Err("expected json or ndjson".to_owned()),
    });
    if format != Some(true) {
        return page(management, caller, query, filter).await.map(IntoResponse::into_response);
    }
    for name in ["cursor", "limit"] {
        if query.text(name).is_some() {
            query.fault(name, "is of pages, and NDJSON is all of it", CODE);
        }
    }
    query.end()?;
    let revision = caller.state.revision.0;
    let this = Arc::clone(&management);
    Ok(streamed(&this, NDJSON, revision, move |to| lines(&management, &caller, filter, to)))
}

/// Writes all lines up to the revision at which they were asked for, the newest first; blocks where the reader is slow.
fn lines(management: &Management, caller: &Caller, filter: HistoryFilter, to: &Sender<io::Result<Bytes>>) {
    let agent = filter.agent.clone();
    let mut filter =
        HistoryFilter { before: Some(caller.state.revision.next()), limit: LINES_AT_A_TIME, ..filter };
    loop {
        let written = management.control.history(&filter).map_err(io::Error::other).and_then(|entries| {
            let last =
                entries.last().filter(|_| entries.len() == LINES_AT_A_TIME).map(|entry| entry.revision);
            let mut piece = Vec::new();
            for entry in entries {
                serde_json::to_writer(&mut piece, &EntryView::from(seen(entry, caller, agent.as_ref())))?;
                piece.push(b'\n');
            }
            Ok((last, piece))
        });
        match written {
            Ok((last, piece)) => {
                // Whoever reads it may have gone.
                let gone = !piece.is_empty() && to.blocking_send(Ok(piece.into())).is_err();
                match last.filter(|_| !gone) {
                    Some(last) => filter.before = Some(last),
                    None => return,
                }
            }
            Err(why) => {
                tracing::error!(error = ?why, "a history broke off");
                drop(to.blocking_send(Err(why)));
                return;
            }
        }
    }
}

async fn page(
    management: Arc<Management>,
    caller: Caller,
    mut query: Query,
    filter: HistoryFilter,
) -> Result<Answer<HistoryPage>, ApiError> {
    let print = QueryPrint::of(&caller.key, &[&"history", &filter]);
    let cursor = query.text("cursor");
    let limit = query.limit();
    query.end()?;
    let before = cursor.map(|cursor| print.read(&cursor)).transpose()?;
    let before = before.map(|text| text.parse().map(Revision).map_err(|_| no_entry())).transpose()?;
    let agent = filter.agent.clone();
    let filter = HistoryFilter { before, limit: limit + 1, ..filter };
    let mut entries = aside(move || management.control.history(&filter)).await??;
    let more = entries.len() > limit;
    entries.truncate(limit);
    let last = entries.last().map(|entry| print.after(&entry.revision.to_string()));
    let next_cursor = last.filter(|_| more);
    let seen = entries.into_iter().map(|entry| seen(entry, &caller, agent.as_ref()));
    Ok(Answer::ok(HistoryPage { entries: seen.map(EntryView::from).collect(), next_cursor }))
}

/// A line as the caller may read it, of an agent if the history is its alone.
fn seen(entry: Entry, caller: &Caller, agent: Option<&AgentId>) -> Entry {
    match agent {
        Some(agent) if !caller.sight().is_whole() => alone(entry, agent),
        _ => entry,
    }
}

/// A line as whoever sees this agent alone may read it: what happened to others with it is not told.
fn alone(entry: Entry, agent: &AgentId) -> Entry {
    if entry.target == agent.as_str() {
        return entry;
    }
    let summary = format!("agent {agent} was changed, perhaps with others that the key may not see");
    Entry { target: agent.to_string(), summary, ..entry }
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
