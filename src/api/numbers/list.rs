//! `GET /v1/numbers`: pages of ten million numbers, each page at a bounded price.

use std::collections::HashMap;
use std::ops::{Bound, RangeInclusive};
use std::sync::Arc;

use foldhash::fast::FixedState;
use serde::Serialize;
use utoipa::ToSchema;

use super::NumberView;
use crate::api::answer::Answer;
use crate::api::aside;
use crate::api::caller::Caller;
use crate::api::cursor::{QueryPrint, no_entry};
use crate::api::request::Query;
use crate::domain::address::{E164, Number, Prefix};
use crate::domain::id::{AgentId, Pin, SplitId};
use crate::domain::route::{Destination, ManagedBy, Route};
use crate::domain::state::RouteIx;
use crate::http::error::ApiError;

/// Most numbers that one request looks at; what a sparse filter finds among them is the page.
const LOOKS_MAX: usize = 200_000;
/// Phone numbers have 7 to 15 digits.
const DIGITS: RangeInclusive<u32> = 7..=15;

/// A page of numbers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NumberPage {
    /// Phone numbers by value, then SIP users by name.
    numbers: Vec<NumberView>,
    /// Where the next page begins; null at the end.
    next_cursor: Option<String>,
}

/// Lists numbers.
///
/// Phone numbers come first, by value, then SIP users, by name. With `prefix` only numbers that begin with it are looked
/// at. The other filters are applied while looking: a request looks at no more than 200,000 numbers, so a page can be
/// shorter than `limit`, even empty, and still have a `nextCursor`; there is nothing more when it is null.
#[utoipa::path(
    get, path = "/v1/numbers", tag = "numbers", security(("key" = ["read"])),
    params(
        ("agentId" = Option<String>, Query, description = "Only what goes to this agent."),
        ("splitId" = Option<String>, Query, description = "Only what goes into this split."),
        ("prefix" = Option<String>, Query,
            description = "Only what begins with this: `+` and digits, or the beginning of a SIP user."),
        ("pin" = Option<String>, Query, description = "Only what is pinned to this."),
        ("managedBy" = Option<String>, Query, description = "`api` or `files`."),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before, of the same query."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "100 unless said."),
    ),
    responses((status = 200, body = NumberPage, description = "A page."))
)]
pub(super) async fn list_numbers(caller: Caller, mut query: Query) -> Result<Answer<NumberPage>, ApiError> {
    let filter = Filter::read(&mut query);
    let cursor = query.text("cursor");
    let limit = query.limit();
    query.end()?;
    let print = filter.print(&caller);
    let after = cursor.map(|cursor| After::read(&print.read(&cursor)?)).transpose()?;
    aside(move || Answer::ok(page(&caller, &filter, print, after.as_ref(), limit))).await
}

/// Which numbers are wanted.
#[derive(Debug)]
struct Filter {
    agent: Option<AgentId>,
    split: Option<SplitId>,
    prefix: Beginning,
    pin: Option<Pin>,
    managed_by: Option<ManagedBy>,
}

/// How a number begins.
#[derive(Debug, Default)]
enum Beginning {
    /// Anyhow.
    #[default]
    Any,
    /// A phone number with these digits first.
    Phone(Prefix),
    /// A SIP user with this text first.
    User(String),
}

impl Filter {
    fn read(query: &mut Query) -> Self {
        Self {
            agent: query.take("agentId", |text| AgentId::parse(text).map_err(|why| why.to_string())),
            split: query.take("splitId", |text| SplitId::parse(text).map_err(|why| why.to_string())),
            prefix: query.take("prefix", Beginning::read).unwrap_or_default(),
            pin: query.take("pin", |text| {
                Pin::parse(text).ok_or_else(|| format!("is no pin: expected {}", Pin::EXPECTED))
            }),
            managed_by: query.take("managedBy", |text| match text {
                "api" => Ok(ManagedBy::Api),
                "files" => Ok(ManagedBy::Files),
                _ => Err("expected api or files".to_owned()),
            }),
        }
    }

    /// What a cursor is bound to.
    fn print(&self, caller: &Caller) -> QueryPrint {
        QueryPrint::of(&caller.key, &[&"numbers", self])
    }

