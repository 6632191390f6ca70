//! Route files that change under a running router: all of them good and in force, or nothing changes.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::json;

use super::world::{AT_LIVE, PINNED_TO_V1, World};

const OTHER: &str = "+14155550700";

fn pinned(number: &str, pin: &str) -> String {
    format!("[[number]]\nnumber = \"{number}\"\nagent = \"sales\"\npin = \"{pin}\"\n")
}

#[test]
fn a_file_written_in_place_is_in_force_soon() {
    let world = World::example().running();
    world.edit("routes/other.toml", &pinned(OTHER, "V1"));
    world.until("the new file is in force", |world| world.route(OTHER).json()["agentId"] == "sales");
    world.edit("routes/other.toml", &pinned(OTHER, "V2"));
    world.until("the change is in force", |world| world.version_at(OTHER) == Some(2));
    world.remove("routes/other.toml");
    world.until("the removal is in force", |world| world.route(OTHER).json()["agentId"] == "reception");
    assert_eq!(world.status()["faults"], json!([]));
}

#[test]
fn a_file_saved_by_rename_is_in_force_soon() {
    let world = World::example().running();
    world.save("routes/other.toml", &pinned(OTHER, "V1"));
    world.until("the new file is in force", |world| world.version_at(OTHER) == Some(1));
    world.save("routes/other.toml", &pinned(OTHER, "V2"));
    world.until("the change is in force", |world| world.version_at(OTHER) == Some(2));
}

