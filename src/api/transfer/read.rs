//! The document of an account, read: every fault is told, up to a hundred, each by its place.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::FixedState;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::FORM;
use crate::api::agents::field_fault;
use crate::domain::address::{Number, Prefix};
use crate::domain::agent::{AgentRef, Profile, Version};
use crate::domain::agent_config::{AgentConfig, ConfigFault, endpoints_from_value};
use crate::domain::agent_tests::check::Check;
use crate::domain::agent_tests::check_faults;
use crate::domain::branch::{self, Branch};
use crate::domain::caller_pin::CallerPin;
use crate::domain::command::{AccountImport, WholeAgent};
use crate::domain::connector::Connector;
use crate::domain::endpoint::Endpoint;
use crate::domain::fallback::Fallback;
use crate::domain::id::{AccountId, AgentId, BranchId, ConfigHash, Environment, Revision, VersionNumber};
use crate::domain::real_time_config::ConfigPage;
use crate::domain::refusal::FieldFault;
use crate::domain::route::{FALLS_BACK_TO_ITSELF, ManagedBy, Route};
use crate::domain::split::{CALLS_EXPECTED, CALLS_MAX, Split};
use crate::domain::time::Timestamp;
use crate::http::error::ApiError;
use crate::http::json::faults::{CODE, Faults, one_line, shown};

/// Longest name of an agent, in characters.
const NAME_MAX: usize = 100;
const DOCUMENT: [&str; 10] = [
    "cordboard",
    "revision",
    "exportedAt",
    "account",
    "agents",
    "splits",
    "prefixes",
    "defaultRoute",
    "callerPins",
    "numbers",
];
const ROUTE: [&str; 7] = ["agentId", "pin", "splitId", "headerRules", "headers", "siteVariantId", "fallback"];
const SPLIT: [&str; 14] = [
    "id",
    "name",
    "scope",
    "unit",
    "arms",
    "salt",
    "owners",
    "startsAt",
    "endsAt",
    "callQuota",
    "paused",
    "ending",
    "createdAt",
    "updatedAt",
];
const CALLER_PIN: [&str; 4] = ["agentId", "caller", "pin", "until"];

