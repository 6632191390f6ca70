//! The life of releases, by a model: whatever is done to an agent, in whatever order, the router and a page of rules say
//! the same afterwards.
//!
//! A configuration is a handful of small numbers here, keys of `experimental`, so that merges and reverts can be worked
//! out key by key. Every run has a seed, which a failure tells; `CORDBOARD_SEED` repeats it.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::time::SystemTime;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::http::Reply;
use super::world::{World, encoded};

const LIVES: u64 = 5;
const STEPS: usize = 70;
const ENVIRONMENTS: [&str; 3] = ["sandbox", "pre-release", "live"];
const LIVE: usize = 2;
const KEYS: [&str; 4] = ["a", "b", "c", "d"];
/// A number at the draft, and one at each environment.
const NUMBERS: [(&str, &str); 4] = [
    ("+14155550160", "draft"),
    ("+14155550161", "sandbox"),
    ("+14155550162", "pre-release"),
    ("+14155550163", "live"),
];

type Config = BTreeMap<String, u64>;

#[derive(Debug, Clone)]
struct Deployment {
    id: String,
    environment: usize,
    /// From 1 on.
    version: usize,
    is_publish: bool,
}

#[derive(Debug, Clone)]
struct Branch {
    base: Config,
    draft: Config,
}

/// A split of `live`: its id, and the version that its test arm is held to.
#[derive(Debug, Clone)]
struct Split {
    id: String,
    held: usize,
}

/// What the rules say that there is.
#[derive(Debug, Clone, Default)]
struct Model {
    draft: Config,
    versions: Vec<Config>,
    deployments: Vec<Deployment>,
    /// By environment, the version that it serves.
    active: [Option<usize>; 3],
    branches: BTreeMap<String, Branch>,
    split: Option<Split>,
}

/// What three sides make of each key, and the keys over which they are at odds.
fn merged(base: &Config, ours: &Config, theirs: &Config) -> (Config, BTreeSet<String>) {
    let (mut config, mut conflicts) = (Config::new(), BTreeSet::new());
    let keys: BTreeSet<&String> = base.keys().chain(ours.keys()).chain(theirs.keys()).collect();
    for key in keys {
        let [base, ours, theirs] = [base, ours, theirs].map(|side| side.get(key));
        let is = if ours == theirs || theirs == base {
            ours
        } else if ours == base {
            theirs
        } else {
            conflicts.insert(key.clone());
            ours
        };
        is.map(|is| config.insert(key.clone(), *is));
    }
    (config, conflicts)
}

impl Model {
    fn last(&self) -> Option<&Config> {
        self.versions.last()
    }

    /// The version that the draft is, saved unless the last one has its content.
    fn saved(&mut self) -> usize {
        if self.last() != Some(&self.draft) {
            self.versions.push(self.draft.clone());
        }
        self.versions.len()
    }

    fn deployed(&mut self, reply: &Value, environment: usize, version: usize, is_publish: bool) {
        let id = reply["id"].as_str().unwrap().to_owned();
        self.deployments.push(Deployment { id, environment, version, is_publish });
        self.active[environment] = Some(version);
    }

    /// Whether a split stands in the way of a change of an environment.
    fn blocks(&self, environment: usize, ends: bool) -> bool {
        environment == LIVE && self.split.is_some() && !ends
    }

    fn served(&self, environment: usize) -> Option<&Config> {
        self.active[environment].map(|version| &self.versions[version - 1])
    }
}

/// A model, a router, and what was done to both.
struct Life {
    world: World,
    model: Model,
    dice: StdRng,
    log: Vec<String>,
    made: usize,
}

impl Life {
    fn new(seed: u64) -> Self {
        let world = World::bare().with("routes/none.toml", "").running();
        let body = json!({"name": "Desk", "agentId": "desk", "responseSettings": {"greeting": "Hello"},
                          "experimentalConfig": {"z": 0}});
        world.operator().post("/v1/agents", &body).must(200);
        for (number, pin) in NUMBERS {
            let route = json!({"agentId": "desk", "pin": pin});
            world.operator().put(&format!("/v1/numbers/{}", encoded(number)), &route).must(200);
        }
        let draft = Config::from([("z".to_owned(), 0)]);
        let model = Model { draft, ..Model::default() };
        Self { world, model, dice: StdRng::seed_from_u64(seed), log: Vec::new(), made: 0 }
    }

