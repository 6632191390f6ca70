//! `/v1/backup`: everything that the router keeps, as one file that `cordboard restore` puts into an empty data folder.

use std::io::{self, Read as _};
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use tokio::sync::mpsc::Sender;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::caller::Caller;
use super::transfer::streamed;
use super::{Management, aside};
use crate::control::backup::{BackupError, OpenBackup};
use crate::domain::account::Permission;
use crate::http::error::ApiError;

/// Bytes that are sent at a time.
const PIECE: usize = 64 << 10;

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new().routes(routes!(back_up))
}

/// Copies everything that the router keeps, of all accounts, as of one revision: the store with the history, the keys, and
/// the files that were applied last.
///
/// It holds secrets: with it, a router can be had that takes the same API keys and tokens, and the first key itself. So it
/// needs a key of the first account with all permissions, for all agents and without end. One backup is made at a time.
/// An answer that breaks off is refused by `cordboard restore`.
#[utoipa::path(
    get, path = "/v1/backup", tag = "instance", security(("key" = ["admin"])),
    responses(
        (status = 200, body = String, content_type = "application/vnd.sqlite3", description = "The backup; `x-cordboard-revision` \
            is the revision up to which everything is in it."),
        (status = 409, description = "`BACKUP_RUNNING`: another backup has not been read to its end"),
    )
)]
async fn back_up(State(management): State<Arc<Management>>, caller: Caller) -> Result<Response, ApiError> {
    caller.instance()?;
    let is_whole = Permission::ALL.into_iter().all(|permission| caller.key.may(permission));
    if !is_whole || caller.key.expires_at.is_some() {
        let why = "a backup holds the first key: it needs a key with all permissions that does not end";
        return Err(ApiError::forbidden(why));
    }
    let this = Arc::clone(&management);
    let backup = aside(move || this.control.back_up()).await?.map_err(refused)?;
    let backup = backup.ok_or_else(|| {
        let why = "another backup has not been read to its end";
        ApiError::conflict("BACKUP_RUNNING", why)
    })?;
    let (revision, bytes) = (backup.revision(), backup.length());
    tracing::info!(author = caller.name(), %revision, bytes, "a backup was made");
    let mut response =
        streamed(&management, "application/vnd.sqlite3", revision.0, move |sender| send(backup, sender));
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(bytes));
    Ok(response)
}

fn send(mut backup: OpenBackup, to: &Sender<Result<Bytes, io::Error>>) {
    let mut piece = vec![0; PIECE];
    loop {
        let read = backup.read(&mut piece);
        match read {
            Ok(0) => return,
            Ok(read) => {
                let bytes = Bytes::copy_from_slice(piece.get(..read).unwrap_or_default());
                // Whoever read it has gone.
                if to.blocking_send(Ok(bytes)).is_err() {
                    return;
                }
            }
            Err(why) => {
                tracing::error!(error = %why, "a backup broke off");
                drop(to.blocking_send(Err(why)));
                return;
            }
        }
    }
}

fn refused(why: BackupError) -> ApiError {
    tracing::error!(error = ?why, "no backup could be made");
    match why {
        BackupError::Store(why) => why.into(),
        BackupError::Io { .. } | BackupError::LastGood(_) | BackupError::AdminKey => {
            let why = "a file of the data folder cannot be read or written";
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "STORE_UNAVAILABLE", why)
        }
    }
}
