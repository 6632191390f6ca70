//! `GET /v1/calls/{callId}` and `POST /v1/calls/{callId}/end`: what became of a call.

use std::borrow::Cow;
use std::sync::Arc;

use hyper::StatusCode;
use hyper::http::request::Parts;

use super::ask::other_agents;
use super::ending::Ended;
use super::wanted::{Wanted, in_field, known_only};
use super::{HttpConnection, call_id_in_path, json};
use crate::domain::account::Permission;
use crate::domain::address::{Address, Caller, E164};
use crate::domain::time::Timestamp;
use crate::gateways::answer::{Asked, members};
use crate::gateways::asker::Asker;
use crate::gateways::gateway::DEFAULT;
use crate::gateways::json::Json;
use crate::http::error::ApiError;
use crate::http::server::Answer as Response;
use crate::routing::calls::{EndedLeg, Ending, Kept, Leg, Remembered, Which};
use crate::routing::request::CallRequest;
use crate::routing::switchboard::{Answer, Standing, TokenIgnored};
use crate::routing::token;

/// How far a gateway's clock may be from ours, in milliseconds.
const CLOCKS_APART_MS: i64 = 60_000;
const UNKNOWN: &str = "no such call is in progress here or ended a moment ago";

impl HttpConnection {
    pub(super) fn call(&self, head: &Parts, call: &str) -> Result<Response, ApiError> {
        let asker = self.asker(head, Permission::Route)?;
        if matches!(asker, Asker::Gateway(..)) {
            return Err(ApiError::forbidden(
                "without an API key calls can be routed and ended, nothing else",
            ));
        }
        let call_id = call_id_in_path(call)?;
        let query = head.uri.query().unwrap_or_default();
        known_only(query, &["gateway", "to"])?;
        let asked = Wanted::about_call(query)?;
        let gateway = asked.gateway.as_deref();
        let dialled =
            asked.to.as_deref().map(|to| self.leg_to(gateway.unwrap_or(DEFAULT), to)).transpose()?;
        let calls = &self.worker.plane.parts.switchboard.calls;
        let legs = calls.legs(asker.account(), Which { gateway, dialled }, &call_id);
        let leg = legs.last().ok_or_else(not_found)?;
        see(&asker, &leg.kept)?;
        // The sentence of the decision names it.
        if leg.kept.detour.as_ref().is_some_and(|detour| !asker.sees(&detour.from.agent.agent)) {
            return Err(other_agents());
        }
        let mut body = Vec::with_capacity(1_024);
        self.worker.with_table(|table| {
            let page = table.real_time_config(&leg.kept.served);
            write_leg(&mut Json(&mut body), &call_id, leg, page);
        });
        Ok(json(StatusCode::OK, body))
    }

    pub(super) fn end(&self, head: &Parts, call: &str, body: &[u8]) -> Result<Response, ApiError> {
        let asker = self.asker(head, Permission::Route)?;
        let call_id = call_id_in_path(call)?;
        known_only(head.uri.query().unwrap_or_default(), &[])?;
        let mut answer = Vec::with_capacity(256);
        self.end_call(&asker, &call_id, &Ended::from_body(body)?, &mut answer)?;
        Ok(json(StatusCode::OK, answer))
    }

    /// Ends a call, and writes how it ended behind what is there.
    pub(super) fn end_call(
        &self,
        asker: &Asker<'_>,
        call_id: &str,
        ended: &Ended<'_>,
        answer: &mut Vec<u8>,
    ) -> Result<(), ApiError> {
        let now = self.worker.moment().now;
        let (gateway, _) = self.gateway(asker, ended.gateway.as_deref())?;
        let which = Which { gateway: Some(gateway), dialled: self.leg_of(asker, ended, gateway, now)? };
        let calls = &self.worker.plane.parts.switchboard.calls;
        let mut legs = calls.legs(asker.account(), which, call_id);
        let began_as = if legs.is_empty() { self.began_as(asker, ended, which, now) } else { None };
        let (known_id, which) =
            began_as.as_ref().map_or((call_id, which), |leg| (leg.names.call_id(), leg.which()));
        legs.extend(began_as.clone());
        legs.iter().try_for_each(|leg| see(asker, &leg.kept))?;
        let began = legs.iter().map(|leg| leg.started_at).min();
        let at = ended.ended_at.map(|at| self.ended_at(at, began, now));
        let ending = Ending { duration_s: ended.believed_s(began.is_some())?, ..ended.ending(at, now) };
        if legs.is_empty() || !self.end_known(asker, which, known_id, &ending) {
            self.end_by_token(asker, call_id, ended, &ending)?;
        }
        let stands = calls.legs(asker.account(), which, known_id).pop().and_then(|leg| leg.ended);
        let mut json = Json(answer);
        json.raw("{\"callId\":").text(call_id).raw(",\"ended\":true,");
        write_ending(&mut json, Some(&stands.unwrap_or(ending)));
        json.raw("}");
        Ok(())
    }

