//! What the history says of a change: in few words, and never more than a line can hold.

use crate::domain::address::Number;
use crate::domain::agent::Profile;
use crate::domain::change::{Change, NumberChanges, SplitRef};
use crate::domain::route::{Destination, Route};
use crate::domain::split::{Split, UnitRule};
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::domain::words::counted;

/// Most things of a kind that a line names.
const NAMED_MAX: usize = 10;
/// Most headers that are named of a route.
const HEADERS_MAX: usize = 3;

pub(super) fn destination_text(to: &Destination) -> String {
    match to {
        Destination::Agent { agent, pin } => format!("{agent} at {pin}"),
        Destination::Split(split) => format!("split {split}"),
    }
}

/// Where a route leads, and what else of it is other than before.
pub(super) fn route_text(before: Option<&Route>, route: &Route) -> String {
    let mut text = destination_text(&route.to);
    let Some(before) = before else { return text };
    if before.header_rules != route.header_rules {
        let count = counted(route.header_rules.len(), "header rule");
        text.push_str(&format!(", now by {count}"));
    }
    let differs = |name: &&String| before.headers.get(*name) != route.headers.get(*name);
    let gone = before.headers.keys().filter(|name| !route.headers.contains_key(*name));
    let headers = first_few(route.headers.keys().filter(differs).chain(gone), HEADERS_MAX);
    if !headers.is_empty() {
        text.push_str(&format!(", now with other headers ({})", headers.join(", ")));
    }
    if before.site_variant != route.site_variant {
        match &route.site_variant {
            Some(site) => text.push_str(&format!(", now at site {site}")),
            None => text.push_str(", now at the default site"),
        }
    }
    if before.fallback != route.fallback {
        match &route.fallback {
            Some(fallback) => text.push_str(&format!(", now with the fallback {fallback}")),
            None => text.push_str(", now without a fallback"),
        }
    }
    text
}

/// Numbers that are put into a split, the first few by name with what they leave; nothing where there are none.
pub(super) fn put_into_text(before: &State, numbers: &NumberChanges) -> String {
    if numbers.is_empty() {
        return String::new();
    }
    let named = numbers.names().map(|number| match before.route(&number) {
        Some(route) => format!("{number} (from {})", destination_text(&route.to)),
        None => number.to_string(),
    });
    let count = counted(numbers.len(), "number");
    format!("; {count} put into it: {}", first_few(named, NAMED_MAX).join(", "))
}

/// Of each of these numbers what it leaves, as a warning: the first few, and how many more there are.
pub(super) fn leaving_warnings(before: &State, numbers: &NumberChanges) -> Vec<String> {
    let leaving = numbers.names().filter_map(|number| Some((before.route(&number)?, number)));
    let mut leaving: Vec<String> =
        leaving.map(|(route, number)| format!("{number} leaves {}", destination_text(&route.to))).collect();
    if let Some(more) = leaving.len().checked_sub(NAMED_MAX).filter(|more| *more > 0) {
        leaving.truncate(NAMED_MAX);
        leaving.push(format!("{} leave what they led to", counted(more, "more number")));
    }
    leaving
}

/// What a split tests, if it is an environment.
pub(super) fn tested_text(split: &Split) -> String {
    let Some(scope) = &split.scope else { return String::new() };
    format!(" and tests {} of {}", scope.environment, scope.agent)
}

pub(super) fn arms_text(split: &Split) -> String {
    let arms: Vec<String> = split
        .arms
        .iter()
        .map(|arm| {
            let limit = arm
                .max_calls_in_progress
                .map(|calls| format!(", at most {} at once", counted(calls as usize, "call")));
            format!("{} {} at {} ({}{})", arm.id, arm.agent, arm.pin, arm.weight, limit.unwrap_or_default())
        })
        .collect();
    arms.join(", ")
}

/// What of a split is other than before.
pub(super) fn split_text(before: &Split, split: &Split) -> String {
    let mut parts = Vec::new();
    if before.arms != split.arms || before.owners != split.owners {
        parts.push(arms_text(split));
    }
    if before.unit != split.unit {
        parts.push(match &split.unit {
            UnitRule::Caller => "by caller".to_owned(),
            UnitRule::Call => "by call".to_owned(),
            UnitRule::Random => "by chance".to_owned(),
            UnitRule::Header(name) => format!("by header {name}"),
        });
    }
    if before.name != split.name {
        parts.push(format!("named {:?}", split.name));
    }
    if before.paused != split.paused {
        parts.push(if split.paused { "paused" } else { "not paused" }.to_owned());
    }
    let time = |word: &str, at: Option<Timestamp>, none: &str| match at {
        Some(at) => format!("{word} {at}"),
        None => none.to_owned(),
    };
    if before.starts_at != split.starts_at {
        parts.push(time("to begin", split.starts_at, "begun whatever the time"));
    }
    if before.ends_at != split.ends_at {
        parts.push(time("to end", split.ends_at, "without an end"));
    }
    if before.call_quota != split.call_quota {
        let quota = |quota| format!("for {quota} calls");
        parts.push(split.call_quota.map_or_else(|| "for any number of calls".to_owned(), quota));
    }
    if parts.is_empty() { "as it was".to_owned() } else { parts.join(", ") }
}

/// What some changes come to, each thing by its name, the first few of each kind. The history finds a change by these.
pub(super) fn told(before: &State, changes: &[Change]) -> String {
    told_each(before, changes, NAMED_MAX).into_iter().map(|part| format!("; {part}")).collect()
}

