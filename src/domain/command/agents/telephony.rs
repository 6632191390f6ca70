//! Connectors of an agent, and the numbers that came by them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::OnAgent;
use crate::domain::address::Number;
use crate::domain::agent::AgentRef;
use crate::domain::change::{Change, NumberChanges};
use crate::domain::command::Outcome;
use crate::domain::command::told::first_few;
use crate::domain::connector::{CONNECTORS_MAX, Connector};
use crate::domain::id::{AgentId, ConnectorId, Environment, Pin, SiteVariantId};
use crate::domain::refusal::{FieldFault, Refusal, RefusalKind};
use crate::domain::route::{Destination, ManagedBy, Route};
use crate::domain::state::{RouteIx, State};
use crate::domain::words::counted;

/// Most numbers that a text names.
const NAMED_MAX: usize = 10;

/// What is to be done to connectors and their numbers.
#[derive(Debug, Clone)]
pub enum TelephonyEdit {
    /// Take numbers into the account, all or none.
    Import(NewNumbers),
    /// Give a number of the agent another connector of the agent, and pin it anew.
    Connect {
        /// Which number.
        number: Number,
        /// Which connector.
        connector: ConnectorId,
    },
    /// Release numbers of its connectors, all or none.
    Release(Vec<Number>),
    /// Change a connector.
    PatchConnector {
        /// Which.
        connector: ConnectorId,
        /// How.
        patch: ConnectorPatch,
    },
    /// Delete a connector and release its numbers.
    DeleteConnector(ConnectorId),
}

/// Numbers that are to be served by an environment.
#[derive(Debug, Clone)]
pub struct NewNumbers {
    /// The numbers, each once.
    pub numbers: Vec<Number>,
    /// What serves them.
    pub environment: Environment,
    /// The id of the connector, if the agent has none of the environment.
    pub connector: ConnectorId,
}

/// What of a connector is to be changed; what is absent stays, none clears.
#[derive(Debug, Clone, Default)]
pub struct ConnectorPatch {
    /// The site of its numbers.
    pub site_variant: Option<Option<SiteVariantId>>,
    /// The language that is listened for.
    pub asr_language: Option<Option<String>>,
    /// The voice that speaks.
    pub voice_name: Option<Option<String>>,
    /// The agent that has it from now on, and its numbers.
    pub agent: Option<AgentId>,
}

impl ConnectorPatch {
    fn applied(&self, connector: &Connector) -> Connector {
        let mut patched = connector.clone();
        if let Some(site) = &self.site_variant {
            patched.site_variant.clone_from(site);
        }
        if let Some(language) = &self.asr_language {
            patched.asr_language.clone_from(language);
        }
        if let Some(voice) = &self.voice_name {
            patched.voice_name.clone_from(voice);
        }
        patched
    }
}

impl State {
    /// The numbers that have one of these connectors, with their routes. Looks at every distinct route, and at every
    /// number if one of them has one.
    pub fn numbers_of<'s>(
        &'s self,
        agent: &AgentRef,
        wanted: impl Fn(&ConnectorId) -> bool,
    ) -> impl Iterator<Item = (Number, &'s Arc<Route>)> {
        let has =
            |route: &Route| route.account == agent.account && route.connector.as_ref().is_some_and(&wanted);
        let routes: HashMap<u32, &Arc<Route>, FixedState> = self
            .routes
            .iter()
            .filter(|(_, used)| has(&used.route))
            .map(|(place, used)| (place, &used.route))
            .collect();
        let (phones, users) = match routes.is_empty() {
            true => (None, None),
            false => (Some(self.numbers.phones.iter()), Some(self.numbers.users.iter())),
        };
        let phones = phones.into_iter().flatten().map(|(phone, place)| (Number::E164(*phone), *place));
        let users = users.into_iter().flatten().map(|(user, place)| (Number::User(Arc::clone(user)), *place));
        phones
            .chain(users)
            .filter_map(move |(number, place): (Number, RouteIx)| Some((number, *routes.get(&place.get())?)))
    }
}

