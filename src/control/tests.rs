//! What is promised when the store or the room itself fails.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::alarm::Alarm;
use super::bodies::fetch_wanted;
use super::files::{Library, SourceFile};
use super::import::{ImportError, NumbersImport};
use super::keys::new_key;
use super::metrics::ConfigMetrics;
use super::reload::{Look, Reloader, Sources};
use super::testing::{Ground, control_over, full_disk};
use super::{Applied, Control, ControlError, Job};
use crate::domain::account::Account;
use crate::domain::address::Number;
use crate::domain::change::{Change, Entry, NumberChanges, SplitRef, StagedId, Touched};
use crate::domain::command::{Action, Author, Command};
use crate::domain::deployment::Deployment;
use crate::domain::fault::Fault;
use crate::domain::id::{ConfigHash, Revision, SplitId};
use crate::domain::import::{Imported, RowFaults, Rows};
use crate::domain::route::Route;
use crate::domain::split::Split;
use crate::domain::state::State;
use crate::domain::testing::{account, file_agent, file_set, number, route, rows, split, world};
use crate::domain::time::Timestamp;
use crate::routing::shelf::Shelf;
use crate::store::error::StoreError;
use crate::store::port::{Commit, CommitError, ControlStore, DeploymentFilter, HistoryFilter};
use crate::store::sqlite::SqliteStore;
use crate::telemetry::{Clock, Registry};

const PATIENCE: Duration = Duration::from_secs(20);

/// A store in memory that fails when it is told to.
struct Brittle {
    store: SqliteStore,
    /// Commits wait while somebody holds it.
    gate: Mutex<()>,
    commits: AtomicUsize,
    full: AtomicBool,
    broken: AtomicBool,
    saved: Mutex<Vec<Vec<(SplitRef, u64)>>>,
    /// What happens while the next import is written down.
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    unstaged: AtomicUsize,
}

impl ControlStore for Brittle {
    fn load(&self, absorb: &mut dyn FnMut(Change)) -> Result<Revision, StoreError> {
        self.store.load(absorb)
    }

    fn commit(&self, expected: Revision, commits: &[Commit]) -> Result<Revision, CommitError> {
        self.commits.fetch_add(1, Ordering::SeqCst);
        let _gate = self.gate.lock().unwrap();
        assert!(!self.broken.load(Ordering::SeqCst), "broken as it was told to");
        if self.full.load(Ordering::SeqCst) {
            return Err(full_disk().into());
        }
        self.store.commit(expected, commits)
    }

    fn check(&self) -> Result<(), StoreError> {
        self.store.check()
    }

    fn begin_staging(&self) -> Result<StagedId, StoreError> {
        self.store.begin_staging()
    }

    fn stage(&self, staged: StagedId, numbers: &NumberChanges) -> Result<(), StoreError> {
        if let Some(meanwhile) = self.meanwhile.lock().unwrap().take() {
            meanwhile();
        }
        self.store.stage(staged, numbers)
    }

    fn unstage(&self, staged: StagedId) -> Result<(), StoreError> {
        self.unstaged.fetch_add(1, Ordering::SeqCst);
        self.store.unstage(staged)
    }

    fn fold(&self) -> Result<bool, StoreError> {
        self.store.fold()
    }

    fn body(&self, hash: ConfigHash) -> Result<Option<Arc<[u8]>>, StoreError> {
        assert!(!self.broken.load(Ordering::SeqCst), "broken as it was told to");
        self.store.body(hash)
    }

    fn history(&self, filter: &HistoryFilter) -> Result<Vec<Entry>, StoreError> {
        self.store.history(filter)
    }

    fn deployments(&self, filter: &DeploymentFilter) -> Result<Vec<Arc<Deployment>>, StoreError> {
        self.store.deployments(filter)
    }

    fn copy_into(&self, path: &Path) -> Result<(), StoreError> {
        self.store.copy_into(path)
    }

    fn after(&self, revision: Revision, limit: usize) -> Result<Vec<(Entry, Vec<Change>)>, StoreError> {
        self.store.after(revision, limit)
    }

    fn save_split_calls(&self, counts: &[(SplitRef, u64)]) -> Result<(), StoreError> {
        self.saved.lock().unwrap().push(counts.to_vec());
        self.store.save_split_calls(counts)
    }

    fn split_calls(&self) -> Result<Vec<(SplitRef, u64)>, StoreError> {
        self.store.split_calls()
    }
}

/// Files that are as they are shown; a look breaks off when it is told to.
#[derive(Clone, Default)]
struct Shown {
    files: Arc<Mutex<Vec<SourceFile>>>,
    broken: Arc<AtomicBool>,
}

