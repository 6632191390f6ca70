//! A small world for tests: one account, two agents, and short ways to say what happens to it.

use std::sync::Arc;

use super::account::{Account, Key, KeyDigest, Permission};
use super::address::{Number, Prefix};
use super::agent::AgentRef;
use super::agent_config::AgentConfig;
use super::caller_pin::{CallerAddress, CallerHash, CallerPin, CallerPinRef};
use super::change::{NumberChanges, SplitRef, Touched};
use super::command::{Action, ArmPatch, Author, Command, Outcome};
use super::files::{FileAgent, FileConfig, FileNumber, FileSet, FileSplit, Place, Placed, Reading};
use super::id::{AccountId, AgentId, ArmId, ConfigHash, Environment, Pin, SplitId, VersionNumber};
use super::import::{Import, Place as RowPlace, RowFaults, Rows, Said, SaidSite};
use super::refusal::Refusal;
use super::route::{Destination, ManagedBy, Route};
use super::split::slots::Owners;
use super::split::{Arm, Split, UnitRule};
use super::state::State;
use super::time::Timestamp;

/// The account of the world.
pub(crate) fn account() -> AccountId {
    AccountId::parse("ws-1").unwrap()
}

/// A number.
pub(crate) fn number(text: &str) -> Number {
    Number::parse(text).unwrap()
}

/// A pin.
pub(crate) fn pin(text: &str) -> Pin {
    Pin::parse(text).unwrap()
}

/// A version's number.
pub(crate) fn version(n: u32) -> VersionNumber {
    VersionNumber::new(n).unwrap()
}

/// A key with every permission.
pub(crate) fn key() -> Key {
    Key {
        id: "key-1".to_owned(),
        name: "tests".to_owned(),
        account: account(),
        permissions: Permission::ALL.to_vec(),
        agents: None,
        expires_at: None,
        created_at: None,
        digest: KeyDigest([7; 32]),
    }
}

/// A route of the API to `sales@V1`, or to `split:spring`.
pub(crate) fn route(to: &str) -> Route {
    Route::plain(account(), ManagedBy::Api, destination(to))
}

fn destination(to: &str) -> Destination {
    match to.split_once('@') {
        Some((agent, at)) => Destination::Agent { agent: AgentId::parse(agent).unwrap(), pin: pin(at) },
        None => Destination::Split(SplitId::parse(to.strip_prefix("split:").unwrap()).unwrap()),
    }
}

/// Rows of `("+14155550100", "sales@V1")`, from line 2 on, that say nothing of the site.
pub(crate) fn rows(said: &[(&str, &str)]) -> Rows {
    let mut rows = Rows::default();
    for (line, (text, to)) in (2..).zip(said) {
        let said = rows.said(Said { to: destination(to), site: SaidSite::Kept });
        rows.push(number(text), RowPlace { line, said });
    }
    rows
}

/// A split of `("control", "sales@V1", 80)` arms.
pub(crate) fn split(id: &str, arms: &[(&str, &str, u32)]) -> Split {
    let arms: Vec<Arm> = arms.iter().map(|(id, to, weight)| arm(id, to, *weight)).collect();
    let weights: Vec<u32> = arms.iter().map(|arm| arm.weight).collect();
    Split {
        account: account(),
        id: SplitId::parse(id).unwrap(),
        name: String::new(),
        managed_by: ManagedBy::Api,
        scope: None,
        unit: UnitRule::Caller,
        arms,
        salt: 42,
        owners: Owners::first(&weights),
        starts_at: None,
        ends_at: None,
        call_quota: None,
        paused: false,
        ending: None,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
    }
}

/// An arm to `sales@V1`.
pub(crate) fn arm(id: &str, to: &str, weight: u32) -> Arm {
    let Destination::Agent { agent, pin } = destination(to) else { panic!("an arm leads to an agent") };
    Arm {
        id: ArmId::parse(id).unwrap(),
        name: String::new(),
        agent,
        pin,
        weight,
        max_calls_in_progress: None,
    }
}

