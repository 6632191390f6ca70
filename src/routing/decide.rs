//! The decision: a pure function of the table, the request, the moment and one random number.

use std::fmt;
use std::sync::Arc;

use super::calls::KeptArm;
use super::capacity::{Claim, Full, Places};
use super::decision::{Cause, Choice, Decision, Detour, InSplit, Instead, Reason, Unfit, Unit};
use super::request::CallRequest;
use super::table::{RoutingTable, Served, ServingArm, ServingRoute, ServingSplit, To};
use super::trail::Trail;
use crate::domain::address::{Address, Caller};
use crate::domain::agent::AgentRef;
use crate::domain::fallback::Fallback;
use crate::domain::id::Pin;
use crate::domain::split::slots::{slot_of, slot_of_draw};
use crate::domain::split::{Inactive, UnitRule};
use crate::domain::time::Timestamp;

/// Decides who serves a call that has no earlier decision and asks for nothing by name.
///
/// Rules in their order: the number's header rules, the number's route, the longest matching
/// prefix, the default route. Whatever leads to an agent, a caller who is pinned to a version of it gets that one,
/// outside of splits. What is full or down gives way to a split's control or a fallback. `draw` is evenly
/// distributed and used only by splits that want a fresh draw.
/// Allocates nothing, takes no lock, cannot fail. Cost: one cold look-up of the number, and a hash in a split.
pub fn decide<'t>(
    table: &'t RoutingTable,
    call: &CallRequest<'_>,
    draw: u64,
    now: Timestamp,
    trail: &mut impl Trail,
) -> Decision<'t> {
    Deciding { table, call, draw, now, trail, claim: None, before: None }.decide()
}

/// Decides as [`decide`] does, and claims the places that the call needs where calls are limited.
///
/// The draw and the moment are as there; `before` is where a call that is decided once more was in a split. Cost beside
/// that: an atomic exchange for each limit, nothing where there is none.
pub fn begin<'t>(
    table: &'t RoutingTable,
    call: &CallRequest<'_>,
    (draw, now): (u64, Timestamp),
    (claim, before): (&mut Claim, Option<&KeptArm>),
    trail: &mut impl Trail,
) -> Decision<'t> {
    Deciding { table, call, draw, now, trail, claim: Some(claim), before }.decide()
}

type Found<'t> = (Choice<'t>, Reason<'t>);
type Match<'t> = Option<Found<'t>>;

struct Deciding<'t, 'c, 'r, T> {
    table: &'t RoutingTable,
    call: &'c CallRequest<'r>,
    draw: u64,
    now: Timestamp,
    trail: &'c mut T,
    /// For the places that the call needs; none where it only asks and has none.
    claim: Option<&'c mut Claim>,
    /// Where the call was in a split before it was moved.
    before: Option<&'c KeptArm>,
}