impl OnAgent<'_> {
    pub(super) fn telephony(&self, edit: &TelephonyEdit) -> Result<Outcome, Refusal> {
        match edit {
            TelephonyEdit::Import(new) => self.import_numbers(new),
            TelephonyEdit::Connect { number, connector } => self.connect(number, connector),
            TelephonyEdit::Release(numbers) => self.release_numbers(numbers),
            TelephonyEdit::PatchConnector { connector, patch } => self.patch_connector(connector, patch),
            TelephonyEdit::DeleteConnector(connector) => self.delete_connector(connector),
        }
    }

    fn import_numbers(&self, new: &NewNumbers) -> Result<Outcome, Refusal> {
        let NewNumbers { numbers, environment, connector } = new;
        let taken: Vec<String> = numbers
            .iter()
            .filter(|number| self.state.route(number).is_some())
            .take(NAMED_MAX)
            .map(ToString::to_string)
            .collect();
        if !taken.is_empty() {
            let message = format!("this is routed already: {}; nothing was imported", taken.join(", "));
            return Err(Refusal::new(RefusalKind::Conflict, "PHONE_NUMBERS_ALREADY_EXISTS", message));
        }
        let mut changes = Vec::new();
        let connector = match self.agent.connector_of(*environment) {
            Some(present) => present.id.clone(),
            None => {
                self.room_for_connector(&self.id)?;
                let new = Connector::new(connector.clone(), *environment);
                changes.push(Change::ConnectorPut { agent: self.id.clone(), connector: Arc::new(new) });
                connector.clone()
            }
        };
        let to = Destination::Agent { agent: self.id.agent.clone(), pin: Pin::Environment(*environment) };
        let route =
            Route { connector: Some(connector), ..Route::plain(self.id.account.clone(), ManagedBy::Api, to) };
        self.state.room_for_routes([&route])?;
        let mut imported = NumberChanges { routes: vec![Arc::new(route)], ..NumberChanges::default() };
        numbers.iter().for_each(|number| imported.push(number.clone(), Some(0)));
        imported.sort();
        changes.push(Change::Numbers(imported));
        let agent = &self.id.agent;
        let summary = format!(
            "{} imported to {agent} at {environment}: {}",
            counted(numbers.len(), "number"),
            first_few(numbers, NAMED_MAX).join(", ")
        );
        let mut outcome = self.outcome("phone-numbers.import", changes, summary);
        if self.agent.deployed(*environment).is_none() {
            outcome.warnings.push(format!("agent {agent} has nothing deployed to {environment}"));
        }
        Ok(outcome)
    }

    fn connect(&self, number: &Number, connector: &ConnectorId) -> Result<Outcome, Refusal> {
        let route = self.number(number)?;
        let Some(connector) = self.agent.connectors.get(connector) else {
            let message = format!("agent {} has no connector {connector}", self.id.agent);
            return Err(Refusal::not_found("PHONE_NUMBERS_CONNECTOR_DOES_NOT_EXIST", message));
        };
        self.state.writable_number(&self.id.account, number)?;
        let pin = Pin::Environment(connector.environment);
        let new = Route {
            to: Destination::Agent { agent: self.id.agent.clone(), pin },
            connector: Some(connector.id.clone()),
            ..route.as_ref().clone()
        };
        let warnings = self.state.check_route(&new)?;
        self.state.room_for_routes([&new])?;
        let summary = format!("{number} has the connector {} and is pinned to {pin}", connector.id);
        let changes = if new == **route {
            Vec::new()
        } else {
            vec![Change::Numbers(NumberChanges::one(number.clone(), Some(Arc::new(new))))]
        };
        Ok(Outcome { warnings, ..self.outcome("phone-numbers.connect", changes, summary) })
    }

    fn release_numbers(&self, numbers: &[Number]) -> Result<Outcome, Refusal> {
        let mut released = NumberChanges::default();
        for number in numbers {
            let connected = self.number(number)?.connector.as_ref();
            if !connected.is_some_and(|connector| self.agent.connectors.contains_key(connector)) {
                return Err(no_number(number));
            }
            self.state.writable_number(&self.id.account, number)?;
            released.push(number.clone(), None);
        }
        let what = counted(numbers.len(), "number");
        let summary =
            format!("{what} of {} released: {}", self.id.agent, first_few(numbers, NAMED_MAX).join(", "));
        let changes = if released.is_empty() { Vec::new() } else { vec![Change::Numbers(released)] };
        Ok(self.outcome("phone-numbers.release", changes, summary))
    }

    /// The route of a number that has a connector of the agent, or leads to it.
    fn number(&self, number: &Number) -> Result<&Arc<Route>, Refusal> {
        let of_agent = |route: &&Arc<Route>| {
            let connected = route.connector.as_ref().is_some_and(|id| self.agent.connectors.contains_key(id));
            let leads = matches!(&route.to, Destination::Agent { agent, .. } if *agent == self.id.agent);
            route.account == self.id.account && (connected || leads)
        };
        self.state.route(number).filter(of_agent).ok_or_else(|| no_number(number))
    }

    fn patch_connector(&self, id: &ConnectorId, patch: &ConnectorPatch) -> Result<Outcome, Refusal> {
        let connector = self.connector(id)?;
        let patched = Arc::new(patch.applied(connector));
        let put =
            |agent: &AgentRef| Change::ConnectorPut { agent: agent.clone(), connector: Arc::clone(&patched) };
        let Some(to) = patch.agent.as_ref().filter(|to| **to != self.id.agent) else {
            let changes = if patched == *connector { Vec::new() } else { vec![put(&self.id)] };
            let summary = format!("the connector {id} of {} was changed", self.id.agent);
            return Ok(self.outcome("connector.patch", changes, summary));
        };
        let target = AgentRef { account: self.id.account.clone(), agent: to.clone() };
        if !self.state.agents.contains_key(&target) {
            return Err(invalid("projectId", format!("there is no agent {to}")));
        }
        self.room_for_connector(&target)?;
        let pin = Pin::Environment(connector.environment);
        let numbers = self.rerouted(id, |route| {
            Some(Route { to: Destination::Agent { agent: to.clone(), pin }, ..route.clone() })
        });
        let mut warnings = Vec::new();
        for route in &numbers.routes {
            warnings.extend(self.state.check_route(route)?);
        }
        warnings.sort_unstable();
        warnings.dedup();
        self.state.room_for_routes(numbers.routes.iter().map(Arc::as_ref))?;
        let what = counted(numbers.len(), "number");
        let gone = Change::ConnectorRemoved { agent: self.id.clone(), connector: id.clone() };
        let mut changes = vec![gone, put(&target)];
        changes.extend((!numbers.is_empty()).then_some(Change::Numbers(numbers)));
        let summary = format!("the connector {id} of {} went to {to}, with {what}", self.id.agent);
        Ok(Outcome { warnings, ..self.outcome("connector.patch", changes, summary) })
    }

    fn delete_connector(&self, id: &ConnectorId) -> Result<Outcome, Refusal> {
        self.connector(id)?;
        let numbers = self.rerouted(id, |_| None);
        let what = counted(numbers.len(), "number");
        let mut changes = Vec::new();
        changes.extend((!numbers.is_empty()).then_some(Change::Numbers(numbers)));
        changes.push(Change::ConnectorRemoved { agent: self.id.clone(), connector: id.clone() });
        let summary = format!("the connector {id} of {} was deleted, and {what} released", self.id.agent);
        Ok(self.outcome("connector.delete", changes, summary))
    }

    fn connector(&self, id: &ConnectorId) -> Result<&Arc<Connector>, Refusal> {
        self.agent.connectors.get(id).ok_or_else(|| {
            let message = format!("agent {} has no connector {id}", self.id.agent);
            Refusal::not_found("CONNECTORS_NOT_FOUND", message)
        })
    }

    /// What becomes of the numbers of a connector, by what becomes of their routes; none: they are released.
    fn rerouted(&self, id: &ConnectorId, new: impl Fn(&Route) -> Option<Route>) -> NumberChanges {
        let mut changes = NumberChanges::default();
        let mut places: BTreeMap<Route, u32> = BTreeMap::new();
        for (number, route) in self.state.numbers_of(&self.id, |connector| connector == id) {
            let place = new(route).map(|route| {
                let next = u32::try_from(changes.routes.len()).unwrap_or(u32::MAX);
                *places.entry(route).or_insert_with_key(|route| {
                    changes.routes.push(Arc::new(route.clone()));
                    next
                })
            });
            changes.push(number, place);
        }
        changes
    }

    fn room_for_connector(&self, agent: &AgentRef) -> Result<(), Refusal> {
        let connectors = self.state.agents.get(agent).map_or(0, |agent| agent.connectors.len());
        if connectors < CONNECTORS_MAX {
            return Ok(());
        }
        let message = format!("agent {} has {CONNECTORS_MAX} connectors: no more fit", agent.agent);
        Err(Refusal::new(RefusalKind::Conflict, "TOO_MANY_CONNECTORS", message))
    }
}

/// The code of a number that is not there.
pub const NO_NUMBER: &str = "PHONE_NUMBERS_NOT_FOUND";

fn no_number(number: &Number) -> Refusal {
    Refusal::not_found(NO_NUMBER, format!("the agent has no number {number}"))
}

fn invalid(field: &str, message: String) -> Refusal {
    let fields = vec![FieldFault { field: field.to_owned(), message }];
    Refusal { code: "CONNECTORS_VALIDATION_FAILED", ..Refusal::fields(fields) }
}