/// A configuration whose prompt is this text.
pub(crate) fn config(prompt: &str) -> FileConfig {
    let text = format!(
        "name = \"Sales\"\nendpoints = [{{ uri = \"sip:{{agent}}.v{{version}}@127.0.0.1:5060\" }}]\n\
         [instructions]\nsystemPrompt = {prompt:?}\n"
    );
    let config = AgentConfig::from_toml(&text).unwrap();
    let body = config.canonical_json().into();
    FileConfig { hash: config.hash(), dispatch: Arc::new(config.dispatch()), body: Some(body) }
}

/// A place in a file that tests name.
pub(crate) fn place(line: u32) -> Place {
    Place { file: Arc::from("routes/test.toml"), line, column: 1 }
}

fn placed<T>(value: T) -> Placed<T> {
    Placed::whole(place(1), value)
}

/// Files with an agent of versions V1 to V`versions`, live at `live`, and a draft.
pub(crate) fn file_agent(id: &str, versions: u32, live: u32) -> Placed<FileAgent> {
    let config_of = |n: u32| placed((version(n), config(&format!("{id} {n}"))));
    placed(FileAgent {
        id: AgentRef { account: account(), agent: AgentId::parse(id).unwrap() },
        name: id.to_owned(),
        endpoints: Vec::new(),
        max_calls_in_progress: None,
        fallback: None,
        environments: vec![placed((Environment::Live, version(live)))],
        draft: Some(placed(config(&format!("{id} draft")))),
        versions: (1..=versions).map(config_of).collect(),
    })
}

/// A split of the files.
pub(crate) fn file_split(id: &str, arms: &[(&str, &str, u32)]) -> Placed<FileSplit> {
    placed(FileSplit {
        id: SplitRef { account: account(), split: SplitId::parse(id).unwrap() },
        name: String::new(),
        unit: UnitRule::Caller,
        arms: arms.iter().map(|(id, to, weight)| arm(id, to, *weight)).collect(),
        salt: None,
        owners: None,
        starts_at: None,
        ends_at: None,
        call_quota: None,
        paused: false,
    })
}

/// A set of files with agents and nothing else.
pub(crate) fn file_set(agents: Vec<Placed<FileAgent>>) -> FileSet {
    FileSet {
        hash: ConfigHash([1; 16]),
        accepted: false,
        accepted_by: None,
        account: account(),
        agents,
        splits: Vec::new(),
        prefixes: Vec::new(),
        defaults: Vec::new(),
        caller_pins: Vec::new(),
        routes: Vec::new(),
        files: vec![Arc::from("routes/test.toml")],
        put: Vec::new(),
        released: Vec::new(),
        numbers_before: 0,
        reading: Reading::default(),
    }
}

impl FileSet {
    /// Adds a number with a route of its own.
    pub(crate) fn with_number(mut self, text: &str, to: &str) -> Self {
        let route = Arc::new(Route { managed_by: ManagedBy::Files, ..route(to) });
        let at = self.routes.iter().position(|placed| placed.value == route).unwrap_or_else(|| {
            self.routes.push(placed(route));
            self.routes.len() - 1
        });
        let line = u32::try_from(self.put.len()).unwrap() + 1;
        self.put.push(FileNumber { number: number(text), route: u32::try_from(at).unwrap(), file: 0, line });
        self
    }

    /// Adds a caller pin.
    pub(crate) fn with_caller_pin(mut self, caller: &str, to: &str) -> Self {
        let pin = CallerPin { managed_by: ManagedBy::Files, ..caller_pin(caller, to) };
        self.caller_pins.push(placed(Arc::new(pin)));
        self
    }

    /// Sets the default route.
    pub(crate) fn with_default(mut self, to: &str) -> Self {
        self.defaults.push(placed(Arc::new(Route { managed_by: ManagedBy::Files, ..route(to) })));
        self
    }

