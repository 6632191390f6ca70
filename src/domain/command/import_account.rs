//! Everything of an account at once: what another router exported, taken over as the API's.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::agents::Held;
use super::told::told;
use super::{Body, Command, Outcome};
use crate::domain::address::{Number, Prefix};
use crate::domain::agent::{AgentRef, Profile, Version};
use crate::domain::agent_tests::TestSuite;
use crate::domain::agent_tests::check::Check;
use crate::domain::branch::{BRANCHES_MAX, Branch};
use crate::domain::caller_pin::{CALLER_PINS_MAX, CallerPin};
use crate::domain::change::{Change, NumberChanges, SplitRef, Touched};
use crate::domain::connector::{CONNECTORS_MAX, Connector};
use crate::domain::id::{AccountId, ConnectorId, Environment, VersionNumber};
use crate::domain::object::Object;
use crate::domain::real_time_config::ConfigPage;
use crate::domain::refusal::{FieldFault, Refusal, RefusalKind};
use crate::domain::route::{ManagedBy, Route};
use crate::domain::split::Split;
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::domain::words::counted;

/// Most objects that a refusal names, and most faults that it has.
const NAMED_MAX: usize = 10;
const FAULTS_MAX: usize = 100;

/// An agent with all it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct WholeAgent {
    /// What it is.
    pub profile: Profile,
    /// Its versions, each with its number.
    pub versions: Vec<Arc<Version>>,
    /// Its draft.
    pub draft: Option<Arc<Version>>,
    /// Its branches besides `main`. The revision that made them is not theirs here.
    pub branches: Vec<Branch>,
    /// What its environments point to.
    pub environments: Vec<(Environment, VersionNumber)>,
    /// Its connectors.
    pub connectors: Vec<Arc<Connector>>,
    /// Its real-time configs.
    pub config_pages: Vec<Arc<ConfigPage>>,
    /// The checks of its tests; those there are stay where nothing is said.
    pub checks: Option<Vec<Check>>,
}

/// Everything of an account, as objects of the API.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccountImport {
    /// Agents.
    pub agents: Vec<WholeAgent>,
    /// The configurations of their versions and drafts.
    pub bodies: Vec<Body>,
    /// Splits, with salt and owners.
    pub splits: Vec<Split>,
    /// Prefixes.
    pub prefixes: Vec<(Prefix, Arc<Route>)>,
    /// The default route.
    pub default: Option<Arc<Route>>,
    /// Caller pins.
    pub caller_pins: Vec<Arc<CallerPin>>,
    /// The distinct routes of numbers.
    pub routes: Vec<Arc<Route>>,
    /// Numbers, each with the place of its route.
    pub numbers: Vec<(Number, u32)>,
}

impl AccountImport {
    fn objects(&self) -> impl Iterator<Item = Object> + '_ {
        let agents = self.agents.iter().map(|agent| Object::Agent(agent.profile.id.agent.clone()));
        agents
            .chain(self.splits.iter().map(|split| Object::Split(split.id.clone())))
            .chain(self.prefixes.iter().map(|(prefix, _)| Object::Prefix(*prefix)))
            .chain(self.default.iter().map(|_| Object::DefaultRoute))
            .chain(self.caller_pins.iter().map(|pin| pin.id.object()))
            .chain(self.numbers.iter().map(|(number, _)| Object::Number(number.clone())))
    }
}

