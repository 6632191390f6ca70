//! A decision sees one revision: however fast the table is swapped, all that an answer says was in force together, at the
//! revision that it names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::http::Client;
use super::world::{CALLER, PATIENCE, World, encoded};

const CALLERS: usize = 8;
const SWAPS: usize = 400;
/// Of an answer, all that a revision says about it.
const OF_A_REVISION: [&str; 9] =
    ["revision", "agentId", "pin", "version", "versionHash", "headers", "target", "targets", "snapshot"];

/// Numbers that only the API routes.
const NUMBERS: [&str; 2] = ["+14155550810", "+14155550811"];

/// Which agent and version serve each number, and the header that goes along.
struct State {
    serves: [(&'static str, u64); 2],
    header: &'static str,
}

const STATES: [State; 2] = [
    State { serves: [("sales", 1), ("reception", 1)], header: "a" },
    State { serves: [("reception", 1), ("sales", 2)], header: "b" },
];

impl State {
    /// Puts it in force as one revision, and says which.
    fn apply(&self, operator: &mut Client) -> u64 {
        let changes = NUMBERS.iter().zip(self.serves).map(|(number, (agent, version))| {
            let route =
                json!({"agentId": agent, "pin": format!("V{version}"), "headers": {"X-Rev": self.header}});
            json!({"method": "PUT", "path": format!("/v1/numbers/{}", encoded(number)), "body": route})
        });
        let changes = json!({"changes": changes.collect::<Vec<_>>()});
        operator.post("/v1/apply", &changes).must(200).json()["revision"].as_u64().unwrap()
    }

    /// What is answered about each number while nothing else happens, which must be as this state says.
    fn answers(&self, gateway: &mut Client) -> [Value; 2] {
        std::array::from_fn(|at| {
            let body = json!({"to": NUMBERS[at], "from": CALLER, "callId": format!("{}-{at}", self.header)});
            let mut answer = of_a_revision(&gateway.post("/v1/calls", &body).must(201).json());
            let (agent, version) = self.serves[at];
            assert_eq!((&answer["agentId"], &answer["version"]), (&json!(agent), &json!(version)));
            assert_eq!(answer["headers"]["X-Rev"], self.header);
            let uri = format!("sip:{agent}.v{version}@127.0.0.1:5060");
            assert_eq!(answer["target"].as_str().or(answer["target"]["uri"].as_str()), Some(&*uri));
            answer.as_object_mut().unwrap().remove("revision");
            answer
        })
    }
}

fn of_a_revision(answer: &Value) -> Value {
    OF_A_REVISION.iter().map(|member| ((*member).to_owned(), answer[*member].clone())).collect()
}

/// A caller on a connection of its own, who begins calls of both numbers in turn until it is stopped.
fn ask(mut gateway: Client, caller: usize, stop: &AtomicBool, asked: &AtomicUsize) -> Vec<(usize, Value)> {
    let mut told = Vec::new();
    while !stop.load(Ordering::Acquire) {
        let at = told.len() % NUMBERS.len();
        let id = format!("of-{caller}-{}", told.len());
        let body = json!({"to": NUMBERS[at], "from": CALLER, "callId": id});
        told.push((at, of_a_revision(&gateway.post("/v1/calls", &body).must(201).json())));
        asked.fetch_add(1, Ordering::AcqRel);
    }
    told
}

#[test]
fn all_that_an_answer_says_was_in_force_together_at_the_revision_that_it_names() {
    let world = World::example().with_variable("CORDBOARD_CALLS_WORKERS", "4").running();
    let (mut operator, mut gateway) = (world.operator(), world.gateway());
    let mut in_force: BTreeMap<u64, usize> = BTreeMap::new();
    let mut swap = |into: usize| in_force.insert(STATES[into].apply(&mut operator), into);
    let answers = [0, 1].map(|state| {
        swap(state);
        STATES[state].answers(&mut gateway)
    });

    let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (gateway, stop, asked) = (world.gateway(), Arc::clone(&stop), Arc::clone(&asked));
            thread::spawn(move || ask(gateway, caller, &stop, &asked))
        })
        .collect();
    for at in 0..SWAPS {
        swap(at % STATES.len());
        // Between two swaps somebody asks, so that no revision comes and goes unseen.
        let (wanted, deadline) = (asked.load(Ordering::Acquire) + 1, Instant::now() + PATIENCE);
        while asked.load(Ordering::Acquire) < wanted && callers.iter().any(|caller| !caller.is_finished()) {
            assert!(Instant::now() < deadline, "the callers do not get on");
            thread::sleep(Duration::from_micros(100));
        }
    }
    stop.store(true, Ordering::Release);

    let mut seen = BTreeSet::new();
    for (at, mut answer) in callers.into_iter().flat_map(|caller| caller.join().unwrap()) {
        let revision = answer.as_object_mut().unwrap().remove("revision").unwrap().as_u64().unwrap();
        let state = *in_force.get(&revision).unwrap_or_else(|| panic!("revision {revision} was none"));
        assert_eq!(answer, answers[state][at], "{} at revision {revision}", NUMBERS[at]);
        seen.insert(revision);
    }
    assert!(seen.len() > SWAPS / 2, "of {SWAPS} revisions callers saw {}", seen.len());
}