    fn ask(&mut self, method: &str, path: &str, body: &Value) -> Reply {
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/v1/agents/desk/{path}") };
        let reply = self.world.operator().ask(method, &path, Some(body));
        self.log.push(format!("{method} {path} {body} -> {} {}", reply.status, reply.json()["error_code"]));
        reply
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        (!all.is_empty()).then(|| all[self.dice.random_range(0..all.len())].clone())
    }

    fn coin(&mut self) -> bool {
        self.dice.random_range(0..2) == 0
    }

    /// An edit of a key: a patch, and what it makes of a configuration.
    fn edit(&mut self) -> (Value, impl Fn(&mut Config) + use<>) {
        let key = KEYS[self.dice.random_range(0..KEYS.len())].to_owned();
        let to = self.dice.random_range(0..4_u64);
        let value = if to == 0 { Value::Null } else { json!(to) };
        let patch = json!({"experimental": {key.as_str(): value}});
        let edit = move |config: &mut Config| match to {
            0 => drop(config.remove(&key)),
            to => drop(config.insert(key.clone(), to)),
        };
        (patch, edit)
    }

    fn step(&mut self) {
        match self.dice.random_range(0..22) {
            0..5 => {
                let (patch, edit) = self.edit();
                self.ask("PATCH", "draft", &patch).must(200);
                edit(&mut self.model.draft);
            }
            5 => self.save(),
            6 => self.restore(),
            7 => self.revert_draft(),
            8..11 => self.publish(),
            11 | 12 => self.promote(),
            13 => self.roll_back(),
            14 => self.branch(),
            15 | 16 => self.edit_branch(),
            17 => self.merge(),
            18 => self.leave_branch(),
            19 => self.split(),
            20 => self.revert(),
            _ if self.dice.random_range(0..3) == 0 => {
                self.log.push("killed".to_owned());
                self.world.kill_9();
                self.world.start();
            }
            _ => {}
        }
    }

    fn save(&mut self) {
        let saved = self.ask("POST", "versions", &json!({"name": "saved"}));
        if self.model.last() == Some(&self.model.draft) {
            assert_eq!(saved.must(409).json()["error_code"], "VERSION_ALREADY_SAVED");
            return;
        }
        saved.must(201);
        self.model.saved();
    }

    fn restore(&mut self) {
        let n = self.dice.random_range(1..self.model.versions.len() + 2);
        let restored = self.ask("POST", &format!("versions/V{n}/restore"), &json!({}));
        match self.model.versions.get(n - 1) {
            Some(version) => {
                restored.must(200);
                self.model.draft = version.clone();
            }
            None => drop(restored.must(404)),
        }
    }

    fn revert_draft(&mut self) {
        let reverted = self.ask("DELETE", "draft", &json!({}));
        match self.model.last() {
            Some(last) => {
                assert!((200..300).contains(&reverted.status), "{}", reverted.status);
                self.model.draft = last.clone();
            }
            None => drop(reverted.must(409)),
        }
    }

    fn publish(&mut self) {
        let (environment, ends) = (self.dice.random_range(0..3), self.dice.random_range(0..4) == 0);
        let body = json!({"environment": ENVIRONMENTS[environment], "endSplit": ends});
        let published = self.ask("POST", "deployments/publish", &body);
        if self.model.served(environment) == Some(&self.model.draft) {
            assert_eq!(published.must(409).json()["error_code"], "DEPLOYMENTS_ALREADY_PUBLISHED");
        } else if self.model.blocks(environment, ends) {
            assert_eq!(published.must(409).json()["error_code"], "SPLIT_RUNNING");
        } else {
            let version = self.model.saved();
            let reply = published.must(201).json();
            self.model.deployed(&reply["deployment"], environment, version, true);
            self.model.split = self.model.split.take().filter(|_| environment != LIVE);
        }
    }

