//! A new admin key for whoever may write in the data folder, and keys that are made with it.

use std::fs;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::http::Client;
use super::world::World;

fn holds(world: &World, key: &str) -> bool {
    let status = Client::new(world.admin_address()).with_key(key).get("/v1/status").status;
    assert!(status == 200 || status == 401, "{status}");
    status == 200
}

fn reset(world: &World) {
    let ended = world.run(&["keys", "reset", "--data", "data"]);
    assert_eq!(ended.code(), 0, "{}", ended.err);
    assert!(ended.out.contains("admin.key"), "{}", ended.out);
    assert!(!ended.out.contains(&world.key()), "the key itself is shown");
}

#[test]
fn a_reset_beside_a_running_router_ends_the_old_key_at_once() {
    let world = World::example().running();
    let old = world.key();
    assert!(holds(&world, &old));
    reset(&world);
    let new = world.key();
    assert_ne!(new, old);
    assert!(!holds(&world, &old), "the old key has ended");
    assert!(holds(&world, &new));
    assert!(!holds(&world, "nonsense"));
}

#[test]
fn a_reset_without_a_router_holds_at_the_next_start() {
    let mut world = World::example().running();
    let old = world.key();
    assert_eq!(world.terminate().code(), 0);
    reset(&world);
    let new = world.key();
    assert_ne!(new, old);
    world.start();
    assert!(!holds(&world, &old), "the old key has ended");
    assert!(holds(&world, &new));
}

#[test]
fn a_reset_before_the_first_start_is_refused() {
    let world = World::example();
    let ended = world.run(&["keys", "reset", "--data", "data"]);
    assert_eq!(ended.code(), 1);
    assert!(ended.err.contains("first start"), "{}", ended.err);
    assert!(!world.data().exists(), "nothing is made");
}

#[test]
fn a_lost_key_of_hashes_is_refused_until_a_reset_makes_it_and_the_admin_key_anew() {
    let mut world = World::example().running();
    let old = world.key();
    assert_eq!(world.terminate().code(), 0);
    std::fs::remove_file(world.data().join("hash.key")).unwrap();
    let ended = world.refused();
    assert_eq!(ended.code(), 1);
    assert!(ended.err.contains("hash.key is not there"), "{}", ended.err);
    assert!(ended.err.contains("cordboard keys reset"), "{}", ended.err);
    reset(&world);
    world.start();
    let new = world.key();
    assert_ne!(new, old);
    assert!(holds(&world, &new));
}

/// The data folder as a crash leaves it after the new key was written and before it took its place.
fn broken_off(world: &World, key: &str, next: &str) {
    fs::write(world.data().join("admin.key"), key).unwrap();
    fs::write(world.data().join("admin.key.next"), next).unwrap();
}

#[test]
fn a_reset_that_broke_off_when_the_new_key_was_valid_is_ended_by_the_next_start() {
    let mut world = World::example().running();
    let old = world.key();
    reset(&world);
    let new = world.key();
    world.kill_9();
    broken_off(&world, &format!("{old}\n"), &format!("{new}\n"));
    world.start();
    assert_eq!(world.key(), new);
    assert!(holds(&world, &new));
    assert!(!world.data().join("admin.key.next").exists());
}

#[test]
fn a_reset_that_broke_off_before_the_new_key_was_valid_leaves_the_old_one() {
    let mut world = World::example().running();
    let old = world.key();
    world.kill_9();
    broken_off(&world, &format!("{old}\n"), "cb_never_valid\n");
    world.start();
    assert_eq!(world.key(), old);
    assert!(holds(&world, &old));
    assert!(!world.data().join("admin.key.next").exists());
}

#[test]
fn a_later_start_says_which_keys_were_lost_and_what_that_means() {
    let mut world = World::example().running();
    let warns = |world: &World, words: &str| world.log().contains(words);
    assert!(
        !warns(&world, "the key of tokens was not there")
            && !warns(&world, "commands on this machine find no key")
    );
    assert_eq!(world.terminate().code(), 0);
    std::fs::remove_file(world.data().join("token.key")).unwrap();
    std::fs::remove_file(world.data().join("admin.key")).unwrap();
    world.start();
    assert!(warns(&world, "no token that was given before is valid any more"), "{}", world.log());
    assert!(
        warns(&world, "admin.key is not there") && warns(&world, "cordboard keys reset"),
        "{}",
        world.log()
    );
    assert_eq!(world.terminate().code(), 0);
    std::fs::write(world.data().join("admin.key"), "garbage").unwrap();
    world.start();
    assert!(warns(&world, "holds no key of this router"), "{}", world.log());
}

#[test]
fn a_key_that_is_made_asks_for_calls_and_ends_with_its_deletion_or_its_time() {
    let world = World::example().running();
    let create = |name: &str, more: &[&str]| {
        let ended = world.client(&[&["keys", "create", name, "--json"], more].concat());
        assert_eq!(ended.code(), 0, "{}", ended.err);
        serde_json::from_str::<Value>(&ended.out).unwrap()
    };
    let text = |made: &Value, member: &str| made[member].as_str().unwrap().to_owned();
    let both = ["--permission", "route", "--permission", "read"];
    let made = create("gateway", &both);
    let asks = |key: &str| {
        let calls =
            Client::new(world.calls_address()).with_key(key).get("/v1/route?to=%2B14155550100").status;
        let management = Client::new(world.admin_address()).with_key(key).get("/v1/agents").status;
        (calls, management)
    };
    assert_eq!(asks(&text(&made, "key")), (200, 200));
    let listed = world.client(&["keys", "list"]);
    assert!(listed.out.contains("gateway") && !listed.out.contains(&text(&made, "key")), "{}", listed.out);
    assert_eq!(world.client(&["keys", "delete", &text(&made, "id"), "--yes"]).code(), 0);
    assert_eq!(asks(&text(&made, "key")), (401, 401));
    let soon = OffsetDateTime::now_utc() + time::Duration::milliseconds(1_500);
    let brief = create("brief", &[&both[..], &["--expires-at", &soon.format(&Rfc3339).unwrap()]].concat());
    world.until("its time is over", |_| asks(&text(&brief, "key")) == (401, 401));
}

#[test]
fn a_request_that_is_sent_again_after_a_crash_has_its_answer_but_no_secret() {
    let mut world = World::example().running();
    let ask = |world: &World| {
        let body = r#"{"name":"ci","permissions":["read"]}"#;
        let head = format!(
            "POST /v1/keys HTTP/1.1\r\nhost: {}\r\nx-api-key: {}\r\nidempotency-key: once\r\ncontent-length: {}\r\n\r\n",
            world.admin_address(),
            world.key(),
            body.len()
        );
        Client::new(world.admin_address()).try_raw(&[head.as_bytes(), body.as_bytes()].concat()).unwrap()
    };
    let first = ask(&world).must(201);
    let secret = first.json()["key"].as_str().unwrap().to_owned();
    world.kill_9();
    for file in
        fs::read_dir(world.data()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file())
    {
        let bytes = fs::read(&file).unwrap();
        assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{}", file.display());
    }
    world.start();
    let again = ask(&world).must(201);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let mut expected = first.json();
    expected.as_object_mut().unwrap().remove("key");
    assert_eq!(again.json(), expected);
    assert_eq!(again.header("x-cordboard-revision"), first.header("x-cordboard-revision"));
    assert!(holds(&world, &secret), "the key itself is valid still");
}
