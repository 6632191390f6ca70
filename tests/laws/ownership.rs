//! What goes from the files to the API and back, and what stays what it was meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};

use super::http::Reply;
use super::world::{AT_LIVE, IN_SPLIT, PINNED_TO_V1, World, encoded};

fn adopt(world: &World, what: &Value) -> Reply {
    world.operator().post("/v1/adopt", what)
}

fn release(world: &World, what: &Value) -> Reply {
    world.operator().post("/v1/release", what)
}

fn owner(world: &World, number: &str) -> Value {
    world.operator().get(&format!("/v1/numbers/{}", encoded(number))).json()["managedBy"].clone()
}

fn warnings(world: &World) -> String {
    world.status()["reload"]["warnings"].to_string()
}

fn put(world: &World, number: &str, pin: &str) -> Reply {
    world
        .operator()
        .put(&format!("/v1/numbers/{}", encoded(number)), &json!({"agentId": "sales", "pin": pin}))
}

/// Where calls of a hundred callers go.
fn arms(world: &World) -> Vec<Value> {
    let caller = |n: usize| format!("+14155551{n:03}");
    (0..100).map(|n| world.route_of(IN_SPLIT, &caller(n)).json()["split"].clone()).collect()
}

#[test]
fn an_adopted_number_is_the_apis_through_reloads_kills_and_lost_copies() {
    let mut world = World::example().running();
    let before = world.revision();
    let adopted = adopt(&world, &json!({"numbers": [PINNED_TO_V1]})).must(200).json();
    assert_eq!((&adopted["count"], &adopted["managedBy"]), (&json!(1), &json!("api")));
    assert_eq!(world.revision(), before + 1, "one revision");
    assert_eq!((world.version_at(PINNED_TO_V1), owner(&world, PINNED_TO_V1)), (Some(1), json!("api")));
    let line = world.text("routes/example.toml");
    let line = line.lines().position(|line| line.contains(PINNED_TO_V1)).unwrap();
    let told = warnings(&world);
    assert!(told.contains("routes/example.toml:") && told.contains("cordboard release"), "{told}");
    let told_line: usize =
        told.split("example.toml:").nth(1).unwrap().split(':').next().unwrap().parse().unwrap();
    assert!(told_line.abs_diff(line + 1) <= 1, "{told} is not at {line}");
    assert!(world.log().contains("was adopted by the API"), "{}", world.log());

    put(&world, PINNED_TO_V1, "V2").must(200);
    world
        .edit("routes/more.toml", "[[number]]\nnumber = \"+14155550177\"\nagent = \"sales\"\npin = \"V1\"\n");
    world.until("the files are read", |world| world.version_at("+14155550177") == Some(1));
    assert_eq!(world.version_at(PINNED_TO_V1), Some(2), "after a reload");
    world.kill_9();
    world.start();
    assert_eq!(world.version_at(PINNED_TO_V1), Some(2), "after a kill");
    assert!(warnings(&world).contains("cordboard release"));
    world.kill_9();
    std::fs::remove_dir_all(world.data().join("last-good")).unwrap();
    world
        .edit("routes/more.toml", "[[number]]\nnumber = \"+14155550177\"\nagent = \"sales\"\npin = \"V2\"\n");
    world.start();
    assert_eq!(
        (world.version_at(PINNED_TO_V1), world.version_at("+14155550177")),
        (Some(2), Some(2)),
        "after the copies were lost"
    );

    release(&world, &json!({"numbers": [PINNED_TO_V1]})).must(200);
    assert_eq!((world.version_at(PINNED_TO_V1), owner(&world, PINNED_TO_V1)), (Some(1), json!("files")));
    assert!(!warnings(&world).contains("cordboard release"), "{}", warnings(&world));
    put(&world, PINNED_TO_V1, "V2").must(409);
    world.kill_9();
    world.start();
    assert_eq!((world.version_at(PINNED_TO_V1), owner(&world, PINNED_TO_V1)), (Some(1), json!("files")));
    let history = world.operator().get(&format!("/v1/history?target={}", encoded(PINNED_TO_V1))).json();
    let actions: Vec<_> =
        history["entries"].as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
    assert!(actions.contains(&&json!("adopt")) && actions.contains(&&json!("release")), "{history}");
}

