//! A patched table is one made from nothing, whatever happened in between, and nothing of it leaks.
//!
//! Random commands, file sets among them, are taken into patches of one or several; after each patch every book that
//! the table keeps is compared with the state, and what it serves with a table made anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::domain::account::Account;
use crate::domain::address::Number;
use crate::domain::change::Touched;
use crate::domain::command::{Action, ArmPatch, SplitPatch};
use crate::domain::fallback::Fallback;
use crate::domain::files::{FileNumber, Placed};
use crate::domain::id::{AgentId, ArmId, SplitId};
use crate::domain::import::Import;
use crate::domain::route::{Destination, HeaderRule, HeaderTest, ManagedBy};
use crate::domain::state::State;
use crate::domain::testing::*;
use crate::routing::capacity::Limited;
use crate::routing::series::SeriesBook;
use crate::routing::shelf::Shelf;

const AGENTS: [&str; 3] = ["ann", "bob", "cid"];
const PINS: [&str; 6] = ["V1", "V2", "V3", "draft", "live", "sandbox"];
const SPLITS: [&str; 2] = ["split:one", "split:two"];
const CALLERS: [&str; 5] = ["+14155550901", "+14155550902", "alice", "+14155550903", "bob"];

fn to(n: u8) -> String {
    let n = usize::from(n) % 20;
    if n >= 18 { SPLITS[n - 18].to_owned() } else { format!("{}@{}", AGENTS[n / 6], PINS[n % 6]) }
}

fn decorated(n: u8, extra: u8) -> Route {
    let mut r = route(&to(n));
    if extra & 1 != 0 {
        r.headers.insert("X-A".to_owned(), "1".to_owned());
    }
    if extra & 24 == 24 {
        let fallback = if extra & 4 == 0 { "sip:desk@10.0.0.9" } else { "+14155550112" };
        r.fallback = Some(Fallback::parse(fallback).unwrap());
    }
    if extra & 2 != 0 {
        for k in 0..(1 + (extra >> 5)) {
            let x = (extra >> 2).wrapping_add(k) % 18;
            r.header_rules.push(HeaderRule {
                header: "X-E".to_owned(),
                test: HeaderTest::Equals("t".to_owned()),
                agent: Some(AgentId::parse(AGENTS[usize::from(x / 6)]).unwrap()),
                pin: pin(PINS[usize::from(x % 6)]),
            });
        }
    }
    r
}

#[derive(Debug, Clone)]
struct Files {
    agents: [Option<(u8, u8)>; 3],
    numbers: Vec<(u8, u8, u8)>,
    prefixes: Vec<(u8, u8, u8)>,
    default: Option<(u8, u8)>,
    split: Option<(u8, u8)>,
    caller_pins: BTreeMap<u8, u8>,
}

#[derive(Debug, Clone)]
enum Step {
    Put(u8, u8, u8),
    Del(u8),
    Prefix(u8, u8, u8),
    DelPrefix(u8),
    Default(u8, u8),
    DelDefault,
    Split(u8, u8, u8, u8),
    Patch(u8, u8, u8),
    DelSplit(u8),
    EndSplit(u8),
    PinCaller(u8, u8),
    UnpinCaller(u8, u8),
    Files(Files),
    /// Weighs an import, which may be some steps old when it lands.
    Weigh(Vec<(u8, u8)>),
    Land,
    Flush,
}

