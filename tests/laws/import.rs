//! Numbers by the million: as one revision or not at all, and nobody waits for it.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use serde_json::json;

use super::http::{Broken, Client, Reply};
use super::load::Load;
use super::world::{AT_LIVE, Ended, PATIENCE, PINNED_TO_V1, World, encoded};

const ROWS: usize = 100_000;
/// How often something is tried that must come between two moments of an import.
const TRIES: usize = 20;

fn number(at: usize) -> String {
    format!("+1650{at:07}")
}

/// So many rows to a version of `sales`.
fn csv(rows: usize, pin: &str) -> String {
    let mut csv = String::from("number,agentId,pin\n");
    (0..rows).for_each(|at| csv.push_str(&format!("{},sales,{pin}\n", number(at))));
    csv
}

fn head(world: &World, length: &str) -> String {
    format!(
        "POST /v1/numbers:import HTTP/1.1\r\nhost: {}\r\nx-api-key: {}\r\ncontent-type: text/csv\r\n{length}\r\n\r\n",
        world.admin_address(),
        world.key()
    )
}

fn try_import(world: &World, csv: &str) -> Result<Reply, Broken> {
    let head = head(world, &format!("content-length: {}", csv.len()));
    Client::new(world.admin_address()).try_raw(&[head.as_bytes(), csv.as_bytes()].concat())
}

fn import(world: &World, csv: &str) -> Reply {
    try_import(world, csv).unwrap()
}

/// An import that goes on beside the test.
struct Beside {
    answered: Arc<AtomicBool>,
    asker: JoinHandle<Result<Reply, Broken>>,
}

impl Beside {
    fn of(world: &World, csv: String) -> Self {
        let answered = Arc::new(AtomicBool::new(false));
        let (told, mut client) = (Arc::clone(&answered), Client::new(world.admin_address()));
        let head = head(world, &format!("content-length: {}", csv.len()));
        let asker = thread::spawn(move || {
            let reply = client.try_raw(&[head.as_bytes(), csv.as_bytes()].concat());
            told.store(true, Ordering::SeqCst);
            reply
        });
        Self { answered, asker }
    }

    /// Waits until some of it is on the disk and not in force; false if that was over before it was seen.
    fn half_ready(&self, world: &World) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while !self.answered.load(Ordering::SeqCst) {
            if of_the_store(world, "SELECT count(*) FROM import WHERE revision IS NULL AND pieces > 2") > 0 {
                return true;
            }
            assert!(Instant::now() < deadline, "nothing is laid ready");
            thread::sleep(Duration::from_millis(1));
        }
        false
    }

    fn answer(self) -> Result<Reply, Broken> {
        self.asker.join().unwrap()
    }
}