/// Configurations mounted by Kubernetes: files are links into `..data`, itself a link that is swapped by a rename.
#[test]
fn a_swapped_folder_of_links_is_in_force_soon() {
    let world = World::example();
    let routes = world.config().join("routes");
    let mount = |time: &str, pin: &str| {
        let folder = routes.join(format!("..{time}"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("other.toml"), pinned(OTHER, pin)).unwrap();
        symlink(format!("..{time}"), routes.join("..data_tmp")).unwrap();
        fs::rename(routes.join("..data_tmp"), routes.join("..data")).unwrap();
    };
    mount("2026_01_01", "V1");
    symlink("..data/other.toml", routes.join("other.toml")).unwrap();
    let world = world.running();
    assert_eq!(world.version_at(OTHER), Some(1));
    mount("2026_01_02", "V2");
    fs::remove_dir_all(routes.join("..2026_01_01")).unwrap();
    world.until("the swap is in force", |world| world.version_at(OTHER) == Some(2));
    mount("2026_01_03", "V1");
    world.until("the next swap is in force", |world| world.version_at(OTHER) == Some(1));
}

/// Agents mounted so: a promotion is a swap.
#[test]
fn a_swapped_folder_of_links_of_an_agent_is_in_force_soon() {
    let world = World::example();
    let sales = world.config().join("agents/sales");
    let names = ["agent.toml", "draft.toml", "V1.toml", "V2.toml"];
    let texts = names.map(|name| world.text(&format!("agents/sales/{name}")));
    let mount = |time: &str, live: &str| {
        let folder = sales.join(format!("..{time}"));
        fs::create_dir(&folder).unwrap();
        for (name, text) in names.iter().zip(&texts) {
            fs::write(folder.join(name), text.replace("live = \"V1\"", &format!("live = \"{live}\"")))
                .unwrap();
        }
        symlink(format!("..{time}"), sales.join("..data_tmp")).unwrap();
        fs::rename(sales.join("..data_tmp"), sales.join("..data")).unwrap();
    };
    mount("2026_01_01", "V1");
    for name in names {
        fs::remove_file(sales.join(name)).unwrap();
        symlink(format!("..data/{name}"), sales.join(name)).unwrap();
    }
    let world = world.running();
    assert_eq!(world.version_at(AT_LIVE), Some(1));
    mount("2026_01_02", "V2");
    fs::remove_dir_all(sales.join("..2026_01_01")).unwrap();
    world.until("the promotion is in force", |world| world.version_at(AT_LIVE) == Some(2));
    mount("2026_01_03", "V1");
    world.until("the rollback is in force", |world| world.version_at(AT_LIVE) == Some(1));
}

/// Checkouts as git-sync makes them: the folder itself is a link to a checkout, swapped by a rename.
#[test]
fn a_swapped_link_to_the_whole_folder_is_in_force_soon() {
    let world = World::example();
    let (routes, example) = (world.config().join("routes"), world.text("routes/example.toml"));
    fs::remove_dir_all(&routes).unwrap();
    let config = world.config();
    let check_out = |commit: &str, pin: &str| {
        let folder = config.join(format!("checkouts/{commit}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("example.toml"), &example).unwrap();
        fs::write(folder.join("other.toml"), pinned(OTHER, pin)).unwrap();
        let next = config.join("next");
        symlink(format!("checkouts/{commit}"), &next).unwrap();
        fs::rename(next, &routes).unwrap();
    };
    check_out("a", "V1");
    let world = world.running();
    assert_eq!(world.version_at(OTHER), Some(1));
    for (commit, pin, version) in [("b", "V2", 2), ("c", "V1", 1)] {
        check_out(commit, pin);
        world.until("the checkout is in force", |world| world.version_at(OTHER) == Some(version));
    }
}

#[test]
fn of_a_thousand_writes_in_place_none_is_taken_by_halves_and_the_last_is_in_force() {
    // As long as outside of tests: a file is emptied and then written, and this thread may be held up in between.
    let world = World::example().with_variable("CORDBOARD_FILES_STILL_MILLISECONDS", "200");
    let world = world.with("routes/other.toml", &pinned(OTHER, "V1")).running();
    let mut gateway = world.gateway();
    for write in 0..1_000 {
        world.edit("routes/other.toml", &pinned(OTHER, if write % 2 == 0 { "draft" } else { "V1" }));
        let decision = gateway.get(&format!("/v1/route?to=%2B{}", &OTHER[1..])).must(200).json();
        assert_eq!(decision["reason"]["code"], "number_pin", "an emptied file was taken: {decision}");
    }
    world.edit("routes/other.toml", &pinned(OTHER, "V2"));
    world.until("the last write is in force", |world| world.version_at(OTHER) == Some(2));
    assert_eq!(world.status()["faults"], json!([]));
}

#[test]
fn of_a_thousand_saves_the_last_is_in_force_and_no_call_fails() {
    let world = World::example().with("routes/other.toml", &pinned(OTHER, "V1")).running();
    let mut gateway = world.gateway();
    for save in 0..1_000 {
        world.save("routes/other.toml", &pinned(OTHER, if save % 2 == 0 { "draft" } else { "V1" }));
        if save % 20 == 0 {
            gateway.get(&format!("/v1/route?to=%2B{}", &OTHER[1..])).must(200);
        }
    }
    world.save("routes/other.toml", &pinned(OTHER, "V2"));
    world.until("the last save is in force", |world| world.version_at(OTHER) == Some(2));
    assert_eq!(world.status()["faults"], json!([]));
}

#[test]
fn a_faulty_file_changes_nothing_and_is_shown_everywhere_until_it_is_mended() {
    let world = World::example().running();
    let revision = world.revision();
    let failures = world.metric("cordboard_config_reload_failures_total", &[]);
    // The faulty one first: no look, however slow this thread is, finds the good one alone.
    world.edit("routes/other.toml", &format!("# one\n{}", pinned("+14155550701", "newest")));
    world.edit("routes/good.toml", &pinned(OTHER, "V2"));
    let status = world.until_fault("newest");
    world.until("the fault has its place", |world| world.status()["faults"][0]["line"] == 5);
    let fault = &status["faults"][0];
    assert_eq!(fault["file"], "routes/other.toml");
    assert!(
        fault["column"].as_u64().unwrap() > 0 && !fault["expected"].as_str().unwrap().is_empty(),
        "{fault}"
    );
    assert_eq!((status["revision"].as_u64(), &status["reload"]["ok"]), (Some(revision), &json!(false)));
    assert_eq!(world.version_at(PINNED_TO_V1), Some(1));
    assert!(world.metric("cordboard_config_reload_failures_total", &[]) > failures);
    world.until("the fault is logged", |world| world.log().contains("routes/other.toml:5"));
    let ended = world.run(&["check", "config"]);
    assert_eq!(ended.code(), 1);
    assert!(ended.err.contains("routes/other.toml:5"), "{}", ended.err);
    let ended = world.client(&["status"]);
    assert!(ended.out.contains("routes/other.toml:5"), "{}", ended.out);
    let ended = world.client(&["reload"]);
    assert_eq!(ended.code(), 1, "a reload is refused: {}{}", ended.out, ended.err);
    assert_eq!(
        world.route(OTHER).json()["agentId"],
        "reception",
        "the good file of the two is not in force either"
    );
    world.operator().get("/readyz").must(200);

    world.edit("routes/other.toml", &pinned("+14155550701", "V2"));
    world.until("both files are in force", |world| world.version_at("+14155550701") == Some(2));
    assert_eq!(world.version_at(OTHER), Some(2));
    world.until("the fault is gone", |world| world.status()["faults"] == json!([]));
    assert_eq!(world.client(&["reload"]).code(), 0);
}

/// What is refused in a change by the API is refused in files, with its line, by a router at work and by a check.
#[test]
fn what_no_router_can_serve_is_a_fault_with_its_place_and_changes_nothing() {
    let mut world = World::example().running();
    let revision = world.revision();
    let arms = |weights: &[&str]| {
        let arm = |(at, weight): (usize, &&str)| {
            format!("{{ id = \"a{at}\", agent = \"sales\", pin = \"V1\", weight = {weight} }}")
        };
        weights.iter().enumerate().map(arm).collect::<Vec<_>>().join(", ")
    };
    let split = |arms: &str| format!("[[split]]\nid = \"bad\"\narms = [{arms}]\n");
    for (what, text) in [
        ("letters in a number", pinned("+1415555abcd", "V1")),
        ("a number of 16 digits", pinned(&format!("+{}", "1".repeat(16)), "V1")),
        ("nothing after tel:", pinned("tel:", "V1")),
        ("no such version", pinned(OTHER, "V9")),
        ("no such agent", pinned(OTHER, "V1").replace("sales", "nobody")),
        ("no such split", format!("[[number]]\nnumber = \"{OTHER}\"\nsplit = \"nothing\"\n")),
        ("a negative weight", split(&arms(&["-1", "1"]))),
        ("a fraction of a weight", split(&arms(&["0.5", "1"]))),
        ("too large a weight", split(&arms(&["1_000_001", "1"]))),
        ("all weights zero", split(&arms(&["0", "0"]))),
        ("17 arms", split(&arms(&["1"; 17]))),
        ("no arm", split("")),
        ("a split of an unknown agent", split(&arms(&["1", "1"]).replace("sales", "nobody"))),
        ("an arm at no such version", split(&arms(&["1", "1"]).replace("V1", "V9"))),
    ] {
        // The name tells one fault from the one before.
        let file = format!("routes/{}.toml", what.replace([' ', ':'], "-"));
        world.edit(&file, &text);
        let fault = world.until_fault(&file)["faults"][0].clone();
        assert!(fault["file"] == file.as_str() && fault["line"].as_u64().unwrap() > 0, "{what}: {fault}");
        let ended = world.run(&["check", "config"]);
        assert!(ended.code() == 1 && ended.err.contains(&format!("{file}:")), "{what}: {}", ended.err);
        world.remove(&file);
    }
    world.until_in_force();
    assert_eq!(world.revision(), revision, "nothing was changed");
    assert_eq!(world.version_at(PINNED_TO_V1), Some(1));
    assert!(world.runs() && !world.log().contains("panicked"), "{}", world.log());
}

#[test]
fn a_number_in_two_files_is_refused_naming_both() {
    let world = World::example().running();
    world.edit("routes/other.toml", &pinned(PINNED_TO_V1, "V2"));
    let fault = world.until_fault("given twice")["faults"][0].to_string();
    assert!(fault.contains("routes/example.toml") && fault.contains("routes/other.toml"), "{fault}");
    assert_eq!(world.version_at(PINNED_TO_V1), Some(1));
}

#[test]
fn a_file_cut_off_within_a_line_changes_nothing() {
    let world = World::example().running();
    let whole = world.text("routes/example.toml");
    let at = whole.find("agent = \"sales\"").unwrap() + "agent = \"sa".len();
    world.edit("routes/example.toml", &whole[..at]);
    world.until("it is refused", |world| world.status()["reload"]["ok"] == false);
    assert_eq!(world.version_at(AT_LIVE), Some(1));
    world.edit("routes/example.toml", &whole);
    world.until_in_force();
}

#[test]
fn the_files_that_served_last_serve_after_a_restart_with_bad_ones() {
    let mut world = World::example().with("routes/other.toml", &pinned(OTHER, "V2")).running();
    assert_eq!(world.terminate().code(), 0);
    world.edit("routes/other.toml", "[[number]\n");
    world.start();
    assert_eq!(world.version_at(OTHER), Some(2));
    let status = world.status();
    assert_eq!(status["faults"][0]["file"], "routes/other.toml", "{status}");
    assert_eq!(status["reload"]["ok"], false);
    assert!(world.log().contains("files not applied: routes/other.toml:1:"), "{}", world.log());
    world.until("the start tells of it beside what it serves", |world| {
        world.said().contains("files       not taken, 1 fault")
    });
    // So after a second one, and after a crash.
    world.kill_9();
    world.start();
    assert_eq!(world.version_at(OTHER), Some(2));
    world.edit("routes/other.toml", &pinned(OTHER, "V1"));
    world.until("the mended file is in force", |world| world.version_at(OTHER) == Some(1));
}

#[test]
fn files_changed_while_no_router_ran_are_in_force_at_the_start() {
    let mut world = World::example().with("routes/other.toml", &pinned(OTHER, "V1")).running();
    let revision = world.revision();
    world.restart();
    assert_eq!(world.revision(), revision, "unchanged files are no change");
    assert!(world.metric("cordboard_config_last_reload_success_timestamp_seconds", &[]) > 0.0);
    assert_eq!(world.terminate().code(), 0);
    world.edit("routes/other.toml", &pinned(OTHER, "V2"));
    world.start();
    assert_eq!(world.version_at(OTHER), Some(2));
    assert_eq!(world.revision(), revision + 1);
}
