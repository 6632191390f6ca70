//! What a router that is killed knows when it comes back.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::http::Client;
use super::world::{AT_LIVE, CALLER, World, encoded};

const ROUNDS: u64 = 10;
const WRITERS: usize = 4;

/// What a writer knows of one thing that it wrote: the last that was acknowledged, and what was on its way then.
#[derive(Debug, Clone, Default)]
struct Written {
    acknowledged: Option<String>,
    on_its_way: Option<String>,
}

/// Writes, without pause, pins of numbers of its own and splits with numbers of theirs, until nobody answers.
fn write(admin: SocketAddr, key: &str, round: u64, writer: usize, known: &mut BTreeMap<String, Written>) {
    let mut client = Client::new(admin).with_key(key);
    for at in 0.. {
        let (path, method, body, value) = if at % 4 == 3 {
            let id = format!("s{round}-{writer}-{at}");
            let scope: Vec<_> = (0..3).map(|n| split_number(round, writer, at, n)).collect();
            let arms = json!([{"id": "control", "agentId": "sales", "pin": "V1", "weight": 1},
                              {"id": "test", "agentId": "sales", "pin": "V2", "weight": 1}]);
            let body = json!({"id": id, "scope": {"numbers": scope}, "arms": arms});
            (format!("/v1/splits/{id}"), "POST", body, scope.join(" "))
        } else {
            let path = format!("/v1/numbers/{}", encoded(&format!("+1650{writer:03}{:04}", at % 5)));
            let pin = if (at + writer).is_multiple_of(2) { "V1" } else { "V2" };
            (
                path,
                "PUT",
                json!({"agentId": "sales", "pin": pin, "headers": {"X-At": format!("{round}-{at}")}}),
                format!("{pin} {round}-{at}"),
            )
        };
        let target = if method == "POST" { "/v1/splits" } else { &*path };
        let written = known.entry(path.clone()).or_default();
        written.on_its_way = Some(value);
        match client.try_ask(method, target, Some(&body)) {
            Ok(reply) => {
                assert!(reply.status == 200 || reply.status == 201, "{method} {target}: {}", reply.body);
                written.acknowledged = written.on_its_way.take();
            }
            Err(_) => return,
        }
    }
}

fn split_number(round: u64, writer: usize, at: usize, n: usize) -> String {
    format!("+1651{round:02}{writer}{at:03}{n}")
}

/// What there is, in the words of the writer; none if there is nothing.
fn found(client: &mut Client, path: &str) -> Option<String> {
    let reply = client.get(path);
    if reply.status == 404 {
        return None;
    }
    let thing = reply.must(200).json();
    if path.starts_with("/v1/numbers/") {
        return Some(format!("{} {}", thing["pin"].as_str()?, thing["headers"]["X-At"].as_str()?));
    }
    let id = thing["id"].as_str()?;
    assert_eq!(thing["arms"].as_array()?.len(), 2, "{thing}");
    let list = client.get(&format!("/v1/numbers?splitId={id}")).must(200).json();
    let numbers =
        list["numbers"].as_array()?.iter().map(|number| number["number"].as_str().unwrap_or_default());
    Some(numbers.collect::<Vec<_>>().join(" "))
}

#[test]
fn what_was_acknowledged_is_there_whole_after_a_kill_at_any_moment() {
    let mut world = World::example().running();
    let (key, mut known) = (world.key(), vec![BTreeMap::<String, Written>::new(); WRITERS]);
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        let admin = world.admin_address();
        thread::scope(|scope| {
            for (writer, known) in known.iter_mut().enumerate() {
                let key = &key;
                scope.spawn(move || write(admin, key, round, writer, known));
            }
            // Not to wait for anything: the moment of the kill is to differ from round to round.
            thread::sleep(Duration::from_millis(20 + 13 * round));
            world.kill_9();
        });
        world.start();
        let mut operator = world.operator();
        for (path, written) in known.iter_mut().flatten() {
            let found = found(&mut operator, path);
            let on_its_way = written.on_its_way.take();
            assert!(
                found == written.acknowledged || (on_its_way.is_some() && found == on_its_way),
                "{path} is {found:?}, but {written:?} and {on_its_way:?} on its way"
            );
            written.acknowledged = found;
            acknowledged += 1;
        }
        known.iter_mut().for_each(|known| known.retain(|_, written| written.acknowledged.is_some()));
    }
    assert!(acknowledged > 200, "only {acknowledged} looks: too little was written to prove anything");
}

