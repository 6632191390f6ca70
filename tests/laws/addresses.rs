//! How the router is found by whoever looks into its data folder, and by commands that are told nothing.

use std::net::TcpListener;

use super::http::Client;
use super::world::{Ended, PINNED_TO_V1, World};

/// Both listeners answer what they are there for, asked once.
#[track_caller]
fn are_ready(world: &World) {
    Client::new(world.admin_address()).get("/readyz").must(200);
    assert_eq!(world.version_at(PINNED_TO_V1), Some(1));
}

#[test]
fn addresses_that_can_be_read_are_those_of_a_router_that_is_ready_also_after_kills() {
    let mut world = World::example();
    for _ in 0..6 {
        // Whoever starts it here asks at the addresses that are first to be read.
        world.start();
        are_ready(&world);
        world.kill_9();
        assert!(world.addresses().exists(), "one that is killed removes nothing");
    }
}

#[test]
fn a_start_that_is_refused_leaves_no_addresses_of_one_that_was_killed() {
    let mut world = World::example();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for arguments in
        [["--calls", &*address, "--admin", "127.0.0.1:0"], ["--calls", "127.0.0.1:0", "--admin", &*address]]
    {
        world.start();
        world.kill_9();
        let ended = world.refused_with(&arguments);
        assert_eq!(ended.code(), 1);
        assert!(ended.err.contains("is in use"), "{}", ended.err);
        assert!(!world.addresses().exists(), "they are those of nobody");
    }
}

/// Runs a command in the folder of the world, where no variable says anything.
fn told_nothing(world: &World, arguments: &[&str]) -> Ended {
    let output = world.cordboard(arguments).env_clear().output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { status: output.status, out: text(output.stdout), err: text(output.stderr) }
}

#[test]
fn started_bare_it_serves_config_keeps_its_store_in_data_and_is_found_by_commands_that_are_told_nothing() {
    let mut world = World::example()
        .with_variable("CORDBOARD_CALLS", "127.0.0.1:0")
        .with_variable("CORDBOARD_ADMIN", "127.0.0.1:0");
    let number = "+442079460001";
    for start in ["first", "second"] {
        let bare = world.cordboard(&[]);
        world.start_as(bare);
        are_ready(&world);
        assert!(world.data().join("control.sqlite").exists(), "the store is in data/");

        let status = told_nothing(&world, &["status", "--json"]);
        assert_eq!(status.code(), 0, "{}{}", status.out, status.err);
        let told: serde_json::Value = serde_json::from_str(&status.out).unwrap();
        assert_eq!(told["revision"].as_u64(), Some(world.revision()), "{told}");
        if start == "first" {
            let pinned = told_nothing(&world, &["pin", number, "sales@V2"]);
            assert_eq!(pinned.code(), 0, "{}{}", pinned.out, pinned.err);
        }
        assert_eq!(world.version_at(number), Some(2), "it has the admin key, and what it did is kept");
        assert_eq!(world.terminate().code(), 0);
    }
}