fn files() -> impl Strategy<Value = Files> {
    let agent = || prop_oneof![1 => Just(None), 5 => (1..=3u8, 0..8u8).prop_map(Some)];
    (
        [agent(), agent(), agent()],
        proptest::collection::vec((10..16u8, 0..20u8, any::<u8>()), 0..4),
        proptest::collection::vec((4..7u8, 0..20u8, any::<u8>()), 0..3),
        proptest::option::of((0..20u8, any::<u8>())),
        proptest::option::of((0..18u8, 0..18u8)),
        proptest::collection::btree_map(2..5u8, 0..18u8, 0..3),
    )
        .prop_map(|(agents, numbers, prefixes, default, split, caller_pins)| Files {
            agents,
            numbers,
            prefixes,
            default,
            split,
            caller_pins,
        })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => (0..6u8, 0..20u8, any::<u8>()).prop_map(|(a, b, c)| Step::Put(a, b, c)),
        2 => (0..6u8).prop_map(Step::Del),
        2 => (0..4u8, 0..20u8, any::<u8>()).prop_map(|(a, b, c)| Step::Prefix(a, b, c)),
        2 => (0..4u8).prop_map(Step::DelPrefix),
        1 => (0..20u8, any::<u8>()).prop_map(|(a, b)| Step::Default(a, b)),
        1 => Just(Step::DelDefault),
        2 => (0..2u8, 0..18u8, 0..18u8, 0..6u8).prop_map(|(a, b, c, d)| Step::Split(a, b, c, d)),
        2 => (0..2u8, 0..18u8, 0..3u8).prop_map(|(a, b, c)| Step::Patch(a, b, c)),
        2 => (0..2u8).prop_map(Step::DelSplit),
        1 => (0..2u8).prop_map(Step::EndSplit),
        4 => (0..3u8, 0..18u8).prop_map(|(a, b)| Step::PinCaller(a, b)),
        2 => (0..3u8, 0..18u8).prop_map(|(a, b)| Step::UnpinCaller(a, b)),
        4 => files().prop_map(Step::Files),
        3 => proptest::collection::vec((0..8u8, 0..20u8), 1..6).prop_map(Step::Weigh),
        3 => Just(Step::Land),
        6 => Just(Step::Flush),
    ];
    proptest::collection::vec(step, 0..60)
}

/// A state, its table, and what was touched since the table was patched.
struct World {
    state: State,
    table: RoutingTable,
    series: SeriesBook,
    shelf: Shelf,
    touched: Touched,
    file_numbers: BTreeMap<u8, Route>,
    import: Option<Arc<Import>>,
    applied: u8,
}

fn num(n: u8) -> Number {
    number(&format!("+141555501{n:02}"))
}

fn pinned(n: u8, to: u8) -> CallerPin {
    caller_pin(CALLERS[usize::from(n)], &self::to(to))
}

