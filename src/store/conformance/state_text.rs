//! A state as sorted lines: equal lines, equal states, as far as a store keeps them.

use crate::domain::object::Object;
use crate::domain::route::{ManagedBy, Route};
use crate::domain::state::State;

/// How the lines of caller pins begin.
const CALLER_PIN: &str = "caller pin ";

/// The same without the caller pins, which no log keeps.
pub(crate) fn logged_text(state: &State) -> Vec<String> {
    let mut lines = state_text(state);
    lines.retain(|line| !line.starts_with(CALLER_PIN));
    lines
}

/// Everything in it but the routes and caller pins of the files, which no store keeps.
pub(crate) fn state_text(state: &State) -> Vec<String> {
    let api = |route: &Route| route.managed_by == ManagedBy::Api;
    let mut lines = vec![
        format!("revision {}", state.revision),
        format!("first account {:?}", state.first_account),
        format!("files {:?}", state.files),
    ];
    lines.extend(state.accounts.iter().map(|(id, account)| format!("account {id} {account:?}")));
    lines.extend(state.keys.iter().map(|(digest, key)| format!("key {digest:?} {key:?}")));
    lines.extend(state.agents.iter().map(|(id, agent)| format!("agent {id} {agent:?}")));
    lines.extend(state.shadowed.iter().map(|(id, ())| match &id.object {
        Object::CallerPin { .. } => format!("{CALLER_PIN}shadowed {id:?}"),
        object => format!("shadowed {} {object:?}", id.account),
    }));
    lines.extend(
        state
            .splits
            .iter()
            .map(|(id, split)| format!("split {id:?} {}", serde_json::to_string(split).unwrap())),
    );
    let routed = |number: String, place: u32| match state.routes.get(place) {
        Some(used) if api(&used.route) => Some(format!("number {number} {:?}", used.route)),
        Some(_) => None,
        None => Some(format!("number {number} without a route")),
    };
    let phones = state.numbers.phones.iter().map(|(phone, place)| (format!("{phone:?}"), place.get()));
    let users = state.numbers.users.iter().map(|(user, place)| (user.to_string(), place.get()));
    lines.extend(phones.chain(users).filter_map(|(number, place)| routed(number, place)));
    let used = state.routes.iter().filter(|(_, used)| api(&used.route));
    lines.extend(used.map(|(_, used)| format!("route of {} {:?}", used.numbers, used.route)));
    let prefixes = state.prefixes.iter().filter(|(_, route)| api(route));
    lines.extend(prefixes.map(|(key, route)| format!("prefix {key:?} {route:?}")));
    let defaults = state.defaults.iter().filter(|(_, route)| api(route));
    lines.extend(defaults.map(|(account, route)| format!("default {account} {route:?}")));
    let pins = state.caller_pins.iter().filter(|(_, pin)| pin.managed_by == ManagedBy::Api);
    lines.extend(pins.map(|(_, pin)| format!("{CALLER_PIN}{pin:?}")));
    lines.sort_unstable();
    lines
}