impl Sources for Shown {
    fn look(&mut self) -> Result<Look, Vec<Fault>> {
        assert!(!self.broken.load(Ordering::SeqCst), "broken as it was told to");
        Ok(Look { changed: self.files.lock().unwrap().clone(), ..Look::default() })
    }

    fn keep(&mut self) {}

    fn forget(&mut self) {}
}

struct Room {
    store: Arc<Brittle>,
    sources: Shown,
    registry: Registry,
    control: Control,
    reloader: Option<Reloader>,
    ground: Ground,
}

impl Room {
    /// An account with the agents of [`world`](crate::domain::testing::world).
    fn new() -> Self {
        let store = Arc::new(Brittle {
            store: SqliteStore::in_memory().unwrap(),
            gate: Mutex::default(),
            commits: AtomicUsize::new(0),
            full: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            saved: Mutex::default(),
            meanwhile: Mutex::default(),
            unstaged: AtomicUsize::new(0),
        });
        let main = Account::new(account(), "Main", Timestamp(0));
        let (sources, registry) = (Shown::default(), Registry::new());
        let (control, reloader, ground) = control_over(
            Arc::clone(&store) as Arc<dyn ControlStore>,
            vec![Change::AccountPut(main)],
            [7; 32],
            Box::new(sources.clone()),
            &registry,
            &Clock::system(),
        );
        let agents = file_set(vec![file_agent("sales", 3, 1), file_agent("reception", 1, 1)]);
        control.submit_blocking(command(Action::ApplyFiles(Arc::new(agents)))).unwrap();
        Self { store, sources, registry, control, reloader: Some(reloader), ground }
    }

    /// Puts a command into the queue; the answer comes to who waits for it.
    fn ask(&self, action: Action) -> oneshot::Receiver<Result<Applied, ControlError>> {
        let (reply, answer) = oneshot::channel();
        let job = Job { command: command(action), precondition: None, weighed: None, reply };
        self.control.inner.queue.try_send(job).ok().unwrap();
        answer
    }

    fn until(&self, what: &str, so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !so(self) {
            assert!(Instant::now() < deadline, "it never came that {what}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn metric(&self, line: &str) -> bool {
        self.registry.page().lines().any(|found| found == line)
    }
}

fn command(action: Action) -> Command {
    Command { account: account(), author: Author::Console, at: Timestamp(1), action }
}

/// Asks for files to be read whose copy is held up on its way to the disk; answers what holds it up until it is dropped.
struct HeldUp {
    writer: File,
    answer: std::thread::JoinHandle<Result<Applied, ControlError>>,
}

impl HeldUp {
    fn new(room: &mut Room) -> Self {
        let files: Vec<SourceFile> = [
            ("agents/late/agent.toml", ""),
            ("agents/late/V1.toml", "name = \"Late\"\n"),
            (
                "routes/late.toml",
                "[[split]]\nid = \"late\"\narms = [{ id = \"a\", agent = \"late\", pin = \"V1\", weight = 1 }]\n",
            ),
        ]
        .map(|(path, text)| SourceFile::new(Arc::from(path), text.as_bytes().to_vec()))
        .into();
        let hash = Library::new(&account()).read(&files, &[]).unwrap().hash();
        let pipe = Self::pipe(room, files[2].hash);
        *room.sources.files.lock().unwrap() = files;
        let (reloader, control) = (room.reloader.take().unwrap(), room.control.clone());
        let answer = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.spawn(reloader.run(std::future::pending));
            runtime.block_on(
                control.reload(Some(crate::control::reload::Acceptance { hash, by: "operators".into() })),
            )
        });
        let writer = std::cell::OnceCell::new();
        // There is nobody to write to until somebody reads.
        let mut open = OpenOptions::new();
        open.write(true).custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
        room.until("a copy is on its way to the disk", |_| {
            open.open(&pipe).is_ok_and(|file| writer.set(file).is_ok())
        });
        Self { writer: writer.into_inner().unwrap(), answer }
    }

    /// In the place of a copy, which is looked at before it is written.
    fn pipe(room: &Room, content: ConfigHash) -> PathBuf {
        let folder = room.ground.folder.last_good();
        fs::create_dir_all(&folder).unwrap();
        let pipe = folder.join(format!("{content}.toml"));
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        pipe
    }

    fn go_on(self) -> Result<Applied, ControlError> {
        drop(self.writer);
        self.answer.join().unwrap()
    }
}