    /// Adds a prefix.
    pub(crate) fn with_prefix(mut self, text: &str, to: &str) -> Self {
        let route = Arc::new(Route { managed_by: ManagedBy::Files, ..route(to) });
        self.prefixes.push(placed((Prefix::parse(text).unwrap(), route)));
        self
    }
}

/// A pin of the API of a caller to `sales@V3`.
pub(crate) fn caller_pin(caller: &str, to: &str) -> CallerPin {
    let Destination::Agent { agent, pin } = destination(to) else { panic!("a caller is pinned to an agent") };
    let agent = AgentRef { account: account(), agent };
    let id = CallerPinRef { agent, caller: CallerAddress::parse(caller).unwrap() };
    CallerPin { id, managed_by: ManagedBy::Api, pin, until: None }
}

/// The action that makes it.
pub(crate) fn put_caller_pin(pin: CallerPin) -> Action {
    let known_as = CallerHash::of(&[9; 32], &pin.id.agent.account, &pin.id.caller);
    Action::PutCallerPin { pin, known_as }
}

/// The action that ends a pin.
pub(crate) fn delete_caller_pin(pin: &CallerPin) -> Action {
    let known_as = CallerHash::of(&[9; 32], &pin.id.agent.account, &pin.id.caller);
    Action::DeleteCallerPin { id: pin.id.clone(), known_as }
}

/// A command of the API.
pub(crate) fn command(action: Action) -> Command {
    let author = Author::Key { key: Arc::new(key()), actor: None };
    Command { account: account(), author, at: Timestamp(1_000), action }
}

impl State {
    /// Weighs an action and, where it is granted, makes it happen.
    pub(crate) fn act(&mut self, action: Action) -> Result<Outcome, Refusal> {
        self.act_touching(action, &mut Touched::default())
    }

    /// The same, noting what is touched.
    pub(crate) fn act_touching(&mut self, action: Action, touched: &mut Touched) -> Result<Outcome, Refusal> {
        let outcome = self.weigh(&command(action))?;
        self.revision = self.revision.next();
        for change in &outcome.changes {
            self.absorb(change, touched);
        }
        Ok(outcome)
    }

    /// Weighs an import, as far as its rows are in order.
    pub(crate) fn weigh_rows(&self, rows: Rows) -> Result<(Import, NumberChanges), RowFaults> {
        let (mut rows, mut faults) = (rows, RowFaults::default());
        rows.order(&mut faults);
        let author = command(Action::DeleteDefault).author;
        self.weigh_import(&account(), &author, Arc::new(rows), faults)
    }

    /// Has an import that was weighed before happen now.
    pub(crate) fn land(&mut self, import: Arc<Import>, touched: &mut Touched) -> Result<Outcome, Refusal> {
        let mut outcome = self.weigh(&command(Action::ImportNumbers(import)))?;
        outcome.absorb_into(self, touched);
        self.revision = self.revision.next();
        Ok(outcome)
    }

    /// Applies files.
    pub(crate) fn apply(&mut self, files: FileSet) -> Result<Outcome, Refusal> {
        self.act(Action::ApplyFiles(Arc::new(files)))
    }

    /// Routes a number.
    pub(crate) fn put(&mut self, text: &str, to: &str) -> Result<Outcome, Refusal> {
        self.act(Action::PutNumber { number: number(text), route: route(to) })
    }
}

/// Agents `sales` (V1 to V3, live at V1) and `reception` (V1, live), and nothing routed.
pub(crate) fn world() -> State {
    let mut state = State::default();
    let account = Account::new(account(), "Main", Timestamp(0));
    state.act(Action::CreateAccount { account, key: key() }).unwrap();
    state.apply(file_set(vec![file_agent("sales", 3, 1), file_agent("reception", 1, 1)])).unwrap();
    state
}

/// A patch that leaves an arm as it is.
pub(crate) fn arm_patch(id: &str) -> ArmPatch {
    ArmPatch {
        id: ArmId::parse(id).unwrap(),
        name: None,
        agent: None,
        pin: None,
        weight: None,
        max_calls_in_progress: None,
        remove: false,
    }
}
