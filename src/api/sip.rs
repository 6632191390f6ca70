//! `/v1/sip/messages`: what comes by SIP and what is answered, as it happens.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream::{BoxStream, Stream, StreamExt as _, once, unfold};
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Management;
use super::caller::Caller;
use super::history::NDJSON;
use super::request::Query;
use crate::domain::account::Permission;
use crate::domain::address::InvalidAddress;
use crate::domain::sip::{SipNews, SipSeen, SipWatch, SoughtNumber, Unwatched};
use crate::domain::time::Timestamp;
use crate::http::error::ApiError;

/// After such a pause a line says that nothing happens: who has gone is noticed, and nobody between takes it for dead.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// A line: a message that came by SIP, or `missed` alone where there is none.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SipLine)]
pub struct SipLineView {
    /// How many messages this reader has missed since the line before, being too slow for them.
    missed: u64,
    #[serde(flatten)]
    message: Option<SipMessageView>,
}

/// A message that came by SIP, and what was made of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SipMessage)]
pub struct SipMessageView {
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// By which trunk; null for a source on no trunk's list.
    trunk: Option<String>,
    /// `udp`, `tcp` or `tls`.
    transport: &'static str,
    /// The address and port it came from.
    source: String,
    /// What came, at most 16 KiB of it; its body only by its length.
    received: String,
    /// What was answered, in the same form.
    answered: Option<String>,
    /// Why nothing was answered, as `cordboard_sip_dropped_total` says it; null for an `ACK`.
    dropped: Option<&'static str>,
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new().routes(routes!(watch_messages))
}

/// Shows messages of SIP and what is answered to them, a line of JSON each, as they come; for keys that see all agents.
///
/// They are those of the account's trunks, and for the first account of sources on no trunk's list. Numbers of seven digits or
/// more and names of callers are masked unless `unmasked`; credentials, tokens and bodies are never shown. A reader that is
/// too slow for them keeps no call waiting: it misses some, and is told how many. The first line comes at once, and one
/// at the latest every ten seconds: where there is nothing to tell it is `{"missed":0}`. It ends when the router leaves,
/// or when the key is no longer good. Eight can read at once.
#[utoipa::path(
    get, path = "/v1/sip/messages", tag = "sip", security(("key" = ["read"])),
    params(
        ("trunk" = Option<String>, Query, description = "Only what comes by the trunk of this name."),
        ("number" = Option<String>, Query, description = "Only requests with this number in their URI, `From`, `To`, \
            `P-Asserted-Identity` or `Diversion`: digits as part of those that stand there, a SIP user as a whole."),
        ("unmasked" = Option<bool>, Query, description = "Shows numbers and names as they are; needs the permission \
            `admin` besides."),
    ),
    responses(
        (status = 200, body = SipLineView, content_type = "application/x-ndjson", description = "Lines, without end."),
        (status = 404, description = "There is no such trunk; the text names those there are."),
        (status = 409, description = "`SIP_NOT_SPOKEN`: the router has no listener of SIP"),
        (status = 503, description = "`TOO_MANY_WATCHERS`: eight read already; `OVERLOADED`: the router leaves"),
    )
)]
async fn watch_messages(
    State(management): State<Arc<Management>>,
    caller: Caller,
    mut query: Query,
) -> Result<Response, ApiError> {
    caller.whole_account()?;
    let trunk = query.text("trunk");
    let number = query.take("number", |text| {
        // A plus that was not encoded comes as a space.
        let text = text.strip_prefix(' ').map_or_else(|| text.to_owned(), |digits| format!("+{digits}"));
        SoughtNumber::parse(&text).map_err(|why| format!("{why}: expected {}", InvalidAddress::EXPECTED))
    });
    let unmasked = query.flag("unmasked");
    query.end()?;
    if unmasked && !caller.key.may(Permission::Admin) {
        return Err(ApiError::forbidden(
            "to see numbers as they are needs a key with the permission `admin`",
        ));
    }
    let account = caller.account().clone();
    let with_strangers = caller.instance().is_ok();
    let watch = SipWatch { account, with_strangers, trunk, number, unmasked };
    let wanted = watch.trunk.clone().unwrap_or_default();
    let news = (management.sip_messages)(watch).map_err(|why| refused(why, &wanted))?;
    tracing::info!(author = caller.name(), trunk = wanted, unmasked, "somebody watches messages of SIP");
    let lines = lines(news, move || is_good(&management, &caller)).map(Ok::<_, Infallible>);
    // What stands between is not to wait for more of it.
    let head = [(CONTENT_TYPE, NDJSON), (CACHE_CONTROL, "no-store")];
    Ok((head, Body::from_stream(lines)).into_response())
}

/// Whether the key with which somebody began may still be used.
fn is_good(management: &Management, caller: &Caller) -> bool {
    let state = management.control.state();
    let present = state.keys.get(&caller.key.digest);
    present.is_some_and(|key| *key == caller.key && !key.expired(management.now()))
}

/// What there is to tell as lines, one at once, and one after each pause; up to the end, or until they may not be read.
fn lines(
    news: BoxStream<'static, SipNews>,
    may_go_on: impl Fn() -> bool + Send + 'static,
) -> impl Stream<Item = Bytes> {
    let later = unfold((news, may_go_on), |(mut news, may_go_on)| async move {
        let next = match timeout(PAUSE_MAX, news.next()).await {
            Ok(next) => next?,
            Err(_pause) => SipNews::default(),
        };
        may_go_on().then(|| (line(next), (news, may_go_on)))
    });
    once(std::future::ready(line(SipNews::default()))).chain(later)
}

fn line(news: SipNews) -> Bytes {
    // Texts and numbers always have a JSON form.
    let mut line = serde_json::to_vec(&SipLineView::from(news)).unwrap_or_default();
    line.push(b'\n');
    line.into()
}

impl From<SipNews> for SipLineView {
    fn from(SipNews { missed, seen }: SipNews) -> Self {
        Self { missed, message: seen.map(SipMessageView::from) }
    }
}

impl From<SipSeen> for SipMessageView {
    fn from(seen: SipSeen) -> Self {
        let SipSeen { at, trunk, transport, source, received, answered, dropped } = seen;
        Self { at, trunk, transport, source: source.to_string(), received, answered, dropped }
    }
}

fn refused(why: Unwatched, trunk: &str) -> ApiError {
    match why {
        Unwatched::NotSpoken => {
            let why = "the router has no listener of SIP: `listen.sip` or `listen.sip_tls` gives it one";
            ApiError::conflict("SIP_NOT_SPOKEN", why)
        }
        Unwatched::Leaving => ApiError::overloaded(1),
        Unwatched::NoTrunk(known) => {
            let there = match known.as_slice() {
                [] => "the account has none".to_owned(),
                known => format!("there are {}", known.join(", ")),
            };
            let why = format!("is no trunk: {there}");
            ApiError::not_found(format!("trunk: {trunk} {why}")).with_field("trunk", why)
        }
        Unwatched::TooMany(most) => {
            let why = format!("{most} watch messages of SIP already, and no more can");
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "TOO_MANY_WATCHERS", why).with_retry_after(10)
        }
    }
}