#[test]
fn other_changes_do_not_wait_for_the_copies_of_files() {
    let mut room = Room::new();
    let held_up = HeldUp::new(&mut room);
    let key = room.ask(Action::ReplaceKey(new_key(&account(), &[7; 32], [1; 32], Timestamp(0)).key));
    let answered = std::thread::spawn(move || key.blocking_recv().unwrap());
    room.until("another change is answered", |_| answered.is_finished());
    assert!(answered.join().unwrap().unwrap().changed);
    let applied = held_up.go_on().unwrap();
    assert!(applied.changed);
    assert_eq!(applied.state.splits.len(), 1);
    assert_eq!(applied.state.keys.len(), 1, "what came between is there");
}

#[test]
fn files_that_were_granted_are_weighed_again_if_something_came_between() {
    let mut room = Room::new();
    let held_up = HeldUp::new(&mut room);
    let late = split("late", &[("control", "sales@V1", 1)]);
    let made = room.control.submit_blocking(command(make(late))).unwrap();
    let refused = held_up.go_on();
    let Err(ControlError::Refused(refusal)) = refused else { panic!("{refused:?}") };
    assert!(refusal.faults[0].message.contains("split late"), "{refusal:?}");
    assert_eq!(room.control.state().revision, made.revision);
}

#[test]
fn the_count_of_a_deleted_split_is_none_of_the_one_that_takes_its_id() {
    let room = Room::new();
    let made_at = |at, salt| Split { call_quota: Some(10), created_at: Timestamp(at), salt, ..spring() };
    let id = SplitRef { account: account(), split: spring().id };
    let call = || {
        let table = room.control.live().snapshot();
        table.split(&id).unwrap().calls.fetch_add(1, Ordering::Relaxed);
        room.control.save_split_calls().unwrap();
    };
    for (at, salt) in [(1, 1), (2, 1), (2, 2)] {
        room.control.submit_blocking(command(make(made_at(at, salt)))).unwrap();
        assert_eq!(room.store.split_calls().unwrap(), [], "it went with the split");
        call();
        assert_eq!(room.store.split_calls().unwrap(), [(id.clone(), 1)]);
        room.control.submit_blocking(command(Action::DeleteSplit(id.split.clone()))).unwrap();
    }
}

fn spring() -> Split {
    split("spring", &[("control", "sales@V1", 80), ("test", "sales@V2", 20)])
}

fn make(split: Split) -> Action {
    Action::CreateSplit { split, numbers: Vec::new() }
}

#[test]
fn nobody_is_refused_for_a_change_that_was_never_kept() {
    let room = Room::new();
    let gate = room.store.gate.lock().unwrap();
    let commits = room.store.commits.load(Ordering::SeqCst);
    let first = room.ask(make(spring()));
    room.until("the first is on its way to the disk", |room| {
        room.store.commits.load(Ordering::SeqCst) > commits
    });
    let summer = || split("summer", &[("control", "sales@V1", 1)]);
    // These are weighed together, the last on top of the one before.
    let alone = room.ask(make(split("late", &[("control", "nobody@V1", 1)])));
    let (made, again) = (room.ask(make(summer())), room.ask(make(summer())));
    room.store.full.store(true, Ordering::SeqCst);
    drop(gate);
    assert!(matches!(first.blocking_recv().unwrap(), Err(ControlError::Store(_))));
    assert!(matches!(alone.blocking_recv().unwrap(), Err(ControlError::Refused(_))), "its reason is durable");
    assert!(matches!(made.blocking_recv().unwrap(), Err(ControlError::Store(_))));
    let again = again.blocking_recv().unwrap();
    assert!(matches!(again, Err(ControlError::Store(_))), "there is no such split: {again:?}");
    room.store.full.store(false, Ordering::SeqCst);
    assert!(room.control.submit_blocking(command(make(summer()))).is_ok());
}

#[test]
fn counts_of_splits_are_written_when_they_have_changed_and_only_then() {
    let room = Room::new();
    let saves = || room.store.saved.lock().unwrap().len();
    room.control.submit_blocking(command(make(Split { call_quota: Some(10), ..spring() }))).unwrap();
    room.control.submit_blocking(command(make(split("free", &[("control", "sales@V1", 1)])))).unwrap();
    room.control.save_split_calls().unwrap();
    let id = |id: &str| SplitRef { account: account(), split: SplitId::parse(id).unwrap() };
    let count = |of: &str| {
        let table = room.control.live().snapshot();
        table.split(&id(of)).unwrap().calls.fetch_add(1, Ordering::Relaxed);
    };
    let before = saves();
    for _ in 0..3 {
        room.control.save_split_calls().unwrap();
    }
    count("free");
    room.control.save_split_calls().unwrap();
    assert_eq!(saves(), before, "nothing that is kept has changed");
    count("spring");
    for _ in 0..2 {
        room.control.save_split_calls().unwrap();
    }
    assert_eq!(saves(), before + 1);
    assert_eq!(room.store.saved.lock().unwrap().last().unwrap(), &[(id("spring"), 1)]);
    assert_eq!(room.store.split_calls().unwrap(), [(id("spring"), 1)]);
}

