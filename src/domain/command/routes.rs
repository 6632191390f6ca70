//! Numbers, prefixes and the default route.

use std::borrow::Cow;
use std::sync::Arc;

use super::told::route_text;
use super::{NO_NUMBER, Outcome};
use crate::domain::address::{Number, Prefix};
use crate::domain::agent::AgentRef;
use crate::domain::change::{Change, NumberChanges, SplitRef};
use crate::domain::fallback::Fallback;
use crate::domain::id::{AccountId, AgentId, ConnectorId};
use crate::domain::object::{Object, ObjectRef};
use crate::domain::persistent::Slab;
use crate::domain::refusal::{FieldFault, Refusal, RefusalKind};
use crate::domain::route::{Destination, FALLS_BACK_TO_ITSELF, ManagedBy, Route};
use crate::domain::state::{RouteUse, State};

impl State {
    pub(super) fn put_number(&self, number: &Number, route: &Route) -> Result<Outcome, Refusal> {
        if route.fallback.as_ref().and_then(Fallback::number) == Some(number) {
            return Err(Refusal::field("fallback", FALLS_BACK_TO_ITSELF));
        }
        let route = &self.with_connector(number, route);
        let mut warnings = self.check_route(route)?;
        warnings.extend(self.warn_of_fallback(&route.account, route.fallback.as_ref()));
        warnings.extend(number.doubt());
        self.writable_number(&route.account, number)?;
        self.room_for_routes([route.as_ref()])?;
        let outcome = Outcome {
            action: "number.put",
            target: number.to_string(),
            summary: format!("{number} goes to {}", route_text(self.route(number).map(AsRef::as_ref), route)),
            warnings,
            ..Outcome::default()
        };
        if self.route(number).is_some_and(|present| present.as_ref() == route.as_ref()) {
            return Ok(outcome);
        }
        let changes = NumberChanges::one(number.clone(), Some(Arc::new(route.as_ref().clone())));
        Ok(Outcome { changes: vec![Change::Numbers(changes)], ..outcome })
    }