fn prefix(n: u8) -> Prefix {
    Prefix::parse(["+1", "+14", "+1415", "+44", "+141", "+4420", "+49"][usize::from(n)]).unwrap()
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            state: State::default(),
            table: RoutingTable::new(&[]),
            series: SeriesBook::new(10_000),
            shelf: Shelf::default(),
            touched: Touched::default(),
            file_numbers: BTreeMap::new(),
            import: None,
            applied: 0,
        };
        let account = Account::new(account(), "Main", crate::domain::time::Timestamp(0));
        world.act(Action::CreateAccount { account, key: key() });
        world
    }
    fn act(&mut self, action: Action) -> bool {
        self.state.act_touching(action, &mut self.touched).is_ok()
    }
    fn patch(&self, table: &RoutingTable, touched: &Touched) -> RoutingTable {
        let bodies = |_| None;
        table.patched(
            &self.state,
            touched,
            Workshop { series: &self.series, shelf: &self.shelf, bodies: &bodies },
        )
    }
    fn flush(&mut self) {
        let touched = std::mem::take(&mut self.touched);
        self.table = self.patch(&self.table, &touched);
    }
    fn built(&self) -> RoutingTable {
        let mut touched = Touched::default();
        touched.agents.extend(self.state.agents.iter().map(|(id, _)| id.clone()));
        touched.splits.extend(self.state.splits.iter().map(|(id, _)| id.clone()));
        touched.routes.extend(self.state.routes.iter().map(|(place, _)| place));
        touched.prefixes.extend(self.state.prefixes.iter().map(|(id, _)| id.clone()));
        touched.defaults.insert(account());
        touched.caller_pins.extend(self.state.caller_pins.iter().map(|(id, _)| id.clone()));
        self.patch(&RoutingTable::new(&[]), &touched)
    }
    fn files(&mut self, files: &Files) {
        let mut set = file_set(Vec::new());
        set.accepted = true;
        for (at, agent) in files.agents.iter().enumerate() {
            if let Some((versions, live)) = agent {
                let mut placed = file_agent(AGENTS[at], u32::from(*versions), 1);
                placed.value.max_calls_in_progress = (*live > 5).then_some(7);
                placed.value.fallback =
                    (*live == 5 || *live == 7).then(|| Fallback::parse("sip:desk@10.0.0.8").unwrap());
                if *live == 0 || live > versions {
                    placed.value.environments.clear();
                } else {
                    placed.value.environments[0].value.1 = version(u32::from(*live));
                }
                set.agents.push(placed);
            }
        }
        if let Some((a, b)) = files.split {
            set.splits.push(file_split("two", &[("x", &to(a), 3), ("y", &to(b), 1)]));
        }
        let filed = |n: u8, e: u8| Route { managed_by: ManagedBy::Files, ..decorated(n, e) };
        let mut numbers = BTreeMap::new();
        for (n, t, e) in &files.numbers {
            numbers.insert(*n, filed(*t, *e));
        }
        let mut at_of: Vec<Route> = Vec::new();
        for (n, r) in &numbers {
            let at = at_of.iter().position(|x| x == r).unwrap_or_else(|| {
                at_of.push(r.clone());
                at_of.len() - 1
            });
            if self.file_numbers.get(n) != Some(r) {
                set.put.push(FileNumber {
                    number: num(*n),
                    route: u32::try_from(at).unwrap(),
                    file: 0,
                    line: 1,
                });
            }
        }
        set.routes = at_of.into_iter().map(|r| Placed::whole(place(1), Arc::new(r))).collect();
        set.released =
            self.file_numbers.keys().filter(|n| !numbers.contains_key(n)).map(|n| num(*n)).collect();
        set.numbers_before = self.file_numbers.len();
        let mut seen = BTreeSet::new();
        for (p, t, e) in &files.prefixes {
            if seen.insert(*p) {
                set.prefixes.push(Placed::whole(place(1), (prefix(*p), Arc::new(filed(*t, *e)))));
            }
        }
        if let Some((t, e)) = files.default {
            set.defaults.push(Placed::whole(place(1), Arc::new(filed(t, e))));
        }
        for (n, to) in &files.caller_pins {
            set = set.with_caller_pin(CALLERS[usize::from(*n)], &self::to(*to));
        }
        self.applied = self.applied.wrapping_add(1);
        set.hash.0[0] = self.applied;
        if self.act(Action::ApplyFiles(Arc::new(set))) {
            self.file_numbers = numbers;
        }
    }
    fn step(&mut self, step: &Step) {
        let id = |split: u8| SplitId::parse(["one", "two"][usize::from(split)]).unwrap();
        let action = match step {
            Step::Put(n, to, extra) => Action::PutNumber { number: num(*n), route: decorated(*to, *extra) },
            Step::Del(n) => Action::DeleteNumber(num(*n)),
            Step::Prefix(n, to, extra) => {
                Action::PutPrefix { prefix: prefix(*n), route: decorated(*to, *extra) }
            }
            Step::DelPrefix(n) => Action::DeletePrefix(prefix(*n)),
            Step::Default(to, extra) => Action::PutDefault(decorated(*to, *extra)),
            Step::DelDefault => Action::DeleteDefault,
            Step::Split(s, x, y, n) => {
                let split = split(["one", "two"][usize::from(*s)], &[("x", &to(*x), 5), ("y", &to(*y), 5)]);
                Action::CreateSplit { split, numbers: vec![num(*n)] }
            }
            Step::Patch(s, arm, which) => {
                let Destination::Agent { agent, pin } = route(&to(*arm)).to else { return };
                let arms = vec![ArmPatch {
                    id: ArmId::parse(["x", "y", "z"][usize::from(*which)]).unwrap(),
                    name: None,
                    agent: Some(agent),
                    pin: Some(pin),
                    weight: Some(7),
                    max_calls_in_progress: (arm % 3 != 0).then(|| (arm % 3 == 1).then_some(3)),
                    remove: arm % 5 == 0,
                }];
                Action::PatchSplit { id: id(*s), patch: SplitPatch { arms, ..SplitPatch::default() } }
            }
            Step::DelSplit(s) => Action::DeleteSplit(id(*s)),
            Step::EndSplit(s) => Action::EndSplit { id: id(*s), winner: ArmId::parse("y").unwrap() },
            Step::PinCaller(n, to) => put_caller_pin(pinned(*n, *to)),
            Step::UnpinCaller(n, to) => delete_caller_pin(&pinned(*n, *to)),
            Step::Files(files) => return self.files(files),
            Step::Weigh(said) => {
                let said: BTreeMap<u8, u8> = said.iter().copied().collect();
                let said: Vec<_> = said.iter().map(|(n, to)| (num(*n).to_string(), self::to(*to))).collect();
                let said: Vec<_> = said.iter().map(|(n, to)| (n.as_str(), to.as_str())).collect();
                let weighed = self.state.weigh_rows(rows(&said));
                self.import = weighed.ok().map(|(import, _)| Arc::new(import)).or(self.import.take());
                return;
            }
            Step::Land => {
                if let Some(import) = self.import.clone() {
                    drop(self.state.land(import, &mut self.touched));
                }
                return;
            }
            Step::Flush => return self.flush(),
        };
        self.act(action);
    }
}