/// A figure out of the store, whether or not a router runs on it.
fn of_the_store(world: &World, sql: &str) -> i64 {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let store = Connection::open_with_flags(world.data().join("control.sqlite"), flags).unwrap();
    store.busy_timeout(PATIENCE).unwrap();
    store.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_rollback_beside_an_import_is_acknowledged_before_it_and_no_call_fails() {
    let world = World::example().running();
    let load = Load::on(&world, PINNED_TO_V1);
    load.more(20);
    for turn in 0..TRIES {
        // Other versions each time, so that each import changes every number.
        let pin = ["V1", "V2"][turn % 2];
        let beside = Beside::of(&world, csv(ROWS, pin));
        let half = beside.half_ready(&world);
        let path = format!("/v1/numbers/{}", encoded("+442079460000"));
        let put = world.operator().put(&path, &json!({"agentId": "sales", "pin": pin})).must(200);
        let before_it = half && !beside.answered.load(Ordering::SeqCst);
        let imported = beside.answer().unwrap().must(200).json();
        let revision: u64 = put.header("x-cordboard-revision").unwrap().parse().unwrap();
        let [created, updated] = ["created", "updated"].map(|of| imported["imported"][of].as_u64().unwrap());
        assert_eq!(created + updated, ROWS as u64);
        assert_eq!(
            world.version_at("+442079460000"),
            world.version_at(&number(ROWS / 2)),
            "both are in force"
        );
        if before_it && revision < imported["revision"].as_u64().unwrap() {
            load.more(20);
            load.stop();
            return;
        }
    }
    panic!("of {TRIES} changes that were made beside an import none was acknowledged before it");
}

#[test]
fn one_bad_line_refuses_all_of_it() {
    let world = World::example().running();
    let before = world.revision();
    let mut rows: Vec<String> = csv(1_000, "V1").lines().map(str::to_owned).collect();
    rows[700] = rows[700].replace("sales", "nobody");
    let refused = import(&world, &rows.join("\r\n")).must(400).json();
    assert_eq!(
        refused["errors"],
        json!([{"field": "line 701", "message": "agentId: there is no agent nobody"}])
    );
    assert_eq!((world.revision(), world.version_at(&number(0))), (before, None));
    rows[700] = rows[699].clone();
    let refused = import(&world, &rows.join("\n")).must(400).json();
    let twice = format!("number: {} is on line 700 already: expected each number once", number(698));
    assert_eq!(refused["errors"], json!([{"field": "line 701", "message": twice}]));
    rows.remove(700);
    import(&world, &rows.join("\n")).must(200);
    assert_eq!((world.revision(), world.version_at(&number(0))), (before + 1, Some(1)));
}

#[test]
fn of_an_import_that_a_kill_cuts_off_nothing_is_there() {
    let mut world = World::example().running();
    let before = world.revision();
    let mut cut = false;
    for _ in 0..TRIES {
        let beside = Beside::of(&world, csv(ROWS, "V1"));
        let half = beside.half_ready(&world);
        world.kill_9();
        let answer = beside.answer();
        let left = of_the_store(&world, "SELECT count(*) FROM import_piece");
        world.start();
        if world.revision() == before {
            assert!(answer.is_err(), "it was acknowledged: {answer:?}");
            for at in [0, ROWS / 2, ROWS - 1] {
                assert_eq!(world.version_at(&number(at)), None);
            }
            assert_eq!(
                of_the_store(&world, "SELECT count(*) FROM import_piece"),
                0,
                "what was left is swept"
            );
            cut |= half && left > 0;
        } else {
            // It was faster than the kill; then all of it is there.
            world.restart();
            for at in [0, ROWS / 2, ROWS - 1] {
                assert_eq!(world.version_at(&number(at)), Some(1));
            }
            world = World::example().running();
        }
        if cut {
            import(&world, &csv(ROWS, "V2")).must(200);
            assert_eq!(world.version_at(&number(ROWS - 1)), Some(2));
            return;
        }
    }
    panic!("no import was hit in {TRIES} times");
}

#[test]
fn an_import_that_was_acknowledged_survives_a_kill_and_later_changes_win() {
    let mut world = World::example().running();
    import(&world, &csv(ROWS, "V1")).must(200);
    let last = format!("/v1/numbers/{}", encoded(&number(ROWS - 1)));
    world.operator().put(&last, &json!({"agentId": "sales", "pin": "V2"})).must(200);
    let first = format!("/v1/numbers/{}", encoded(&number(0)));
    world.operator().ask("DELETE", &first, None).must(204);
    let sound = |world: &World| {
        let versions = [0, 1, ROWS / 2, ROWS - 1].map(|at| world.version_at(&number(at)));
        assert_eq!(versions, [None, Some(1), Some(1), Some(2)]);
    };
    world.kill_9();
    world.start();
    sound(&world);
    world.until("all of it is folded", |world| {
        of_the_store(world, "SELECT count(*) FROM import WHERE folded < pieces") == 0
    });
    assert_eq!(of_the_store(&world, "SELECT count(*) FROM phone WHERE number >= 16500000000"), 99_999);
    world.restart();
    sound(&world);
}

#[test]
fn two_gigabytes_are_refused_by_their_length_and_by_what_has_come() {
    let world = World::example().with_variable("CORDBOARD_LIMITS_IMPORT_BYTES_MAX", "1048576").running();
    let said = head(&world, "content-length: 2147483648");
    let reply = Client::new(world.admin_address()).try_raw(said.as_bytes()).unwrap().must(413);
    assert!(reply.body.contains("1048576 bytes, which limits.import_bytes_max allows"), "{}", reply.body);
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 16, "\n".repeat(1 << 16));
    let mut unsaid = head(&world, "transfer-encoding: chunked");
    (0..17).for_each(|_| unsaid.push_str(&chunk));
    let reply = Client::new(world.admin_address()).try_raw(unsaid.as_bytes()).unwrap().must(413);
    assert!(reply.body.contains("limits.import_bytes_max"), "{}", reply.body);
    import(&world, &csv(10, "V1")).must(200);
}

