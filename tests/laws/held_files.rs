//! Files that would take much away: held until an operator accepts them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use super::mount::{Place, SmallDisk};
use super::skipped::skip;
use super::world::{PINNED_TO_V1, World};

const NUMBERS: usize = 40;

fn number(at: usize) -> String {
    format!("+1650555{at:04}")
}

fn numbers(count: usize) -> String {
    (0..count).fold(String::new(), |mut text, at| {
        let _ = write!(text, "[[number]]\nnumber = \"{}\"\nagent = \"sales\"\npin = \"V1\"\n\n", number(at));
        text
    })
}

fn world() -> World {
    World::example().with("routes/many.toml", &numbers(NUMBERS)).running()
}

fn held(world: &World) -> String {
    world.until_fault("held");
    world.status()["reload"]["held"].as_str().unwrap().to_owned()
}

/// The copies of the last good files and when each was written.
fn copies(world: &World) -> BTreeMap<PathBuf, SystemTime> {
    let copies = fs::read_dir(world.data().join("last-good")).unwrap().map(Result::unwrap);
    copies.map(|copy| (copy.path(), copy.metadata().unwrap().modified().unwrap())).collect()
}

fn last_serves(world: &World) -> bool {
    world.version_at(&number(NUMBERS - 1)) == Some(1)
}

#[test]
fn a_file_cut_off_between_numbers_is_held_until_it_is_accepted() {
    let world = world();
    world.edit("routes/many.toml", &numbers(NUMBERS / 2));
    let hash = held(&world);
    assert!(last_serves(&world));
    let wrong = world.client(&["reload", "--accept", &"0".repeat(32), "--yes"]);
    assert_eq!(wrong.code(), 1, "another fingerprint takes nothing: {}", wrong.out);
    assert!(wrong.err.contains("is not the fingerprint of the files as they are now"), "{}", wrong.err);
    assert!(last_serves(&world));
    let ended = world.client(&["reload", "--accept", &hash, "--yes"]);
    assert_eq!(ended.code(), 0, "{}", ended.err);
    assert!(!last_serves(&world), "what was accepted is in force");
    let history = world.client(&["history", "--limit", "1"]);
    assert!(history.out.contains("accepted by admin"), "{}", history.out);
    assert_eq!(world.status()["reload"]["held"], serde_json::Value::Null);
}

#[test]
fn a_cut_too_small_to_be_held_is_taken_and_told() {
    let world = world();
    world.edit("routes/many.toml", &numbers(NUMBERS - 1));
    world.until("the file is taken", |world| !last_serves(world));
    let told = "they no longer list 1 of 43 numbers: this was removed";
    world.until("the status warns", |world| world.status()["reload"]["warnings"].to_string().contains(told));
    assert!(world.log().contains(told), "{}", world.log());
    let again = world.client(&["reload"]);
    assert!(again.code() == 0 && again.err.contains(told), "{}", again.err);
}

#[test]
fn who_accepts_where_nothing_is_held_is_refused() {
    let world = world();
    let ended = world.client(&["reload", "--accept", &"0".repeat(32), "--yes"]);
    assert_eq!((ended.code(), ended.err.contains("NOTHING_HELD")), (1, true), "{}{}", ended.out, ended.err);
    // Whether it is this request that finds the change or the watch before it.
    for count in 1..=5 {
        world.edit("routes/many.toml", &numbers(NUMBERS + count));
        let ended = world.client(&["reload", "--accept", &"0".repeat(32), "--yes"]);
        assert_eq!(
            (ended.code(), ended.err.contains("NOTHING_HELD")),
            (1, true),
            "{}{}",
            ended.out,
            ended.err
        );
    }
    world.until("the last one is taken", |world| world.version_at(&number(NUMBERS + 4)) == Some(1));
}

#[test]
fn a_file_emptied_to_nothing_is_held() {
    let mut world = world();
    world.edit("routes/many.toml", "");
    held(&world);
    assert!(last_serves(&world));
    world.restart();
    assert!(last_serves(&world));
    world.edit("routes/many.toml", &numbers(NUMBERS));
    world.until_in_force();
}

/// What is left of it is the empty folder that it was mounted on.
#[test]
fn an_unmounted_folder_of_routes_is_held_and_its_return_is_seen() {
    let law = "held_files::an_unmounted_folder_of_routes_is_held_and_its_return_is_seen";
    // The system does not tell of mounts: they are seen by the next look.
    let world = World::example().with_variable("CORDBOARD_FILES_POLL_SECONDS", "1");
    let disk = match SmallDisk::mount(&world.config().join("routes"), 1_024, law) {
        Place::Here(disk) => disk,
        Place::Elsewhere => return,
        Place::Nowhere => return skip(law, "this user may not mount, not even in a namespace of its own"),
    };
    let mut world = world.with("routes/many.toml", &numbers(NUMBERS)).running();
    assert!(last_serves(&world));
    disk.detach();
    held(&world);
    assert!(last_serves(&world));
    world.restart();
    assert!(last_serves(&world));
    assert!(disk.attach());
    world.edit("routes/many.toml", &numbers(NUMBERS));
    world.until_in_force();
    world.edit("routes/many.toml", &numbers(NUMBERS).replace("V1", "V2"));
    world.until("edits are seen again", |world| world.version_at(&number(0)) == Some(2));
}