/// Compares every book of a table with the state, and tells what the table serves, as text.
fn books(table: &RoutingTable, state: &State) -> String {
    let mut routes = Vec::new();
    let straight = ways(table, state, &mut routes);
    fallbacks(table, state, &mut routes);
    let mut uses: BTreeMap<(AgentId, VersionNumber), u32> = BTreeMap::new();
    let mut lines: Vec<String> = Vec::new();
    for (name, route) in &routes {
        lines.push(format!("{name}: {}", leads_to(table, route)));
        for (agent, pin) in route.route.pins() {
            if let Pin::Version(number) = pin {
                *uses.entry((agent.clone(), number)).or_default() += 1;
            }
        }
    }
    lines.extend(caller_pins(table, state, &mut uses));
    lines.extend(agents(table, state, uses, straight));
    assert_eq!(table.guards, guards(state), "what has a limit or a fallback");
    let splits = (table.splits.len() as usize, table.split_places.len(), table.split_digests.len());
    assert_eq!(splits, (state.splits.len(), state.splits.len(), state.splits.len()));
    let mut numbers: BTreeMap<u32, u32> = BTreeMap::new();
    state.numbers.phones.iter().for_each(|(_, place)| *numbers.entry(place.get()).or_default() += 1);
    for (place, used) in state.routes.iter() {
        assert_eq!(numbers.remove(&place), Some(used.numbers), "numbers of a route");
    }
    assert!(numbers.is_empty(), "numbers without a route");
    lines.sort_unstable();
    lines.join("\n")
}

/// How many agents, splits and routes have a limit or a fallback.
fn guards(state: &State) -> u32 {
    let agents = state.agents.iter().filter(|(_, agent)| {
        agent.profile.max_calls_in_progress.is_some() || agent.profile.fallback.is_some()
    });
    let limited = |split: &Split| split.arms.iter().any(|arm| arm.max_calls_in_progress.is_some());
    let splits = state.splits.iter().filter(|(_, split)| limited(split));
    let numbers = state.routes.iter().filter(|(_, used)| used.route.fallback.is_some());
    let prefixes = state.prefixes.iter().filter(|(_, route)| route.fallback.is_some());
    let defaults = state.defaults.iter().filter(|(_, route)| route.fallback.is_some());
    u32::try_from(agents.count() + splits.count() + numbers.count() + prefixes.count() + defaults.count())
        .unwrap()
}

/// The routes of numbers: each where the state has it, and with what its seat serves if it says nothing else.
/// Answers the places that lead straight to an agent.
fn ways(
    table: &RoutingTable,
    state: &State,
    routes: &mut Vec<(String, Arc<ServingRoute>)>,
) -> BTreeMap<AgentId, BTreeSet<u32>> {
    let mut straight: BTreeMap<AgentId, BTreeSet<u32>> = BTreeMap::new();
    let mut count = 0;
    for (place, way) in table.routes.iter() {
        let Some(way) = way else { continue };
        count += 1;
        let route = &way.route.route;
        assert_eq!(*route, state.routes.get(place).expect("the state has it").route);
        assert_eq!(way.account, route.account);
        let expected = match (way.route.to, &route.to) {
            (To::Seat { seat, .. }, Destination::Agent { agent, .. }) if route.is_bare() => {
                straight.entry(agent.clone()).or_default().insert(place);
                table.seated(seat)
            }
            _ => None,
        };
        let same = match (expected, &way.straight) {
            (Some(expected), Some(kept)) => Arc::ptr_eq(expected, kept),
            (expected, kept) => expected.is_none() && kept.is_none(),
        };
        assert!(same, "what is kept with a route is what its seat serves");
        routes.push((format!("place {route:?}"), Arc::clone(&way.route)));
    }
    assert_eq!(count, state.routes.len());
    straight
}

