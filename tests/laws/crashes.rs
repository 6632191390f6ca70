//! Kills at any moment, while several operators change the same things at once, and files change too.
//!
//! Every change has a name of its own, which the history repeats. So what must be there after a kill is known exactly:
//! the changes of the history, one after the other, from nothing ([`Shadow`]); of which those that were acknowledged
//! have the revision that the acknowledgement said.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::http::Client;
use super::world::{AT_LIVE, PATIENCE, World, encoded};

const KILLS: u64 = 24;
const OPERATORS: u64 = 6;
/// Few, so that operators get in each other's way.
const NUMBERS: u32 = 8;
const SPLITS: u32 = 4;
/// The longer one wins.
const PREFIXES: [&str; 2] = ["+44207", "+4420712"];
/// One that both prefixes begin, and that nothing else leads to.
const UNDER_PREFIXES: &str = "+442071230000";

/// A change, and by which name the history knows it.
#[derive(Debug, Clone)]
struct Named {
    name: String,
    deed: Deed,
}

#[derive(Debug, Clone)]
enum Deed {
    PutNumber { number: String, pin: &'static str },
    DeleteNumber { number: String },
    CreateSplit { id: String, numbers: BTreeSet<String>, weight: u32 },
    ChangeSplit { id: String, weight: u32, number: String },
    PauseSplit { id: String, paused: bool },
    EndSplit { id: String, winner: &'static str },
    DeleteSplit { id: String },
    PutPrefix { prefix: &'static str, pin: &'static str },
    DeletePrefix { prefix: &'static str },
    PutDefault { pin: &'static str },
    DeleteDefault,
}

/// What should be there.
#[derive(Debug, Clone, Default, PartialEq)]
struct Shadow {
    /// By number: a split, or a pin and the name of the change that made it.
    numbers: BTreeMap<String, String>,
    splits: BTreeMap<String, Split>,
    /// As numbers.
    prefixes: BTreeMap<String, String>,
    default: Option<String>,
}

/// What should be of a split.
#[derive(Debug, Clone, PartialEq)]
struct Split {
    /// Of its test arm.
    weight: u64,
    /// That of the last change that has one.
    name: String,
    paused: bool,
    winner: Option<String>,
}

/// What operators know of one round.
#[derive(Debug, Default)]
struct Told {
    /// By name, the revision that was said.
    acknowledged: BTreeMap<String, u64>,
    /// All that was sent and not refused.
    sent: BTreeMap<String, Deed>,
}

fn number(at: u32) -> String {
    format!("+1650555{at:04}")
}

impl Deed {
    fn any(dice: &mut StdRng) -> Self {
        let number = number(dice.random_range(0..NUMBERS));
        let id = format!("s{}", dice.random_range(0..SPLITS));
        let pin = ["V1", "V2", "draft", "live"][dice.random_range(0..4)];
        let weight = dice.random_range(1..1_000);
        let prefix = PREFIXES[dice.random_range(0..PREFIXES.len())];
        match dice.random_range(0..16) {
            0..4 => Self::PutNumber { number, pin },
            4 => Self::DeleteNumber { number },
            5 | 6 => {
                let numbers = (0..3).map(|_| self::number(dice.random_range(0..NUMBERS))).collect();
                Self::CreateSplit { id, numbers, weight }
            }
            7 => Self::ChangeSplit { id, weight, number },
            8 => Self::DeleteSplit { id },
            9 => Self::EndSplit { id, winner: ["control", "test"][dice.random_range(0..2)] },
            10 | 11 => Self::PauseSplit { id, paused: weight % 3 > 0 },
            12 | 13 => Self::PutPrefix { prefix, pin },
            14 => Self::DeletePrefix { prefix },
            _ if weight % 4 == 0 => Self::DeleteDefault,
            _ => Self::PutDefault { pin },
        }
    }

    /// As a request: method, path, body.
    fn request(&self, name: &str) -> (&'static str, String, Option<Value>) {
        let route = |pin: &str| Some(json!({"agentId": "sales", "pin": pin, "headers": {"X-Name": name}}));
        let of_number = |number: &str| format!("/v1/numbers/{}", encoded(number));
        let of_prefix = |prefix: &str| format!("/v1/prefixes/{}", encoded(prefix));
        match self {
            Self::PutNumber { number, pin } => ("PUT", of_number(number), route(pin)),
            Self::DeleteNumber { number } => ("DELETE", of_number(number), None),
            Self::CreateSplit { id, numbers, weight } => {
                let arms = json!([{"id": "control", "agentId": "sales", "pin": "V1", "weight": 1},
                                  {"id": "test", "agentId": "sales", "pin": "V2", "weight": weight}]);
                let body = json!({"id": id, "name": name, "scope": {"numbers": numbers}, "arms": arms});
                ("POST", "/v1/splits".to_owned(), Some(body))
            }
            Self::ChangeSplit { id, weight, number } => {
                let body = json!({"name": name, "scope": {"numbers": [number]},
                                  "arms": [{"id": "test", "weight": weight}]});
                ("PATCH", format!("/v1/splits/{id}"), Some(body))
            }
            Self::PauseSplit { id, paused } => {
                ("PATCH", format!("/v1/splits/{id}"), Some(json!({"name": name, "paused": paused})))
            }
            Self::EndSplit { id, winner } => {
                ("POST", format!("/v1/splits/{id}/end"), Some(json!({"winner": winner})))
            }
            Self::DeleteSplit { id } => ("DELETE", format!("/v1/splits/{id}"), None),
            Self::PutPrefix { prefix, pin } => ("PUT", of_prefix(prefix), route(pin)),
            Self::DeletePrefix { prefix } => ("DELETE", of_prefix(prefix), None),
            Self::PutDefault { pin } => ("PUT", "/v1/default-route".to_owned(), route(pin)),
            Self::DeleteDefault => ("DELETE", "/v1/default-route".to_owned(), None),
        }
    }

    /// How the history calls it.
    fn action(&self) -> &'static str {
        match self {
            Self::PutNumber { .. } => "number.put",
            Self::DeleteNumber { .. } => "number.delete",
            Self::CreateSplit { .. } => "split.create",
            Self::ChangeSplit { .. } | Self::PauseSplit { .. } => "split.change",
            Self::EndSplit { .. } => "split.end",
            Self::DeleteSplit { .. } => "split.delete",
            Self::PutPrefix { .. } => "prefix.put",
            Self::DeletePrefix { .. } => "prefix.delete",
            Self::PutDefault { .. } => "default-route.put",
            Self::DeleteDefault => "default-route.delete",
        }
    }
}

impl Shadow {
    fn take(&mut self, Named { name, deed }: Named) {
        match deed {
            Deed::PutNumber { number, pin } => {
                self.numbers.insert(number, format!("{pin} by {name}"));
            }
            Deed::DeleteNumber { number } => drop(self.numbers.remove(&number)),
            Deed::CreateSplit { id, numbers, weight } => {
                self.numbers.extend(numbers.into_iter().map(|number| (number, id.clone())));
                self.splits.insert(id, Split { weight: weight.into(), name, paused: false, winner: None });
            }
            Deed::ChangeSplit { id, weight, number } => {
                let split = self.splits.get_mut(&id).unwrap();
                (split.weight, split.name) = (weight.into(), name);
                self.numbers.insert(number, id);
            }
            Deed::PauseSplit { id, paused } => {
                let split = self.splits.get_mut(&id).unwrap();
                (split.paused, split.name) = (paused, name);
            }
            Deed::EndSplit { id, winner } => {
                self.splits.get_mut(&id).unwrap().winner = Some(winner.to_owned());
            }
            Deed::DeleteSplit { id } => drop(self.splits.remove(&id)),
            Deed::PutPrefix { prefix, pin } => {
                self.prefixes.insert(prefix.to_owned(), format!("{pin} by {name}"));
            }
            Deed::DeletePrefix { prefix } => drop(self.prefixes.remove(prefix)),
            Deed::PutDefault { pin } => self.default = Some(format!("{pin} by {name}")),
            Deed::DeleteDefault => self.default = None,
        }
    }

    /// What a router says there is.
    fn of(operator: &mut Client) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let route = |route: &Value| match &route["splitId"] {
            Value::Null => format!("{} by {}", text(&route["pin"]), text(&route["headers"]["X-Name"])),
            split => text(split),
        };
        let mut found = Self::default();
        let page = operator.get("/v1/numbers?managedBy=api&limit=1000").must(200).json();
        for number in page["numbers"].as_array().unwrap() {
            found.numbers.insert(text(&number["number"]), route(number));
        }
        let page = operator.get("/v1/splits?limit=1000").must(200).json();
        for split in page["splits"].as_array().unwrap().iter().filter(|split| split["managedBy"] == "api") {
            let arms = split["arms"].as_array().unwrap();
            assert_eq!(arms.len(), 2, "{split}");
            let slots: u64 = arms.iter().map(|arm| arm["slots"].as_u64().unwrap()).sum();
            assert_eq!(slots, 10_000, "{split}");
            let of_it = Split {
                weight: arms[1]["weight"].as_u64().unwrap(),
                name: text(&split["name"]),
                paused: split["paused"].as_bool().unwrap(),
                winner: split["ended"]["winner"].as_str().map(str::to_owned),
            };
            found.splits.insert(text(&split["id"]), of_it);
        }
        let page = operator.get("/v1/prefixes?limit=1000").must(200).json();
        for prefix in page["prefixes"].as_array().unwrap().iter().filter(|found| found["managedBy"] == "api")
        {
            found.prefixes.insert(text(&prefix["prefix"]), route(prefix));
        }
        let reply = operator.get("/v1/default-route");
        found.default = (reply.status != 404).then(|| route(&reply.must(200).json()));
        found
    }

    /// What calls get is what operators are shown.
    fn serves(&self, world: &World) {
        let live = world.version_at(AT_LIVE);
        let version = |pin: &str| match pin.split(' ').next().unwrap() {
            "live" => live,
            "draft" => None,
            pin => pin[1..].parse().ok(),
        };
        for (number, to) in &self.numbers {
            let decision = world.route(number).must(200).json();
            let served = decision["version"].as_u64();
            match self.splits.get(to) {
                None => assert_eq!(served, version(to), "{number} to {to}: {decision}"),
                Some(Split { paused: false, winner: None, .. }) => {
                    assert_eq!(decision["split"]["id"].as_str(), Some(&**to), "{number}: {decision}");
                }
                Some(Split { winner, .. }) => {
                    assert_eq!(decision["reason"]["code"], "split_inactive", "{number}: {decision}");
                    let wins = if winner.as_deref() == Some("test") { 2 } else { 1 };
                    assert_eq!(served, Some(wins), "{number}: {decision}");
                }
            }
        }
        let longest = PREFIXES.iter().rev().find_map(|prefix| self.prefixes.get(*prefix));
        for (number, to) in
            [("+999071230000", &self.default), (UNDER_PREFIXES, &longest.or(self.default.as_ref()).cloned())]
        {
            let decision = world.route(number).json();
            let expected = to.as_deref().and_then(version);
            assert_eq!(decision["version"].as_u64(), expected, "{number} to {to:?}: {decision}");
        }
    }
}

impl Told {
    /// Takes away the ends that were acknowledged at this revision and changed nothing: their splits are ended so already.
    fn see_ended(&mut self, shadow: &Shadow, revision: u64) {
        let Self { acknowledged, sent } = self;
        acknowledged.retain(|name, said| {
            let Deed::EndSplit { id, winner } = &sent[name] else { return true };
            let has_won = shadow.splits.get(id).and_then(|split| split.winner.as_deref()) == Some(winner);
            *said != revision || !has_won
        });
    }
}

/// One operator's changes, without pause, until nobody answers.
fn operate(mut client: Client, round: u64, operator: u64, acknowledged: &AtomicUsize) -> Told {
    let mut dice = StdRng::seed_from_u64(round * OPERATORS + operator);
    let mut told = Told::default();
    for at in 0.. {
        let (name, deed) = (format!("change-{round}-{operator}-{at}"), Deed::any(&mut dice));
        let (method, path, body) = deed.request(&name);
        client.act_for(&name);
        told.sent.insert(name.clone(), deed);
        let Ok(reply) = client.try_ask(method, &path, body.as_ref()) else { break };
        match reply.status {
            200 | 201 | 204 => {
                let revision = reply.header("x-cordboard-revision").unwrap().parse().unwrap();
                told.acknowledged.insert(name, revision);
                acknowledged.fetch_add(1, Ordering::AcqRel);
            }
            // There is none, there is one already, or it is in use: another operator was faster.
            404 | 409 => drop(told.sent.remove(&name)),
            _ => panic!("{method} {path}: {} {}", reply.status, reply.body),
        }
    }
    told
}

/// Works on a router until it is killed, after so many acknowledgements and a moment.
fn until_killed(world: &mut World, round: u64, dice: &mut StdRng) -> Told {
    let acknowledged = AtomicUsize::new(0);
    let mut told = Told::default();
    thread::scope(|scope| {
        let operators: Vec<_> = (0..OPERATORS)
            .map(|operator| {
                let (client, acknowledged) = (world.operator(), &acknowledged);
                scope.spawn(move || operate(client, round, operator, acknowledged))
            })
            .collect();
        let (wanted, moment) = (dice.random_range(1..60), Duration::from_micros(dice.random_range(0..5_000)));
        let deadline = Instant::now() + PATIENCE;
        let mut versions = ["V1", "V2"].into_iter().cycle();
        while acknowledged.load(Ordering::Acquire) < wanted {
            assert!(Instant::now() < deadline, "the operators do not get on: {}", world.log());
            world.put_live(versions.next().unwrap());
            thread::sleep(Duration::from_millis(1));
        }
        // Not to wait for anything: kills are not to come always right after an answer.
        thread::sleep(moment);
        world.kill_9();
        for operator in operators {
            let one = operator.join().unwrap();
            told.acknowledged.extend(one.acknowledged);
            told.sent.extend(one.sent);
        }
    });
    told
}

/// The history after a revision, the oldest first.
fn history(operator: &mut Client, after: u64) -> Vec<Value> {
    let (mut entries, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = operator.get(&format!("/v1/history?limit=1000{cursor}")).must(200).json();
        entries.extend_from_slice(page["entries"].as_array().unwrap());
        let Some(next) = page["nextCursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    entries.reverse();
    entries.retain(|entry| entry["revision"].as_u64().unwrap() > after);
    entries
}

#[test]
fn after_a_kill_at_any_moment_all_that_was_acknowledged_is_there_in_its_order_and_nothing_by_halves() {
    let mut world = World::example().running();
    let (mut shadow, mut revision) = (Shadow::default(), world.revision());
    let (mut dice, mut acknowledged, mut unanswered) = (StdRng::seed_from_u64(1), 0, 0);
    for round in 0..KILLS {
        let mut told = until_killed(&mut world, round, &mut dice);
        acknowledged += told.acknowledged.len();
        world.start();
        world.until_in_force();
        let mut operator = world.operator();
        told.see_ended(&shadow, revision);
        for entry in history(&mut operator, revision) {
            revision += 1;
            assert_eq!(entry["revision"], revision, "no revision is missing and none is there twice");
            if entry["author"] == "files" {
                told.see_ended(&shadow, revision);
                continue;
            }
            let name = entry["actor"].as_str().unwrap().to_owned();
            let deed = told
                .sent
                .remove(&name)
                .unwrap_or_else(|| panic!("nobody sent {entry}, or it is there twice"));
            assert_eq!(entry["action"], deed.action(), "{entry}");
            match told.acknowledged.remove(&name) {
                Some(said) => assert_eq!(said, revision, "{name} was acknowledged as another revision"),
                None => unanswered += 1,
            }
            shadow.take(Named { name, deed });
            told.see_ended(&shadow, revision);
        }
        assert_eq!(told.acknowledged, BTreeMap::new(), "acknowledged and gone, in round {round}");
        assert_eq!(world.revision(), revision);
        assert_eq!(Shadow::of(&mut operator), shadow, "after round {round}");
        shadow.serves(&world);
    }
    eprintln!("{acknowledged} changes were acknowledged, {unanswered} were kept before they were answered");
    assert!(acknowledged > 200, "only {acknowledged}: too little was written to prove anything");
}