#[test]
fn a_hold_says_once_what_would_go_and_how_to_take_it() {
    let others = "\
[[prefix]]
prefix = \"+44\"
agent = \"sales\"
pin = \"V1\"

[[split]]
id = \"autumn\"
arms = [{ id = \"control\", agent = \"sales\", pin = \"V1\", weight = 1 }]
";
    let many = format!("{}{others}", numbers(NUMBERS));
    let world = World::example().with("routes/many.toml", &many).running();
    world.save("routes/many.toml", &numbers(2));
    let words = "held: it would remove 0 of 2 agents, 38 of 43 numbers, 1 prefix and 1 split";
    world.until_fault(words);
    let hash = held(&world);
    let command = format!("cordboard reload --accept {hash}");
    assert_eq!(world.log().matches(words).count(), 1, "{}", world.log());
    for (arguments, code) in [(&["status"][..], 0), (&["reload"], 1)] {
        let ended = world.client(arguments);
        assert_eq!(ended.code(), code);
        let said = format!("{}{}", ended.out, ended.err);
        assert_eq!((said.matches(words).count(), said.matches(&command).count()), (1, 1), "{said}");
    }
    assert_eq!(world.log().matches(words).count(), 2, "who asks is answered in the log too");
}

#[test]
fn a_whole_file_put_back_ends_the_hold() {
    let world = world();
    world.edit("routes/many.toml", &numbers(2));
    held(&world);
    world.edit("routes/many.toml", &numbers(NUMBERS));
    world.until_in_force();
    assert!(last_serves(&world));
    assert_eq!(world.status()["reload"]["held"], serde_json::Value::Null);
}

#[test]
fn an_emptied_folder_is_held_and_serves_on_also_after_a_restart() {
    let mut world = world();
    for file in ["many.toml", "example.toml"] {
        world.remove(&format!("routes/{file}"));
    }
    held(&world);
    assert!(last_serves(&world));
    world.restart();
    assert!(last_serves(&world));
    assert_eq!(world.version_at(PINNED_TO_V1), Some(1));
    world.until_fault("held");
}

#[test]
fn a_removed_folder_of_routes_is_held_and_its_return_is_seen() {
    let mut world = world();
    let (routes, aside) = (world.config().join("routes"), world.config().join("aside"));
    fs::rename(&routes, &aside).unwrap();
    world.until("it is refused", |world| world.status()["reload"]["ok"] == false);
    assert!(last_serves(&world));
    world.restart();
    assert!(last_serves(&world));
    fs::rename(&aside, &routes).unwrap();
    world.until_in_force();
    world.edit("routes/many.toml", &numbers(NUMBERS).replace("V1", "V2"));
    world.until("edits are seen again", |world| world.version_at(&number(0)) == Some(2));
}

#[test]
fn a_removed_folder_of_agents_is_held() {
    let world = world();
    fs::rename(world.config().join("agents"), world.config().join("aside")).unwrap();
    world.until("it is refused", |world| world.status()["reload"]["ok"] == false);
    assert!(last_serves(&world));
    fs::rename(world.config().join("aside"), world.config().join("agents")).unwrap();
    world.until_in_force();
}

#[test]
fn a_removed_agent_that_nothing_names_is_held_until_it_is_accepted() {
    let night = "name = \"Night\"\n";
    let world =
        World::example().with("agents/night/agent.toml", night).with("agents/night/draft.toml", night);
    let world = world.running();
    world.remove("agents/night");
    let hash = held(&world);
    assert!(world.operator().get("/v1/agents").body.contains("night"));
    assert_eq!(world.client(&["reload", "--accept", &hash, "--yes"]).code(), 0);
    assert!(!world.operator().get("/v1/agents").body.contains("night"));
}

#[test]
fn what_is_held_at_a_start_stays_held_until_it_is_accepted_and_then_goes() {
    let mut world = world();
    assert_eq!(world.terminate().code(), 0);
    world.remove("routes/many.toml");
    world.start();
    let hash = held(&world);
    for _ in 0..2 {
        assert_eq!(world.client(&["reload"]).code(), 1, "a look accepts nothing");
        assert!(last_serves(&world));
        assert_eq!(world.status()["reload"]["held"], serde_json::json!(hash));
    }
    assert_eq!(world.client(&["reload", "--accept", &hash, "--yes"]).code(), 0);
    assert!(!last_serves(&world));
    assert_eq!(world.version_at(PINNED_TO_V1), Some(1));
}

#[test]
fn what_was_deleted_while_no_router_ran_is_gone_once_the_faults_are_mended() {
    let mut world = World::example().with("routes/one.toml", &numbers(1)).running();
    assert_eq!(world.terminate().code(), 0);
    world.remove("routes/one.toml");
    world.edit("routes/bad.toml", "garbage");
    world.start();
    assert_eq!(world.version_at(&number(0)), Some(1), "the last good files serve");
    world.remove("routes/bad.toml");
    world.until_in_force();
    world.until("the deleted file's number is gone", |world| world.version_at(&number(0)) != Some(1));
    assert_eq!(world.version_at(PINNED_TO_V1), Some(1));
}

#[test]
fn a_router_without_its_last_good_files_starts_on_good_ones() {
    let mut world = world();
    assert_eq!(world.terminate().code(), 0);
    fs::remove_dir_all(world.data().join("last-good")).unwrap();
    world.edit("routes/many.toml", &numbers(NUMBERS - 1));
    world.start();
    assert_eq!(world.version_at(&number(0)), Some(1));
    world.restart();
    assert_eq!(world.version_at(&number(0)), Some(1));
}

#[test]
fn a_start_on_faulty_files_without_the_last_good_ones_names_the_faults_and_what_to_do() {
    let mut world = world();
    assert_eq!(world.terminate().code(), 0);
    fs::remove_dir_all(world.data().join("last-good")).unwrap();
    world.edit("routes/bad.toml", "x = 1\n[default]\nagent = \"nobody\"\n");
    let ended = world.refused();
    assert_eq!(ended.code(), 1);
    for words in ["routes/bad.toml:1:1", "routes/bad.toml:3:9", "last-good", "is missing", "Mend the files"] {
        assert!(ended.err.contains(words), "{words} is not in {}", ended.err);
    }
    world.remove("routes/bad.toml");
    world.start();
    assert!(last_serves(&world));
}

#[test]
fn what_is_held_is_not_copied_before_it_is_accepted() {
    let mut world = world();
    let before = copies(&world);
    world.edit("routes/many.toml", &numbers(2));
    let hash = held(&world);
    assert_eq!(world.client(&["reload"]).code(), 1);
    assert_eq!(copies(&world), before);
    world.restart();
    world.until_fault("held");
    assert_eq!(copies(&world), before, "not by a start either");
    assert_eq!(world.client(&["reload", "--accept", &hash, "--yes"]).code(), 0);
    let after = copies(&world);
    assert_eq!(after.len(), before.len());
    assert_ne!(after, before);
}

#[test]
fn a_reload_makes_damaged_and_missing_copies_anew() {
    let world = world();
    let copy_of = |path: &str| {
        let text = world.text(path);
        let mut copies = copies(&world).into_keys();
        copies.find(|copy| fs::read_to_string(copy).unwrap() == text).unwrap()
    };
    let (first, second) = (copy_of("agents/sales/V1.toml"), copy_of("agents/sales/V2.toml"));
    let whole = || {
        assert_eq!(fs::read_to_string(&first).unwrap(), world.text("agents/sales/V1.toml"));
        assert_eq!(fs::read_to_string(&second).unwrap(), world.text("agents/sales/V2.toml"));
    };
    fs::remove_file(&first).unwrap();
    fs::write(&second, "cut").unwrap();
    world.edit("routes/many.toml", &numbers(NUMBERS + 1));
    world.until("the change is in force", |world| world.version_at(&number(NUMBERS)) == Some(1));
    whole();
    // Also where nothing else has changed, and it is as long as it was.
    let is_list = |path: &PathBuf| path.extension().is_some_and(|end| end == "json");
    let lists = || copies(&world).into_keys().filter(is_list).collect::<Vec<_>>();
    world.until("the list of the set before is gone", |_| lists().len() == 1);
    let list = lists().remove(0);
    fs::remove_file(&list).unwrap();
    fs::write(&first, "x".repeat(world.text("agents/sales/V1.toml").len())).unwrap();
    let revision = world.revision();
    assert_eq!(world.client(&["reload"]).code(), 0);
    whole();
    assert!(list.exists());
    assert_eq!(world.revision(), revision);
}

#[test]
fn a_start_makes_damaged_and_missing_copies_anew() {
    let mut world = world();
    assert_eq!(world.terminate().code(), 0);
    let whole = copies(&world);
    let mut toml = whole.keys().filter(|path| path.extension().is_some_and(|end| end == "toml"));
    fs::write(toml.next().unwrap(), "cut").unwrap();
    fs::remove_file(toml.next().unwrap()).unwrap();
    world.start();
    let revision = world.revision();
    assert_eq!(world.terminate().code(), 0);
    assert!(copies(&world).keys().eq(whole.keys()));
    world.edit("routes/bad.toml", "garbage");
    world.start();
    assert!(last_serves(&world), "the last good files serve");
    assert_eq!(world.revision(), revision);
}