    fn promote(&mut self) {
        let Some(from) = self.one_of(&self.model.deployments.clone()) else { return };
        let (to, ends) = (self.dice.random_range(0..3), self.coin());
        let body = json!({"targetEnvironment": ENVIRONMENTS[to], "endSplit": ends});
        let promoted = self.ask("POST", &format!("deployments/{}/promote", from.id), &body);
        if to <= from.environment {
            assert_eq!(promoted.must(400).json()["error_code"], "DEPLOYMENTS_INVALID_ENVIRONMENT");
        } else if self.model.blocks(to, ends) {
            assert_eq!(promoted.must(409).json()["error_code"], "SPLIT_RUNNING");
        } else {
            let reply = promoted.must(200).json();
            self.model.deployed(&reply["deployment"], to, from.version, false);
            self.model.split = self.model.split.take().filter(|_| to != LIVE);
        }
    }

    fn roll_back(&mut self) {
        let Some(to) = self.one_of(&self.model.deployments.clone()) else { return };
        let ends = self.coin();
        let body = json!({"endSplit": ends});
        let rolled = self.ask("POST", &format!("deployments/{}/rollback", to.id), &body);
        if self.model.active[to.environment] == Some(to.version) {
            rolled.must(200);
        } else if self.model.blocks(to.environment, ends) {
            assert_eq!(rolled.must(409).json()["error_code"], "SPLIT_RUNNING");
            return;
        } else {
            let reply = rolled.must(200).json();
            self.model.deployed(&reply["deployment"], to.environment, to.version, false);
        }
        self.model.split = self.model.split.take().filter(|_| to.environment != LIVE || !ends);
    }

    fn branch(&mut self) {
        self.made += 1;
        let made =
            self.ask("POST", "branches", &json!({"branchName": format!("branch {}", self.made)})).must(201);
        let id = made.json()["branchId"].as_str().unwrap().to_owned();
        let (base, draft) = (self.model.draft.clone(), self.model.draft.clone());
        self.model.branches.insert(id, Branch { base, draft });
    }

    fn any_branch(&mut self) -> Option<String> {
        self.one_of(&self.model.branches.keys().cloned().collect::<Vec<_>>())
    }

    fn edit_branch(&mut self) {
        let Some(id) = self.any_branch() else { return };
        let (patch, edit) = self.edit();
        self.ask("PATCH", &format!("draft?branch={id}"), &patch).must(200);
        edit(&mut self.model.branches.get_mut(&id).unwrap().draft);
    }

    fn merge(&mut self) {
        let Some(id) = self.any_branch() else { return };
        let path = format!("branches/{id}/merge");
        let Branch { base, draft: theirs } = self.model.branches[&id].clone();
        let (mut config, conflicts) = merged(&base, &self.model.draft, &theirs);
        let mut reply = self.ask("POST", &path, &json!({}));
        if !conflicts.is_empty() {
            let refused = reply.must(400).json();
            let told: BTreeSet<String> = refused["conflicts"]
                .as_array()
                .unwrap()
                .iter()
                .map(|conflict| conflict["path"][1].as_str().unwrap().to_owned())
                .collect();
            assert_eq!(told, conflicts);
            let mut resolutions = Vec::new();
            for key in &conflicts {
                let strategy = if self.coin() { "ours" } else { "theirs" };
                let taken = if strategy == "ours" { &self.model.draft } else { &theirs };
                match taken.get(key) {
                    Some(value) => drop(config.insert(key.clone(), *value)),
                    None => drop(config.remove(key)),
                }
                resolutions.push(json!({"path": ["experimental", key], "strategy": strategy}));
            }
            reply = self.ask("POST", &path, &json!({"conflictResolutions": resolutions}));
        }
        reply.must(200);
        if base == theirs {
            return;
        }
        self.model.draft = config;
        self.model.branches.get_mut(&id).unwrap().base = theirs;
        if self.model.served(0) != Some(&self.model.draft) {
            let version = self.model.saved();
            let active = self.ask("GET", "deployments/active", &json!({})).must(200).json();
            self.model.deployed(&active["activeDeployments"]["sandbox"], 0, version, true);
        }
    }

