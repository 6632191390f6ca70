//! The document of an account, written in pieces: ten million numbers are never in memory twice.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use foldhash::fast::FixedState;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc::Sender;

use super::FORM;
use crate::api::Management;
use crate::api::caller::Caller;
use crate::domain::agent::{Agent, Version};
use crate::domain::branch::Branch;
use crate::domain::caller_pin::CallerPin;
use crate::domain::id::{ConfigHash, Environment};
use crate::domain::route::Route;
use crate::domain::split::Split;

/// When a piece is large enough.
const PIECE_BYTES: usize = 64 << 10;

/// Writes everything that a caller may see, or one agent alone; blocks where its reader is slow. A failure breaks the
/// document off.
pub(super) fn export(
    management: &Management,
    caller: &Caller,
    only: Option<&Agent>,
    to: &Sender<Result<Bytes, io::Error>>,
) {
    let mut pieces = Pieces { whole: Vec::with_capacity(PIECE_BYTES), to };
    let written = match only {
        Some(agent) => pieces.document_of_agent(management, caller, agent),
        None => pieces.document(management, caller),
    };
    if let Err(why) = written {
        tracing::warn!(error = %why, "an export broke off");
        drop(to.blocking_send(Err(why)));
    }
}

struct Pieces<'s> {
    whole: Vec<u8>,
    to: &'s Sender<Result<Bytes, io::Error>>,
}

