//! `/v1/export` and `/v1/import`: everything of an account as one document, out of one router and into another.
//!
//! ```text
//!   state --> pieces of 64 KiB --> {"cordboard":1, "revision", ..., "agents", "splits", ..., "numbers"}
//!   document --> AccountImport --> one command: all of it, or nothing
//! ```
//!
//! What the files have is in the document like everything else; what is imported is the API's. Keys are not in it.

mod agent;
mod read;
mod write;

use std::io;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Answer;
use super::caller::Caller;
use super::guard::REVISION;
use super::request::Query;
use super::{Management, aside};
use crate::domain::account::Permission;
use crate::domain::change::Touched;
use crate::domain::command::{AccountImport, Action, told_each};
use crate::domain::live::reaches_live;
use crate::http::error::ApiError;

/// The version of the document's form.
const FORM: u64 = 1;
const JSON: &str = "application/json";
/// Pieces that wait for their reader.
const PIECES: usize = 4;
/// Most things, and most numbers, that a dry run tells of.
const TOLD_MAX: usize = 100;

/// How much was imported.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountImported {
    /// Agents of the document.
    agents: usize,
    /// Splits of the document.
    splits: usize,
    /// Prefixes of the document.
    prefixes: usize,
    /// Caller pins of the document.
    caller_pins: usize,
    /// Numbers of the document.
    numbers: usize,
    /// Whether anything changed, or would; else all of it was so already.
    changed: bool,
    /// What would change, in words for people, the first 100 things and the first 100 numbers; only of a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Vec<String>>,
    /// Whether calls at a `live` pin would be won or lost; only of a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    reaches_live: Option<bool>,
    /// What you should know all the same.
    warnings: Vec<String>,
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new()
        .routes(routes!(export))
        .routes(routes!(import))
        .routes(routes!(agent::export_agent))
        .routes(routes!(agent::import_agent))
}

/// Shows everything of the account: agents with versions, draft, branches and environments, splits, prefixes, the default route,
/// caller pins, numbers; as of one revision, in a stable order. Keys are not in it.
///
/// The answer comes in pieces. One that breaks off is no JSON.
#[utoipa::path(
    get, path = "/v1/export", tag = "transfer", security(("key" = ["read"])),
    responses((status = 200, body = serde_json::Value, description = "All that the key may see."))
)]
async fn export(State(management): State<Arc<Management>>, caller: Caller) -> Response {
    let revision = caller.state.revision.0;
    let this = Arc::clone(&management);
    streamed(&this, JSON, revision, move |sender| write::export(&management, &caller, None, sender))
}

/// How many long answers are written at once: each takes a thread, and others need some too.
const STREAMS: usize = 64;

/// Room for long answers.
#[derive(Debug, Clone)]
pub struct Streams(Arc<Semaphore>);

impl Default for Streams {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(STREAMS)))
    }
}

impl Streams {
    /// A place for one more, until it is dropped; nothing where too many are read already.
    fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).try_acquire_owned().ok()
    }
}

/// An answer that is written piece by piece, on a thread that may wait for whoever reads it; 503 where too many wait.
pub(super) fn streamed(
    management: &Management,
    content_type: &'static str,
    revision: u64,
    write: impl FnOnce(&mpsc::Sender<Result<Bytes, io::Error>>) + Send + 'static,
) -> Response {
    let Some(place) = management.streams.place() else {
        return ApiError::overloaded(1).into_response();
    };
    let (sender, receiver) = mpsc::channel(PIECES);
    // It waits for a reader who may be slow, or gone: then sending fails, and it ends.
    drop(tokio::task::spawn_blocking(move || {
        write(&sender);
        drop(place);
    }));
    let pieces = futures_util::stream::unfold(receiver, |mut receiver| async {
        Some((receiver.recv().await?, receiver))
    });
    let head = [(CONTENT_TYPE, content_type.to_owned()), (REVISION, revision.to_string())];
    (head, Body::from_stream(pieces)).into_response()
}

