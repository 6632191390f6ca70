//! Commands that change where calls go: each is read back over the API, and the next decision shows it.

use serde_json::{Value, json};

use super::http::Reply;
use super::world::{Ended, NOBODYS, World, encoded};

/// A number in the split of these tests.
const TRIED: &str = "+16505559000";

fn told(world: &World, line: &str) -> Ended {
    world.client(&line.split(' ').collect::<Vec<_>>())
}

/// What a command says that does what it is told.
#[track_caller]
fn done(world: &World, line: &str) -> String {
    let ended = told(world, line);
    assert_eq!(ended.code(), 0, "cordboard {line}: {}{}", ended.out, ended.err);
    ended.out
}

/// A command that does not do what it is told, by its exit code.
#[track_caller]
fn refused(world: &World, line: &str, code: i32) {
    let revision = world.revision();
    let ended = told(world, line);
    assert_eq!(ended.code(), code, "cordboard {line}: {}{}", ended.out, ended.err);
    assert_eq!(world.revision(), revision, "cordboard {line} changed something");
}

fn read(world: &World, path: &str) -> Reply {
    world.operator().get(&encoded(path))
}

/// Which version a new call gets, and by which rule; 0 where nobody serves it.
fn decided(world: &World, to: &str) -> (u64, String) {
    let decision = world.route(to).json();
    let reason = decision["reason"]["code"].as_str().unwrap_or_default().to_owned();
    (decision["version"].as_u64().unwrap_or_default(), reason)
}

fn by(version: u64, reason: &str) -> (u64, String) {
    (version, reason.to_owned())
}

/// A route that is put, moved, shown and released by command, at a path of the API, by the name of its rule.
fn comes_moves_and_goes(world: &World, command: &str, name: &str, path: &str, rule: &str) {
    let line = |verb: &str, rest: &str| {
        [command, verb, name, rest].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    };
    let before = decided(world, NOBODYS);
    assert_eq!(before.0, 0);
    refused(world, &line("show", ""), 1);
    for version in [1, 2] {
        done(world, &line("put", &format!("--agent sales --pin V{version}")));
        let route = read(world, path).must(200).json();
        assert_eq!(
            (&route["agentId"], &route["pin"], &route["managedBy"]),
            (&json!("sales"), &json!(format!("V{version}")), &json!("api"))
        );
        assert_eq!(decided(world, NOBODYS), by(version, &format!("{rule}_route")));
        let shown = done(world, &line("show", ""));
        assert!(shown.contains(&format!("sales@V{version}")), "{shown}");
    }
    refused(world, &line("put", "--agent sales --pin live"), 2);
    done(world, &line("put", "--agent sales --pin live --yes"));
    assert_eq!(read(world, path).must(200).json()["pin"], "live");
    assert_eq!(decided(world, NOBODYS), by(1, &format!("{rule}_route")));

    done(world, &line("put", "--split tried --yes"));
    assert_eq!(read(world, path).must(200).json()["splitId"], "tried");
    assert_eq!(decided(world, NOBODYS), by(2, &format!("{rule}_route")));
    refused(world, "splits delete tried", 1);

    done(world, &line("delete", ""));
    read(world, path).must(404);
    assert_eq!(decided(world, NOBODYS), before);
    refused(world, &line("delete", ""), 1);
}

