//! The first start, and starts that are refused.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::world::{PINNED_TO_V1, World};

#[test]
fn the_first_start_makes_a_key_for_its_owner_alone_and_says_where_it_listens() {
    let mut world = World::example().running();
    let key = fs::metadata(world.data().join("admin.key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(world.data()).unwrap().permissions().mode() & 0o777, 0o700);
    for secret in ["hash.key", "token.key"] {
        let mode = fs::metadata(world.data().join(secret)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
    // Whoever sees the addresses may ask at once.
    assert_eq!(world.version_at(PINNED_TO_V1), Some(1));
    world.operator().get("/readyz").must(200);

    world.until("the welcome is whole", |world| world.said().contains("cordboard status"));
    let said = world.said();
    let (calls, admin) = (world.calls_address().to_string(), world.admin_address().to_string());
    for words in
        [&*calls, &*admin, "sales", "reception", "+14155550100", "curl ", "cordboard explain", "admin.key"]
    {
        assert!(said.contains(words), "{words} is not in {said}");
    }
    assert!(!said.contains(&world.key()), "the key itself is shown: {said}");

    let key = world.key();
    assert_eq!(world.terminate().code(), 0);
    assert!(!world.addresses().exists(), "a clean stop takes the addresses away");
    world.start();
    assert_eq!(world.key(), key, "a second start makes no other key");
    world.operator().get("/v1/status").must(200);
}

#[test]
fn the_commands_that_a_start_suggests_work() {
    let world = World::example().running();
    world.until("the welcome is whole", |world| world.said().contains("cordboard status"));
    let said = world.said();
    let suggested = said.lines().map(str::trim).filter_map(|line| line.strip_prefix("cordboard "));
    let mut tried = 0;
    for line in suggested {
        let arguments: Vec<&str> = line.split(' ').collect();
        let ended = world.client(&arguments);
        assert_eq!(ended.code(), 0, "cordboard {line}: {}{}", ended.out, ended.err);
        tried += 1;
    }
    assert_eq!(tried, 2, "{said}");
    let curl =
        said.lines().find_map(|line| line.trim().strip_prefix("curl '")).unwrap().trim_end_matches('\'');
    let path = curl.strip_prefix(&format!("http://{}", world.calls_address())).unwrap();
    world.gateway().get(path).must(200);
}

#[test]
fn all_faults_of_the_settings_are_told_together_each_with_its_line() {
    let world = World::example().with(
        "cordboard.toml",
        "[limits]\nbody_seconds = 0\nheader_secs = 3\n[listen]\ncalls = \"nowhere\"\n[log]\nformat = \"xml\"\n",
    );
    let world = world.with_variable("CORDBOARD_LIMITS_DRAIN_SECONDS", "soon");
    let ended = world.refused();
    assert_eq!(ended.code(), 1);
    for words in [
        "cordboard.toml:2:16",
        "cordboard.toml:3:1",
        // The flag that the test starts it with is stronger, and the file is as wrong as without it.
        "cordboard.toml:5:9: listen.calls is \"nowhere\"",
        "cordboard.toml:7:10",
        "CORDBOARD_LIMITS_DRAIN_SECONDS",
    ] {
        assert_eq!(ended.err.matches(words).count(), 1, "{words} in {}", ended.err);
    }
    assert!(!world.data().exists(), "nothing is made");

    let ended = world.refused_with(&["--calls", "127.0.0.1", "--admin", "127.0.0.1:0"]);
    assert!(ended.err.contains("--calls"), "{}", ended.err);
}

#[test]
fn a_start_that_fails_tells_the_faults_of_settings_and_of_files_together() {
    let world = World::example()
        .with(
            "cordboard.toml",
            "[limits]\nbody_seconds = 0\n\
             [[gateway]]\nname = \"Edge\"\naccount = \"ws-9\"\ndefault_country = \"XX\"\n",
        )
        .with("routes/bad.toml", "[[number]]\nnumber = \"+14155550999\"\nagent = \"nobody\"\npin = 5\n");
    let check = world.run(&["check", "config"]);
    for ended in [world.refused(), check] {
        assert_eq!(ended.code(), 1);
        for words in [
            "cordboard.toml:2:16",
            "cordboard.toml:4:8",
            "there is no account ws-9",
            "default_country \"XX\" is no country",
            "routes/bad.toml:3:9",
            "routes/bad.toml:4:7",
        ] {
            assert_eq!(ended.err.matches(words).count(), 1, "{words} in {}", ended.err);
        }
    }
    assert!(!world.data().exists(), "nothing is made");
}

#[test]
fn a_later_start_with_settings_at_fault_finds_no_fault_with_accounts_that_the_store_has() {
    let mut world = World::example().running();
    let made = world.operator().post("/v1/accounts", &json!({"name": "Second"})).must(201).json();
    let second = made["accountId"].as_str().unwrap();
    assert_eq!(world.terminate().code(), 0);
    let gateway = format!("[[gateway]]\nname = \"edge\"\naddresses = []\naccount = \"{second}\"\n");
    world.edit("cordboard.toml", &format!("[limits]\nbody_seconds = 0\n{gateway}"));
    let ended = world.refused();
    assert_eq!(ended.code(), 1);
    assert!(ended.err.contains("cordboard.toml:2:16"), "{}", ended.err);
    assert!(!ended.err.contains("no account"), "{}", ended.err);
    world.edit("cordboard.toml", &gateway);
    world.start();
}

#[test]
fn a_port_in_use_is_named_and_nothing_is_changed() {
    let mut world = World::example().running();
    let (key, revision) = (world.key(), world.revision());
    assert_eq!(world.terminate().code(), 0);
    let routes = world.text("routes/example.toml");
    world.edit("routes/example.toml", &routes.replace("pin = \"V1\"", "pin = \"V2\""));

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for arguments in
        [["--calls", &*address, "--admin", "127.0.0.1:0"], ["--calls", "127.0.0.1:0", "--admin", &*address]]
    {
        let ended = world.refused_with(&arguments);
        assert_eq!(ended.code(), 1);
        let words = format!("port {} is in use", taken.local_addr().unwrap().port());
        assert!(ended.err.contains(&words), "{}", ended.err);
        assert_eq!(ended.out, "");
        assert!(!world.addresses().exists());
    }
    world.edit("routes/example.toml", &routes);
    world.start();
    assert_eq!((world.key(), world.revision()), (key, revision), "the refused starts changed nothing");
}

#[test]
fn a_first_start_on_a_port_in_use_says_which_and_makes_nothing() {
    let world = World::example();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (flag, other) in [("--calls", "--admin"), ("--admin", "--calls")] {
        let ended = world.refused_with(&[flag, &address, other, "127.0.0.1:0"]);
        assert_eq!(ended.code(), 1);
        let key = format!("`{}` under [listen]", flag.trim_start_matches('-'));
        for words in [flag, &*key, &*address] {
            assert!(ended.err.contains(words), "{words} is not in {}", ended.err);
        }
        assert!(!ended.err.contains(other), "{}", ended.err);
        assert!(!world.data().exists(), "nothing is made");
    }
    let world = world.running();
    world.until("the first start says so", |world| world.said().contains("made by this first start"));
}

#[test]
fn a_second_router_on_the_same_data_is_refused_and_the_first_is_unharmed() {
    let mut world = World::example().running();
    let addresses = fs::read_to_string(world.addresses()).unwrap();
    let ended = world.refused();
    assert_eq!(ended.code(), 1);
    assert!(ended.err.contains("data is in use by another router"), "{}", ended.err);
    let (calls, admin) = (world.calls_address().to_string(), world.admin_address().to_string());
    let ended = world.refused_with(&["--calls", &calls, "--admin", &admin]);
    assert!(ended.err.contains("data is in use by another router"), "by whom says more: {}", ended.err);
    assert!(world.runs());
    assert_eq!(fs::read_to_string(world.addresses()).unwrap(), addresses);
    assert_eq!(world.version_at(PINNED_TO_V1), Some(1));
}

#[test]
fn a_first_start_with_bad_files_is_refused_with_all_faults() {
    let world =
        World::example().with("routes/bad.toml", "[[number]]\nnumber = \"+1\"\nagent = \"sales\"\n").with(
            "routes/worse.toml",
            "[[number]]\nnumber = \"+14155550777\"\nagent = \"sales\"\npin = \"newest\"\n",
        );
    let ended = world.refused();
    assert_eq!(ended.code(), 1);
    for place in ["routes/bad.toml:2", "routes/worse.toml:4"] {
        assert!(ended.err.contains(place), "{place} is not in {}", ended.err);
    }
    assert!(!world.addresses().exists());

    world.remove("routes/bad.toml");
    world.remove("routes/worse.toml");
    let world = world.running();
    assert_eq!(world.version_at(PINNED_TO_V1), Some(1), "mended, it starts");
}

#[test]
fn a_flag_is_stronger_than_a_variable_and_a_variable_than_the_file() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let busy =
        |world: World| World::with(world, "cordboard.toml", &format!("[listen]\ncalls = \"{address}\"\n"));
    // By the file alone the taken port is asked for, by a variable over it a free one.
    let ended = busy(World::example()).refused_with(&["--admin", "127.0.0.1:0"]);
    assert!(ended.err.contains("is in use"), "{}", ended.err);
    // A variable over the file; then a flag over the variable, which is how worlds start.
    let world = busy(World::example()).with_variable("CORDBOARD_CALLS", "127.0.0.1:x");
    let ended = world.refused_with(&["--admin", "127.0.0.1:0"]);
    assert!(ended.err.contains("CORDBOARD_CALLS"), "{}", ended.err);
    let world = busy(World::example()).with_variable("CORDBOARD_CALLS", &address).running();
    assert_eq!(world.version_at(PINNED_TO_V1), Some(1));
}

#[test]
fn a_folder_that_configures_nothing_is_refused_and_named() {
    let world = World::bare();
    for folder in ["routes", "agents"] {
        fs::remove_dir(world.config().join(folder)).unwrap();
    }
    let check = world.run(&["check", "config"]);
    for ended in [world.refused(), check] {
        assert_eq!(ended.code(), 1, "{}", ended.out);
        for words in ["config: there is no cordboard.toml", "--config", "CORDBOARD_CONFIG"] {
            assert!(ended.err.contains(words), "{words} is not in {}", ended.err);
        }
    }
    fs::remove_dir(world.config()).unwrap();
    let default = world.run(&["serve", "--calls", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    assert!(default.err.contains("config: there is no cordboard.toml"), "{}", default.err);
    let named = world.run(&["serve", "--config", "elsewhere"]);
    assert!(named.err.contains("flag --config: elsewhere is no folder"), "{}", named.err);
    assert_eq!((default.code(), named.code()), (1, 1));
}

#[test]
fn a_router_whose_configuration_vanished_starts_on_its_last_good_files() {
    let mut world = World::example().running();
    assert_eq!(world.terminate().code(), 0);
    let aside = world.data().with_extension("aside");
    fs::rename(world.config(), &aside).unwrap();
    for _ in ["gone", "empty"] {
        world.start();
        assert_eq!(world.version_at(PINNED_TO_V1), Some(1));
        world.until_fault("there is no cordboard.toml");
        assert_eq!(world.terminate().code(), 0);
        fs::create_dir_all(world.config()).unwrap();
    }
    assert!(world.log().contains("flag --config"), "{}", world.log());
}

#[test]
fn a_version_that_files_name_without_its_file_is_told_after_a_restart_too() {
    let mut world = World::example().running();
    let first = world.status()["reload"].clone();
    assert_eq!((&first["warnings"], first["takenAt"].is_string()), (&serde_json::json!([]), true));
    world.remove("agents/sales/V2.toml");
    let told = |world: &World| {
        let words = "agent sales at V2 is named by the files but has no file";
        let status = world.client(&["status"]);
        assert_eq!(status.code(), 0, "{}", status.err);
        world.status()["reload"]["warnings"][0].as_str().is_some_and(|text| text.starts_with(words))
            && status.out.contains(words)
    };
    world.until("the status tells it", told);
    world.restart();
    assert!(told(&world));
    assert_eq!(world.log().matches("files in force, but agent sales at V2").count(), 2, "{}", world.log());
    world.edit("routes/faulty.toml", "nonsense");
    world.until_fault("routes/faulty.toml");
    let reload = world.status()["reload"].clone();
    let time = |member: &str| reload[member].as_str().unwrap().to_owned();
    assert!(time("at") > time("takenAt"), "{reload}");
    assert!(told(&world), "the set in force is the same");
}

#[test]
fn a_check_and_a_start_find_the_same_faults() {
    for (path, text, words) in [
        ("agents/sales/agent.toml", "name = \"S\"\n[environments]\nlive = \"V9\"\n", "agent sales has no V9"),
        (
            "cordboard.toml",
            "[calls]\ndefault_endpoints = [{ uri = \"sip:{nobody}@a\" }]\n",
            "cordboard.toml:2",
        ),
        (
            "cordboard.toml",
            "[[gateway]]\nname = \"a\"\naddresses = []\ndefault_country = \"XX\"\n",
            "\"XX\" is no country",
        ),
        (
            "cordboard.toml",
            "[[gateway]]\nname = \"a\"\naddresses = []\naccount = \"nope\"\n",
            "gateway a: there is no account nope",
        ),
        (
            "routes/z.toml",
            "account = \"ws-99999999\"\n",
            "routes/z.toml:1:11: account: there is no account ws-99999999",
        ),
    ] {
        let world = World::example().with(path, text);
        for ended in [world.run(&["check", "config"]), world.refused()] {
            assert_eq!(ended.code(), 1, "{words}: {}", ended.out);
            assert!(ended.err.contains(words), "{words} is not in {}", ended.err);
        }
        assert!(!world.data().exists(), "{words}: nothing is made");
    }
}

#[test]
fn settings_at_fault_hide_no_fault_of_the_files() {
    let world =
        World::example().with("cordboard.toml", "[log]\nlevle = 1\n").with("routes/z.toml", "x = 1\n");
    let ended = world.run(&["check", "config"]);
    for words in ["cordboard.toml:2:1", "routes/z.toml:1:1"] {
        assert!(ended.err.contains(words), "{words} is not in {}", ended.err);
    }
}

#[test]
fn a_router_warns_of_what_a_check_and_a_first_start_would_refuse() {
    let world = World::example().running();
    world.remove("agents/sales/V2.toml");
    world.until("it is warned of", |world| {
        world.log().contains("agent sales at V2 is named by the files but has no file")
    });
    world.until_in_force();
    let check = world.run(&["check", "config"]);
    assert!(check.err.contains("agent sales has no V2"), "{}", check.err);
    assert_eq!(check.code(), 1);
}

#[test]
fn a_first_start_on_faulty_files_makes_nothing() {
    let world =
        World::bare().with("routes/a.toml", "[[number]]\nnumber = \"+14155550100\"\nagent = \"nobody\"\n");
    let ended = world.refused();
    assert_eq!(ended.code(), 1);
    assert!(ended.err.contains("routes/a.toml"), "{}", ended.err);
    assert!(!world.data().exists(), "nothing is made");
}

#[test]
fn an_agent_that_nobody_can_reach_is_warned_of_unless_the_settings_say_where_calls_go() {
    let told = "agent sales at live has no endpoints: its calls are told no target";
    let world = World::example();
    let text = world.text("agents/sales/agent.toml");
    let bare: String =
        text.lines().filter(|line| !line.starts_with("endpoints")).map(|line| format!("{line}\n")).collect();
    world.edit("agents/sales/agent.toml", &bare);
    let checked = |world: &World| {
        let ended = world.run(&["check", "config"]);
        assert_eq!(ended.code(), 0, "{ended:?}");
        format!("{}{}", ended.out, ended.err)
    };
    assert!(checked(&world).contains(told), "{}", checked(&world));
    let settings = world.text("cordboard.toml");
    let somewhere = settings
        .replace("[calls]\n", "[calls]\ndefault_endpoints = [{ uri = \"sip:{agent}@127.0.0.1:5060\" }]\n");
    world.edit("cordboard.toml", &somewhere);
    assert!(!checked(&world).contains("no endpoints"), "{}", checked(&world));
    world.edit("cordboard.toml", &settings);
    let world = world.running();
    assert!(world.status()["reload"]["warnings"].to_string().contains(told), "{}", world.status());
}