#[test]
fn a_number_that_was_taken_out_of_the_files_stays_the_apis_and_a_deleted_one_stays_away() {
    let mut world = World::example().running();
    adopt(&world, &json!({"numbers": [PINNED_TO_V1, AT_LIVE]})).must(200);
    let delete = format!("/v1/numbers/{}", encoded(AT_LIVE));
    world.operator().ask("DELETE", &delete, None).must(204);
    world.restart();
    assert_eq!(world.operator().get(&delete).status, 404, "the files say it in vain");
    let text = world.text("routes/example.toml");
    let without: Vec<&str> = text.split("[[").filter(|table| !table.contains(PINNED_TO_V1)).collect();
    world.save("routes/example.toml", &without.join("[["));
    world.until("the warning is gone", |world| !warnings(world).contains(PINNED_TO_V1));
    assert_eq!((world.version_at(PINNED_TO_V1), owner(&world, PINNED_TO_V1)), (Some(1), json!("api")));
    let refused = release(&world, &json!({"numbers": [PINNED_TO_V1]})).must(409).json();
    assert_eq!(refused["error_code"], "NOT_IN_FILES");
    // Written there again as something else it is a fault, and just as it is it can be handed over.
    let file =
        |pin: &str| format!("[[number]]\nnumber = \"{PINNED_TO_V1}\"\nagent = \"sales\"\npin = \"{pin}\"\n");
    world.edit("routes/again.toml", &file("V2"));
    let fault = world.until_fault("belongs to the API").to_string();
    assert!(fault.contains("routes/again.toml") && fault.contains("cordboard release"), "{fault}");
    world.edit("routes/again.toml", &file("V1"));
    world.until("it is listed", |world| warnings(world).contains("routes/again.toml"));
    release(&world, &json!({"numbers": [PINNED_TO_V1, AT_LIVE]})).must(200);
    for number in [PINNED_TO_V1, AT_LIVE] {
        assert_eq!((world.version_at(number), owner(&world, number)), (Some(1), json!("files")), "{number}");
    }
}

#[test]
fn every_call_gets_the_same_version_while_a_number_goes_to_and_fro() {
    let world = World::example().running();
    let done = AtomicBool::new(false);
    let before = world.route(PINNED_TO_V1).json();
    thread::scope(|scope| {
        let caller = scope.spawn(|| {
            let mut gateway = world.gateway();
            let mut asked = 0;
            while !done.load(Ordering::Relaxed) {
                let reply = gateway.get(&format!("/v1/route?to={}", encoded(PINNED_TO_V1))).must(200).json();
                assert_eq!((&reply["version"], &reply["reason"]), (&before["version"], &before["reason"]));
                asked += 1;
            }
            asked
        });
        for _ in 0..20 {
            adopt(&world, &json!({"numbers": [PINNED_TO_V1]})).must(200);
            release(&world, &json!({"numbers": [PINNED_TO_V1]})).must(200);
        }
        done.store(true, Ordering::Relaxed);
        assert!(caller.join().unwrap() > 20);
    });
}

#[test]
fn everything_goes_over_at_once_or_nothing_and_callers_keep_their_arm() {
    let mut world = World::example().with(
        "routes/callers.toml",
        "[default]\nagent = \"reception\"\npin = \"live\"\n\
         [[caller_pin]]\ncaller = \"+14155550999\"\nagent = \"sales\"\npin = \"V2\"\n",
    );
    world.start();
    let before = arms(&world);
    let pin = json!({"agentId": "sales", "caller": "+14155550999"});
    let all = json!({
        "prefix": "+1415", "prefixes": ["+1415"], "defaultRoute": true, "splits": ["spring-prompt"],
        "agents": ["sales", "reception"], "callerPins": [pin],
    });
    let mut more = all.clone();
    more["numbers"] = json!(["+14155550100", "+442071230000"]);
    let refused = adopt(&world, &more).must(404).json();
    assert!(refused["message"].to_string().contains("+442071230000"), "{refused}");
    assert_eq!(owner(&world, IN_SPLIT), "files", "nothing went over");
    let adopted = adopt(&world, &all).must(200).json();
    assert!(adopted["count"].as_u64().unwrap() >= 9, "{adopted}");
    assert_eq!(arms(&world), before);
    let again = adopt(&world, &json!({"agents": ["sales"]})).must(409).json();
    assert_eq!(again["error_code"], "MANAGED_BY_API");
    assert!(again["message"].to_string().contains("agent sales"), "{again}");
    let patch = json!({"arms": [{"id": "test", "weight": 21}]});
    world.operator().ask("PATCH", "/v1/splits/spring-prompt", Some(&patch)).must(200);
    world
        .operator()
        .ask("PATCH", "/v1/splits/spring-prompt", Some(&json!({"arms": [{"id": "test", "weight": 20}]})))
        .must(200);
    let as_api = arms(&world);
    world.kill_9();
    world.start();
    assert_eq!(arms(&world), as_api);
    assert!(!world.log().contains("4155550999"), "callers are nobody's business");
    release(&world, &all).must(200);
    assert_eq!(arms(&world), as_api);
    world.restart();
    assert_eq!(arms(&world), as_api);
    let refused = release(&world, &all).must(409).json();
    assert_eq!(refused["error_code"], "MANAGED_BY_FILES");
}

