//! The files of `agents/<id>/`: what an agent is, its draft and its versions.

use std::sync::Arc;

use serde_json::Value as Json;
use toml::de::{DeTable, DeValue};

use super::faults::{Faults, Parsed};
use super::origin::{Origin, text_of};
use super::route_table::fallback;
use super::value::{self, Doc, Value};
use crate::domain::agent_config::{AgentConfig, endpoints_from_value, hash_of};
use crate::domain::endpoint::Endpoint;
use crate::domain::fallback::Fallback;
use crate::domain::fault::Fault;
use crate::domain::files::{FileConfig, Place, Placed};
use crate::domain::id::{AccountId, AgentId, Environment, VersionNumber};

const KEYS: [&str; 6] = ["name", "account", "endpoints", "environments", "max_calls_in_progress", "fallback"];
const ENVIRONMENTS: [&str; 3] = ["sandbox", "pre-release", "live"];
/// Longest name of an agent, in characters.
const NAME_MAX: usize = 100;
/// Largest `agent.toml`.
const AGENT_BYTES_MAX: usize = 1 << 20;

/// What `agent.toml` says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AgentFile {
    pub(super) account: AccountId,
    pub(super) name: String,
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) max_calls_in_progress: Option<u32>,
    pub(super) fallback: Option<Fallback>,
    pub(super) environments: Vec<Placed<(Environment, VersionNumber)>>,
    /// Where the account stands, if it is named.
    pub(super) account_at: Option<Place>,
    /// Whether it could be of another account than is said here.
    pub(super) in_doubt: bool,
}

impl AgentFile {
    /// Reads `agent.toml` of an agent; without a name it is called by its id.
    pub(super) fn read(file: &Arc<str>, bytes: &[u8], id: &AgentId, account: &AccountId) -> Parsed<Self> {
        let text = match text_of(file, bytes) {
            Ok(text) => text,
            Err(fault) => return Parsed { value: Self::unread(id, account), faults: vec![fault] },
        };
        let mut faults = Faults::of(file);
        if text.len() > AGENT_BYTES_MAX {
            faults.add((0, 0), format!("has {} bytes", text.len()), format!("at most {AGENT_BYTES_MAX}"));
            return faults.beside(Self::unread(id, account));
        }
        let mut agent = Self::unnamed(id, account);
        let origin = Origin::of(text, 1);
        let places = origin.places();
        match value::parse(&origin, &places, &mut faults) {
            Some(root) => agent.take_in(&mut Doc::new(&places, &mut faults), &root),
            None => agent.in_doubt = true,
        }
        faults.beside(agent)
    }

    /// An agent whose file could not be read.
    pub(super) fn unread(id: &AgentId, account: &AccountId) -> Self {
        Self { in_doubt: true, ..Self::unnamed(id, account) }
    }

    fn unnamed(id: &AgentId, account: &AccountId) -> Self {
        Self {
            account: account.clone(),
            name: id.to_string(),
            endpoints: Vec::new(),
            max_calls_in_progress: None,
            fallback: None,
            environments: Vec::new(),
            account_at: None,
            in_doubt: false,
        }
    }

    fn take_in(&mut self, doc: &mut Doc<'_>, root: &DeTable<'_>) {
        for (key, value) in root {
            match key.get_ref().as_ref() {
                "name" => {
                    let fits = |name: &str| (1..=NAME_MAX).contains(&name.chars().count());
                    let parse = |name: &str| fits(name).then(|| name.to_owned());
                    if let Some(name) = doc.parsed("name", value, parse, "1 to 100 characters") {
                        self.name = name;
                    }
                }
                "account" => {
                    let parse = |text: &str| AccountId::parse(text).ok();
                    self.account_at = Some(doc.place(value.span().start));
                    match doc.parsed("account", value, parse, "an account's id") {
                        Some(account) => self.account = account,
                        None => self.in_doubt = true,
                    }
                }
                "endpoints" => self.endpoints = endpoints(doc, value),
                "max_calls_in_progress" => {
                    self.max_calls_in_progress = doc.calls_in_progress("max_calls_in_progress", value);
                }
                "fallback" => self.fallback = fallback(doc, value),
                "environments" => self.environments = environments(doc, value),
                _ => doc.unknown("agent", key, &KEYS),
            }
        }
    }
}

fn environments(doc: &mut Doc<'_>, value: &Value<'_>) -> Vec<Placed<(Environment, VersionNumber)>> {
    let mut environments = Vec::new();
    let Some(table) = doc.table("environments", value) else { return environments };
    for (key, value) in table {
        let Some(environment) = Environment::parse(key.get_ref()) else {
            doc.unknown("environments", key, &ENVIRONMENTS);
            continue;
        };
        let parse = |text: &str| VersionNumber::parse(text).filter(|_| text.starts_with('V'));
        if let Some(number) =
            doc.parsed(&format!("environments.{environment}"), value, parse, "a version: V1, V2 …")
        {
            environments.push(Placed::whole(doc.place(value.span().start), (environment, number)));
        }
    }
    environments
}

/// Endpoints by the rules they have everywhere.
fn endpoints(doc: &mut Doc<'_>, value: &Value<'_>) -> Vec<Endpoint> {
    endpoints_from_value(&as_json(value)).unwrap_or_else(|faults| {
        for fault in faults {
            let at = located(value, &fault.path).span().start;
            doc.fault(at, format!("{}: {}", fault.path, fault.message), fault.expected);
        }
        Vec::new()
    })
}

/// The value that a path such as `endpoints[0].uri` names, or the last on the way that there is.
fn located<'v, 't>(endpoints: &'v Value<'t>, path: &str) -> &'v Value<'t> {
    let Some((index, key)) = path.strip_prefix("endpoints[").and_then(|rest| rest.split_once(']')) else {
        return endpoints;
    };
    let item = index.parse().ok().and_then(|index: usize| endpoints.get_ref().as_array()?.get(index));
    let Some(item) = item else { return endpoints };
    item.get_ref().as_table().and_then(|table| table.get(key.trim_start_matches('.'))).unwrap_or(item)
}

/// A TOML value as JSON; what JSON cannot say becomes the text of it, which is no endpoint either.
fn as_json(value: &Value<'_>) -> Json {
    match value.get_ref() {
        DeValue::String(text) => Json::from(text.as_ref()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| Json::from(number.as_str()), Json::from),
        DeValue::Float(number) => {
            number.as_str().parse::<f64>().map_or_else(|_| Json::from(number.as_str()), Json::from)
        }
        DeValue::Boolean(flag) => Json::from(*flag),
        DeValue::Datetime(at) => Json::from(at.to_string()),
        DeValue::Array(items) => items.iter().map(as_json).collect(),
        DeValue::Table(table) => {
            table.iter().map(|(key, value)| (key.get_ref().to_string(), as_json(value))).collect()
        }
    }
}

/// Reads `draft.toml` or `V<n>.toml`.
///
/// # Errors
/// All its faults.
pub(super) fn read_config(file: &Arc<str>, bytes: &[u8]) -> Result<FileConfig, Vec<Fault>> {
    let text = text_of(file, bytes).map_err(|fault| vec![fault])?;
    let config = AgentConfig::from_toml(text)
        .map_err(|faults| faults.into_iter().map(|fault| fault.in_file(file)).collect::<Vec<_>>())?;
    let body: Arc<[u8]> = config.canonical_json().into();
    Ok(FileConfig { hash: hash_of(&body), dispatch: Arc::new(config.dispatch()), body: Some(body) })
}