// --- by command ---

fn asked(world: &World, arguments: &[&str], input: &str) -> Ended {
    let mut command = world.cordboard(arguments);
    command.env("CORDBOARD_DATA", world.data()).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { status: output.status, out: text(output.stdout), err: text(output.stderr) }
}

#[test]
fn a_file_is_imported_by_command_and_its_faults_are_told_by_file_and_line() {
    let world = World::example().running();
    let file = |name: &str, text: &str| fs::write(world.config().join(name), text).unwrap();
    file(
        "bad.csv",
        "\u{feff}number,agentId,pin\r\n+16505550001,sales,V1\r\n\"+16505550002\",sales,V9\r\n+16505550001,sales,V1\r\n",
    );
    let refused = world.client(&["numbers", "import", "config/bad.csv", "--yes"]);
    assert_eq!(refused.code(), 1, "{}", refused.err);
    assert!(refused.err.contains("the import has 2 faults"), "{}", refused.err);
    assert!(refused.err.contains("\n  config/bad.csv:3: pin: agent sales has no V9\n"), "{}", refused.err);
    assert!(
        refused.err.contains("\n  config/bad.csv:4: number: +16505550001 is on line 2"),
        "{}",
        refused.err
    );
    file("columns.csv", "agentId,pin\nsales,V1\n");
    let refused = world.client(&["numbers", "import", "config/columns.csv", "--yes"]);
    assert!(refused.err.contains("config/columns.csv:1: the column number is missing"), "{}", refused.err);

    file("fixed.csv", "number,agentId,pin\n+16505550001,sales,V1\n+16505550002,sales,V2\n");
    let done = world.client(&["numbers", "import", "config/fixed.csv"]);
    assert_eq!(done.code(), 0, "nothing of it is at live: {}", done.err);
    let told = format!(
        "imported: 2 made, 0 given another route, 0 as they were, from revision {}\n",
        world.revision()
    );
    assert_eq!(done.out, told);
    assert_eq!(world.version_at("+16505550002"), Some(2));
    let dry = world.client(&["numbers", "import", "config/fixed.csv", "--dry-run", "--json"]);
    assert!(dry.out.contains("\"unchanged\":2"), "{}", dry.out);
    let unknown = world.client(&["numbers", "import", "config/cordboard.toml"]);
    assert_eq!(unknown.code(), 2, "{}", unknown.err);
    assert!(unknown.err.contains("--format csv or --format ndjson"), "{}", unknown.err);
}

#[test]
fn an_import_that_reaches_live_is_put_to_the_operator_first() {
    let world = World::example().running();
    let live = "number,agentId,pin\n+16505550001,sales,live\n+16505550002,sales,V1\n";
    fs::write(world.config().join("live.csv"), live).unwrap();
    let before = world.revision();
    let unasked = world.client(&["numbers", "import", "config/live.csv"]);
    assert_eq!(unasked.code(), 2);
    assert!(unasked.err.contains("1 number from or to live) reaches live: say --yes"), "{}", unasked.err);
    let row = "{\"number\": \"+16505550003\", \"agentId\": \"sales\", \"pin\": \"live\"}\n";
    let unasked = asked(&world, &["numbers", "import", "-", "--format", "ndjson"], row);
    assert_eq!((unasked.code(), world.revision()), (2, before), "{}", unasked.err);
    let done = asked(&world, &["numbers", "import", "-", "--format", "ndjson", "--yes"], row);
    assert_eq!((done.code(), world.revision()), (0, before + 1), "{}", done.err);
    assert_eq!(world.version_at("+16505550003"), world.version_at(AT_LIVE));
    assert_eq!(world.client(&["numbers", "import", "config/live.csv", "-y"]).code(), 0);
}