#[test]
fn a_prefix_and_a_default_route_by_command_are_what_the_api_says_and_what_the_next_call_gets() {
    let world = World::example().running();
    done(&world, "splits create tried --arm control=sales@V1:0 --arm test=sales@V2:1");
    comes_moves_and_goes(&world, "prefixes", "+4420", "/v1/prefixes/+4420", "prefix");
    comes_moves_and_goes(&world, "default-route", "", "/v1/default-route", "default");

    // The longer of two prefixes wins, and a prefix over the default route.
    done(&world, "default-route put --agent sales --pin V1");
    done(&world, "prefixes put +44 --agent sales --pin V2");
    assert_eq!(decided(&world, NOBODYS), by(2, "prefix_route"));
    done(&world, "prefixes put +4420 --agent sales --pin V1");
    assert_eq!(decided(&world, NOBODYS), by(1, "prefix_route"));
    let list = done(&world, "prefixes list");
    let place = |prefix: &str| list.find(&format!("{prefix} ")).unwrap_or_else(|| panic!("{prefix}: {list}"));
    assert!(place("+44") < place("+4420"), "{list}");
    done(&world, "prefixes delete +4420");
    done(&world, "prefixes delete +44");
    assert_eq!(decided(&world, NOBODYS), by(1, "default_route"));
    // What files say is not for commands to change.
    refused(&world, "prefixes put +1415 --agent sales --pin V1 --yes", 1);
}

/// The split as the API shows it, of which some members are demanded.
#[track_caller]
fn is(world: &World, demanded: &Value) {
    let split = read(world, "/v1/splits/tried").must(200).json();
    for (member, value) in demanded.as_object().unwrap() {
        assert_eq!(&split[member], value, "{member}: {split}");
    }
}

fn weights(world: &World) -> Vec<u64> {
    let split = read(world, "/v1/splits/tried").must(200).json();
    split["arms"].as_array().unwrap().iter().map(|arm| arm["weight"].as_u64().unwrap()).collect()
}

#[test]
fn a_split_made_changed_paused_ended_and_deleted_by_command_is_what_the_api_says_and_what_calls_get() {
    let world = World::example().running();
    let before = decided(&world, TRIED);
    refused(&world, "splits show tried", 1);
    done(
        &world,
        &format!("splits create tried --arm control=sales@V1:0 --arm test=sales@V2:1 --number {TRIED}"),
    );
    is(&world, &json!({"scope": {"numbers": [TRIED]}, "paused": false, "ended": null, "active": true}));
    assert_eq!((weights(&world), decided(&world, TRIED)), (vec![0, 1], by(2, "number_split")));

    let said = done(&world, "splits change tried --weight control=1 --weight test=0");
    assert!(said.contains("10000 of 10000 slots moved"), "{said}");
    assert_eq!((weights(&world), decided(&world, TRIED)), (vec![1, 0], by(1, "number_split")));
    done(&world, "splits change tried --arm third=sales@V2:1 --weight control=0");
    assert_eq!((weights(&world), decided(&world, TRIED)), (vec![0, 0, 1], by(2, "number_split")));

    done(&world, "splits pause tried");
    is(&world, &json!({"paused": true, "active": false}));
    assert_eq!(decided(&world, TRIED), by(1, "split_inactive"));
    let shown = done(&world, "splits show tried");
    assert!(shown.contains("paused") && shown.contains("third"), "{shown}");
    done(&world, "splits resume tried");
    is(&world, &json!({"paused": false, "active": true}));
    assert_eq!(decided(&world, TRIED), by(2, "number_split"));
    let owners = done(&world, "splits show tried --owners");
    assert!(owners.contains("third") && !owners.contains("control"), "{owners}");

    refused(&world, "splits end tried --winner nobody", 1);
    done(&world, "splits end tried --winner test");
    let ended = read(&world, "/v1/splits/tried").must(200).json();
    assert_eq!((&ended["ended"]["winner"], &ended["active"]), (&json!("test"), &json!(false)));
    assert_eq!(decided(&world, TRIED), by(2, "split_inactive"));
    refused(&world, "splits resume tried", 1);
    refused(&world, "splits delete tried", 1);
    assert!(done(&world, "splits list").contains("tried"));

    done(&world, &format!("numbers delete {TRIED}"));
    assert_eq!(decided(&world, TRIED), before);
    done(&world, "splits delete tried");
    read(&world, "/v1/splits/tried").must(404);
    assert!(!done(&world, "splits list").contains("tried"));
}
