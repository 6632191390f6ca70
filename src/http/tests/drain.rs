//! Leaving: every call answered, nothing reset.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::world::{Client, PATIENCE, World, eventually};
use crate::http::limits::Limits;
use crate::http::shutdown::DrainLimits;

/// What a client under fire has seen.
#[derive(Debug, Default)]
struct Seen {
    answered: AtomicUsize,
    refused: AtomicUsize,
    faults: std::sync::Mutex<Vec<String>>,
}

impl Seen {
    fn fault(&self, what: &str, error: &impl std::fmt::Debug) {
        self.faults.lock().unwrap().push(format!("{what}: {error:?}"));
    }

    fn assert_none_lost(&self) {
        assert!(self.faults.lock().unwrap().is_empty(), "{self:?}");
        assert!(self.answered.load(Relaxed) > 0, "nobody asked");
    }
}

/// Asks on new connections, `requests` on each unless told to leave, until it is refused or told to stop.
fn hammer(address: SocketAddr, requests: usize, stop: Arc<AtomicBool>, seen: Arc<Seen>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        while !stop.load(Relaxed) {
            let mut client = match Client::connect(address) {
                Ok(client) => client,
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    seen.refused.fetch_add(1, Relaxed);
                    return;
                }
                Err(error) => return seen.fault("connect", &error),
            };
            for _ in 0..requests {
                match client.get("/") {
                    Ok(Some(reply)) => {
                        seen.answered.fetch_add(1, Relaxed);
                        if reply.closes() {
                            if !client.is_closed() {
                                seen.fault("close", &"not closed");
                            }
                            break;
                        }
                    }
                    other => return seen.fault("ask", &other),
                }
            }
        }
    })
}

fn drain_under_fire(requests: usize, limits: DrainLimits) {
    let mut world = World::new(Limits::default());
    let (stop, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Seen::default()));
    let hammers: Vec<_> =
        (0..4).map(|_| hammer(world.address, requests, stop.clone(), seen.clone())).collect();
    eventually("it is in full swing", || seen.answered.load(Relaxed) > 500);
    let cut = world.drain(limits).recv_timeout(PATIENCE).unwrap();
    assert_eq!(cut, 0, "{seen:?}");
    for hammer in hammers {
        hammer.join().unwrap();
    }
    seen.assert_none_lost();
    assert_eq!(seen.refused.load(Relaxed), 4, "all have learnt that it is gone");
}

fn quick() -> DrainLimits {
    DrainLimits {
        quiet: Duration::from_millis(150),
        accept_max: Duration::from_millis(400),
        total_max: Duration::from_secs(15),
    }
}

#[test]
fn a_flood_of_new_connections_is_answered_or_refused_but_never_reset() {
    drain_under_fire(1, quick());
}

#[test]
fn clients_that_keep_their_connections_are_led_out_without_a_loss() {
    drain_under_fire(usize::MAX, quick());
}

#[test]
fn a_request_under_way_is_answered_and_an_idle_connection_closed() {
    let mut world = World::new(Limits::default());
    let (mut busy, mut idle, mut fresh) = (world.client(), world.client(), world.client());
    assert_eq!(idle.get("/").unwrap().unwrap().status, 200);
    busy.send("GET /hold HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    eventually("all are in", || world.front.traffic.open() == 3);
    let address = world.address;
    let drained = world.drain(quick());
    assert!(idle.is_closed());
    assert!(fresh.is_closed());
    assert!(world.front.shutdown.is_draining());
    drop((idle, fresh));
    eventually("nobody listens", || Client::connect(address).is_err());
    eventually("only one is left", || world.front.traffic.open() == 1);
    world.held.notify_one();
    let reply = busy.reply().unwrap().unwrap();
    assert_eq!((reply.status, reply.closes()), (200, true));
    assert!(busy.is_closed());
    drop(busy);
    assert_eq!(drained.recv_timeout(PATIENCE), Ok(0));
}

#[test]
fn a_connection_is_answered_once_more_and_asked_to_leave() {
    let mut world = World::new(Limits::default());
    let mut client = world.client();
    assert!(!client.get("/").unwrap().unwrap().closes());
    let drained = world.drain(DrainLimits { quiet: Duration::from_secs(1), ..DrainLimits::default() });
    eventually("it drains", || world.front.shutdown.is_draining());
    assert!(client.get("/").unwrap().unwrap().closes());
    assert!(client.is_closed());
    assert!(world.client().get("/").unwrap().unwrap().closes(), "new ones are still answered");
    drop(client);
    assert_eq!(drained.recv_timeout(PATIENCE), Ok(0));
}

#[test]
fn what_does_not_end_in_time_is_cut_and_counted() {
    let mut world = World::new(Limits::default());
    let mut busy = world.client();
    busy.send("GET /hold HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    eventually("it is in", || world.front.traffic.open() == 1);
    let limits = DrainLimits { total_max: Duration::from_millis(500), ..quick() };
    let start = Instant::now();
    assert_eq!(world.drain(limits).recv_timeout(PATIENCE), Ok(1));
    assert!(start.elapsed() >= limits.total_max);
    assert!(busy.is_closed());
}

#[test]
fn a_half_sent_request_may_be_finished() {
    let mut world = World::new(Limits::default());
    let mut client = world.client();
    client.send("POST / HTTP/1.1\r\nhost: x\r\nconte").unwrap();
    eventually("it is in", || world.front.traffic.open() == 1);
    let address = world.address;
    let drained = world.drain(quick());
    eventually("nobody listens", || Client::connect(address).is_err());
    let reply = client.ask("nt-length: 3\r\n\r\nabc");
    assert_eq!((reply.status, reply.closes()), (200, true));
    assert!(client.is_closed());
    drop(client);
    assert_eq!(drained.recv_timeout(PATIENCE), Ok(0));
}