    fn wants(&self, caller: &Caller, route: &Route) -> bool {
        let (agent, pin, split) = match &route.to {
            Destination::Agent { agent, pin } => (Some(agent), Some(*pin), None),
            Destination::Split(split) => (None, None, Some(split)),
        };
        route.account == *caller.account()
            && (self.agent.is_none() || self.agent.as_ref() == agent)
            && (self.split.is_none() || self.split.as_ref() == split)
            && (self.pin.is_none() || self.pin == pin)
            && self.managed_by.is_none_or(|managed_by| managed_by == route.managed_by)
            && caller.sight().route(route)
    }
}

impl Beginning {
    fn read(text: &str) -> Result<Self, String> {
        // A plus that was not encoded comes as a space.
        match text.strip_prefix(['+', ' ']) {
            Some(digits) => Prefix::parse(&format!("+{digits}"))
                .map(Self::Phone)
                .ok_or_else(|| format!("is no prefix: expected {}", Prefix::EXPECTED)),
            None if text.is_empty() => Ok(Self::Any),
            None => Ok(Self::User(text.to_owned())),
        }
    }

    /// The ranges of phone numbers that begin so, ascending: one for each count of digits.
    fn phones(&self) -> Vec<RangeInclusive<u64>> {
        let Self::Phone(prefix) = self else {
            let all = 10_u64.pow(DIGITS.start() - 1)..=10_u64.pow(*DIGITS.end()) - 1;
            return if matches!(self, Self::Any) { vec![all] } else { Vec::new() };
        };
        prefix.phones().collect()
    }

    /// How a SIP user begins, if one can begin so.
    fn user(&self) -> Option<&str> {
        match self {
            Self::Any => Some(""),
            Self::Phone(_) => None,
            Self::User(text) => Some(text),
        }
    }
}

/// The number that was looked at last.
enum After {
    Phone(u64),
    User(String),
}

impl After {
    /// Reads the inside of a cursor: a phone number has its plus, which no SIP user begins with.
    fn read(text: &str) -> Result<Self, ApiError> {
        match text.strip_prefix('+') {
            Some(digits) => digits.parse().map(Self::Phone).map_err(|_| no_entry()),
            None => Ok(Self::User(text.to_owned())),
        }
    }
}

fn page(
    caller: &Caller,
    filter: &Filter,
    print: QueryPrint,
    after: Option<&After>,
    limit: usize,
) -> NumberPage {
    let state = &caller.state;
    let mut numbers = Vec::new();
    let mut wanted: HashMap<RouteIx, bool, FixedState> = HashMap::default();
    let mut walk = walk(caller, &filter.prefix, after);
    let mut next_cursor = None;
    for looked in 1.. {
        let Some((number, place)) = walk.next() else { break };
        if let Some(used) = state.routes.get(place.get())
            && *wanted.entry(place).or_insert_with(|| filter.wants(caller, &used.route))
        {
            numbers.push(NumberView::of(state, number.clone(), &used.route));
        }
        if numbers.len() == limit || looked == LOOKS_MAX {
            next_cursor = walk.next().map(|_| print.after(&number.to_string()));
            break;
        }
    }
    NumberPage { numbers, next_cursor }
}

/// The numbers that begin as wanted after a place, in order.
fn walk<'a>(
    caller: &'a Caller,
    beginning: &'a Beginning,
    after: Option<&'a After>,
) -> impl Iterator<Item = (Number, RouteIx)> + 'a {
    let numbers = &caller.state.numbers;
    let phone_after = match after {
        None => 0,
        Some(After::Phone(value)) => value.saturating_add(1),
        Some(After::User(_)) => u64::MAX,
    };
    let phones = beginning.phones().into_iter().filter_map(move |range| {
        let (first, last) =
            (E164::from_value(phone_after.max(*range.start()))?, E164::from_value(*range.end())?);
        let from = numbers.phones.range_from(Bound::Included(&first));
        Some(from.take_while(move |(phone, _)| **phone <= last))
    });
    let users = beginning.user().into_iter().flat_map(move |begin| {
        let from = match after {
            Some(After::User(user)) if user.as_str() >= begin => Bound::Excluded(user.as_str()),
            _ => Bound::Included(begin),
        };
        numbers.users.range_from(from).take_while(move |(user, _)| user.starts_with(begin))
    });
    let phones = phones.flatten().map(|(phone, place)| (Number::E164(*phone), *place));
    phones.chain(users.map(|(user, place)| (Number::User(Arc::clone(user)), *place)))
}