    fn leave_branch(&mut self) {
        let Some(id) = self.any_branch() else { return };
        if self.coin() {
            let reverted = self.ask("DELETE", &format!("draft?branch={id}"), &json!({}));
            assert!((200..300).contains(&reverted.status), "{}", reverted.status);
            let branch = self.model.branches.get_mut(&id).unwrap();
            branch.draft = branch.base.clone();
        } else {
            self.ask("DELETE", &format!("branches/{id}"), &json!({})).must(200);
            self.model.branches.remove(&id);
            self.ask("POST", &format!("branches/{id}/merge"), &json!({})).must(404);
        }
    }

    fn split(&mut self) {
        if let Some(split) = self.model.split.clone() {
            let winner = if self.coin() { "test" } else { "control" };
            self.ask("POST", &format!("/v1/splits/{}/end", split.id), &json!({"winner": winner})).must(200);
            self.model.split = None;
            if winner == "test" && self.model.active[LIVE] != Some(split.held) {
                let active = self.ask("GET", "deployments/active", &json!({})).must(200).json();
                self.model.deployed(&active["activeDeployments"]["live"], LIVE, split.held, false);
            }
            return;
        }
        self.made += 1;
        let id = format!("split-{}", self.made);
        let pin = ["draft", "sandbox", "pre-release", "V1"][self.dice.random_range(0..4)];
        let arm = |id: &str, pin: &str| json!({"id": id, "agentId": "desk", "pin": pin, "weight": 1});
        let body = json!({"id": id, "scope": {"agentId": "desk", "environment": "live"},
                          "arms": [arm("control", "live"), arm("test", pin)]});
        let made = self.ask("POST", "/v1/splits", &body);
        let environment = ENVIRONMENTS.iter().position(|name| *name == pin);
        let lacks = match environment {
            Some(environment) => self.model.active[environment].is_none(),
            None => pin == "V1" && self.model.versions.is_empty(),
        };
        if lacks || self.model.active[LIVE].is_none() {
            made.must(400);
            return;
        }
        made.must(201);
        let held = match (environment, pin) {
            (Some(environment), _) => self.model.active[environment].unwrap(),
            (None, "draft") => self.model.saved(),
            (None, _) => 1,
        };
        self.model.split = Some(Split { id, held });
    }

    fn revert(&mut self) {
        let publishes: Vec<Deployment> =
            self.model.deployments.iter().filter(|it| it.is_publish && it.version > 1).cloned().collect();
        let Some(publish) = self.one_of(&publishes) else { return };
        let versions = &self.model.versions;
        let (entry, before) = (versions[publish.version - 1].clone(), versions[publish.version - 2].clone());
        let (mut config, conflicts) = merged(&entry, &self.model.draft, &before);
        let path = "/api/v2/agents/desk/rollback";
        let mut body = json!({"change_track_id": publish.id});
        let mut reply = self.ask("PUT", path, &body);
        if !conflicts.is_empty() {
            let refused = reply.must(409).json();
            let told = refused["conflicts"].as_array().unwrap();
            assert_eq!(told.len(), conflicts.len(), "{refused}");
            let mut resolutions = Vec::new();
            for conflict in told {
                let field = conflict["field"].as_str().unwrap();
                let key = conflicts.iter().find(|key| field.ends_with(key.as_str())).unwrap();
                let strategy = if self.coin() { "keep" } else { "revert" };
                let taken = if strategy == "keep" { &self.model.draft } else { &before };
                match taken.get(key) {
                    Some(value) => drop(config.insert(key.clone(), *value)),
                    None => drop(config.remove(key)),
                }
                resolutions
                    .push(json!({"section": conflict["section"], "field": field, "strategy": strategy}));
            }
            body["resolutions"] = json!(resolutions);
            reply = self.ask("PUT", path, &body);
        }
        reply.must(200);
        self.model.draft = config;
    }