/// Reads a document as objects of an account and of the API, whatever account it was of.
pub(super) fn import(document: &[u8], account: &AccountId) -> Result<AccountImport, ApiError> {
    // On every POST nothing is an empty object.
    let document: &[u8] = if document.trim_ascii().is_empty() { b"{}" } else { document };
    let document: Value = serde_json::from_slice(document).map_err(|why| {
        let (line, column) = (why.line(), why.column());
        ApiError::validation("body", format!("is no JSON, or breaks off, at line {line}, column {column}"))
    })?;
    let mut reader = Reader { account, faults: Faults::default(), import: AccountImport::default() };
    reader.document(document);
    let Reader { faults, import, .. } = reader;
    faults.refusal().map_or(Ok(import), Err)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AgentEntry {
    id: AgentId,
    name: String,
    #[serde(default)]
    endpoints: Vec<Value>,
    #[serde(default)]
    environment_endpoints: BTreeMap<String, Value>,
    max_calls_in_progress: Option<u32>,
    fallback: Option<Fallback>,
    created_at: Timestamp,
    #[serde(default)]
    environments: BTreeMap<String, String>,
    draft: Option<VersionEntry>,
    #[serde(default)]
    versions: Vec<VersionEntry>,
    #[serde(default)]
    branches: Vec<BranchEntry>,
    #[serde(default)]
    connectors: Vec<Connector>,
    #[serde(default)]
    real_time_configs: Vec<ConfigPage>,
    checks: Option<Vec<Check>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct VersionEntry {
    number: Option<VersionNumber>,
    hash: Option<ConfigHash>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    author: String,
    created_at: Timestamp,
    config: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BranchEntry {
    id: BranchId,
    name: String,
    #[serde(default)]
    created_by: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    draft: ConfigEntry,
    base: ConfigEntry,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigEntry {
    hash: Option<ConfigHash>,
    config: Value,
}

struct Reader<'a> {
    account: &'a AccountId,
    faults: Faults,
    import: AccountImport,
}

impl Reader<'_> {
    fn fault(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.faults.push(field.into(), message.into(), CODE);
    }

    fn document(&mut self, document: Value) {
        let Some(mut root) = self.members("body", document, &DOCUMENT) else { return };
        if root.get("cordboard") != Some(&json!(FORM)) {
            return self.fault("cordboard", format!("expected {FORM}, the form of this release's exports"));
        }
        for (i, agent) in self.list(&mut root, "agents").into_iter().enumerate() {
            self.agent(&format!("agents[{i}]"), agent);
        }
        for (i, split) in self.list(&mut root, "splits").into_iter().enumerate() {
            self.split(&format!("splits[{i}]"), split);
        }
        for (i, prefix) in self.list(&mut root, "prefixes").into_iter().enumerate() {
            let at = format!("prefixes[{i}]");
            if let Some((prefix, route)) = self.routed::<Prefix>(&at, prefix, "prefix") {
                self.import.prefixes.push((prefix, Arc::new(route)));
            }
        }
        if let Some(route) = root.remove("defaultRoute").filter(|route| !route.is_null()) {
            let route = self.members("defaultRoute", route, &ROUTE);
            self.import.default = route.and_then(|it| self.domain("defaultRoute", it)).map(Arc::new);
        }
        for (i, pin) in self.list(&mut root, "callerPins").into_iter().enumerate() {
            self.caller_pin(&format!("callerPins[{i}]"), pin);
        }
        self.numbers(&mut root);
        self.once_each();
    }

    fn numbers(&mut self, root: &mut Map<String, Value>) {
        let mut places: HashMap<Arc<Route>, u32, FixedState> = HashMap::default();
        for (i, number) in self.list(root, "numbers").into_iter().enumerate() {
            let at = format!("numbers[{i}]");
            let Some((number, route)) = self.routed::<Number>(&at, number, "number") else { continue };
            if route.fallback.as_ref().and_then(Fallback::number) == Some(&number) {
                self.fault(format!("{at}.fallback"), FALLS_BACK_TO_ITSELF);
            }
            let next = u32::try_from(places.len()).unwrap_or(u32::MAX);
            let route = Arc::new(route);
            let place = *places.entry(Arc::clone(&route)).or_insert(next);
            if place == next {
                self.import.routes.push(route);
            }
            self.import.numbers.push((number, place));
        }
    }

    fn agent(&mut self, at: &str, agent: Value) {
        let agent: AgentEntry = match serde_json::from_value(agent) {
            Ok(agent) => agent,
            Err(why) => return self.fault(at, one_line(&why.to_string())),
        };
        if !(1..=NAME_MAX).contains(&agent.name.chars().count()) {
            self.fault(format!("{at}.name"), "expected 1 to 100 characters");
        }
        let endpoints = self.endpoints(&format!("{at}.endpoints"), &Value::Array(agent.endpoints));
        let mut environment_endpoints = BTreeMap::new();
        for (name, endpoints) in &agent.environment_endpoints {
            let at = format!("{at}.environmentEndpoints.{}", shown(name));
            match Environment::parse(name) {
                Some(environment) => {
                    environment_endpoints.insert(environment, self.endpoints(&at, endpoints));
                }
                None => self.fault(at, format!("expected {}", Environment::EXPECTED)),
            }
        }
        let id = AgentRef { account: self.account.clone(), agent: agent.id };
        if agent.max_calls_in_progress.is_some_and(|calls| !(1..=CALLS_MAX).contains(&calls)) {
            self.fault(format!("{at}.maxCallsInProgress"), format!("expected {CALLS_EXPECTED}"));
        }
        let profile = Profile {
            endpoints,
            environment_endpoints,
            max_calls_in_progress: agent.max_calls_in_progress,
            fallback: agent.fallback,
            ..Profile::new(id, agent.name, ManagedBy::Api, agent.created_at)
        };
        let mut environments = Vec::new();
        for (name, to) in agent.environments {
            let number = VersionNumber::parse(&to).filter(|_| to.starts_with('V'));
            match (Environment::parse(&name), number) {
                (Some(environment), Some(number)) => environments.push((environment, number)),
                _ => {
                    let expected = format!("expected {}, and a version: V1, V2 …", Environment::EXPECTED);
                    self.fault(format!("{at}.environments.{}", shown(&name)), expected);
                }
            }
        }
        let draft = agent.draft.and_then(|draft| self.version(&format!("{at}.draft"), draft, false));
        let versions = agent.versions.into_iter().enumerate();
        let versions =
            versions.filter_map(|(j, version)| self.version(&format!("{at}.versions[{j}]"), version, true));
        let versions = versions.collect();
        let branches = self.branches(&format!("{at}.branches"), agent.branches);
        for (j, connector) in agent.connectors.iter().enumerate() {
            for (key, message) in connector.faults() {
                self.fault(format!("{at}.connectors[{j}].{key}"), message);
            }
        }
        let connectors = agent.connectors.into_iter().map(Arc::new).collect();
        let pages = agent.real_time_configs.into_iter().enumerate();
        let config_pages =
            pages.filter_map(|(j, page)| self.page(&format!("{at}.realTimeConfigs[{j}]"), page)).collect();
        for fault in agent.checks.iter().flat_map(|checks| check_faults(checks)) {
            self.fault(format!("{at}.{}", fault.field), fault.message);
        }
        self.import.agents.push(WholeAgent {
            profile,
            checks: agent.checks,
            versions,
            draft,
            branches,
            environments,
            connectors,
            config_pages,
        });
    }

    fn branches(&mut self, at: &str, branches: Vec<BranchEntry>) -> Vec<Branch> {
        if let Some(which) = twice(branches.iter().map(|it| it.id.to_string())) {
            self.fault(at, format!("{which} stands there twice: expected once"));
        }
        let branches = branches.into_iter().enumerate();
        branches.filter_map(|(j, branch)| self.branch(&format!("{at}[{j}]"), branch)).collect()
    }

    fn branch(&mut self, at: &str, branch: BranchEntry) -> Option<Branch> {
        let BranchEntry { id, name, created_by, created_at, updated_at, draft, base } = branch;
        if id.is_main() {
            self.fault(
                format!("{at}.id"),
                "is the draft of the agent: expected BRANCH- and 8 letters or digits",
            );
        }
        if !branch::is_name(&name) {
            self.fault(format!("{at}.name"), format!("expected {}", branch::NAME_EXPECTED));
        }
        let draft = self.config(&format!("{at}.draft"), draft.hash, &draft.config);
        let base = self.config(&format!("{at}.base"), base.hash, &base.config);
        Some(Branch {
            draft: draft?.hash(),
            base: base?.hash(),
            id,
            name,
            created_by,
            created_at,
            updated_at,
            created_in: Revision(0),
        })
    }

    /// The endpoints at a place, whose faults are told as of a key `endpoints`.
    fn endpoints(&mut self, at: &str, endpoints: &Value) -> Vec<Endpoint> {
        let place = |path: &str| format!("{at}{}", path.strip_prefix("endpoints").unwrap_or(path));
        endpoints_from_value(endpoints).unwrap_or_else(|faults| {
            self.config_faults(faults, place);
            Vec::new()
        })
    }

    fn page(&mut self, at: &str, page: ConfigPage) -> Option<Arc<ConfigPage>> {
        let faults = page.faults();
        for FieldFault { field, message } in &faults {
            self.fault(format!("{at}.{field}"), message);
        }
        faults.is_empty().then(|| Arc::new(page))
    }

    fn version(&mut self, at: &str, version: VersionEntry, numbered: bool) -> Option<Arc<Version>> {
        if version.number.is_some() != numbered {
            self.fault(format!("{at}.number"), "expected one for a version, and none for a draft");
        }
        let config = self.config(at, version.hash, &version.config)?;
        let VersionEntry { number, name, description, author, created_at, .. } = version;
        let (hash, dispatch) = (config.hash(), Arc::new(config.dispatch()));
        Some(Arc::new(Version { number, hash, name, description, author, created_at, dispatch }))
    }

    /// The configuration `config` of something that may say its hash.
    fn config(&mut self, at: &str, said: Option<ConfigHash>, config: &Value) -> Option<AgentConfig> {
        let config = match AgentConfig::from_value(config) {
            Ok(config) => config,
            Err(faults) => {
                let place = |path: &str| {
                    if path.is_empty() { format!("{at}.config") } else { format!("{at}.config.{path}") }
                };
                self.config_faults(faults, place);
                return None;
            }
        };
        let hash = config.hash();
        if said.is_some_and(|said| said != hash) {
            self.fault(format!("{at}.hash"), format!("is not that of the configuration, which is {hash}"));
        }
        self.import.bodies.push((hash, config.canonical_json().into()));
        Some(config)
    }

    fn config_faults(&mut self, faults: Vec<ConfigFault>, place: impl Fn(&str) -> String) {
        for fault in faults {
            let FieldFault { field, message } = field_fault(fault, &place);
            self.fault(field, message);
        }
    }

    fn split(&mut self, at: &str, split: Value) {
        let Some(members) = self.members(at, split, &SPLIT) else { return };
        let Some(mut split) = self.domain::<Split>(at, members) else { return };
        if split.owners.runs().iter().any(|(_, _, arm)| usize::from(*arm) >= split.arms.len()) {
            return self.fault(format!("{at}.owners"), "expected places of its arms");
        }
        if split.ending.as_ref().is_some_and(|ending| split.position(ending.winner.as_str()).is_none()) {
            return self.fault(format!("{at}.ending.winner"), "expected one of its arms");
        }
        if split.faults().is_empty() {
            // As they are, where they fit the weights.
            split.owners = split.owners.moved(&split.weights());
        }
        self.import.splits.push(split);
    }

    fn caller_pin(&mut self, at: &str, pin: Value) {
        let Some(mut members) = self.members(at, pin, &CALLER_PIN) else { return };
        if let Some(agent) = members.remove("agentId") {
            members.insert("agent".to_owned(), agent);
        }
        if let Some(pin) = self.domain::<CallerPin>(at, members) {
            self.import.caller_pins.push(Arc::new(pin));
        }
    }

    /// Something that has a route.
    fn routed<K: DeserializeOwned>(
        &mut self,
        at: &str,
        item: Value,
        key: &'static str,
    ) -> Option<(K, Route)> {
        let connector = (key == "number").then_some("connectorId");
        let known: Vec<&str> = ROUTE.into_iter().chain([key]).chain(connector).collect();
        let mut members = self.members(at, item, &known)?;
        let id = members.remove(key).unwrap_or_default();
        let id = match serde_json::from_value(id) {
            Ok(id) => id,
            Err(why) => {
                self.fault(format!("{at}.{key}"), one_line(&why.to_string()));
                return None;
            }
        };
        Some((id, self.domain(at, members)?))
    }

    /// An object of the domain, of the account and of the API.
    fn domain<T: DeserializeOwned>(&mut self, at: &str, mut members: Map<String, Value>) -> Option<T> {
        members.insert("account".to_owned(), json!(self.account));
        members.insert("managedBy".to_owned(), json!(ManagedBy::Api));
        match serde_json::from_value(Value::Object(members)) {
            Ok(object) => Some(object),
            Err(why) => {
                self.fault(at, one_line(&why.to_string()));
                None
            }
        }
    }

    fn members(&mut self, at: &str, value: Value, known: &[&str]) -> Option<Map<String, Value>> {
        let Value::Object(members) = value else {
            self.fault(at, "expected an object");
            return None;
        };
        for name in members.keys().filter(|name| !known.contains(&name.as_str())) {
            self.fault(format!("{at}.{}", shown(name)), format!("is unknown: expected {}", known.join(", ")));
        }
        Some(members)
    }

    fn list(&mut self, root: &mut Map<String, Value>, name: &str) -> Vec<Value> {
        match root.remove(name) {
            Some(Value::Array(items)) => items,
            None => Vec::new(),
            Some(_) => {
                self.fault(name, "expected a list");
                Vec::new()
            }
        }
    }

    /// Refuses what stands there twice: nobody could say which is meant.
    fn once_each(&mut self) {
        let import = &self.import;
        let twice = [
            ("agents", twice(import.agents.iter().map(|it| it.profile.id.agent.to_string()))),
            ("splits", twice(import.splits.iter().map(|it| it.id.to_string()))),
            ("prefixes", twice(import.prefixes.iter().map(|(it, _)| it.to_string()))),
            (
                "callerPins",
                twice(
                    import.caller_pins.iter().map(|it| format!("{} of {}", it.id.caller, it.id.agent.agent)),
                ),
            ),
            ("numbers", twice(import.numbers.iter().map(|(it, _)| it.to_string()))),
        ];
        for (list, twice) in twice {
            if let Some(which) = twice {
                self.fault(list, format!("{which} stands there twice: expected once"));
            }
        }
    }
}

/// The first name that comes again.
fn twice(mut names: impl Iterator<Item = String>) -> Option<String> {
    let mut seen: HashSet<String, FixedState> = HashSet::default();
    names.find(|name| !seen.insert(name.clone()))
}