/// Prefixes and defaults.
fn fallbacks(table: &RoutingTable, state: &State, routes: &mut Vec<(String, Arc<ServingRoute>)>) {
    let (mut prefixes, mut defaults) = (0, 0);
    for (account, own) in &table.accounts {
        let mut lengths = 0;
        for (prefix, route) in &own.prefixes {
            prefixes += 1;
            lengths |= 1 << prefix.digits();
            assert_eq!(state.prefixes.get(&(account.clone(), *prefix)), Some(&route.route));
            routes.push((format!("prefix {prefix}"), Arc::clone(route)));
        }
        assert_eq!(lengths, own.lengths);
        if let Some(route) = &own.default {
            defaults += 1;
            assert_eq!(state.defaults.get(account), Some(&route.route));
            routes.push(("default".to_owned(), Arc::clone(route)));
        }
    }
    assert_eq!((prefixes, defaults), (state.prefixes.len(), state.defaults.len()));
}

/// Caller pins: those of the state, each serving what its agent has.
fn caller_pins(
    table: &RoutingTable,
    state: &State,
    uses: &mut BTreeMap<(AgentId, VersionNumber), u32>,
) -> Vec<String> {
    let pins = |map: &CallerPinMap| map.iter().map(|(_, pin)| Arc::clone(pin)).collect::<Vec<_>>();
    assert_eq!(pins(&table.caller_pins), pins(&state.caller_pins));
    let told = table.caller_pins.iter().map(|(id, pin)| {
        if let Pin::Version(number) = pin.pin {
            *uses.entry((id.agent.agent.clone(), number)).or_default() += 1;
        }
        let agent = table.agent(&id.agent).expect("the agent is there");
        format!("{} of {}: {}", id.caller, id.agent, served(table.served(agent, pin.pin)))
    });
    told.collect()
}