#[test]
fn a_lost_control_thread_is_told_and_the_last_table_stays() {
    let room = Room::new();
    let before = room.control.live().snapshot().revision;
    assert!(room.ground.health.ready());
    assert!(room.metric("cordboard_config_parts_lost_total 0"), "{}", room.registry.page());
    room.store.broken.store(true, Ordering::SeqCst);
    let lost = room.control.submit_blocking(command(make(spring())));
    assert!(matches!(lost, Err(ControlError::Stopped)), "{lost:?}");
    room.until("it is told", |room| !room.ground.health.ready());
    let readiness = room.ground.health.readiness();
    assert_eq!(readiness.status, 503);
    assert!(readiness.body.contains(r#""control":"no change can be made any more"#), "{}", readiness.body);
    assert!(room.metric("cordboard_config_parts_lost_total 1"), "{}", room.registry.page());
    assert_eq!(room.control.live().snapshot().revision, before);
    assert!(room.control.submit_blocking(command(make(spring()))).is_err());
}

fn assert_reader_is_lost(room: &Room) {
    let readiness = room.ground.health.readiness();
    assert!(
        readiness.body.contains(r#""reload":"the files are not followed any more"#),
        "{}",
        readiness.body
    );
    assert!(room.metric("cordboard_config_parts_lost_total 1"));
}

#[test]
fn a_lost_reader_of_the_files_is_told_and_other_changes_go_on() {
    let mut room = Room::new();
    room.sources.broken.store(true, Ordering::SeqCst);
    let reloader = room.reloader.take().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // The first wake-up is lost with it, so that this ends.
    runtime.block_on(reloader.run(|| std::future::ready(Some(()))));
    assert_reader_is_lost(&room);
    assert!(room.control.submit_blocking(command(make(spring()))).is_ok());
}

#[test]
fn a_lost_watch_is_told_and_who_asks_has_the_files_read_all_the_same() {
    let mut room = Room::new();
    let reloader = room.reloader.take().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.spawn(reloader.run(|| std::future::ready(None)));
    // An answer in time is a law of its own: what is heard no more must not be asked for again and again.
    let answer = runtime.block_on(async { tokio::time::timeout(PATIENCE, room.control.reload(None)).await });
    assert!(answer.unwrap().is_ok());
    assert_reader_is_lost(&room);
}

#[test]
fn a_lost_fetcher_of_configurations_is_told() {
    let room = Room::new();
    room.control.submit_blocking(command(make(spring()))).unwrap();
    let shelf = Arc::new(Shelf::default());
    let metrics = Arc::new(ConfigMetrics::register(&Registry::new()).unwrap());
    let alarm = Alarm::new("bodies", "nothing is fetched", &room.ground.health, &metrics);
    fetch_wanted(&shelf, Arc::clone(&room.store) as Arc<dyn ControlStore>, alarm).unwrap();
    let id = SplitRef { account: account(), split: spring().id };
    let served = room.control.live().snapshot().split(&id).unwrap().arms[0].served.clone().unwrap();
    room.store.broken.store(true, Ordering::SeqCst);
    shelf.want(&served);
    room.until("it is told", |room| !room.ground.health.ready());
    assert!(room.ground.health.readiness().body.contains(r#""bodies":"nothing is fetched"#));
}

#[test]
fn many_numbers_with_routes_of_their_own_go_into_a_split_in_time_that_grows_with_them() {
    const NUMBERS: u32 = 20_000;
    let mut state = world();
    let mut changes = NumberChanges::default();
    for at in 0..NUMBERS {
        let headers = [("X-Number".to_owned(), at.to_string())].into();
        changes.routes.push(Arc::new(Route { headers, ..route("sales@V1") }));
        changes.push(number(&format!("+1415{at:07}")), Some(at));
    }
    let numbers = changes.phones.iter().map(|(phone, _)| Number::E164(*phone)).collect();
    state.absorb(&Change::Numbers(changes), &mut Touched::default());
    let began = Instant::now();
    let outcome = state.weigh(&command(Action::CreateSplit { split: spring(), numbers })).unwrap();
    // Each route compared with each other takes most of a minute.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(outcome.changes.len(), 2);
}

fn import(of: Rows) -> NumbersImport {
    let Command { account, author, at, .. } = command(Action::DeleteDefault);
    NumbersImport { account, author, at, rows: of, faults: RowFaults::default() }
}

impl Room {
    /// Has this happen after the next import was weighed and before it lands.
    fn meanwhile(&self, happens: impl FnOnce(&Control) + Send + 'static) {
        let control = self.control.clone();
        *self.store.meanwhile.lock().unwrap() = Some(Box::new(move || happens(&control)));
    }

    fn import(&self, of: Rows) -> Result<Applied, ImportError> {
        self.control.import(self.control.import_turn().unwrap(), import(of))
    }

    fn served(&self, at: &str) -> Option<String> {
        let state = self.control.state();
        let route = state.route(&number(at))?;
        route.pins().next().map(|(agent, pin)| format!("{agent}@{pin}"))
    }
}

#[test]
fn changes_that_others_make_while_an_import_is_written_down_do_not_wait_and_stay() {
    let room = Room::new();
    let put = |to: &str| command(Action::PutNumber { number: number("+14155550100"), route: route(to) });
    room.control.submit_blocking(put("sales@V1")).unwrap();
    let (other, ours) = (put("sales@V2"), command(Action::DeleteNumber(number("+14155550100"))));
    room.meanwhile(move |control| {
        let applied = control.submit_blocking(other).unwrap();
        assert!(applied.state.route(&number("+14155550101")).is_none(), "it is not in force yet");
        control.submit_blocking(ours).unwrap();
    });
    let before = room.control.state().revision;
    let applied = room.import(rows(&[("+14155550100", "sales@V3"), ("+14155550101", "sales@V3")])).unwrap();
    assert_eq!(applied.revision, Revision(before.0 + 3));
    assert_eq!(applied.imported, Some(Imported { created: 2, updated: 0, unchanged: 0 }));
    for at in ["+14155550100", "+14155550101"] {
        assert_eq!(room.served(at).as_deref(), Some("sales@V3"));
    }
    let mut loaded = State::default();
    room.store.load(&mut |change| loaded.absorb(&change, &mut Touched::default())).unwrap();
    assert_eq!(loaded.numbers.len(), 2);
    assert_eq!(room.control.live().snapshot().numbers.len(), 2);
}

#[test]
fn an_import_that_others_stand_against_leaves_nothing_and_says_where() {
    let room = Room::new();
    room.control.submit_blocking(command(make(spring()))).unwrap();
    let ended = command(Action::DeleteSplit(spring().id));
    room.meanwhile(move |control| drop(control.submit_blocking(ended).unwrap()));
    let refused = room.import(rows(&[("+14155550101", "sales@V3"), ("+14155550100", "split:spring")]));
    let Err(ImportError::Faulty(faults)) = refused else { panic!("{refused:?}") };
    assert!(faults.told().map(|fault| (fault.line, fault.field.as_str())).eq([(3, "splitId")]));
    assert_eq!(room.store.unstaged.load(Ordering::SeqCst), 1);
    assert!(room.control.state().numbers.is_empty());
    assert!(room.control.import_turn().is_some(), "the next one may");
}

#[test]
fn an_import_that_the_disk_refuses_leaves_nothing() {
    let room = Room::new();
    room.store.full.store(true, Ordering::SeqCst);
    let refused = room.import(rows(&[("+14155550100", "sales@V3")]));
    assert!(matches!(refused, Err(ImportError::Control(ControlError::Store(_)))), "{refused:?}");
    assert_eq!(room.store.unstaged.load(Ordering::SeqCst), 1);
    room.store.full.store(false, Ordering::SeqCst);
    assert_eq!(room.import(rows(&[("+14155550100", "sales@V3")])).unwrap().imported.unwrap().created, 1);
}

#[test]
fn the_same_import_once_more_and_a_dry_run_change_nothing() {
    let room = Room::new();
    let of = || rows(&[("+14155550100", "sales@V3"), ("desk-1", "sales@V1")]);
    let turn = room.control.import_turn().unwrap();
    let weighed = room.control.weigh_import(turn, import(of())).unwrap();
    assert_eq!((weighed.imported.created, weighed.live), (2, 0));
    assert!(room.control.state().numbers.is_empty());
    let first = room.import(of()).unwrap();
    let again = room.import(of()).unwrap();
    assert_eq!((again.changed, again.revision), (false, first.revision));
    assert_eq!(again.imported, Some(Imported { created: 0, updated: 0, unchanged: 2 }));
}

#[test]
fn one_import_at_a_time() {
    let room = Room::new();
    let turn = room.control.import_turn();
    assert!(turn.is_some());
    assert!(room.control.import_turn().is_none());
    drop(turn);
    assert!(room.control.import_turn().is_some());
}