impl State {
    pub(super) fn import_account(
        &self,
        command: &Command,
        import: &AccountImport,
    ) -> Result<Outcome, Refusal> {
        let account = &command.account;
        let of_files = |object: &Object| self.owner(account, object) == Some(ManagedBy::Files);
        let theirs: Vec<String> =
            import.objects().filter(of_files).take(NAMED_MAX).map(|object| object.to_string()).collect();
        if !theirs.is_empty() {
            let message =
                format!("the files have this: {}; adopt it first, or leave it out", theirs.join(", "));
            return Err(Refusal::new(RefusalKind::Conflict, "MANAGED_BY_FILES", message));
        }
        let mut intake = Intake {
            by: command.author.name().to_owned(),
            at: command.at,
            next: self.clone(),
            holders: self.holders_of_connectors(account),
            touched: Touched::default(),
            changes: Vec::new(),
            faults: Vec::new(),
            warnings: Vec::new(),
        };
        import.agents.iter().enumerate().for_each(|(i, agent)| intake.agent(i, agent));
        // Those that are over first: they no longer stand in the way of others.
        let (over, others): (Vec<_>, Vec<_>) =
            import.splits.iter().enumerate().partition(|(_, split)| split.ending.is_some());
        over.into_iter().chain(others).for_each(|(i, split)| intake.split(command, i, split));
        for (i, (prefix, route)) in import.prefixes.iter().enumerate() {
            intake.check_route(&format!("prefixes[{i}]"), route);
            if intake.next.prefixes.get(&(account.clone(), *prefix)) != Some(route) {
                intake.change(Change::PrefixPut { prefix: *prefix, route: Arc::clone(route) });
            }
        }
        if let Some(route) = &import.default {
            intake.check_route("defaultRoute", route);
            if intake.next.defaults.get(account) != Some(route) {
                intake.change(Change::DefaultPut { route: Arc::clone(route) });
            }
        }
        import.caller_pins.iter().enumerate().for_each(|(i, pin)| intake.caller_pin(i, pin));
        if intake.next.caller_pins_of(account).count() > CALLER_PINS_MAX {
            intake.fault("callerPins", format!("are too many together: expected at most {CALLER_PINS_MAX}"));
        }
        intake.numbers(account, import)?;
        intake.into_outcome(self, import)
    }

    /// The agents of an account by their connectors.
    fn holders_of_connectors(&self, account: &AccountId) -> HashMap<ConnectorId, AgentRef, FixedState> {
        let agents = self.agents.iter().filter(|(id, _)| id.account == *account);
        agents
            .flat_map(|(id, agent)| agent.connectors.keys().map(|connector| (connector.clone(), id.clone())))
            .collect()
    }
}

/// The state as it would be, the facts that lead there, and what stands against it.
struct Intake {
    /// Who takes it in, and when.
    by: String,
    at: Timestamp,
    next: State,
    /// Whose a connector is: numbers name it by its id alone, so that no two agents may have it.
    holders: HashMap<ConnectorId, AgentRef, FixedState>,
    touched: Touched,
    changes: Vec<Change>,
    faults: Vec<FieldFault>,
    warnings: Vec<String>,
}

impl Intake {
    fn change(&mut self, change: Change) {
        self.next.absorb(&change, &mut self.touched);
        self.changes.push(change);
    }

