//! Traffic: callers on kept connections that begin one call after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::http::{Broken, Client, Reply};
use super::world::{CALLER, PATIENCE, World};

const CALLERS: usize = 8;
/// Of so many calls one is ended at once.
const ENDED_EACH: usize = 4;

/// Callers at work.
pub struct Load {
    stop: Arc<AtomicBool>,
    begun: Arc<AtomicUsize>,
    callers: Vec<JoinHandle<Told>>,
}

/// What callers saw.
#[derive(Debug, Default)]
pub struct Told {
    pub calls: Vec<Call>,
    /// How many calls were ended.
    pub ended: usize,
    /// Requests that were sent and got no whole answer, and answers that were no success.
    pub failed: Vec<String>,
}

/// A call that was begun.
#[derive(Debug)]
pub struct Call {
    pub id: String,
    pub version: u64,
    pub token: String,
    pub asked: Instant,
    pub answered: Instant,
}

impl Load {
    /// Callers of a number, until they are stopped or nobody listens any more.
    pub fn on(world: &World, to: &'static str) -> Self {
        let (stop, begun) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let callers = (0..CALLERS).map(|caller| {
            let (mut client, stop, begun) = (world.gateway(), Arc::clone(&stop), Arc::clone(&begun));
            thread::spawn(move || {
                let mut told = Told::default();
                let mut at = 0;
                while !stop.load(Ordering::Acquire) && told.call(&mut client, to, caller, at) {
                    begun.fetch_add(1, Ordering::AcqRel);
                    at += 1;
                }
                told
            })
        });
        Self { callers: callers.collect(), stop, begun }
    }

    /// Waits until so many more calls have begun.
    pub fn more(&self, calls: usize) {
        let (wanted, deadline) = (self.begun.load(Ordering::Acquire) + calls, Instant::now() + PATIENCE);
        while self.begun.load(Ordering::Acquire) < wanted {
            assert!(Instant::now() < deadline, "the callers do not get on");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Lets the callers finish, and none of their requests may have failed.
    pub fn stop(self) -> Told {
        self.stop.store(true, Ordering::Release);
        self.over()
    }

    /// Waits until nobody listens any more; none of the requests before may have failed.
    pub fn over(self) -> Told {
        let mut all = Told::default();
        for caller in self.callers {
            let told = caller.join().unwrap();
            all.calls.extend(told.calls);
            all.ended += told.ended;
            all.failed.extend(told.failed);
        }
        assert_eq!(all.failed, Vec::<String>::new());
        all
    }
}

impl Told {
    /// Begins a call, and perhaps ends it; false when nobody listens any more.
    fn call(&mut self, client: &mut Client, to: &str, caller: usize, at: usize) -> bool {
        let id = format!("load-{caller}-{at}");
        let asked = Instant::now();
        let body = json!({"to": to, "from": CALLER, "callId": id});
        let Some(reply) = self.expect(201, client.try_ask("POST", "/v1/calls", Some(&body))) else {
            return false;
        };
        let answered = Instant::now();
        let decision = reply.json();
        let token = decision["token"].as_str().unwrap().to_owned();
        let version = decision["version"].as_u64().unwrap();
        if at.is_multiple_of(ENDED_EACH) {
            let path = format!("/v1/calls/{id}/end");
            let body: Value = json!({"outcome": "completed", "durationSeconds": 60});
            self.ended += usize::from(self.expect(200, client.try_ask("POST", &path, Some(&body))).is_some());
        }
        self.calls.push(Call { id, version, token, asked, answered });
        true
    }

    fn expect(&mut self, status: u16, outcome: Result<Reply, Broken>) -> Option<Reply> {
        match outcome {
            Ok(reply) if reply.status == status => return Some(reply),
            Ok(reply) => self.failed.push(format!("{}: {}", reply.status, reply.body)),
            Err(Broken::Unanswered(why)) => self.failed.push(format!("no answer: {why}")),
            Err(Broken::Refused) => {}
        }
        None
    }
}