impl Pieces<'_> {
    fn document(&mut self, management: &Management, caller: &Caller) -> io::Result<()> {
        let (state, account, sight) = (&caller.state, caller.account(), caller.sight());
        self.head(management, caller)?;
        let agents = state.agents.iter().filter(|(id, _)| id.account == *account && sight.agent(&id.agent));
        self.list("agents", agents, |pieces, (_, agent)| pieces.agent(management, agent))?;
        let splits = state.splits.iter().filter(|(id, split)| id.account == *account && sight.split(split));
        self.list("splits", splits, |pieces, (_, split)| pieces.value(&of_split(split)))?;
        let own = |route: &Route| route.account == *account && sight.route(route);
        let prefixes = state.prefixes.iter().filter(|(_, route)| own(route));
        self.list("prefixes", prefixes, |pieces, ((_, prefix), route)| {
            let mut members = of_route_members(route);
            members.insert("prefix".to_owned(), json!(prefix));
            pieces.value(&Value::Object(members))
        })?;
        let default = state.defaults.get(account).filter(|route| own(route));
        self.raw(b",\n\"defaultRoute\":")?;
        self.value(&default.map_or(Value::Null, of_route))?;
        let pins = state.caller_pins.iter().map(|(_, pin)| pin);
        let pins = pins.filter(|pin| pin.id.agent.account == *account && sight.agent(&pin.id.agent.agent));
        self.list("callerPins", pins, |pieces, pin| pieces.value(&of_caller_pin(pin)))?;
        self.numbers(caller)?;
        self.raw(b"}\n")?;
        self.send()
    }

    /// The document of an account that has this agent and nothing else.
    fn document_of_agent(
        &mut self,
        management: &Management,
        caller: &Caller,
        agent: &Agent,
    ) -> io::Result<()> {
        self.head(management, caller)?;
        self.list("agents", std::iter::once(agent), |pieces, agent| pieces.agent(management, agent))?;
        self.raw(b"}\n")?;
        self.send()
    }

    fn head(&mut self, management: &Management, caller: &Caller) -> io::Result<()> {
        let head = format!(
            "{{\"cordboard\":{FORM},\"revision\":{},\"exportedAt\":\"{}\",\"account\":\"{}\"",
            caller.state.revision.0,
            management.now(),
            caller.account()
        );
        self.raw(head.as_bytes())
    }

    /// A list as a member of the document, an item a line.
    fn list<T>(
        &mut self,
        name: &str,
        items: impl Iterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> io::Result<()>,
    ) -> io::Result<()> {
        self.raw(format!(",\n\"{name}\":[").as_bytes())?;
        for (i, item) in items.enumerate() {
            self.raw(if i == 0 { b"\n" } else { b",\n" })?;
            write(self, item)?;
        }
        self.raw(b"]")
    }

    fn agent(&mut self, management: &Management, agent: &Agent) -> io::Result<()> {
        let mut members = object(&agent.profile, &["account", "managedBy", "agent"]);
        members.insert("id".to_owned(), json!(agent.profile.id.agent));
        let deployed = Environment::ALL.into_iter().filter_map(|environment| {
            let deployment = agent.deployment(environment)?;
            Some((environment.as_str().to_owned(), json!(deployment.version.to_string())))
        });
        members.insert("environments".to_owned(), Value::Object(deployed.collect()));
        members.insert("connectors".to_owned(), json!(agent.connectors.values().collect::<Vec<_>>()));
        let pages: Vec<_> = agent.config_pages.iter().flatten().collect();
        members.insert("realTimeConfigs".to_owned(), json!(pages));
        // A runner is told what it shares with nobody else: it stays where it is.
        let checks = agent.tests.as_deref().map(|tests| &tests.checks);
        checks.map(|checks| members.insert("checks".to_owned(), json!(checks)));
        self.opened(&members)?;
        if let Some(draft) = &agent.draft {
            self.raw(b",\"draft\":")?;
            self.version(management, draft)?;
        }
        self.list("versions", agent.versions.values(), |pieces, version| {
            pieces.version(management, version)
        })?;
        self.list("branches", agent.branches.values(), |pieces, branch| pieces.branch(management, branch))?;
        self.raw(b"}")
    }

    fn branch(&mut self, management: &Management, branch: &Branch) -> io::Result<()> {
        self.opened(&object(branch, &["draft", "base", "createdIn"]))?;
        for (name, hash) in [("draft", branch.draft), ("base", branch.base)] {
            self.raw(format!(",\"{name}\":{{\"hash\":\"{hash}\"").as_bytes())?;
            self.config(management, hash)?;
        }
        self.raw(b"}")
    }

    fn version(&mut self, management: &Management, version: &Version) -> io::Result<()> {
        self.opened(&object(version, &["dispatch"]))?;
        self.config(management, version.hash)
    }

    /// The configuration of an object that ends with it.
    fn config(&mut self, management: &Management, hash: ConfigHash) -> io::Result<()> {
        let config = management.control.body(hash).map_err(io::Error::other)?;
        let config = config.ok_or_else(|| io::Error::other("a configuration is missing from the store"))?;
        self.raw(b",\"config\":")?;
        self.raw(&config)?;
        self.raw(b"}")
    }

    fn numbers(&mut self, caller: &Caller) -> io::Result<()> {
        let state = &caller.state;
        // A million numbers with the same route have the same text.
        let texts: HashMap<u32, Vec<u8>, FixedState> = state
            .routes
            .iter()
            .filter(|(_, used)| used.route.account == *caller.account() && caller.sight().route(&used.route))
            .map(|(place, used)| {
                let mut text = Value::Object(of_route_members(&used.route)).to_string().into_bytes();
                text.first_mut().into_iter().for_each(|brace| *brace = b',');
                (place, text)
            })
            .collect();
        let phones = state.numbers.phones.iter().map(|(phone, place)| (phone.to_string(), *place));
        let users = state.numbers.users.iter().map(|(user, place)| (user.to_string(), *place));
        let numbers =
            phones.chain(users).filter_map(|(number, place)| Some((number, texts.get(&place.get())?)));
        self.list("numbers", numbers, |pieces, (number, route)| {
            pieces.raw(b"{\"number\":")?;
            pieces.value(&Value::String(number))?;
            pieces.raw(route)
        })
    }

    /// An object whose end is still to come.
    fn opened(&mut self, members: &Map<String, Value>) -> io::Result<()> {
        let mut text = serde_json::to_vec(members)?;
        text.pop();
        self.raw(&text)
    }

    fn value(&mut self, value: &Value) -> io::Result<()> {
        self.raw(&serde_json::to_vec(value)?)
    }

    fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.whole.extend_from_slice(bytes);
        if self.whole.len() < PIECE_BYTES { Ok(()) } else { self.send() }
    }

    fn send(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.whole, Vec::with_capacity(PIECE_BYTES));
        self.to.blocking_send(Ok(piece.into())).map_err(|_| io::Error::other("nobody reads it"))
    }
}

/// The stored form of an object without some of its members.
fn object(object: &impl Serialize, without: &[&str]) -> Map<String, Value> {
    let Ok(Value::Object(mut members)) = serde_json::to_value(object) else { return Map::new() };
    without.iter().for_each(|name| drop(members.remove(*name)));
    members
}

fn of_split(split: &Arc<Split>) -> Value {
    Value::Object(object(split, &["account", "managedBy"]))
}

fn of_route_members(route: &Arc<Route>) -> Map<String, Value> {
    object(route, &["account", "managedBy"])
}

fn of_route(route: &Arc<Route>) -> Value {
    Value::Object(of_route_members(route))
}

fn of_caller_pin(pin: &Arc<CallerPin>) -> Value {
    let mut members = object(pin, &["account", "managedBy", "agent"]);
    members.insert("agentId".to_owned(), json!(pin.id.agent.agent));
    Value::Object(members)
}
