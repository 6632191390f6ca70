//! Tokens, and the keys that sign them.

use serde_json::{Value, json};

use super::world::{AT_LIVE, IN_SPLIT, World};

/// Asks for another leg with a token, and tells for what reason it was answered.
fn reason(world: &World, id: &str, token: &Value) -> Value {
    let body = json!({"to": AT_LIVE, "callId": id, "token": token});
    world.gateway().post("/v1/calls", &body).must(201).json()["reason"]["code"].clone()
}

#[test]
fn routers_that_share_files_and_the_key_of_tokens_give_a_call_one_version_and_a_caller_one_arm() {
    let one = World::example().running();
    let other = World::example();
    std::fs::create_dir(other.data()).unwrap();
    std::fs::copy(one.data().join("token.key"), other.data().join("token.key")).unwrap();
    let other = other.running();
    one.put_live("V2");
    one.until("V2 is live", |one| one.version_at(AT_LIVE) == Some(2));
    let begun = one.call(AT_LIVE, "c");
    let body = json!({"to": AT_LIVE, "callId": "c", "token": begun["token"]});
    let leg = other.gateway().post("/v1/calls", &body).must(201).json();
    assert_eq!((&leg["version"], &leg["reason"]["code"]), (&json!(2), &json!("token")));
    for caller in 0..50 {
        let from = format!("+1202555{caller:04}");
        let [arm, same] =
            [&one, &other].map(|router| router.route_of(IN_SPLIT, &from).json()["split"].clone());
        assert_eq!(arm, same, "{from}");
    }
}

#[test]
fn a_key_is_replaced_without_losing_a_token_and_a_faulty_file_changes_nothing() {
    let world = World::example().running();
    let file = world.data().join("token.key");
    let old = std::fs::read_to_string(&file).unwrap().trim().to_owned();
    let new = "5e".repeat(32);
    let save = |text: &str| {
        let next = file.with_extension("next");
        std::fs::write(&next, text).unwrap();
        std::fs::rename(&next, &file).unwrap();
    };
    let before = world.call(AT_LIVE, "before")["token"].clone();

    // A router that has the new key already knows what it signs.
    save(&format!("{new}\n{old}\n"));
    world.until("the new key signs", |world| world.log().contains("the keys of tokens were taken over"));
    let after = world.call(AT_LIVE, "after")["token"].clone();
    assert_eq!(reason(&world, "before-2", &before), "token");
    assert_eq!(reason(&world, "after-2", &after), "token");

    for faulty in ["", "nonsense", &"5e".repeat(31), &format!("{new}\n").repeat(5)] {
        save(faulty);
        world.until("the fault is told", |world| world.log().contains("the keys of tokens stay as they are"));
        assert_eq!(reason(&world, &format!("faulty-{}", faulty.len()), &before), "token");
    }

    save(&format!("{new}\n"));
    let mut tries = 0;
    world.until("the old key has ended", |world| {
        tries += 1;
        reason(world, &format!("gone-{tries}"), &before) != "token"
    });
    assert_eq!(reason(&world, "after-3", &after), "token");
}

#[test]
fn the_status_tells_of_a_lost_or_damaged_key_of_tokens_until_it_is_back_while_the_running_one_goes_on() {
    let world = World::example().running();
    let file = world.data().join("token.key");
    let kept = file.with_extension("kept");
    let told = |world: &World| world.status()["tokenKeys"].clone();
    let token = world.call(AT_LIVE, "begun")["token"].clone();
    assert_eq!(told(&world), json!({"ok": true, "error": null}));
    std::fs::rename(&file, &kept).unwrap();
    for (word, leg) in [("cannot be read", "lost"), ("is malformed", "damaged")] {
        world.until("the status tells it", |world| told(world)["error"].to_string().contains(word));
        assert_eq!(told(&world)["ok"], false);
        assert_eq!(world.operator().get("/readyz").status, 200, "calls go on");
        assert_eq!(reason(&world, leg, &token), "token");
        std::fs::write(&file, "nonsense").unwrap();
    }
    std::fs::rename(&kept, &file).unwrap();
    world.until("the key is back", |world| told(world) == json!({"ok": true, "error": null}));
}