#[test]
fn bad_requests_are_refused_by_name() {
    let world = World::example().running();
    for (body, named) in [
        (json!({}), "nothing is named"),
        (json!({"numbers": ["+12"]}), "numbers[0]"),
        (json!({"callerPins": [{"agentId": "sales"}]}), "callerPins[0].caller"),
        (json!({"number": "+14155550100"}), "number"),
        (json!({"prefixes": ["1415"]}), "prefixes[0]"),
    ] {
        for path in ["/v1/adopt", "/v1/release"] {
            let refused = world.operator().post(path, &body).must(400);
            assert!(refused.body.contains(named), "{path} {body}: {}", refused.body);
        }
    }
    assert_eq!(adopt(&world, &json!({"prefix": "+999"})).must(404).json()["error_code"], "NOT_FOUND");
}

#[test]
fn the_command_line_takes_out_and_gives_back() {
    let world = World::example().running();
    let run = |line: &str| world.client(&line.split(' ').collect::<Vec<_>>());
    let adopted = run("adopt +14155550101 --split spring-prompt");
    assert!(
        adopted.code() == 0 && adopted.out.starts_with("the API took over 1 number, 1 split: "),
        "{adopted:?}"
    );
    assert_eq!(run("numbers put +14155550101 --agent sales --pin V2").code(), 0);
    assert_eq!(world.version_at(PINNED_TO_V1), Some(2));
    let again = run("adopt +14155550101");
    assert!(again.code() == 1 && again.err.contains("number +14155550101"), "{again:?}");
    let reloaded = run("reload");
    assert!(reloaded.code() == 0 && reloaded.err.contains("was adopted by the API"), "{reloaded:?}");
    let refused = world.client(&["numbers", "put", AT_LIVE, "--agent", "sales", "--pin", "V2", "--yes"]);
    let line = refused.err.split("stands in routes/example.toml:").nth(1).unwrap().split(' ').next().unwrap();
    let line: usize = line.parse().unwrap();
    let text = world.text("routes/example.toml");
    let there = text.lines().nth(line - 1);
    assert!(there.is_some_and(|there| there.contains(AT_LIVE)), "{there:?}: {refused:?}");
    assert!(refused.err.contains("cordboard adopt"), "{refused:?}");
    let released = run("release +14155550101 --split spring-prompt --yes");
    assert!(
        released.code() == 0 && released.out.contains("; +14155550101 goes to sales at V1"),
        "{released:?}"
    );
    assert_eq!(world.version_at(PINNED_TO_V1), Some(1));
    let nowhere = run("release +14155550999");
    assert!(nowhere.code() == 1 && !nowhere.err.contains("reaches live"), "{nowhere:?}");
    assert_eq!(run("adopt --agent sales").code(), 0);
    world.edit(
        "agents/sales/agent.toml",
        &world.text("agents/sales/agent.toml").replace("live = \"V1\"", "live = \"V2\""),
    );
    run("reload");
    let asked = run("release --agent sales");
    assert!(asked.code() == 2 && asked.err.contains("; sales live is V2"), "asked first: {asked:?}");
    let revision = world.revision();
    let released = run("release --agent sales --yes");
    assert!(released.code() == 0 && released.out.contains("; sales live is V2"), "{released:?}");
    assert_eq!(world.revision(), revision + 1);
    assert!(run("history --target sales").out.contains("sales live is V2"));
    assert_eq!(run("adopt").code(), 2);
}