    /// When a call ended, by our clock: calls are timed by one that is never set, gateways by the wall's.
    ///
    /// A gateway's clock may be a little behind or ahead. What is more than a minute from all that can be is no time at
    /// all: the call ended when that was told, since it has to end whatever its gateway's clock shows.
    fn ended_at(&self, at: Timestamp, began: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let plausible = |at: &Timestamp| {
            began.is_none_or(|began| *at >= began.plus_ms(-CLOCKS_APART_MS))
                && *at <= now.plus_ms(CLOCKS_APART_MS)
        };
        // How far the wall has been set since the start.
        let set_ms = self.worker.plane.parts.clock.now_ms() - now.0;
        [at, at.plus_ms(-set_ms)].into_iter().find(plausible).unwrap_or(now)
    }

    /// The leg that an end is about: to the number it names, else to that of its token; all of them where it has
    /// neither, or a token that is not valid.
    fn leg_of(
        &self,
        asker: &Asker<'_>,
        ended: &Ended<'_>,
        gateway: &str,
        now: Timestamp,
    ) -> Result<Option<u64>, ApiError> {
        if let Some(to) = ended.to.as_deref() {
            return self.leg_to(gateway, to).map(Some);
        }
        let tokens = &self.worker.plane.parts.switchboard.tokens;
        let claims = ended.token.as_deref().map(|token| tokens.check(asker.account(), None, token, now));
        Ok(claims.and_then(Result::ok).map(|claims| claims.dialled))
    }

    /// The leg that a token was given for, where an end names its call by an id that is not known: a transfer has changed the
    /// id, or somebody tells the same end again under others, which must not count again.
    fn began_as(
        &self,
        asker: &Asker<'_>,
        ended: &Ended<'_>,
        which: Which<'_>,
        now: Timestamp,
    ) -> Option<Leg> {
        let switchboard = &self.worker.plane.parts.switchboard;
        let claims = switchboard.tokens.check(asker.account(), None, ended.token.as_deref()?, now).ok()?;
        let is_meant = which.dialled == Some(claims.dialled);
        is_meant.then(|| switchboard.calls.decided(asker.account(), claims.decision_id)).flatten()
    }

    /// The leg to a number, as a gateway writes it.
    fn leg_to(&self, gateway: &str, to: &str) -> Result<u64, ApiError> {
        let gateways = &self.worker.plane.parts.doorkeeper.gateways;
        let to = in_field("to", to)?;
        Ok(token::dialled(&gateways.localised(gateways.row(gateway), to)))
    }

    /// Ends legs of a call in progress; `false` where there is none.
    fn end_known(&self, asker: &Asker<'_>, which: Which<'_>, call_id: &str, ending: &Ending) -> bool {
        let calls = &self.worker.plane.parts.switchboard.calls;
        let Some(legs) = calls.end(asker.account(), which, call_id, ending) else { return false };
        self.worker.count(|tally| legs.iter().for_each(|leg| tally.ended(leg)));
        true
    }

