//! Backups: taken while the router runs, restored whole or not at all.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rand::RngExt as _;
use serde_json::{Value, json};

use super::http::Client;
use super::world::{CALLER, IN_SPLIT, World, encoded};

const NUMBERS: u64 = 20;
const KILLS: usize = 16;

fn number(at: u64) -> String {
    format!("+1650555{:04}", at % NUMBERS)
}

/// Changes a number so that whoever asks for it hears of the change.
fn change(operator: &mut Client, at: u64) {
    let route = json!({"agentId": "sales", "pin": "V1", "headers": {"X-Change": at.to_string()}});
    operator.put(&format!("/v1/numbers/{}", encoded(&number(at))), &route).must(200);
}

fn back_up(world: &World, name: &str) -> (PathBuf, u64) {
    let file = world.config().with_file_name(name);
    let done = world.client(&["backup", file.to_str().unwrap(), "--json"]);
    assert_eq!(done.code(), 0, "{}", done.err);
    let told: Value = serde_json::from_str(&done.out).unwrap();
    (file, told["revision"].as_u64().unwrap())
}

fn restore(world: &World, file: &Path, more: &[&str]) -> (i32, String, String) {
    let arguments = [&["restore", file.to_str().unwrap(), "--data", "data"], more].concat();
    let done = world.run(&arguments);
    (done.code(), done.out, done.err)
}

/// All lines of the history, the oldest first.
fn history(world: &World) -> Vec<Value> {
    let lines = world.operator().get("/v1/history?format=ndjson").must(200).body;
    let mut lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.reverse();
    lines
}

/// What each number of the changes says.
fn heard(world: &World) -> BTreeMap<String, Value> {
    let ask = |at| (number(at), world.route(&number(at)).json()["headers"]["X-Change"].clone());
    (0..NUMBERS).map(ask).collect()
}

/// Everything in a folder, by name.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.insert(path.clone(), Vec::new());
            all.extend(files(&path));
        } else {
            all.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    all
}