    fn fault(&mut self, field: impl Into<String>, message: impl Into<String>) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(FieldFault { field: field.into(), message: message.into() });
        }
    }

    fn refused(&mut self, at: &str, refusal: Refusal) {
        if refusal.fields.is_empty() {
            self.fault(at, format!("{} ({})", refusal.message, refusal.code));
        }
        for FieldFault { field, message } in refusal.fields {
            self.fault(format!("{at}.{field}"), message);
        }
    }

    fn agent(&mut self, i: usize, agent: &WholeAgent) {
        let id = &agent.profile.id;
        let present = self.next.agents.get(id).cloned();
        if present.as_ref().is_none_or(|present| present.profile != agent.profile) {
            self.change(Change::AgentPut(agent.profile.clone()));
        }
        for (j, version) in agent.versions.iter().enumerate() {
            let Some(number) = version.number else { continue };
            match present.as_ref().and_then(|present| present.versions.get(&number)) {
                Some(known) if known.hash == version.hash => {}
                Some(_) => self.fault(
                    format!("agents[{i}].versions[{j}]"),
                    format!(
                        "{number} of agent {} is there with another content: versions never change",
                        id.agent
                    ),
                ),
                None => self.change(Change::VersionSaved { agent: id.clone(), version: Arc::clone(version) }),
            }
        }
        if let Some(draft) = &agent.draft
            && present.as_ref().and_then(|it| it.draft.as_ref()).is_none_or(|it| it.hash != draft.hash)
        {
            self.change(Change::DraftPut { agent: id.clone(), version: Arc::clone(draft) });
        }
        self.parts(i, id, agent);
        self.branches(i, id, agent);
        let Some(known) = self.next.agents.get(id).cloned() else { return };
        for environment in Environment::ALL {
            let to = agent.environments.iter().find(|(it, _)| *it == environment).map(|(_, to)| *to);
            if let Some(to) = to
                && !known.versions.contains_key(&to)
            {
                let message = format!("agent {} has no {to}", id.agent);
                self.fault(format!("agents[{i}].environments.{environment}"), message);
            }
            let Some(change) = known.declared(environment, to, &self.by, (self.at, self.next.revision))
            else {
                continue;
            };
            match self.next.split_running(id, environment, self.at) {
                Some(split) => {
                    let message = format!("split {} tests it, and it would change: end that first", split.id);
                    self.fault(format!("agents[{i}].environments.{environment}"), message);
                }
                None => self.change(change),
            }
        }
    }

    /// What an agent has besides its profile and its versions.
    fn parts(&mut self, i: usize, id: &AgentRef, agent: &WholeAgent) {
        let Some(present) = self.next.agents.get(id).cloned() else { return };
        for connector in &agent.connectors {
            let holder = self.holders.entry(connector.id.clone()).or_insert_with(|| id.clone());
            if holder != id {
                let warning = format!("the connector {} stays with agent {}", connector.id, holder.agent);
                self.warnings.push(warning);
                continue;
            }
            if present.connectors.get(&connector.id) != Some(connector) {
                self.change(Change::ConnectorPut { agent: id.clone(), connector: Arc::clone(connector) });
            }
        }
        if self.next.agents.get(id).is_some_and(|agent| agent.connectors.len() > CONNECTORS_MAX) {
            let message = format!("comes to more than {CONNECTORS_MAX} with those that the agent has");
            self.fault(format!("agents[{i}].connectors"), message);
        }
        if let Some(checks) = &agent.checks {
            let before = present.tests.as_deref().cloned().unwrap_or_default();
            let suite = TestSuite { checks: checks.clone(), ..before.clone() };
            if suite != before {
                self.change(Change::TestsPut { agent: id.clone(), suite: Arc::new(suite) });
            }
        }
        for page in &agent.config_pages {
            if present.config_page(page.environment) != Some(page) {
                self.change(Change::ConfigPagePut { agent: id.clone(), page: Arc::clone(page) });
            }
        }
    }

    /// Nothing is merged by it: each branch stays as far from its base as it was.
    fn branches(&mut self, i: usize, id: &AgentRef, agent: &WholeAgent) {
        let newly = self.next.revision.next();
        for (j, branch) in agent.branches.iter().enumerate() {
            let Some(present) = self.next.agents.get(id).map(|agent| &agent.branches) else { return };
            let known = present.get(&branch.id);
            if present.values().any(|other| other.name == branch.name && other.id != branch.id) {
                let message = format!("agent {} has another branch {:?} already", id.agent, branch.name);
                self.fault(format!("agents[{i}].branches[{j}].name"), message);
                continue;
            }
            let created_in = known.map_or(newly, |known| known.created_in);
            let branch = Branch { created_in, ..branch.clone() };
            if known.is_none_or(|known| **known != branch) {
                self.change(Change::BranchPut { agent: id.clone(), branch: Arc::new(branch) });
            }
        }
        if self.next.agents.get(id).is_some_and(|agent| agent.branches.len() > BRANCHES_MAX) {
            let message = format!("comes to more than {BRANCHES_MAX} with those that the agent has");
            self.fault(format!("agents[{i}].branches"), message);
        }
    }

    fn split(&mut self, command: &Command, i: usize, split: &Split) {
        let id = SplitRef { account: split.account.clone(), split: split.id.clone() };
        let present = self.next.splits.get(&id).cloned();
        let checked = self.next.check_split(split);
        let held = checked.and_then(|warnings| {
            self.warnings.extend(warnings);
            self.next.hold_arms(command, split.clone(), present.as_deref())
        });
        let Held { split, changes, warnings } = match held {
            Ok(held) => held,
            Err(refusal) => return self.refused(&format!("splits[{i}]"), refusal),
        };
        self.warnings.extend(warnings);
        changes.into_iter().for_each(|change| self.change(change));
        if present.is_none_or(|present| *present != split) {
            self.change(Change::SplitPut(Arc::new(split)));
        }
    }

    fn check_route(&mut self, at: &str, route: &Route) {
        match self.next.check_route(route) {
            Ok(warnings) => self.warnings.extend(warnings.into_iter().take(NAMED_MAX)),
            Err(refusal) => self.refused(at, refusal),
        }
    }

    fn caller_pin(&mut self, i: usize, pin: &Arc<CallerPin>) {
        let agent = &pin.id.agent;
        let mut warnings = Vec::new();
        match self.next.check_pin(&agent.account, &agent.agent, pin.pin, "", &mut warnings) {
            Ok(()) => self.warnings.extend(warnings),
            Err(fault) => return self.refused(&format!("callerPins[{i}]"), Refusal::fields(vec![fault])),
        }
        if self.next.caller_pins.get(&pin.id) != Some(pin) {
            self.change(Change::CallerPinPut(Arc::clone(pin)));
        }
    }

    fn numbers(&mut self, account: &AccountId, import: &AccountImport) -> Result<(), Refusal> {
        let mut first: HashMap<u32, usize, FixedState> = HashMap::default();
        let mut changes = NumberChanges { routes: import.routes.clone(), ..NumberChanges::default() };
        for (i, (number, place)) in import.numbers.iter().enumerate() {
            first.entry(*place).or_insert(i);
            self.next.writable_number(account, number)?;
            let route = import.routes.get(*place as usize);
            if self.next.route(number) != route {
                changes.push(number.clone(), Some(*place));
            }
        }
        self.next.room_for_routes(import.routes.iter().map(Arc::as_ref))?;
        changes.sort();
        if !changes.is_empty() {
            self.change(Change::Numbers(changes));
        }
        let mut routes: Vec<(usize, u32)> = first.into_iter().map(|(place, i)| (i, place)).collect();
        routes.sort_unstable();
        for (i, place) in routes {
            if let Some(route) = import.routes.get(place as usize) {
                self.check_route(&format!("numbers[{i}]"), route);
                if let Some(connector) = &route.connector
                    && !self.next.leads_to_connector(route, connector)
                {
                    let message = format!("the agent has no connector {connector}");
                    self.fault(format!("numbers[{i}].connectorId"), message);
                }
            }
        }
        Ok(())
    }

    fn into_outcome(mut self, before: &State, import: &AccountImport) -> Result<Outcome, Refusal> {
        if !self.faults.is_empty() {
            return Err(Refusal::fields(self.faults));
        }
        let routes = import.routes.iter().chain(import.prefixes.iter().map(|(_, route)| route));
        let routes = routes.chain(&import.default);
        let warnings =
            routes.filter_map(|route| self.next.warn_of_fallback(&route.account, route.fallback.as_ref()));
        self.warnings.extend(warnings);
        self.warnings.sort_unstable();
        self.warnings.dedup();
        let summary = format!(
            "imported: {}, {}, {}, {}, {}{}{}",
            counted(import.agents.len(), "agent"),
            counted(import.splits.len(), "split"),
            counted(import.prefixes.len(), "prefix"),
            counted(import.caller_pins.len(), "caller pin"),
            counted(import.numbers.len(), "number"),
            if import.default.is_some() { ", the default route" } else { "" },
            told(before, &self.changes),
        );
        Ok(Outcome {
            bodies: if self.changes.is_empty() { Vec::new() } else { import.bodies.clone() },
            changes: self.changes,
            action: "import",
            target: "account".to_owned(),
            summary,
            warnings: self.warnings,
            ahead: Some(Box::new((self.next, self.touched))),
            ..Outcome::default()
        })
    }
}