impl<'t, T: Trail> Deciding<'t, '_, '_, T> {
    fn decide(mut self) -> Decision<'t> {
        let revision = self.table.revision;
        let Some(found) = self.first_match() else {
            return Decision { revision, choice: None, reason: Reason::NoRoute, moved: false, detour: None };
        };
        let (choice, reason) = self.for_caller(found);
        // Most tables have neither limits nor fallbacks: this is all that it costs them.
        let (choice, detour) = if self.table.guards == 0 { (choice, None) } else { self.fit(choice) };
        Decision { revision, choice: Some(choice), reason, moved: false, detour }
    }

    fn first_match(&mut self) -> Match<'t> {
        let call = self.call;
        if let Some(found) = self.number(&call.to) {
            return Some(found);
        }
        let table = self.table;
        let routes = table.account(self.call.account)?;
        if let Address::E164(number) = self.call.to {
            for (prefix, route) in routes.matching(number) {
                let found =
                    self.header_rules(route).or_else(|| self.route(route, Reason::PrefixRoute(prefix)));
                if found.is_some() {
                    return found;
                }
            }
        }
        match &routes.default {
            Some(route) => self.header_rules(route).or_else(|| self.route(route, Reason::DefaultRoute)),
            None => {
                self.trail.note("default_route", false, format_args!("the account has none"));
                None
            }
        }
    }

    /// What was found, or what the caller is pinned to of the same agent.
    #[inline]
    fn for_caller(&mut self, found: Found<'t>) -> Found<'t> {
        // Most tables have no caller pins: this is all that it costs them.
        if self.table.caller_pins.is_empty() { found } else { self.pinned_for_caller(found) }
    }

    fn pinned_for_caller(&mut self, (choice, reason): Found<'t>) -> Found<'t> {
        let agent: &'t AgentRef = &choice.served.agent;
        let Some(caller) = self.call.caller.address() else { return (choice, reason) };
        let Some(pin) = self.table.caller_pin(agent, caller) else { return (choice, reason) };
        if let Some(until) = pin.until.filter(|_| pin.expired(self.now)) {
            self.trail.note(
                "caller_pin",
                false,
                format_args!("the pin of this caller was valid until {until}"),
            );
            return (choice, reason);
        }
        let Some(served) = self.table.agent(agent).and_then(|agent| self.table.served(agent, pin.pin)) else {
            self.empty("caller_pin", pin.pin, format_args!(""));
            return (choice, reason);
        };
        let why = format_args!("this caller is pinned to {} of {}", pin.pin, agent.agent);
        self.trail.note("caller_pin", true, why);
        (Choice { served, in_split: None, ..choice }, Reason::CallerPin)
    }

    fn number(&mut self, dialled: &Address<'_>) -> Match<'t> {
        let table = self.table;
        let place = table.numbers.look_up(dialled);
        let way = place.and_then(|place| table.way_at(place.get()));
        let Some(way) = way.filter(|way| way.account == *self.call.account) else {
            self.trail.note("number_pin", false, format_args!("{dialled} has no route"));
            return None;
        };
        if let Some(served) = &way.straight {
            let why = format_args!("{} at {}", served.agent.agent, served.pin);
            self.trail.note("number_pin", true, why);
            return Some((Choice::of(served, None), Reason::NumberPin));
        }
        let route = &way.route;
        let found = self.header_rules(route).or_else(|| {
            let reason = match route.to {
                To::Seat { .. } => Reason::NumberPin,
                To::Split(_) => Reason::NumberSplit,
            };
            self.route(route, reason)
        });
        // Most numbers have no connector: this is all that it costs them.
        if route.route.connector.is_none() { found } else { found.map(|found| self.connected(found, route)) }
    }

    /// What was found, at the site of the number's connector, unless the number names a site itself.
    fn connected(&mut self, (choice, reason): Found<'t>, route: &'t ServingRoute) -> Found<'t> {
        let table = self.table;
        let site = || {
            let connector = route.route.connector.as_ref().filter(|_| route.route.site_variant.is_none())?;
            let connectors = &table.agent(&choice.served.agent)?.agent.connectors;
            let site = connectors.get(connector)?.site_variant.as_ref()?;
            Some((connector, site))
        };
        let Some((connector, site)) = site() else { return (choice, reason) };
        self.trail.note(
            "connector",
            true,
            format_args!("connector {connector} names the site variant {site}"),
        );
        (Choice { site: Some(Some(site)), ..choice }, reason)
    }

    fn header_rules(&mut self, route: &'t Arc<ServingRoute>) -> Match<'t> {
        for (at, rule) in route.rules.iter().enumerate() {
            let header: &'t str = &rule.header;
            if !self.call.header(header).any(|value| rule.test.matches(value)) {
                self.trail.note(
                    "header_rule",
                    false,
                    format_args!("rule {}: {header} does not match", at + 1),
                );
                continue;
            }
            match self.table.seated(rule.seat) {
                Some(served) => {
                    self.trail.note("header_rule", true, format_args!("rule {}: {header} matches", at + 1));
                    return Some(self.tested(served, route, Reason::HeaderRule(at, header)));
                }
                None => self.empty("header_rule", rule.pin, format_args!(": rule {}", at + 1)),
            }
        }
        None
    }

    fn route(&mut self, route: &'t Arc<ServingRoute>, reason: Reason<'t>) -> Match<'t> {
        match route.to {
            To::Seat { seat, pin } => {
                let Some(served) = self.table.seated(seat) else {
                    self.empty(reason.code(), pin, format_args!(""));
                    return None;
                };
                self.trail.note(reason.code(), true, format_args!("{} at {pin}", served.agent.agent));
                Some(self.tested(served, route, reason))
            }
            To::Split(split) => self.split(self.table.split_at(split)?, route, reason),
        }
    }

    /// What a rule led to, or what the split deals that tests it.
    fn tested(
        &mut self,
        served: &'t Arc<Served>,
        route: &'t Arc<ServingRoute>,
        reason: Reason<'t>,
    ) -> Found<'t> {
        let split = served.split.and_then(|place| self.table.split_at(place));
        let dealt = split.and_then(|split| self.split(split, route, Reason::EnvironmentSplit));
        dealt.unwrap_or_else(|| (Choice::of(served, Some(route)), reason))
    }

    fn split(
        &mut self,
        split: &'t Arc<ServingSplit>,
        route: &'t Arc<ServingRoute>,
        reason: Reason<'t>,
    ) -> Match<'t> {
        let id = &split.split.id;
        let (in_split, reason) = if let Some(why) = self.inactive(split) {
            let arm = split.split.resting_arm();
            (InSplit { split, arm, slot: None, unit: None }, Reason::SplitInactive(why))
        } else {
            let (slot, unit) = self.slot(split);
            (InSplit { split, arm: split.split.owners.arm(slot), slot: Some(slot), unit: Some(unit) }, reason)
        };
        let arm = in_split.arm()?;
        let Some(served) = &arm.served else {
            self.trail.passed_over(&in_split);
            self.empty(reason.code(), arm.pin, format_args!(": arm {} of split {id}", arm.id));
            return None;
        };
        match (in_split.slot, in_split.unit, reason) {
            (Some(slot), Some(unit), _) => {
                let unit = unit.as_str();
                self.trail.note(
                    reason.code(),
                    true,
                    format_args!("split {id}: slot {slot} by {unit}, arm {}", arm.id),
                );
            }
            (_, _, Reason::SplitInactive(why)) => {
                self.trail.note(
                    reason.code(),
                    true,
                    format_args!("split {id} {}: arm {}", why.text(), arm.id),
                );
            }
            _ => {}
        }
        Some((Choice { in_split: Some(in_split), ..Choice::of(served, Some(route)) }, reason))
    }

    fn inactive(&self, split: &ServingSplit) -> Option<Inactive> {
        // A call that is in the split is one of those that used its quota up, and no new one.
        let out_of_quota = || split.is_used_up() && self.slot_before(split).is_none();
        split.split.inactive(self.now).or_else(|| out_of_quota().then_some(Inactive::OutOfQuota))
    }

    /// The slot that the call had in the split before it was moved.
    fn slot_before(&self, split: &ServingSplit) -> Option<u16> {
        self.before?.slot_in(split)
    }

    /// The slot of a call of which nothing can be hashed: drawn once, however often it is moved.
    fn drawn(&self, split: &ServingSplit) -> (u16, Unit) {
        (self.slot_before(split).unwrap_or_else(|| slot_of_draw(self.draw)), Unit::Random)
    }

    fn slot(&self, split: &ServingSplit) -> (u16, Unit) {
        let salt = split.split.salt;
        match &split.split.unit {
            UnitRule::Random => return self.drawn(split),
            UnitRule::Header(name) => {
                if let Some(value) = self.call.header(name).find(|value| !value.trim().is_empty()) {
                    return (slot_of(value.as_bytes(), salt), Unit::Header);
                }
            }
            UnitRule::Caller | UnitRule::Call => {}
        }
        match &self.call.caller {
            Caller::Known(address) if split.split.unit != UnitRule::Call => match address {
                Address::E164(number) => {
                    return (slot_of(number.text().as_str().as_bytes(), salt), Unit::Caller);
                }
                Address::User(user) => return (slot_of(user.as_bytes(), salt), Unit::Caller),
            },
            _ => {}
        }
        match self.call.call_id {
            Some(call_id) => (slot_of(call_id.as_bytes(), salt), Unit::Call),
            None => self.drawn(split),
        }
    }

    /// What the route led to, unless it is full or down and something else can take the call.
    fn fit(&mut self, choice: Choice<'t>) -> (Choice<'t>, Option<Detour<'t>>) {
        let served: &'t Arc<Served> = choice.served;
        let of_route = choice.route.and_then(|route| route.route.fallback.as_ref());
        let of_agent = served.guard.as_ref().and_then(|guard| guard.fallback.as_ref());
        let arm = choice.in_split.and_then(|in_split| in_split.arm());
        let down = (of_route.is_some() || of_agent.is_some()) && served.is_down();
        let full = if down { None } else { self.admit(served, arm) };
        let why = match full {
            Some(full) => Unfit::Full(full),
            None if down => Unfit::Down,
            None => return (choice, None),
        };
        let detour = Detour { from: served, in_split: choice.in_split, why, to: Instead::Nothing };
        let rule = if down { "target_health" } else { "capacity" };
        self.trail.note(rule, false, format_args!("{}", Cause(&detour)));
        if !down && let Some(control) = self.control(&choice) {
            return (control, Some(Detour { to: Instead::Control, ..detour }));
        }
        let fallbacks = [of_route.map(Instead::OfRoute), of_agent.map(Instead::OfAgent)];
        for to in fallbacks.into_iter().flatten() {
            let (Instead::OfRoute(fallback) | Instead::OfAgent(fallback)) = to else { continue };
            if let Some(instead) = self.fall_back(&choice, fallback) {
                return (instead, Some(Detour { to, ..detour }));
            }
        }
        self.trail.note("fallback", false, format_args!("nothing else can take the call"));
        if let Some(claim) = &mut self.claim {
            claim.admit_as_free(arm.and_then(|arm| arm.capacity.as_ref()), served.capacity());
        }
        (choice, Some(detour))
    }

    /// Claims the places that a call needs of an arm and an agent, or only looks whether there are any.
    fn admit(&mut self, served: &Served, arm: Option<&ServingArm>) -> Option<Full> {
        let (arm, agent) = (arm.and_then(|arm| arm.capacity.as_ref()), served.capacity());
        match &mut self.claim {
            Some(claim) => claim.admit(arm, agent),
            None => Places::lacking(arm, agent),
        }
    }

    /// What serves while a split's slots do not decide, for a call that gives way to it.
    fn control(&mut self, choice: &Choice<'t>) -> Option<Choice<'t>> {
        let in_split = choice.in_split?;
        let resting = in_split.split.split.resting_arm();
        let control = Self::outside(choice, in_split.split).filter(|_| resting != in_split.arm)?;
        let arm = in_split.split.arms.get(usize::from(resting))?;
        let fits = !control.served.is_down() && self.admit(control.served, Some(arm)).is_none();
        let why = if fits { "serves, outside the split's results" } else { "cannot take the call either" };
        self.trail.note("control", fits, format_args!("arm {} {why}", arm.id));
        fits.then_some(control)
    }

    /// The version of a split's control, or of the winner, for calls that are in no results of it.
    fn outside(choice: &Choice<'t>, split: &'t ServingSplit) -> Option<Choice<'t>> {
        let served = split.arms.get(usize::from(split.split.resting_arm()))?.outside.as_ref()?;
        Some(Choice { served, in_split: None, ..choice.clone() })
    }

    /// Where a fallback leads, if that can take the call. It is followed once: what it leads to falls back nowhere.
    fn fall_back(&mut self, choice: &Choice<'t>, fallback: &'t Fallback) -> Option<Choice<'t>> {
        match fallback {
            Fallback::Target(uri) => {
                self.trail.note("fallback", true, format_args!("{uri}"));
                let arm = choice.in_split.and_then(|in_split| in_split.arm());
                let served = arm.map_or(Some(choice.served), |arm| arm.outside.as_ref())?;
                Some(Choice { served, in_split: None, target: Some(uri), ..choice.clone() })
            }
            Fallback::Number(number) => {
                let number = number.as_address();
                let found = self.number(&number)?;
                let (led_to, _) = self.for_caller(found);
                let split = led_to.in_split.map(|in_split| in_split.split);
                let instead = split.map_or(Some(led_to.clone()), |split| Self::outside(&led_to, split))?;
                let arm = split.and_then(|split| split.arms.get(usize::from(split.split.resting_arm())));
                let fits = !instead.served.is_down() && self.admit(instead.served, arm).is_none();
                let why = if fits { "takes the call" } else { "cannot take the call either" };
                self.trail.note(
                    "fallback",
                    fits,
                    format_args!("{number}: {} {why}", instead.served.agent.agent),
                );
                fits.then_some(instead)
            }
        }
    }

    /// Notes that nothing is deployed to a pin, and what of the rule names it.
    fn empty(&mut self, rule: &'static str, pin: Pin, of: fmt::Arguments<'_>) {
        self.trail.note(rule, false, format_args!("environment_empty: nothing is deployed to {pin}{of}"));
    }
}