fn arms(world: &World) -> Vec<Value> {
    let mut gateway = world.gateway();
    let asked = (0..300).map(|caller| {
        let path = format!("/v1/route?to=%2B16505559000&from=%2B1415777{caller:04}");
        let decision = gateway.get(&path).must(200).json();
        decision["split"].clone()
    });
    asked.collect()
}

#[test]
fn a_caller_keeps_its_arm_through_restarts_also_when_weights_were_changed() {
    let mut world = World::example().running();
    let mut operator = world.operator();
    let arm = |id: &str, weight: u32| json!({"id": id, "agentId": "sales", "pin": "V1", "weight": weight});
    let body = json!({"id": "kept", "scope": {"numbers": ["+16505559000"]},
                      "arms": [arm("control", 50), arm("a", 30), arm("b", 20)]});
    operator.post("/v1/splits", &body).must(201);
    for (a, b) in [(5, 45), (40, 10), (25, 25)] {
        let body = json!({"arms": [{"id": "a", "weight": a}, {"id": "b", "weight": b}]});
        let changed = operator.patch("/v1/splits/kept", &body).must(200).json();
        assert!(changed["movedSlots"].as_u64().unwrap() > 0, "{changed}");
    }
    let before = arms(&world);
    world.kill_9();
    world.start();
    assert_eq!(arms(&world), before);
    world.restart();
    assert_eq!(arms(&world), before);
}

#[test]
fn a_caller_keeps_its_arm_of_a_split_from_a_file_whose_weights_were_changed() {
    let split = |control: u32, a: u32, b: u32| {
        let arm = |id: &str, weight: u32| {
            format!("{{ id = \"{id}\", agent = \"sales\", pin = \"V1\", weight = {weight} }}")
        };
        let arms = [arm("control", control), arm("a", a), arm("b", b)].join(", ");
        format!(
            "[[split]]\nid = \"kept\"\narms = [{arms}]\n[[number]]\nnumber = \"+16505559000\"\nsplit = \"kept\"\n"
        )
    };
    let mut world = World::example().with("routes/kept.toml", &split(50, 30, 20)).running();
    for weights in [(50, 5, 45), (50, 40, 10), (50, 25, 25)] {
        let revision = world.revision();
        world.save("routes/kept.toml", &split(weights.0, weights.1, weights.2));
        world.until("the weights are in force", |world| world.revision() > revision);
    }
    let before = arms(&world);
    world.kill_9();
    world.start();
    assert_eq!(arms(&world), before);
}

#[test]
fn a_call_keeps_its_version_by_its_token_through_a_restart() {
    let mut world = World::example().running();
    let begun = world.call(AT_LIVE, "long");
    assert_eq!(begun["version"], 1);
    world.put_live("V2");
    world.until("V2 is live", |world| world.version_at(AT_LIVE) == Some(2));
    world.kill_9();
    world.start();
    assert_eq!(world.version_at(AT_LIVE), Some(2));
    for id in ["long", "another-leg"] {
        let body = json!({"to": AT_LIVE, "from": CALLER, "callId": id, "token": begun["token"]});
        let again = world.gateway().post("/v1/calls", &body).must(201).json();
        assert_eq!((&again["version"], &again["reason"]["code"]), (&json!(1), &json!("token")), "{again}");
        assert_eq!(again["versionHash"], begun["versionHash"]);
    }
    let mut forged = begun["token"].as_str().unwrap().to_owned();
    let last = if forged.ends_with('A') { 'B' } else { 'A' };
    forged.pop();
    forged.push(last);
    let body = json!({"to": AT_LIVE, "from": CALLER, "callId": "forged", "token": forged});
    assert_eq!(
        world.gateway().post("/v1/calls", &body).must(201).json()["version"],
        2,
        "a forged token is ignored"
    );
}