#[test]
fn a_backup_amid_calls_and_changes_makes_a_router_that_decides_as_the_other_did_at_its_revision() {
    let world = World::example().running();
    let mut operator = world.operator();
    operator
        .post("/v1/agents", &json!({"name": "New", "agentId": "new", "responseSettings": {"greeting": "Hi"}}))
        .must(200);
    let called = world.call(IN_SPLIT, "call-before");
    let ended = AtomicBool::new(false);
    let (file, revision) = thread::scope(|scope| {
        scope.spawn(|| {
            let mut operator = world.operator();
            let mut at = 0;
            while !ended.load(Ordering::Relaxed) {
                change(&mut operator, at);
                at += 1;
            }
        });
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                assert_eq!(world.route(IN_SPLIT).status, 200);
            }
        });
        world.until("there are changes", |world| world.revision() > 40);
        let made = back_up(&world, "amid.backup");
        world.until("changes went on", |world| world.revision() > made.1 + 10);
        ended.store(true, Ordering::Relaxed);
        made
    });
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!world.data().join("backup.new").exists());

    let mut other = World::example();
    let (code, out, err) = restore(&other, &file, &[]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains(&format!("up to revision {revision}")), "{out}");
    for name in ["control.sqlite", "hash.key", "token.key", "admin.key"] {
        let mode = fs::metadata(other.data().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    other.start();
    assert_eq!(other.revision(), revision, "nothing came on top: {}", other.log());
    assert_eq!(other.key(), world.key());

    let before: Vec<_> =
        history(&world).into_iter().filter(|line| line["revision"].as_u64().unwrap() <= revision).collect();
    assert_eq!(history(&other), before);
    let puts = before.iter().filter(|line| line["action"] == "number.put");
    let mut expected: BTreeMap<String, Value> = (0..NUMBERS).map(|at| (number(at), Value::Null)).collect();
    for (at, line) in (0_u64..).zip(puts) {
        assert_eq!(line["target"], number(at));
        expected.insert(number(at), json!(at.to_string()));
    }
    assert_eq!(heard(&other), expected);
    assert_eq!(other.operator().get("/v1/agents/new").must(200).json()["agentName"], "New");
    for n in 0..60 {
        let caller = format!("+14155552{n:03}");
        let decision = |world: &World| {
            let answer = world.route_of(IN_SPLIT, &caller).json();
            json!([
                answer["versionHash"],
                answer["split"],
                answer["headers"],
                answer["targets"],
                answer["reason"]
            ])
        };
        assert_eq!(decision(&other), decision(&world));
    }
    let again = json!({"to": IN_SPLIT, "from": CALLER, "callId": "call-after", "token": called["token"]});
    let again = other.gateway().post("/v1/calls", &again).must(201).json();
    assert_eq!((&again["reason"]["code"], &again["versionHash"]), (&json!("token"), &called["versionHash"]));
}

#[test]
fn the_files_that_were_applied_serve_from_a_backup_where_there_are_none() {
    let world = World::example().running();
    let (file, _) = back_up(&world, "whole.backup");
    let mut bare = World::bare();
    assert_eq!(restore(&bare, &file, &[]).0, 0);
    bare.edit("routes/broken.toml", "[[number]]\nnumber = 1\n");
    bare.start();
    assert_eq!(bare.version_at(super::world::PINNED_TO_V1), Some(1), "{}", bare.log());
}

#[test]
fn a_backup_that_is_none_or_not_whole_is_refused_by_name_and_nothing_is_written() {
    let world = World::example().running();
    change(&mut world.operator(), 1);
    let (file, _) = back_up(&world, "whole.backup");
    let whole = fs::read(&file).unwrap();
    let other = World::example();
    let bad = other.config().with_file_name("bad.backup");
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    let mut longer = whole.clone();
    longer.extend_from_slice(b"more");
    let cut = |bytes: usize| (whole[..bytes].to_vec(), "cut short");
    for (bytes, why) in [
        cut(whole.len() - 1),
        cut(whole.len() - 64),
        cut(whole.len() / 2),
        cut(4_096),
        cut(50),
        (Vec::new(), "no backup"),
        (b"no backup at all".repeat(9), "no backup"),
        (fs::read(world.data().join("answers.sqlite")).unwrap(), "no backup"),
        (fs::read(world.data().join("control.sqlite")).unwrap(), "cut short"),
        (damaged, "damaged"),
        (longer, "cut short"),
    ] {
        fs::write(&bad, &bytes).unwrap();
        let (code, out, err) = restore(&other, &bad, &["--force"]);
        assert_eq!((code, out.as_str()), (1, ""), "{} bytes: {err}", bytes.len());
        assert!(err.contains("bad.backup") && err.contains(why), "{} bytes: {err}", bytes.len());
        assert!(!other.data().exists(), "{} bytes: something was written", bytes.len());
    }
}

#[test]
fn a_folder_that_a_router_has_is_left_to_it_and_one_with_a_store_wants_to_be_told() {
    let mut world = World::example().running();
    let (file, revision) = back_up(&world, "first.backup");
    change(&mut world.operator(), 1);
    let (code, _, err) = restore(&world, &file, &["--force"]);
    assert!(code == 1 && err.contains("in use by another router"), "{err}");
    assert_eq!(heard(&world)[&number(1)], "1");
    change(&mut world.operator(), 2);
    world.terminate();

    let before = files(&world.data());
    let (code, _, err) = restore(&world, &file, &[]);
    assert!(code == 1 && err.contains("--force"), "{err}");
    let mut after = files(&world.data());
    // The lock says who had it last.
    let lock = world.data().join("lock");
    after.insert(lock.clone(), before[&lock].clone());
    assert_eq!(after, before);

    let (code, out, err) = restore(&world, &file, &["--force", "--json"]);
    assert_eq!(code, 0, "{err}");
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(told["revision"], revision);
    world.start();
    assert_eq!((world.revision(), &heard(&world)[&number(1)]), (revision, &Value::Null));
    // What was put aside is a data folder too.
    let mut other = World::example();
    fs::rename(world.data().join("replaced-1"), other.data()).unwrap();
    other.start();
    let heard = heard(&other);
    assert_eq!((&heard[&number(1)], &heard[&number(2)]), (&json!("1"), &json!("2")));
}

#[test]
fn a_restore_killed_at_any_moment_leaves_what_was_there_or_what_was_backed_up() {
    let mut world = World::example().running();
    let odd = back_up(&world, "odd.backup");
    change(&mut world.operator(), 1);
    let even = back_up(&world, "even.backup");
    world.terminate();
    let began = Instant::now();
    assert_eq!(restore(&world, &odd.0, &["--force"]).0, 0);
    let whole = began.elapsed();
    let (mut seen, mut reach, mut round) = (BTreeMap::new(), whole, 0);
    let mut dice = rand::rng();
    while round < KILLS || (seen.len() < 2 && round < 10 * KILLS) {
        let (file, _) = if round % 2 == 0 { &even } else { &odd };
        let arguments = ["restore", file.to_str().unwrap(), "--data", "data", "--force"];
        let mut child = world.cordboard(&arguments).stdout(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + reach.mul_f64(dice.random_range(0.5..1.0));
        while Instant::now() < deadline {
            thread::sleep(Duration::from_micros(200));
        }
        // Near its end most happens at once.
        reach = reach.mul_f64(if child.try_wait().unwrap().is_some() { 0.8 } else { 1.25 });
        drop(child.kill());
        child.wait().unwrap();
        world.start();
        let (revision, heard) = (world.revision(), heard(&world)[&number(1)].clone());
        let is_odd = (revision, &heard) == (odd.1, &Value::Null);
        let is_even = (revision, &heard) == (even.1, &json!("1"));
        assert!(is_odd || is_even, "round {round}: revision {revision}, {heard}: {}", world.log());
        for unfinished in ["restore.decided", "restore.cleared"] {
            assert!(!world.data().join(unfinished).exists(), "{unfinished}");
        }
        *seen.entry(is_odd).or_insert(0) += 1;
        world.terminate();
        round += 1;
    }
    assert_eq!(seen.len(), 2, "both are seen: {seen:?}");
}
