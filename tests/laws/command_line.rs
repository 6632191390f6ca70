//! The command line: `check` without a router, what commands answer when there is none, and what they say beside it.

use super::world::World;

#[test]
fn a_check_of_good_files_counts_what_there_is() {
    let ended = World::example().run(&["check", "config"]);
    assert_eq!(ended.code(), 0, "{}", ended.err);
    let counts = "ok: config has 2 agents, 3 versions, 1 split, 1 prefix, 3 numbers";
    assert!(ended.out.contains(counts), "{}", ended.out);
    assert_eq!(World::example().run(&["check"]).out, ended.out, "a folder that is not named is config");
}

#[test]
fn a_check_says_what_it_checked_and_names_all_files_from_there() {
    let world = World::example()
        .with("cordboard.toml", "[limits]\nbody_seconds = 0\n")
        .with("routes/a.toml", "[[number]]\nnumber = \"+14155550300\"\nagent = \"nobody\"\n");
    let elsewhere = world.config().parent().unwrap().join("elsewhere");
    std::fs::rename(world.config(), &elsewhere).unwrap();
    let world = world.with_variable("CORDBOARD_CONFIG", "elsewhere");
    for line in [["check", "elsewhere"].as_slice(), &["check"]] {
        let ended = world.run(line);
        assert_eq!(ended.code(), 1, "{}", ended.err);
        let lines: Vec<_> = ended.err.lines().collect();
        assert_eq!((lines.len(), lines[0]), (3, "error: 2 faults in elsewhere"), "{lines:?}");
        assert!(lines[1].starts_with("  cordboard.toml:2:"), "{lines:?}");
        assert!(lines[2].starts_with("  routes/a.toml:3:"), "{lines:?}");
    }
}

#[test]
fn a_check_warns_where_nothing_is_routed_and_names_the_folder_that_is_none() {
    let world = World::bare().with("cordboard.toml", "");
    let ended = world.run(&["check", "config"]);
    assert_eq!(ended.code(), 0, "{}", ended.err);
    assert!(ended.out.contains("warning: nothing is routed"), "{}", ended.out);
    let ended = world.run(&["check", "nope"]);
    assert_eq!(ended.code(), 1);
    assert!(ended.err.contains("nope: is no folder") && !ended.err.contains("--config"), "{}", ended.err);
}

#[test]
fn a_data_folder_that_is_a_file_is_called_so() {
    let world = World::example();
    std::fs::write(world.data(), "x").unwrap();
    let ended = world.refused();
    assert!(ended.err.contains("is no folder but a file"), "{}", ended.err);
}

#[test]
fn a_check_tells_every_fault_with_its_place_and_changes_nothing() {
    let world = World::example()
        .with("routes/a.toml", "[[number]]\nnumber = \"+14155550300\"\nagent = \"nobody\"\n")
        .with("routes/b.toml", "[[number]]\nnumber = \"+14155550301\"\nagent = \"sales\"\npin = \"V9\"\n")
        .with("agents/sales/V2.toml", "[llm]\ntemperature = \"hot\"\n");
    let ended = world.run(&["check", "config"]);
    assert_eq!(ended.code(), 1);
    assert!(ended.err.contains("agents/sales/V2.toml:2"), "{}", ended.err);
    let world = World::example()
        .with("routes/a.toml", "[[number]]\nnumber = \"+14155550300\"\nagent = \"nobody\"\n")
        .with("routes/b.toml", "[[number]]\nnumber = \"+14155550301\"\nagent = \"sales\"\npin = \"V9\"\n");
    let ended = world.run(&["check", "config", "--json"]);
    assert_eq!(ended.code(), 1);
    let told: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    let files: Vec<_> =
        told["faults"].as_array().unwrap().iter().map(|fault| fault["file"].as_str().unwrap()).collect();
    assert_eq!(files, ["routes/a.toml", "routes/b.toml"], "{told}");
    assert!(!world.data().exists(), "a check keeps nothing");
}

#[test]
fn a_number_without_its_plus_is_warned_of_by_a_check_and_in_the_log() {
    let route = "[[number]]\nagent = \"sales\"\npin = \"V1\"\nnumber = \"4155550300\"\n";
    let words = "routes/a.toml:4:10: 4155550300 looks like a phone number without its + and country code";
    let ended = World::example().with("routes/a.toml", route).run(&["check", "config"]);
    assert_eq!((ended.code(), ended.out.contains(&format!("warning: {words}"))), (0, true), "{}", ended.out);
    let world = World::example().running();
    world.save("routes/a.toml", route);
    world.until("it is in force", |world| world.version_at("4155550300") == Some(1));
    world.until("it is told", |world| world.log().contains(words));
}

#[test]
fn routes_that_serve_a_draft_since_they_have_no_pin_are_warned_of() {
    let plain = "[[number]]\nnumber = \"+14155550300\"\nagent = \"sales\"\n";
    let world = World::example()
        .with(
            "routes/a.toml",
            &format!("{plain}[[prefix]]\nprefix = \"+44\"\nagent = \"sales\"\nheaders = {{}}\n"),
        )
        .with("routes/b.toml", &format!("{plain}pin = \"draft\"\n").replace("0300", "0301"));
    let warnings = world.run(&["check"]).out;
    let warnings: Vec<_> = warnings.lines().filter(|line| line.contains("no pin")).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].starts_with("warning: routes/a.toml:2:10: 2 routes from here on have no pin"),
        "{warnings:?}"
    );
}

#[test]
fn a_client_without_a_router_says_that_it_cannot_reach_it() {
    let mut world = World::example().running();
    world.kill_9();
    let ended = world.client(&["status"]);
    assert_eq!(ended.code(), 3, "{}{}", ended.out, ended.err);
    assert!(ended.err.contains(&world.admin_address().to_string()), "{}", ended.err);
}

#[test]
fn the_history_of_a_number_has_what_files_did_to_it() {
    let world = World::example().running();
    for named in ["+14155550101", "+1415", "spring-prompt", "sales"] {
        let ended = world.client(&["history", "--target", named]);
        assert!(
            ended.code() == 0 && ended.out.contains("files.apply"),
            "{named}: {}{}",
            ended.out,
            ended.err
        );
    }
    assert!(!world.client(&["history", "--target", "+1415555010"]).out.contains("files.apply"));
}

#[test]
fn a_variable_that_means_nothing_is_warned_of_and_changes_nothing() {
    let world = World::example().with_variable("CORDBOARD_LIMITS_BODY_SECOND", "3").running();
    let warning =
        "the variable CORDBOARD_LIMITS_BODY_SECOND means nothing: CORDBOARD_LIMITS_BODY_SECONDS, perhaps";
    assert!(world.log().contains(warning), "{}", world.log());
    let ended = world.client(&["status"]);
    assert!(ended.code() == 0 && ended.err.contains(warning), "{}", ended.err);
}
