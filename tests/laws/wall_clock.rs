//! A wall clock that is set, by days, forwards and back, under a router at work.
//!
//! What is asked of the router: that calls, tokens, splits and waits go by the time that has passed, whatever the wall
//! clock shows meanwhile; that what people read (the history) goes by the wall clock; and that a start goes by the wall
//! clock as it is then. The wall clock is set by libfaketime, which answers for the system to this one process.

use std::fs;
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, UNIX_EPOCH};

use serde_json::{Value, json};
use tempfile::TempDir;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::http::{connect, read};
use super::load::Load;
use super::skipped::skip;
use super::world::{AT_LIVE, CALLER, PINNED_TO_V1, World};

const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 24 * HOUR_S;
const CALLS: usize = 40;
/// Longer than the router waits between two sweeps of its calls.
const SWEPT: Duration = Duration::from_secs(6);

/// The wall clock of one world.
struct WallClock {
    folder: TempDir,
}

impl WallClock {
    /// A world whose wall clock can be set; none, and that is said, where libfaketime is not installed.
    fn of(world: World, law: &str) -> Option<(World, Self)> {
        let Some(library) = library() else {
            skip(law, "libfaketime is not installed (Debian: faketime)");
            return None;
        };
        let clock = Self { folder: TempDir::new().unwrap() };
        clock.set(0);
        let mut world = world;
        for (name, value) in [
            ("LD_PRELOAD", library.to_str().unwrap()),
            ("FAKETIME_TIMESTAMP_FILE", clock.file().to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
            // Under its older and its newer name: only the wall is set, as by an operator or by NTP.
            ("DONT_FAKE_MONOTONIC", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("NO_FAKE_STAT", "1"),
        ] {
            world = world.with_variable(name, value);
        }
        Some((world, clock))
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("wall")
    }

    /// Lets it be so many seconds ahead of the right time.
    fn set(&self, ahead_s: i64) {
        let next = self.folder.path().join("next");
        fs::write(&next, format!("{ahead_s:+}\n")).unwrap();
        fs::rename(next, self.file()).unwrap();
    }
}

/// Where packages put it.
fn library() -> Option<PathBuf> {
    let name = Path::new("faketime/libfaketimeMT.so.1");
    let below = fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let roots = below.chain(["/usr/lib", "/usr/lib64", "/usr/local/lib"].map(PathBuf::from));
    roots.map(|root| root.join(name)).find(|path| path.exists())
}

/// The right time, and so many seconds, as gateways and operators write it.
#[expect(clippy::disallowed_methods, reason = "it is told apart from the router's")]
fn written(ahead_s: i64) -> String {
    let now = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    (OffsetDateTime::UNIX_EPOCH + now + time::Duration::seconds(ahead_s)).format(&Rfc3339).unwrap()
}

/// How far the wall clock of the router is ahead, to the hour: by the last line of its history.
fn wall_ahead_hours(world: &World) -> i64 {
    let body = json!({"agentId": "sales", "pin": "V1", "headers": {"X-At": written(0)}});
    world.operator().put("/v1/numbers/%2B16505550001", &body).must(200);
    let page = world.operator().get("/v1/history?limit=1").must(200).json();
    let told = OffsetDateTime::parse(page["entries"][0]["at"].as_str().unwrap(), &Rfc3339).unwrap();
    let right = OffsetDateTime::parse(&written(0), &Rfc3339).unwrap();
    (told - right + time::Duration::minutes(30)).whole_seconds().div_euclid(HOUR_S)
}

/// A split that is at work from one time to another; where it is, its test arm has everything.
fn timed(id: &str, number: &str, starts_s: Option<i64>, ends_s: Option<i64>) -> Value {
    json!({"id": id, "scope": {"numbers": [number]},
           "startsAt": starts_s.map(written), "endsAt": ends_s.map(written),
           "arms": [{"id": "control", "agentId": "sales", "pin": "V1", "weight": 0},
                    {"id": "test", "agentId": "sales", "pin": "V2", "weight": 1}]})
}

const BEGINS: &str = "+16505559001";
const ENDS: &str = "+16505559002";

/// One split that begins in twelve hours and one that ends then.
fn make_splits(world: &World) {
    let mut operator = world.operator();
    operator.post("/v1/splits", &timed("begins", BEGINS, Some(12 * HOUR_S), None)).must(201);
    operator.post("/v1/splits", &timed("ends", ENDS, None, Some(12 * HOUR_S))).must(201);
}

/// Whether the splits are at work, as calls find and as operators are told.
#[track_caller]
fn at_work(world: &World, begins: bool, ends: bool) {
    for (id, number, active) in [("begins", BEGINS, begins), ("ends", ENDS, ends)] {
        let version = if active { 2 } else { 1 };
        assert_eq!(world.version_at(number), Some(version), "calls of the split that {id}");
        let split = world.operator().get(&format!("/v1/splits/{id}")).must(200).json();
        assert_eq!(split["active"], active, "operators are told of the split that {id}");
    }
}

#[test]
fn a_wall_clock_that_jumps_moves_no_call_no_token_no_split_and_no_wait() {
    let law = "wall_clock::a_wall_clock_that_jumps_moves_no_call_no_token_no_split_and_no_wait";
    let Some((world, clock)) = WallClock::of(World::example(), law) else { return };
    let world = world.running();
    make_splits(&world);
    let begun: Vec<Value> = (0..CALLS).map(|at| world.call(AT_LIVE, &format!("long-{at}"))).collect();
    world.put_live("V2");
    world.until("V2 is live", |world| world.version_at(AT_LIVE) == Some(2));
    let (mut legs, mut line) = (0, 0);
    let load = Load::on(&world, PINNED_TO_V1);

    for ahead_s in [DAY_S, -DAY_S, 0] {
        let mut idle = connect(world.calls_address()).unwrap();
        let request = json!({"to": PINNED_TO_V1, "callId": format!("half-{ahead_s}")}).to_string();
        let length = request.len();
        let head = format!("POST /v1/calls HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n");
        idle.write_all(head.as_bytes()).unwrap();
        load.more(50);
        clock.set(ahead_s);
        let since = Instant::now();
        assert_eq!(wall_ahead_hours(&world), ahead_s / HOUR_S, "the wall clock was not set");
        let swaps = world.metric("cordboard_config_swaps_total", &[]);
        // Traffic until at least one sweep of the calls has passed; however slow the machine, nothing may come of it.
        while since.elapsed() < SWEPT {
            load.more(20);
        }
        assert_eq!(world.metric("cordboard_config_swaps_total", &[]), swaps, "nobody changed anything");
        idle.write_all(request.as_bytes()).unwrap();
        assert_eq!(read(&mut BufReader::new(idle)).unwrap().status, 201, "a body has no less time to come");

        for call in &begun {
            let id = call["callId"].as_str().unwrap();
            let body = json!({"to": AT_LIVE, "from": CALLER, "callId": id});
            let again = world.gateway().post("/v1/calls", &body).must(200).json();
            assert_eq!(
                (&again["version"], &again["reason"]["code"]),
                (&json!(1), &json!("call_in_progress"))
            );
            let body = json!({"to": AT_LIVE, "callId": format!("{id}-leg-{legs}"), "token": call["token"]});
            let leg = world.gateway().post("/v1/calls", &body).must(201).json();
            assert_eq!((&leg["version"], &leg["reason"]["code"]), (&json!(1), &json!("token")));
            legs += 1;
        }
        assert_eq!(world.version_at(AT_LIVE), Some(2), "new calls get what is live");
        at_work(&world, false, true);

        // Files are taken, whatever time stands beside them.
        line += 1;
        let number = format!("+1415555070{line}");
        world.edit(
            "routes/other.toml",
            &format!("[[number]]\nnumber = \"{number}\"\nagent = \"sales\"\npin = \"V2\"\n"),
        );
        world.until("the file is in force", |world| world.version_at(&number) == Some(2));
        let ready = world.operator().get("/readyz");
        assert_eq!(ready.status, 200, "{}", ready.body);
    }
    assert_eq!(
        world.metric("cordboard_calls_ended_total", &["outcome=\"unknown\""]),
        0.0,
        "no call timed out"
    );
    let told = load.stop();
    assert!(told.calls.iter().all(|call| call.version == 1));
    let begun = begun.len() + legs + told.calls.len() + line;
    assert_eq!(world.status()["callsInProgress"], begun - told.ended, "{begun} began, {} ended", told.ended);
    for name in ["cordboard_decision_seconds_sum", "process_cpu_seconds_total"] {
        let seconds = world.metric(name, &[]);
        assert!((0.0..120.0).contains(&seconds), "{name} {seconds}");
    }
    assert!(!world.log().contains("panicked"), "{}", world.log());
}

#[test]
fn a_call_is_never_said_to_have_lasted_longer_than_time_has_passed() {
    let law = "wall_clock::a_call_is_never_said_to_have_lasted_longer_than_time_has_passed";
    let Some((world, clock)) = WallClock::of(World::example(), law) else { return };
    let since = Instant::now();
    let mut world = world.running();
    for (at, ahead_s) in [DAY_S, -DAY_S].into_iter().enumerate() {
        let id = format!("silent-{at}");
        world.call(PINNED_TO_V1, &id);
        clock.set(ahead_s);
        world.gateway().post(&format!("/v1/calls/{id}/end"), &json!({})).must(200);
    }
    assert_eq!(world.metric("cordboard_calls_ended_total", &["outcome=\"completed\""]), 2.0);
    let lasted = world.metric("cordboard_call_duration_seconds_sum", &[]);
    let passed = since.elapsed().as_secs_f64();
    assert!((0.0..2.0 * passed).contains(&lasted), "calls are said to have lasted {lasted} s in {passed} s");
    assert_eq!(world.terminate().code(), 0);
}

#[test]
fn a_start_goes_by_the_wall_clock_as_it_is_then() {
    let law = "wall_clock::a_start_goes_by_the_wall_clock_as_it_is_then";
    let Some((world, clock)) = WallClock::of(World::example(), law) else { return };
    let mut world = world.running();
    make_splits(&world);
    let begun = world.call(AT_LIVE, "long");
    world.put_live("V2");
    world.until("V2 is live", |world| world.version_at(AT_LIVE) == Some(2));
    // A token is valid for a day from when it was signed, and not less because the wall clock was set back.
    for (hours, version, begins, ends) in [(20, 1, true, false), (-24, 1, false, true), (25, 2, true, false)]
    {
        world.kill_9();
        clock.set(hours * HOUR_S);
        world.start();
        let body = json!({"to": AT_LIVE, "from": CALLER, "callId": "long", "token": begun["token"]});
        let again = world.gateway().post("/v1/calls", &body).must(201).json();
        assert_eq!(again["version"], version, "{hours} hours later: {again}");
        at_work(&world, begins, ends);
        assert_eq!(wall_ahead_hours(&world), hours, "changes are kept, in the order of their revisions");
    }
    assert!(!world.log().contains("panicked"), "{}", world.log());
}
