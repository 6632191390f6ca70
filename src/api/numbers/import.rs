//! `POST /v1/numbers:import`: numbers by the million, read as they come.

mod bom;
mod csv;
mod ndjson;
mod reader;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State as Shared;
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE};
use hyper::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::json;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::api::answer::Answer;
use crate::api::caller::Caller;
use crate::api::request::{Query, broken_off};
use crate::api::{Management, aside};
use crate::control::import::{ImportError, NumbersImport, Weighed};
use crate::domain::id::Revision;
use crate::domain::import::{Imported, RowFaults, Rows};
use crate::domain::words::counted;
use crate::http::body::BodyFault;
use crate::http::error::ApiError;
use crate::http::json::faults::quoted;

use reader::Reader;

/// After how many seconds somebody is asked to come again while another import goes on.
const RETRY_SECONDS: u32 = 5;

/// What an import may take.
#[derive(Debug, Clone, Copy)]
pub struct ImportLimits {
    /// Rows.
    pub rows_max: usize,
    /// Bytes of the body.
    pub bytes_max: usize,
    /// How long its sender may pause.
    pub pause_max: Duration,
}

/// What became of an import.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NumberImport)]
pub struct ImportView {
    /// From this revision on it holds; at a dry run, the present one.
    #[schema(value_type = u64)]
    revision: Revision,
    /// The rows, by what became of them.
    imported: ImportedView,
    /// At a dry run: how many numbers would gain or lose a way to `live`.
    #[serde(skip_serializing_if = "Option::is_none")]
    numbers_reaching_live: Option<usize>,
    /// What the operator should know, at most some dozens of things.
    warnings: Vec<String>,
}

/// Rows by what became of them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportedNumbers)]
pub struct ImportedView {
    /// Numbers that were not routed before.
    created: usize,
    /// Numbers that were given another route.
    updated: usize,
    /// Numbers that had this very route.
    unchanged: usize,
}

impl From<Imported> for ImportedView {
    fn from(Imported { created, updated, unchanged }: Imported) -> Self {
        Self { created, updated, unchanged }
    }
}

/// Routes many numbers as one revision, or none of them.
///
/// The body is read as it comes: CSV with a header row that names the columns `number`, `agentId`, `pin`, `splitId` and
/// `siteVariantId`, in any order and as many as are needed; or NDJSON, an object of these members on each line. Each row
/// routes its number as `PUT` would, with `pin` `draft` where there is none. What has no column (no member) stays as it
/// is where the number is routed already: header rules, headers, and the site variant if it is not said; an empty
/// `siteVariantId` (null) takes it away. Numbers that no row names stay. A row at fault refuses all: the first 100
/// faults are told by line. Other changes do not wait for it; where they touch the same numbers, the import is the
/// later one.
#[utoipa::path(
    post, path = "/v1/numbers:import", tag = "numbers", security(("key" = ["edit"])),
    params(("dryRun" = Option<bool>, Query, description = "Says what it would do, and does nothing.")),
    request_body(
        content((String = "text/csv"), (String = "application/x-ndjson")),
        description = "At most `limits.import_bytes_max` bytes and `limits.import_rows_max` rows, in UTF-8; no row longer \
            than 4,096 bytes."
    ),
    responses(
        (status = 200, body = ImportView, description = "All of it holds."),
        (status = 400, description = "`IMPORT_FAULTY`: `errors` has the first 100 faults by line, `data.faults` the same \
            with their codes, and `data.total` says how many there are."),
        (status = 409, description = "`IMPORT_OVERTAKEN`: others kept changing what its rows need."),
        (status = 413, description = "`PAYLOAD_TOO_LARGE`: too many bytes or rows."),
        (status = 415, description = "`UNSUPPORTED_MEDIA_TYPE`: neither CSV nor NDJSON, or compressed."),
        (status = 503, description = "`IMPORT_IN_PROGRESS`: another one goes on."),
    )
)]
pub(super) async fn import_numbers(
    Shared(management): Shared<Arc<Management>>,
    caller: Caller,
    mut query: Query,
    headers: HeaderMap,
    body: Body,
) -> Result<Answer<ImportView>, ApiError> {
    let dry_run = query.dry_run();
    query.end()?;
    let reader = reader(&headers, management.import_limits.rows_max)?;
    let too_large = |of: u64| of > management.import_limits.bytes_max as u64;
    if too_large(body.size_hint().lower()) {
        return Err(too_many_bytes(management.import_limits.bytes_max));
    }
    // Before a row is read: rows are held in memory.
    let Some(turn) = management.control.import_turn() else {
        let message = "another import goes on: one at a time";
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "IMPORT_IN_PROGRESS", message)
            .with_retry_after(RETRY_SECONDS));
    };
    let (rows, faults) = read(body, reader, management.import_limits).await?;
    let control = management.control.clone();
    let import = NumbersImport {
        account: caller.account().clone(),
        author: caller.author(),
        at: management.now(),
        rows,
        faults,
    };
    if dry_run {
        let weighed = aside(move || control.weigh_import(turn, import)).await?;
        let Weighed { revision, imported, live, warnings } = weighed.map_err(|faults| faulty(&faults))?;
        let view =
            ImportView { revision, imported: imported.into(), numbers_reaching_live: Some(live), warnings };
        return Ok(Answer::ok(view));
    }
    let applied = aside(move || control.import(turn, import)).await?.map_err(|why| match why {
        ImportError::Faulty(faults) => faulty(&faults),
        ImportError::Control(why) => why.into(),
    })?;
    let view = ImportView {
        revision: applied.revision,
        imported: applied.imported.unwrap_or_default().into(),
        numbers_reaching_live: None,
        warnings: applied.warnings.clone(),
    };
    Ok(Answer::ok(view).since(&applied))
}