/// Takes over everything that an export holds, as objects of the API, in one revision; all of it, or nothing.
///
/// What is there already is replaced; what the document does not name stays. A version that is there must have the same
/// content. The document may be as large as `limits.account_import_bytes_max`. Needs a key that is not limited to some agents,
/// and, where the document has agents, the permission `deploy` besides.
///
/// With `dryRun=true` nothing is changed, and the answer says what would be; what would refuse it refuses that too.
#[utoipa::path(
    post, path = "/v1/import", tag = "transfer", security(("key" = ["edit"])),
    params(("dryRun" = Option<bool>, Query, description = "Says what it would do, and does nothing.")),
    request_body = serde_json::Value,
    responses(
        (status = 200, body = AccountImported, description = "It holds, or would."),
        (status = 409, description = "`MANAGED_BY_FILES`: what the files have, by name; `PHONE_NUMBERS_ALREADY_EXISTS`"),
        (status = 413, description = "`PAYLOAD_TOO_LARGE`"),
    )
)]
async fn import(
    State(management): State<Arc<Management>>,
    caller: Caller,
    mut query: Query,
    request: Request,
) -> Result<Answer<AccountImported>, ApiError> {
    caller.whole_account()?;
    let dry_run = query.dry_run();
    query.end()?;
    let document = whole_body(request, management.account_import_bytes_max).await?;
    let account = caller.account().clone();
    let import = aside(move || read::import(&document, &account)).await??;
    may_bring_agents(&caller, &import)?;
    let import = Arc::new(import);
    if dry_run {
        return aside(move || rehearsed(&management, &caller, &import)).await?.map(Answer::ok);
    }
    let applied = caller.submit(&management, Action::ImportAccount(Arc::clone(&import))).await?;
    let view = AccountImported::of(&import, applied.changed, applied.warnings.clone());
    Ok(Answer::ok(view).since(&applied))
}

/// What an import would come to now, weighed as it would be weighed if it were made. Costs as much as making it.
fn rehearsed(
    management: &Management,
    caller: &Caller,
    import: &Arc<AccountImport>,
) -> Result<AccountImported, ApiError> {
    let before = management.control.state();
    let command = caller.command(Action::ImportAccount(Arc::clone(import)), management.now());
    let weighed = before.authorise(&command).and_then(|()| before.weigh(&command));
    let mut outcome = weighed.map_err(|refusal| management.control.located(refusal))?;
    let mut after = before.as_ref().clone();
    outcome.absorb_into(&mut after, &mut Touched::default());
    let reaches_live = outcome.changes.iter().any(|fact| reaches_live(&before, &after, fact));
    Ok(AccountImported {
        changes: Some(told_each(&before, &outcome.changes, TOLD_MAX)),
        reaches_live: Some(reaches_live),
        ..AccountImported::of(import, !outcome.is_nothing(), outcome.warnings)
    })
}

impl AccountImported {
    fn of(import: &AccountImport, changed: bool, warnings: Vec<String>) -> Self {
        Self {
            agents: import.agents.len(),
            splits: import.splits.len(),
            prefixes: import.prefixes.len(),
            caller_pins: import.caller_pins.len(),
            numbers: import.numbers.len(),
            changed,
            changes: None,
            reaches_live: None,
            warnings,
        }
    }
}

/// Whatever the environments of agents point to, they do so from then on.
fn may_bring_agents(caller: &Caller, import: &AccountImport) -> Result<(), ApiError> {
    if import.agents.is_empty() || caller.key.may(Permission::Deploy) {
        return Ok(());
    }
    Err(ApiError::forbidden("agents need a key with the permission `deploy`: their environments come along"))
}

async fn whole_body(request: Request, most: usize) -> Result<Bytes, ApiError> {
    let said = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if said.is_some_and(|length: usize| length > most) {
        return Err(ApiError::payload_too_large(most));
    }
    to_bytes(request.into_body(), most).await.map_err(|why| super::request::cut_short(&why, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_of_long_answers_leave_threads_to_others() {
        let streams = Streams::default();
        let mut places: Vec<_> = (0..STREAMS).map(|_| streams.place().expect("there is room")).collect();
        assert!(streams.place().is_none());
        places.pop();
        assert!(streams.place().is_some());
    }
}
