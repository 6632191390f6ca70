//! An orderly end, in the middle of traffic.

use std::io::Write as _;
use std::time::Instant;

use rustix::process::Signal;

use super::http::{Client, connect};
use super::load::Load;
use super::world::{PATIENCE, PINNED_TO_V1, World};

#[test]
fn an_end_in_the_middle_of_traffic_answers_every_request_that_was_sent() {
    let mut world = World::example().running();
    let mut probe = Client::new(world.admin_address());
    probe.get("/readyz").must(200);
    let load = Load::on(&world, PINNED_TO_V1);
    load.more(500);
    world.signal(Signal::TERM);
    let deadline = Instant::now() + PATIENCE;
    let mut seen_draining = false;
    // While it drains it says so, and goes on answering.
    while let Ok(reply) = probe.try_ask("GET", "/readyz", None) {
        seen_draining |= reply.status == 503;
        assert!(!(seen_draining && reply.status == 200), "ready again: {}", reply.body);
        assert!(Instant::now() < deadline, "it does not end");
    }
    assert!(seen_draining, "nobody was told");
    let told = load.over();
    assert!(told.calls.len() >= 500);
    let ended = world.wait();
    assert_eq!(ended.code(), 0, "{}", ended.err);
    assert!(!ended.err.contains("cut"), "{}", ended.err);
    assert!(!world.addresses().exists());
    world.start();
    assert_eq!(world.version_at(PINNED_TO_V1), Some(1));
}

#[test]
fn an_idle_connection_does_not_hold_up_the_end() {
    let mut world = World::example().running();
    let idle = connect(world.calls_address()).unwrap();
    let mut kept = world.gateway();
    kept.get("/v1/route?to=%2B14155550101").must(200);
    let mut half = connect(world.calls_address()).unwrap();
    half.write_all(b"GET /v1/route?to=%2B14155550101 HTTP/1.1\r\nhost:").unwrap();
    let start = Instant::now();
    assert_eq!(world.terminate().code(), 0);
    // A head that is half there has 10 seconds to come; what is idle has none.
    assert!(start.elapsed().as_secs() < 15, "{:?}", start.elapsed());
    drop((idle, half));
}

#[test]
fn an_interrupt_ends_it_as_a_termination_does() {
    let mut world = World::example().running();
    world.signal(Signal::INT);
    assert_eq!(world.wait().code(), 0);
    assert!(!world.addresses().exists());
}

#[test]
fn a_hang_up_reads_the_files_and_ends_nothing() {
    let mut world = World::example().running();
    world.edit(
        "routes/other.toml",
        "[[number]]\nnumber = \"+14155550700\"\nagent = \"sales\"\npin = \"V2\"\n",
    );
    world.signal(Signal::HUP);
    world.until("the file is in force", |world| world.version_at("+14155550700") == Some(2));
    assert!(world.runs());
}