/// What takes a body apart, whatever it is made of.
trait Format: Send {
    /// Takes the next bytes.
    fn push(&mut self, bytes: &[u8]) -> Result<(), ApiError>;

    /// Takes the end.
    fn end(self: Box<Self>) -> Result<(Rows, RowFaults), ApiError>;
}

fn reader(headers: &HeaderMap, rows_max: usize) -> Result<Box<dyn Format>, ApiError> {
    let unsupported = |message: String| {
        ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message)
    };
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    if let Some(encoded) = encodings.find(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let encoding = quoted(&String::from_utf8_lossy(encoded.as_bytes()));
        return Err(unsupported(format!(
            "the Content-Encoding is {encoding}: expected a body as it is, or identity"
        )));
    }
    let said = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let reader = Reader::new(rows_max);
    match media_type.as_str() {
        "text/csv" => Ok(Box::new(csv::Csv::new(reader))),
        "application/x-ndjson" => Ok(Box::new(ndjson::Ndjson::new(reader))),
        _ => Err(unsupported("the Content-Type is neither text/csv nor application/x-ndjson".to_owned())),
    }
}

/// Reads a body to its end, however long it takes, as long as something comes.
async fn read(
    mut body: Body,
    mut reader: Box<dyn Format>,
    limits: ImportLimits,
) -> Result<(Rows, RowFaults), ApiError> {
    let mut received = 0_usize;
    loop {
        let next = timeout(limits.pause_max, body.frame()).await;
        let Some(frame) = next.map_err(|_| ApiError::from(BodyFault::TooSlow))? else { break };
        let frame = frame.map_err(|why| broken_off(&why))?;
        let Ok(bytes) = frame.into_data() else { continue };
        received = received.saturating_add(bytes.len());
        if received > limits.bytes_max {
            return Err(too_many_bytes(limits.bytes_max));
        }
        reader.push(&bytes)?;
    }
    reader.end()
}

fn too_many_bytes(most: usize) -> ApiError {
    let message = format!("the import is larger than {most} bytes, which limits.import_bytes_max allows");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", message)
}

fn faulty(faults: &RowFaults) -> ApiError {
    let total = faults.total();
    let message = format!("the import has {}: nothing was imported", counted(total, "fault"));
    let listed = faults.told().map(|fault| {
        json!({
            "file": "", "line": fault.line, "column": 0, "message": told(&fault.field, &fault.message), "expected": "",
            "code": fault.code,
        })
    });
    let data = json!({"faults": listed.collect::<Vec<_>>(), "total": total});
    let error = ApiError::new(StatusCode::BAD_REQUEST, "IMPORT_FAULTY", message).with_data(data);
    faults.told().fold(error, |error, fault| {
        error.with_field(format!("line {}", fault.line), told(&fault.field, &fault.message))
    })
}

fn told(field: &str, message: &str) -> String {
    if field.is_empty() { message.to_owned() } else { format!("{field}: {message}") }
}
