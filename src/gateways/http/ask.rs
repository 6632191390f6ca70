//! `POST /v1/calls` and `GET /v1/route`: who serves this call?

use hyper::header::{CACHE_CONTROL, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use super::wanted::{Wanted, in_field};
use super::{HttpConnection, json};
use crate::domain::account::Permission;
use crate::domain::address::Caller;
use crate::gateways::answer::{Asked, members};
use crate::gateways::asker::Asker;
use crate::gateways::explain::Explanation;
use crate::gateways::gateway::DEFAULT;
use crate::gateways::json::Json;
use crate::gateways::worker::Moment;
use crate::http::error::ApiError;
use crate::http::server::Answer as Response;
use crate::routing::decision::Reason;
use crate::routing::request::CallRequest;
use crate::routing::switchboard::{Answer, Occasion, Purpose, Standing};
use crate::routing::trail::{Notes, Silent, Trail as _};

/// What a decision takes as JSON, and some more.
const ANSWER_BYTES: usize = 1_024;

const FORBIDDEN_OVERRIDE: &str = "the override was ignored: the asker lacks the permission override";
const UNMET_OVERRIDE: &str = "the override was ignored: there is no such version or arm";

impl HttpConnection {
    pub(super) fn ask_by_query(&self, head: &Parts) -> Result<Response, ApiError> {
        let moment = self.worker.moment();
        let asker = self.asker(head, Permission::Route)?;
        let wanted = Wanted::from_query(head.uri.query().unwrap_or_default())?;
        let purpose = match wanted.call_id {
            _ if wanted.dry_run => Purpose::DryRun,
            Some(_) => Purpose::Call,
            None => Purpose::Answer,
        };
        let mut body = Vec::with_capacity(ANSWER_BYTES);
        let status = self.decide(&head.method, &asker, wanted, purpose, moment, &mut body)?;
        let mut answer = json(status, body);
        answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(answer)
    }

    pub(super) fn ask_by_body(&self, head: &Parts, body: &[u8]) -> Result<Response, ApiError> {
        let moment = self.worker.moment();
        let asker = self.asker(head, Permission::Route)?;
        let mut answer = Vec::with_capacity(ANSWER_BYTES);
        let query = head.uri.query().unwrap_or_default();
        let status = self.ask_posted(&asker, (body, query), moment, &mut answer)?;
        Ok(json(status, answer))
    }

    /// Answers a body that was posted, alone or among others, with what its query says.
    pub(super) fn ask_posted(
        &self,
        asker: &Asker<'_>,
        (body, query): (&[u8], &str),
        moment: Moment,
        answer: &mut Vec<u8>,
    ) -> Result<StatusCode, ApiError> {
        let mut wanted = Wanted::from_body(body, query)?;
        let purpose = if wanted.dry_run { Purpose::DryRun } else { Purpose::Call };
        wanted.call_id.get_or_insert_with(|| self.worker.new_id().to_string().into());
        self.decide(&Method::POST, asker, wanted, purpose, moment, answer)
    }

    /// Decides, and writes the answer behind what is there.
    fn decide(
        &self,
        method: &Method,
        asker: &Asker<'_>,
        wanted: Wanted<'_>,
        purpose: Purpose,
        moment: Moment,
        body: &mut Vec<u8>,
    ) -> Result<StatusCode, ApiError> {
        let (gateway, gateway_row) = self.gateway(asker, wanted.gateway.as_deref())?;
        let to = wanted.to.as_deref().ok_or_else(|| ApiError::validation("to", "is missing"))?;
        let to = in_field("to", to)?;
        let (asked_for, remark) = match wanted.asked_for {
            Some(_) if !asker.may(Permission::Override) && purpose == Purpose::DryRun => {
                return Err(ApiError::forbidden("an override needs the permission override"));
            }
            Some(_) if !asker.may(Permission::Override) => (None, FORBIDDEN_OVERRIDE),
            asked_for => (asked_for, ""),
        };
        let gateways = &self.worker.plane.parts.doorkeeper.gateways;
        let call = CallRequest {
            account: asker.account(),
            gateway,
            gateway_row,
            to: gateways.localised(gateway_row, to),
            caller: wanted
                .from
                .as_deref()
                .map_or(Caller::Withheld, Caller::parse)
                .map(|from| gateways.localised(gateway_row, from)),
            call_id: wanted.call_id.as_deref(),
            headers: &wanted.headers,
            asked_for,
            token: wanted.token.as_deref(),
            agents: asker.agents(),
        };
        let occasion = self.worker.occasion(purpose, moment.now);
        if purpose == Purpose::DryRun {
            let mut notes = Notes::default();
            if wanted.from_unread {
                notes.note("caller", false, format_args!("from is no text: the caller counts as withheld"));
            }
            return self.explained(&call, occasion, moment, (notes, wanted.unknown), body);
        }
        self.worker.ask(&call, occasion, moment, &mut Silent, |answer| {
            told(answer)?;
            let mut json = Json(body);
            let unmet = call.asked_for.is_some() && by_the_table(&answer.decision.reason);
            let remark = if unmet { UNMET_OVERRIDE } else { remark };
            members(json.raw("{"), answer, Asked { call_id: call.call_id, to: &call.to, remark });
            json.raw("}");
            Ok(status(method, answer))
        })
    }

    fn explained(
        &self,
        call: &CallRequest<'_>,
        occasion: Occasion,
        moment: Moment,
        (mut notes, unknown): (Notes, Vec<String>),
        body: &mut Vec<u8>,
    ) -> Result<StatusCode, ApiError> {
        let (status, explanation) = self.worker.ask(call, occasion, moment, &mut notes, |answer| {
            told(answer)?;
            let asked = Asked { call_id: call.call_id, to: &call.to, remark: "" };
            members(Json(body).raw("{"), answer, asked);
            Ok::<_, ApiError>((status(&Method::GET, answer), Explanation::of(&answer.decision)))
        })?;
        body.extend_from_slice(b",\"explain\":");
        // Texts and numbers always have a JSON form.
        let _ = serde_json::to_writer(&mut *body, &explanation.with(notes, unknown));
        body.push(b'}');
        Ok(status)
    }

    /// The gateway's name and row: an address is bound to its own, a key may name any.
    pub(super) fn gateway<'n>(
        &'n self,
        asker: &Asker<'n>,
        said: Option<&'n str>,
    ) -> Result<(&'n str, u16), ApiError> {
        match asker {
            Asker::Gateway(row, gateway) => match said {
                Some(said) if *said != *gateway.name => {
                    let message = format!("without an API key this address is the gateway {}", gateway.name);
                    Err(ApiError::forbidden(message.clone()).with_field("gateway", message))
                }
                _ => Ok((&gateway.name, *row)),
            },
            Asker::Key(_) => {
                let name = said.unwrap_or(DEFAULT);
                Ok((name, self.worker.plane.parts.doorkeeper.gateways.row(name)))
            }
        }
    }
}

/// Whether an answer may be told to whoever asks.
pub(super) fn told(answer: &Answer<'_>) -> Result<(), ApiError> {
    if answer.standing == Standing::Hidden { Err(other_agents()) } else { Ok(()) }
}

pub(super) fn other_agents() -> ApiError {
    ApiError::forbidden("the API key is limited to other agents")
}

/// Whether the table decided: neither the call's own earlier decision nor what it named itself.
const fn by_the_table(reason: &Reason<'_>) -> bool {
    !matches!(reason, Reason::CallInProgress | Reason::Token | Reason::Override)
}

/// 201 for a call that begins, where something was posted; gateways that can only GET know 200 best.
fn status(method: &Method, answer: &Answer<'_>) -> StatusCode {
    if answer.decision.choice.is_none() {
        return StatusCode::NOT_FOUND;
    }
    match answer.standing {
        Standing::Began | Standing::NotRemembered | Standing::TooManyLegs if *method == Method::POST => {
            StatusCode::CREATED
        }
        _ => StatusCode::OK,
    }
}