    /// The route with the connector that the number has, as long as it stays with the agent of the connector.
    fn with_connector<'r>(&self, number: &Number, route: &'r Route) -> Cow<'r, Route> {
        let present = self.route(number).filter(|present| present.account == route.account);
        let connector = present.and_then(|present| present.connector.as_ref());
        match connector.filter(|_| route.connector.is_none()) {
            Some(connector) if self.leads_to_connector(route, connector) => {
                Cow::Owned(Route { connector: Some(connector.clone()), ..route.clone() })
            }
            _ => Cow::Borrowed(route),
        }
    }

    /// Whether a route, by itself or through its split, leads to an agent that has a connector.
    pub(super) fn leads_to_connector(&self, route: &Route, connector: &ConnectorId) -> bool {
        let has = |agent: &AgentId| {
            let id = AgentRef { account: route.account.clone(), agent: agent.clone() };
            self.agents.get(&id).is_some_and(|agent| agent.connectors.contains_key(connector))
        };
        match &route.to {
            Destination::Agent { agent, .. } => has(agent),
            Destination::Split(split) => {
                let id = SplitRef { account: route.account.clone(), split: split.clone() };
                self.splits.get(&id).is_some_and(|split| split.arms.iter().any(|arm| has(&arm.agent)))
            }
        }
    }

    pub(super) fn delete_number(&self, account: &AccountId, number: &Number) -> Result<Outcome, Refusal> {
        let owned = self.route(number).is_some_and(|route| route.account == *account);
        if !owned {
            return Err(Refusal::not_found(NO_NUMBER, format!("there is no number {number}")));
        }
        self.writable_number(account, number)?;
        Ok(Outcome {
            changes: vec![Change::Numbers(NumberChanges::one(number.clone(), None))],
            action: "number.delete",
            target: number.to_string(),
            summary: format!("{number} is released"),
            ..Outcome::default()
        })
    }

    /// Refuses more distinct routes than there are places for. Each of `routes` is there once.
    pub(super) fn room_for_routes<'r>(
        &self,
        routes: impl IntoIterator<Item = &'r Route>,
    ) -> Result<(), Refusal> {
        self.room_among(Slab::<RouteUse>::CAPACITY, routes)
    }

    /// The same where at most `most` routes fit. A route that some number has already takes no further place; those
    /// that nothing will use any more are given back only afterwards.
    pub(super) fn room_among<'r>(
        &self,
        most: u32,
        routes: impl IntoIterator<Item = &'r Route>,
    ) -> Result<(), Refusal> {
        let free = most.saturating_sub(self.routes.len()) as usize;
        let new = routes.into_iter().filter(|route| self.place(route).is_none()).nth(free);
        if new.is_none() {
            return Ok(());
        }
        let message =
            format!("there are {} different routes of numbers: at most {most} fit", self.routes.len());
        Err(Refusal::new(RefusalKind::Conflict, "TOO_MANY_ROUTES", message))
    }

    /// Refuses what belongs to the files or to another account.
    pub(super) fn writable_number(&self, account: &AccountId, number: &Number) -> Result<(), Refusal> {
        match self.route(number) {
            Some(route) if route.account != *account => Err(Refusal::new(
                RefusalKind::Conflict,
                "PHONE_NUMBERS_ALREADY_EXISTS",
                format!("{number} is taken by another account"),
            )),
            Some(route) if route.managed_by == ManagedBy::Files => {
                let id = ObjectRef::new(account, Object::Number(number.clone()));
                Err(Refusal::managed_by_files(&format!("the number {number}"), id))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn put_prefix(&self, prefix: Prefix, route: &Route) -> Result<Outcome, Refusal> {
        let mut warnings = self.check_route(route)?;
        warnings.extend(self.warn_of_fallback(&route.account, route.fallback.as_ref()));
        let present = self.prefixes.get(&(route.account.clone(), prefix));
        refuse_files(present, Object::Prefix(prefix))?;
        let changes = if present.is_some_and(|present| present.as_ref() == route) {
            Vec::new()
        } else {
            vec![Change::PrefixPut { prefix, route: Arc::new(route.clone()) }]
        };
        Ok(Outcome {
            changes,
            action: "prefix.put",
            target: prefix.to_string(),
            summary: format!(
                "numbers that begin with {prefix} go to {}",
                route_text(present.map(AsRef::as_ref), route)
            ),
            warnings,
            ..Outcome::default()
        })
    }

    pub(super) fn delete_prefix(&self, account: &AccountId, prefix: Prefix) -> Result<Outcome, Refusal> {
        let present = self.prefixes.get(&(account.clone(), prefix));
        if present.is_none() {
            return Err(Refusal::not_found("NOT_FOUND", format!("there is no prefix {prefix}")));
        }
        refuse_files(present, Object::Prefix(prefix))?;
        Ok(Outcome {
            changes: vec![Change::PrefixRemoved { account: account.clone(), prefix }],
            action: "prefix.delete",
            target: prefix.to_string(),
            summary: format!("the prefix {prefix} is released"),
            ..Outcome::default()
        })
    }

    pub(super) fn put_default(&self, route: &Route) -> Result<Outcome, Refusal> {
        let mut warnings = self.check_route(route)?;
        warnings.extend(self.warn_of_fallback(&route.account, route.fallback.as_ref()));
        let present = self.defaults.get(&route.account);
        refuse_files(present, Object::DefaultRoute)?;
        let changes = if present.is_some_and(|present| present.as_ref() == route) {
            Vec::new()
        } else {
            vec![Change::DefaultPut { route: Arc::new(route.clone()) }]
        };
        Ok(Outcome {
            changes,
            action: "default-route.put",
            target: "default route".to_owned(),
            summary: format!(
                "what nothing else matches goes to {}",
                route_text(present.map(AsRef::as_ref), route)
            ),
            warnings,
            ..Outcome::default()
        })
    }

    pub(super) fn delete_default(&self, account: &AccountId) -> Result<Outcome, Refusal> {
        let present = self.defaults.get(account);
        if present.is_none() {
            return Err(Refusal::not_found("NOT_FOUND", "there is no default route"));
        }
        refuse_files(present, Object::DefaultRoute)?;
        Ok(Outcome {
            changes: vec![Change::DefaultRemoved { account: account.clone() }],
            action: "default-route.delete",
            target: "default route".to_owned(),
            summary: "the default route is gone".to_owned(),
            ..Outcome::default()
        })
    }

    /// Everything a route names must exist; answers what the operator should know all the same.
    ///
    /// # Errors
    /// All fields at fault.
    pub fn check_route(&self, route: &Route) -> Result<Vec<String>, Refusal> {
        let mut faults = route.faults();
        let mut warnings = Vec::new();
        self.check_names(route, &mut faults, &mut warnings);
        if !faults.is_empty() {
            return Err(Refusal::fields(faults));
        }
        warnings.extend(self.warn_of_site(route));
        Ok(warnings)
    }

    /// What the operator should know of a route that is there: what it names may have gone since.
    #[must_use]
    pub fn warnings_of(&self, route: &Route) -> Vec<String> {
        let (mut faults, mut warnings) = (Vec::new(), Vec::new());
        self.check_names(route, &mut faults, &mut warnings);
        warnings.extend(faults.into_iter().map(|fault| fault.message));
        warnings.extend(self.warn_of_site(route));
        warnings.extend(self.warn_of_fallback(&route.account, route.fallback.as_ref()));
        warnings
    }

    fn check_names(&self, route: &Route, faults: &mut Vec<FieldFault>, warnings: &mut Vec<String>) {
        let names = route.names().into_iter();
        faults.extend(names.filter_map(|named| self.check_named(&route.account, &named, warnings).err()));
    }

    /// A number to fall back to that leads nowhere; files are asked about when all of them are in place.
    pub(super) fn warn_of_fallback(
        &self,
        account: &AccountId,
        fallback: Option<&Fallback>,
    ) -> Option<String> {
        let number = fallback?.number()?;
        let routed = self.route(number).is_some_and(|own| own.account == *account);
        (!routed).then(|| format!("the fallback {number} has no route of its own: it takes no calls"))
    }

    /// A site that the version in force does not have.
    pub(super) fn warn_of_site(&self, route: &Route) -> Option<String> {
        let Destination::Agent { agent, pin } = &route.to else { return None };
        let id = AgentRef { account: route.account.clone(), agent: agent.clone() };
        let connector =
            || self.agents.get(&id)?.connectors.get(route.connector.as_ref()?)?.site_variant.as_ref();
        let site = route.site_variant.as_ref().or_else(connector)?;
        let version = self.agents.get(&id)?.resolve(*pin)?;
        let lacks = !version.dispatch.sites.variants.contains_key(site);
        lacks.then(|| format!("agent {agent} at {pin} has no site variant {site}: its default is used"))
    }
}

fn refuse_files(present: Option<&Arc<Route>>, object: Object) -> Result<(), Refusal> {
    match present {
        Some(route) if route.managed_by == ManagedBy::Files => {
            let id = ObjectRef::new(&route.account, object);
            Err(Refusal::managed_by_files(&id.object.to_string(), id))
        }
        _ => Ok(()),
    }
}