/// Where a route and its header rules lead, as text.
fn leads_to(table: &RoutingTable, route: &ServingRoute) -> String {
    let end = match (route.to, &route.route.to) {
        (To::Seat { seat, pin }, Destination::Agent { agent, pin: written }) => {
            assert_eq!(pin, *written);
            if let Some(served) = table.seated(seat) {
                assert_eq!((&served.agent.agent, served.pin), (agent, pin));
            }
            served(table.seated(seat))
        }
        (To::Split(place), Destination::Split(id)) => {
            let split = table.split_at(place).expect("the split is there");
            assert_eq!(split.split.id, *id);
            let arms = split.arms.iter().zip(&split.split.arms).map(|(arm, written)| {
                let id = SplitRef { account: account(), split: split.split.id.clone() };
                let (birth, of) = (split.split.birth(), written.id.clone());
                let limited = Limited::Arm { split: id, birth, arm: of };
                capacity(table, arm.capacity.as_ref(), written.max_calls_in_progress, limited);
                let outside = served(arm.outside.as_ref());
                (served(arm.served.as_ref()), outside, &arm.id, arm.pin, arm.weight)
            });
            format!("{id} {:?} {:?}", split.split.owners, arms.collect::<Vec<_>>())
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(route.rules.len(), route.route.header_rules.len(), "no rule is lost");
    let rules = route.rules.iter().map(|rule| format!("{} {}", rule.pin, served(table.seated(rule.seat))));
    format!("{end} {:?}", rules.collect::<Vec<_>>())
}

/// A capacity: there where it is written, and with the count that tables before and after have.
fn capacity(table: &RoutingTable, kept: Option<&Capacity>, written: Option<u32>, what: Limited) {
    assert_eq!(kept.map(Capacity::calls_max), written, "{what:?}");
    if let Some(kept) = kept {
        assert!(kept.shares_count(&table.capacities.of(what, 1)), "a count of its own");
    }
}

/// Agents: their seats, each its own and none besides, how often versions are named, and who follows them.
fn agents(
    table: &RoutingTable,
    state: &State,
    mut uses: BTreeMap<(AgentId, VersionNumber), u32>,
    mut straight: BTreeMap<AgentId, BTreeSet<u32>>,
) -> Vec<String> {
    let mut seats = BTreeSet::new();
    let mut lines = Vec::new();
    for (place, serving) in table.agents.iter() {
        let id = &serving.id;
        assert_eq!((table.agent_places.get(id), serving.place), (Some(&place), place));
        assert!(Arc::ptr_eq(&serving.agent, state.agents.get(id).expect("the state has it")));
        let (guard, profile) = (serving.guard.as_ref(), &serving.agent.profile);
        assert_eq!(guard.and_then(|guard| guard.fallback.as_ref()), profile.fallback.as_ref());
        let kept = guard.and_then(|guard| guard.capacity.as_ref());
        capacity(table, kept, profile.max_calls_in_progress, Limited::Agent(profile.id.clone()));
        for (pin, seat) in serving.seats() {
            assert!(seats.insert(seat), "a seat of two pins");
            let leads_back =
                |served: &Arc<Served>| served.agent_place == place && Arc::ptr_eq(&served.agent, id);
            assert!(table.seated(seat).is_none_or(leads_back), "what is served leads to its agent");
            let here = table.seated(seat).map(|served| served.version.hash);
            assert_eq!(here, serving.agent.resolve(pin).map(|version| version.hash));
        }
        for fixed in &serving.fixed {
            let named = uses.remove(&(id.agent.clone(), fixed.number));
            assert_eq!(named, Some(fixed.uses), "uses of {id} {}", fixed.number);
        }
        let once = |list: &[u32]| {
            let set: BTreeSet<u32> = list.iter().copied().collect();
            assert_eq!(set.len(), list.len(), "nothing twice");
            set
        };
        assert_eq!(once(&serving.straight), straight.remove(&id.agent).unwrap_or_default());
        let ours = |split: &ServingSplit| split.split.arms.iter().any(|arm| arm.agent == id.agent);
        let splits = table.splits.iter().filter(|(_, split)| ours(split)).map(|(place, _)| place);
        assert_eq!(once(&serving.splits), splits.collect());
        let serves: BTreeSet<_> = serving.seats().map(|(_, seat)| served(table.seated(seat))).collect();
        lines.push(format!("{id} {serves:?}"));
    }
    assert!(uses.is_empty() && straight.is_empty(), "{uses:?} {straight:?}");
    assert_eq!(table.seats.len() as usize, seats.len(), "seats of nobody");
    let counts = (table.agents.len() as usize, table.agent_places.len(), table.agent_digests.len());
    assert_eq!(counts, (state.agents.len(), state.agents.len(), state.agents.len()));
    lines
}

fn served(served: Option<&Arc<Served>>) -> String {
    served.map_or_else(String::new, |served| {
        let Served { agent, version, pin, series, guard, health, .. } = &**served;
        assert_eq!(health.len(), served.endpoints().len());
        let guard = guard.as_ref().map(|guard| {
            (
                guard.capacity.as_ref().map(Capacity::calls_max),
                guard.fallback.as_ref().map(ToString::to_string),
            )
        });
        format!("{}:{}:{}:{pin}:{:?}:{guard:?}", agent.agent, version.pin(), version.hash, series.key)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_patched_table_is_one_made_from_nothing(steps in steps()) {
        let mut world = World::new();
        world.files(&Files { agents: [Some((3, 1)), Some((2, 2)), Some((3, 3))], numbers: vec![], prefixes: vec![], default: None, split: None, caller_pins: BTreeMap::new() });
        world.flush();
        for step in &steps {
            world.step(step);
            if matches!(step, Step::Flush) {
                let a = books(&world.table, &world.state);
                let b = books(&world.built(), &world.state);
                prop_assert_eq!(a, b);
            }
        }
        world.flush();
        let a = books(&world.table, &world.state);
        let b = books(&world.built(), &world.state);
        prop_assert_eq!(a, b);
    }
}