/// The same one by one: at most so many things and so many numbers, each followed by `…` where there are more.
#[must_use]
pub fn told_each(before: &State, changes: &[Change], most: usize) -> Vec<String> {
    let things = changes.iter().filter_map(|change| thing(before, change));
    let mut parts = first_few(things, most);
    for change in changes {
        if let Change::FileNumbers(numbers) | Change::Numbers(numbers) = change {
            parts.extend(first_few(numbers_text(before, numbers), most));
        }
    }
    parts
}

fn thing(before: &State, change: &Change) -> Option<String> {
    Some(match change {
        Change::AgentPut(profile) => match before.agents.get(&profile.id) {
            Some(agent) => profile_text(&agent.profile, profile)?,
            None => format!("agent {} is new", profile.id.agent),
        },
        // Of a new agent everything is new.
        Change::VersionSaved { agent, .. }
        | Change::DraftPut { agent, .. }
        | Change::BranchPut { agent, .. }
        | Change::ConnectorPut { agent, .. }
        | Change::ConfigPagePut { agent, .. }
            if !before.agents.contains_key(agent) =>
        {
            return None;
        }
        Change::VersionSaved { agent, version } => {
            let number = version.number?;
            format!("{} has {number}", agent.agent)
        }
        Change::DraftPut { agent, .. } => format!("{} has another draft", agent.agent),
        Change::Deployed { agent, deployment } => {
            format!("{} {} is {}", agent.agent, deployment.environment, deployment.version)
        }
        Change::EnvironmentEmptied { agent, environment } => {
            format!("{} {environment} is empty", agent.agent)
        }
        Change::BranchPut { agent, branch } => {
            let known = before.agents.get(agent).is_some_and(|it| it.branches.contains_key(&branch.id));
            let is = if known { "is another" } else { "is new" };
            format!("branch {} of {} {is}", branch.id, agent.agent)
        }
        Change::ConnectorPut { agent, connector } => {
            let known = before.agents.get(agent).is_some_and(|it| it.connectors.contains_key(&connector.id));
            let is = if known { "is another" } else { "is new" };
            format!("connector {} of {} {is}", connector.id, agent.agent)
        }
        Change::ConfigPagePut { agent, page } => {
            format!("{} {} has another real-time config", agent.agent, page.environment)
        }
        Change::AgentRemoved(agent) => format!("agent {} is gone", agent.agent),
        Change::SplitPut(split) => {
            let id = SplitRef { account: split.account.clone(), split: split.id.clone() };
            let text = before.splits.get(&id).map(|before| split_text(before, split));
            format!("split {} is {}", split.id, text.unwrap_or_else(|| arms_text(split)))
        }
        Change::SplitRemoved(split) => format!("split {} is gone", split.split),
        Change::PrefixPut { prefix, route } => {
            let before = before.prefixes.get(&(route.account.clone(), *prefix));
            format!("{prefix} goes to {}", route_text(before.map(AsRef::as_ref), route))
        }
        Change::PrefixRemoved { prefix, .. } => format!("{prefix} is gone"),
        Change::DefaultPut { route } => {
            let before = before.defaults.get(&route.account);
            format!("the default route goes to {}", route_text(before.map(AsRef::as_ref), route))
        }
        Change::DefaultRemoved { .. } => "the default route is gone".to_owned(),
        // Who calls is in the history by a hash only, which files do not tell.
        Change::CallerPinPut(pin) => format!("a caller of {} is pinned to {}", pin.id.agent.agent, pin.pin),
        Change::CallerPinRemoved(id) => format!("a caller of {} is pinned no longer", id.agent.agent),
        Change::Shadowed(id) => format!("{} is in the files too and stays the API's", id.object),
        Change::Unshadowed(id) => format!("{} is the API's alone", id.object),
        _ => return None,
    })
}

fn profile_text(before: &Profile, profile: &Profile) -> Option<String> {
    let name = (before.name != profile.name).then_some("another name");
    let endpoints = (before.endpoints != profile.endpoints).then_some("other endpoints");
    let limit = (before.max_calls_in_progress != profile.max_calls_in_progress)
        .then_some("another limit of calls in progress");
    let fallback = (before.fallback != profile.fallback).then_some("another fallback");
    let parts: Vec<&str> = name.into_iter().chain(endpoints).chain(limit).chain(fallback).collect();
    (!parts.is_empty()).then(|| format!("agent {} has {}", profile.id.agent, parts.join(" and ")))
}

fn numbers_text(before: &State, numbers: &NumberChanges) -> impl Iterator<Item = String> {
    let phones = numbers.phones.iter().map(|(phone, place)| (Number::E164(*phone), *place));
    let users = numbers.users.iter().map(|(user, place)| (Number::User(user.clone()), *place));
    phones.chain(users).map(|(number, place)| {
        match place.and_then(|place| numbers.routes.get(place as usize)) {
            Some(route) => {
                let before = before.route(&number).map(AsRef::as_ref);
                format!("{number} goes to {}", route_text(before, route))
            }
            None => format!("{number} is gone"),
        }
    })
}

/// At most so many of some things, and a mark where there are more.
pub(super) fn first_few(things: impl IntoIterator<Item: ToString>, most: usize) -> Vec<String> {
    let mut few: Vec<String> = things.into_iter().take(most + 1).map(|thing| thing.to_string()).collect();
    if few.len() > most {
        few.truncate(most);
        few.push("…".to_owned());
    }
    few
}