    /// Ends a call that began elsewhere, or before a restart, as its token says. It is kept among the ended ones, so
    /// that the end is counted once however often it is told.
    fn end_by_token(
        &self,
        asker: &Asker<'_>,
        call_id: &str,
        ended: &Ended<'_>,
        ending: &Ending,
    ) -> Result<(), ApiError> {
        let switchboard = &self.worker.plane.parts.switchboard;
        let token = ended.token.as_deref().ok_or_else(not_found)?;
        let now = ending.known_at;
        let (gateway, gateway_row) = self.gateway(asker, ended.gateway.as_deref())?;
        let to = ended.to.as_deref().map(|to| in_field("to", to)).transpose()?;
        let to = to.map(|to| self.worker.plane.parts.doorkeeper.gateways.localised(gateway_row, to));
        let claims = switchboard
            .tokens
            .check(asker.account(), to.as_ref(), token, now)
            .map_err(|why| unknown_by(TokenIgnored::Invalid(why)))?;
        let by_claims = || E164::from_value(claims.dialled).map(Address::E164);
        let call = CallRequest {
            account: asker.account(),
            gateway,
            gateway_row,
            // A token holds no more of a SIP user than its digest.
            to: to.or_else(by_claims).unwrap_or(Address::User(Cow::Borrowed(""))),
            caller: Caller::Withheld,
            call_id: Some(call_id),
            headers: &[],
            asked_for: None,
            token: None,
            agents: None,
        };
        let kept = self.worker.with_table(|table| switchboard.named(table, &call).by_claims(&claims));
        let kept = kept.ok_or_else(|| unknown_by(TokenIgnored::NotHere))?;
        see(asker, &kept)?;
        #[expect(clippy::cast_possible_truncation, reason = "at most a week, in milliseconds")]
        let took_ms = (ended.duration_s.unwrap_or_default() * 1_000.0) as i64;
        let series = Arc::clone(&kept.served.series);
        let began = ending.at.plus_ms(-took_ms);
        let known = switchboard.calls.remember_ended(&call, call_id, kept, began, ending);
        if !matches!(known, Remembered::Already(_)) {
            let leg = EndedLeg { series, gateway_row, ending: ending.timed(began), after_timeout: false };
            self.worker.count(|tally| tally.ended_from_elsewhere(&leg));
        }
        Ok(())
    }
}

fn not_found() -> ApiError {
    no_call(UNKNOWN)
}

/// Neither is the call known, nor does its token help.
fn unknown_by(why: TokenIgnored) -> ApiError {
    no_call(format!("{UNKNOWN}, and the token was ignored: {why}"))
}

fn no_call(message: impl Into<String>) -> ApiError {
    ApiError::not_found(message).with_code("CALL_NOT_FOUND")
}

fn see(asker: &Asker<'_>, kept: &Kept) -> Result<(), ApiError> {
    if asker.sees(&kept.served.agent.agent) { Ok(()) } else { Err(other_agents()) }
}

fn write_leg(json: &mut Json<'_>, call_id: &str, leg: &Leg, real_time_config: Option<&str>) {
    let to = leg.to.as_address();
    json.raw("{\"callId\":").text(call_id).raw(",\"gateway\":").text(leg.names.gateway());
    json.raw(",\"to\":").shown(&to).raw(",\"startedAt\":").shown(leg.started_at).raw(",");
    write_ending(json, leg.ended.as_ref());
    json.raw(",\"inProgress\":").raw(if leg.ended.is_none() { "true" } else { "false" });
    let answer = Answer {
        decision: leg.decision(),
        decision_id: leg.kept.decision_id,
        token: None,
        token_ignored: None,
        real_time_config,
        moved_from: None,
        standing: Standing::InProgress,
    };
    let asked = Asked { call_id: Some(call_id), to: &to, remark: "" };
    members(json.raw(",\"decision\":{"), &answer, asked);
    json.raw("}}");
}

fn write_ending(json: &mut Json<'_>, ending: Option<&Ending>) {
    let flag = |flag: Option<bool>| match flag {
        Some(true) => "true",
        Some(false) => "false",
        None => "null",
    };
    let Some(ending) = ending else {
        json.raw("\"endedAt\":null,\"durationSeconds\":null,\"outcome\":null,\"automated\":null,");
        json.raw("\"sentiment\":null,\"handoff\":null");
        return;
    };
    json.raw("\"endedAt\":").shown(ending.at);
    json.raw(",\"durationSeconds\":").real_or_null(ending.duration_s);
    json.raw(",\"outcome\":").text(ending.outcome.as_str());
    json.raw(",\"automated\":").raw(flag(ending.automated));
    json.raw(",\"sentiment\":").real_or_null(ending.sentiment);
    json.raw(",\"handoff\":").raw(flag(ending.handoff));
}