    /// Everything that can be seen is as the model has it.
    fn compare(&mut self) {
        let get = |path: &str| self.world.operator().get(&format!("/v1/agents/desk/{path}")).must(200).json();
        let config = |document: &Value| -> Config {
            let members = document["experimental"].as_object().unwrap();
            members.iter().map(|(key, value)| (key.clone(), value.as_u64().unwrap())).collect()
        };
        let of_draft = |path: &str| {
            let shown = get(path);
            config(shown.get("configuration").unwrap_or(&shown))
        };
        let model = &self.model;
        assert_eq!(of_draft("draft"), model.draft);
        let versions = get("versions?limit=1000");
        let versions = &versions["versions"].as_array().unwrap()[1..];
        assert_eq!(versions.len(), model.versions.len());
        for (n, pair) in model.versions.windows(2).enumerate() {
            let hash = |n: usize| &versions[versions.len() - n]["hash"];
            assert_eq!(hash(n + 1) == hash(n + 2), pair[0] == pair[1]);
        }
        if let Some(last) = model.last() {
            let n = model.versions.len();
            assert_eq!(config(&get(&format!("versions/V{n}"))["configuration"]), *last);
        }
        let active = &get("deployments/active")["activeDeployments"];
        for (environment, version) in ENVIRONMENTS.iter().zip(model.active) {
            assert_eq!(active[environment]["metadata"]["version_number"], json!(version), "{environment}");
        }
        let branches = get("branches");
        let ids: BTreeSet<&str> = branches["branches"]
            .as_array()
            .unwrap()
            .iter()
            .map(|branch| branch["branchId"].as_str().unwrap())
            .collect();
        let known: BTreeSet<&str> = model.branches.keys().map(String::as_str).chain(["main"]).collect();
        assert_eq!(ids, known);
        for (id, branch) in &model.branches {
            assert_eq!(of_draft(&format!("draft?branch={id}")), branch.draft);
        }
        for (at, (number, pin)) in NUMBERS.into_iter().enumerate() {
            self.compare_calls(number, pin, at);
        }
    }

    fn compare_calls(&self, number: &str, pin: &str, at: usize) {
        let model = &self.model;
        for n in 0..6 {
            let reply = self.world.route_of(number, &format!("+1415555{n:04}"));
            let decision = reply.json();
            let arm = &decision["split"]["arm"];
            let expected = match (at.checked_sub(1), &model.split) {
                (None, _) => json!(null),
                (Some(LIVE), Some(split)) if arm == "test" => json!(split.held),
                (Some(environment), _) => json!(model.active[environment]),
            };
            assert_eq!(decision["version"], expected, "{number} at {pin}");
            let is_tested = at == LIVE + 1 && model.split.is_some();
            assert_eq!(arm.is_null(), !is_tested, "{number} at {pin}");
            let is_served = at == 0 || model.active[at - 1].is_some();
            assert_eq!(reply.status, if is_served { 200 } else { 404 }, "{number} at {pin}");
        }
    }
}

#[test]
fn whatever_is_done_the_router_and_the_rules_say_the_same() {
    #[expect(clippy::disallowed_methods, reason = "a seed is for a test, and no setting")]
    let given = env::var("CORDBOARD_SEED").ok().and_then(|seed| seed.parse().ok());
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let first = given.unwrap_or(now.as_secs());
    let lives = if given.is_some() { 1 } else { LIVES };
    for seed in first..first + lives {
        let mut life = Life::new(seed);
        for step in 0..STEPS {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                life.step();
                life.compare();
            }));
            if let Err(why) = outcome {
                eprintln!("CORDBOARD_SEED={seed}, step {step}\n{}\n{:#?}", life.log.join("\n"), life.model);
                std::panic::resume_unwind(why);
            }
        }
        if given.is_some() {
            println!("{}", life.log.join("\n"));
        }
    }
}
