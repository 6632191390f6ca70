use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;
use crate::domain::address::{Number, Prefix};
use crate::domain::command::{Action, AgentEdit};
use crate::domain::fallback::Fallback;
use crate::domain::files::{FileNumber, Placed};
use crate::domain::id::{AgentId, Environment, SplitId};
use crate::domain::split::UnitRule;
use crate::domain::testing::*;
use crate::domain::time::Timestamp;

const NUMBERS: [&str; 4] = ["+14155550100", "+14155550101", "+14155550102", "desk"];
const ROUTES: [&str; 3] = ["sales@V1", "sales@V2", "reception@live"];

fn set(objects: impl IntoIterator<Item = Object>) -> BTreeSet<Object> {
    objects.into_iter().collect()
}

fn numbers(texts: &[&str]) -> BTreeSet<Object> {
    set(texts.iter().map(|text| Object::Number(number(text))))
}

/// Files with both agents.
fn files() -> FileSet {
    file_set(vec![file_agent("sales", 3, 1), file_agent("reception", 1, 1)])
}

/// Numbers of files, and the set that leads there from what is applied.
#[derive(Debug, Clone)]
struct Folder {
    /// What they say besides numbers; read once.
    base: FileSet,
    applied: BTreeMap<Number, &'static str>,
}

impl Folder {
    fn difference(&self, to: &BTreeMap<Number, &'static str>) -> FileSet {
        let mut set = self.base.clone();
        for (number, route) in to {
            let with = set.clone().with_number(&number.to_string(), route);
            // Whether it is put or not, its route is among those of the files.
            set =
                if self.applied.get(number) == Some(route) { FileSet { put: set.put, ..with } } else { with };
        }
        set.released = self.applied.keys().filter(|number| !to.contains_key(number)).cloned().collect();
        set.numbers_before = self.applied.len();
        set.accepted = true;
        set
    }

    fn of(base: &FileSet, numbers: impl IntoIterator<Item = (Number, &'static str)>) -> Self {
        Self { base: base.clone(), applied: numbers.into_iter().collect() }
    }

    /// The same numbers, from nothing.
    fn whole(&self) -> FileSet {
        Self::of(&self.base, []).difference(&self.applied)
    }

    /// The files in force, with those of their numbers that are to be given back.
    fn in_force(&self, objects: &BTreeSet<Object>) -> FileSet {
        let all = self.whole();
        let wanted = |put: &FileNumber| objects.contains(&Object::Number(put.number.clone()));
        let put = all.put.iter().filter(|put| wanted(put)).cloned().collect();
        FileSet { put, numbers_before: self.applied.len(), ..all }
    }
}

fn to_text(state: &State, number: &Number) -> Option<(ManagedBy, String)> {
    let route = state.route(number)?;
    let to = match &route.to {
        crate::domain::route::Destination::Agent { agent, pin } => format!("{agent}@{pin}"),
        crate::domain::route::Destination::Split(split) => format!("split:{split}"),
    };
    Some((route.managed_by, to))
}

fn all(state: &State) -> Vec<Option<(ManagedBy, String)>> {
    NUMBERS.iter().map(|text| to_text(state, &number(text))).collect()
}

/// Where calls go, whoever owns what leads there.
fn destinations(state: &State) -> Vec<Option<String>> {
    all(state).into_iter().map(|route| route.map(|(_, to)| to)).collect()
}

fn release(state: &mut State, folder: &Folder, objects: BTreeSet<Object>) -> Result<Outcome, Refusal> {
    let files = Arc::new(folder.in_force(&objects));
    state.act(Action::Release { objects, files })
}

#[test]
fn what_is_adopted_stays_what_it_is_and_is_the_apis() {
    let mut state = world();
    let all = files()
        .with_number("+14155550100", "sales@V1")
        .with_number("desk", "sales@V2")
        .with_prefix("+49", "sales@live")
        .with_caller_pin("+14155550199", "sales@V3");
    state.apply(all.clone()).unwrap();
    let pin = caller_pin("+14155550199", "sales@V3");
    let objects = set([
        Object::Number(number("+14155550100")),
        Object::Number(number("desk")),
        Object::Prefix(Prefix::parse("+49").unwrap()),
        Object::Agent(AgentId::parse("sales").unwrap()),
        pin.id.object(),
    ]);
    let before = destinations(&state);
    let adopted = state.act(Action::Adopt(objects.clone())).unwrap();
    assert_eq!((adopted.handed_over, destinations(&state)), (5, before));
    assert!(!adopted.summary.contains("4155550199"), "{}", adopted.summary);
    assert!(objects.iter().all(|object| state.owner(&account(), object) == Some(ManagedBy::Api)));
    state.put("+14155550100", "sales@V3").unwrap();
    state.act(delete_caller_pin(&pin)).unwrap();
    // The files say it again, as at a start: it changes nothing.
    let again = state.apply(all.clone()).unwrap();
    assert!(again.changes.is_empty(), "{:?}", again.changes);
    let back = FileSet { put: all.put.clone(), numbers_before: 2, ..all };
    let released = Action::Release { objects: objects.clone(), files: Arc::new(back) };
    state.act(released).unwrap();
    assert!(objects.iter().all(|object| state.owner(&account(), object) == Some(ManagedBy::Files)));
    assert_eq!(destinations(&state)[0].as_deref(), Some("sales@V1"));
    assert!(state.shadowed.is_empty());
}

#[test]
fn who_has_it_already_is_named() {
    let mut state = world();
    let folder = Folder::of(&files(), [(number("+14155550100"), "sales@V1")]);
    state.apply(folder.whole()).unwrap();
    state.put("+14155550101", "sales@V1").unwrap();
    for (adopted, code) in [
        (numbers(&["+14155550100", "+14155550101"]), "MANAGED_BY_API"),
        (numbers(&["+14155550100", "+14155550109"]), "NOT_FOUND"),
        (BTreeSet::new(), "VALIDATION_FAILED"),
    ] {
        let refusal = state.act(Action::Adopt(adopted)).unwrap_err();
        assert_eq!(refusal.code, code);
        assert!(!refusal.message.contains("+14155550100"), "{refusal}");
    }
    for (released, code) in [
        (numbers(&["+14155550100"]), "MANAGED_BY_FILES"),
        (numbers(&["+14155550101"]), "NOT_IN_FILES"),
        (numbers(&["+14155550109"]), "NOT_FOUND"),
    ] {
        assert_eq!(release(&mut state, &folder, released).unwrap_err().code, code);
    }
    let sales = set([Object::Agent(AgentId::parse("sales").unwrap())]);
    state.act(Action::Adopt(sales.clone())).unwrap();
    assert_eq!(state.act(Action::Adopt(sales)).unwrap_err().code, "MANAGED_BY_API");
}

#[test]
fn an_adopted_number_that_was_deleted_stays_away_until_it_is_released_or_unlisted() {
    let mut state = world();
    let folder = Folder::of(&files(), [(number("desk"), "sales@V1")]);
    state.apply(folder.whole()).unwrap();
    state.act(Action::Adopt(numbers(&["desk"]))).unwrap();
    state.act(Action::DeleteNumber(number("desk"))).unwrap();
    // Read anew, and with another route.
    state.apply(folder.whole()).unwrap();
    let other = Folder::of(&files(), [(number("desk"), "sales@V2")]);
    state.apply(folder.difference(&other.applied)).unwrap();
    assert_eq!(to_text(&state, &number("desk")), None);
    let mut released = state.clone();
    release(&mut released, &other, numbers(&["desk"])).unwrap();
    assert_eq!(to_text(&released, &number("desk")), Some((ManagedBy::Files, "sales@V2".to_owned())));
    let folder = other;
    state.apply(folder.difference(&BTreeMap::new())).unwrap();
    state.apply(folder.whole()).unwrap();
    assert_eq!(to_text(&state, &number("desk")), Some((ManagedBy::Files, "sales@V2".to_owned())));
}

#[test]
fn what_the_api_made_goes_into_files_without_a_gap() {
    let mut state = world();
    state.put("desk", "sales@V1").unwrap();
    let spring = split("spring", &[("a", "sales@V1", 50), ("b", "sales@V2", 50)]);
    state.act(Action::CreateSplit { split: spring.clone(), numbers: Vec::new() }).unwrap();
    let listed = |to: &str| {
        let mut set = files().with_number("desk", to);
        set.splits = vec![file_split("spring", &[("a", "sales@V1", 50), ("b", "sales@V2", 50)])];
        set
    };
    let other = state.apply(listed("sales@V2")).unwrap_err();
    assert!(other.faults[0].message.contains("belongs to the API"), "{other}");
    assert!(other.faults[0].expected.contains("cordboard release"), "{other}");
    let same = state.apply(listed("sales@V1")).unwrap();
    assert!(same.summary.contains("number desk is in the files too"), "{}", same.summary);
    assert_eq!(to_text(&state, &number("desk")), Some((ManagedBy::Api, "sales@V1".to_owned())));
    let spring = Object::Split(spring.id);
    let objects = set([Object::Number(number("desk")), spring]);
    let set = FileSet { numbers_before: 1, ..listed("sales@V1") };
    let released = state.act(Action::Release { objects, files: Arc::new(set) }).unwrap();
    assert!(
        released.warnings.iter().any(|warning| warning.contains("salt = \"42\"")),
        "{:?}",
        released.warnings
    );
    let id = SplitRef { account: account(), split: SplitId::parse("spring").unwrap() };
    assert_eq!(state.splits.get(&id).unwrap().salt, 42, "callers keep their arm");
    assert_eq!(to_text(&state, &number("desk")), Some((ManagedBy::Files, "sales@V1".to_owned())));
}

#[test]
fn callers_keep_their_arm_when_a_split_goes_over_and_comes_back() {
    let mut state = world();
    let mut set = files();
    set.splits =
        vec![file_split("spring", &[("a", "sales@V1", 50), ("b", "sales@V2", 25), ("c", "sales@V3", 25)])];
    state.apply(set.clone()).unwrap();
    let id = SplitRef { account: account(), split: SplitId::parse("spring").unwrap() };
    // Weights that came and went leave other owners than a first start deals.
    let mut moved = set.clone();
    moved.splits[0].value.arms[0].weight = 10;
    state.apply(moved).unwrap();
    state.apply(set.clone()).unwrap();
    let before = Arc::clone(state.splits.get(&id).unwrap());
    let objects: BTreeSet<Object> = [Object::Split(id.split.clone())].into();
    state.act(Action::Adopt(objects.clone())).unwrap();
    let adopted = Arc::clone(state.splits.get(&id).unwrap());
    assert_eq!((&adopted.owners, adopted.birth()), (&before.owners, before.birth()));
    state.act(Action::Release { objects, files: Arc::new(set.clone()) }).unwrap();
    let released = Arc::clone(state.splits.get(&id).unwrap());
    assert_eq!((&released.owners, released.birth()), (&before.owners, before.birth()));
    assert_eq!(released.managed_by, ManagedBy::Files);
    assert!(state.apply(set).unwrap().changes.is_empty());
}

#[test]
fn what_a_shadowed_thing_names_need_not_be_there() {
    let mut state = world();
    let mut set = files().with_number("desk", "split:spring");
    set.splits = vec![file_split("spring", &[("a", "sales@V1", 1)])];
    state.apply(set.clone()).unwrap();
    let spring = SplitId::parse("spring").unwrap();
    let objects = BTreeSet::from([Object::Number(number("desk")), Object::Split(spring.clone())]);
    state.act(Action::Adopt(objects.clone())).unwrap();
    state.put("desk", "sales@V1").unwrap();
    state.act(Action::DeleteSplit(spring)).unwrap();
    assert!(state.apply(set.clone()).unwrap().changes.is_empty(), "as at a start");
    let number_alone = BTreeSet::from([Object::Number(number("desk"))]);
    let back =
        |objects| Action::Release { objects, files: Arc::new(FileSet { numbers_before: 1, ..set.clone() }) };
    let refused = state.act(back(number_alone)).unwrap_err();
    assert!(refused.faults[0].message.contains("no split spring"), "{refused}");
    state.act(back(objects)).unwrap();
    assert_eq!(to_text(&state, &number("desk")).unwrap().1, "split:spring");
}

#[test]
fn a_shadowed_number_that_leaves_the_files_is_no_removal() {
    let mut state = world();
    let numbers = (0..20).map(|n| (number(&format!("+141555501{n:02}")), "sales@V1"));
    let folder = Folder::of(&files(), numbers);
    state.apply(folder.whole()).unwrap();
    let objects = folder.applied.keys().cloned().map(Object::Number).collect();
    state.act(Action::Adopt(objects)).unwrap();
    let set = FileSet { accepted: false, ..folder.difference(&BTreeMap::new()) };
    let applied = state.apply(set).unwrap();
    assert!(!applied.summary.contains("released"), "{}", applied.summary);
    assert!(state.shadowed.is_empty() && state.numbers.len() == 20);
}

#[test]
fn a_release_says_what_the_files_say_of_what_they_have_again() {
    let mut state = world();
    state.act(Action::Adopt(BTreeSet::from([Object::Agent(AgentId::parse("sales").unwrap())]))).unwrap();
    let objects = BTreeSet::from([Object::Agent(AgentId::parse("sales").unwrap())]);
    let newer = file_set(vec![file_agent("sales", 3, 2), file_agent("reception", 1, 1)]);
    let told = state.act(Action::Release { objects, files: Arc::new(newer) }).unwrap().summary;
    assert_eq!(told, "the files have again 1 agent: agent sales; sales live is V2");
}

#[test]
fn a_release_warns_of_versions_that_were_saved_over_the_api_and_keeps_them() {
    let mut state = world();
    let objects = || BTreeSet::from([Object::Agent(AgentId::parse("sales").unwrap())]);
    state.act(Action::Adopt(objects())).unwrap();
    let id = AgentRef { account: account(), agent: AgentId::parse("sales").unwrap() };
    let release = |state: &State, versions| {
        let files = Arc::new(file_set(vec![file_agent("sales", versions, 1), file_agent("reception", 1, 1)]));
        let action = Action::Release { objects: objects(), files };
        state.weigh(&crate::domain::testing::command(action)).unwrap()
    };
    assert_eq!(release(&state, 3).warnings, [""; 0]);
    let warnings = release(&state, 2).warnings;
    assert!(warnings.iter().any(|it| it.contains("no file has: V3;")), "{warnings:?}");
    let files = Arc::new(file_set(vec![file_agent("sales", 2, 1), file_agent("reception", 1, 1)]));
    state.act(Action::Release { objects: objects(), files }).unwrap();
    assert!(state.agents.get(&id).unwrap().versions.len() == 3, "calls may have it");
    let mut other = file_agent("sales", 3, 1);
    other.value.versions[2].value.1 = config("another");
    let refused = state.apply(file_set(vec![other, file_agent("reception", 1, 1)])).unwrap_err();
    assert!(refused.faults[0].message.contains("V3"), "{refused:?}");
}

#[test]
fn what_the_api_may_have_of_the_files_is_bounded() {
    assert!(room_for_shadowed(SHADOWED_MAX - 1, 1).is_ok());
    assert_eq!(room_for_shadowed(SHADOWED_MAX - 1, 2).unwrap_err().code, "TOO_MANY_SHADOWED");
}

#[test]
fn a_number_that_goes_back_to_the_files_is_told_to_the_store_which_has_it() {
    let mut state = world();
    let folder = Folder::of(&files(), [(number("desk"), "sales@V1")]);
    state.apply(folder.whole()).unwrap();
    state.act(Action::Adopt(numbers(&["desk"]))).unwrap();
    let released = release(&mut state, &folder, numbers(&["desk"])).unwrap();
    let told =
        |change: &Change| matches!(change, Change::Numbers(numbers) if numbers.names().eq([number("desk")]));
    assert_eq!(released.changes.iter().filter(|change| told(change)).count(), 1, "{:?}", released.changes);
}

type Differ = fn(&mut FileSet);

/// Differences between what the API has and what the files say.
fn differences() -> Vec<(&'static str, Differ)> {
    fn route(set: &mut FileSet) -> &mut Route {
        Arc::make_mut(&mut set.prefixes[0].value.1)
    }
    vec![
        ("agent.name", |set| set.agents[0].value.name = "Other".to_owned()),
        ("agent.endpoints", |set| set.agents[0].value.endpoints.clear()),
        ("agent.max_calls_in_progress", |set| set.agents[0].value.max_calls_in_progress = Some(7)),
        ("agent.fallback", |set| set.agents[0].value.fallback = Fallback::parse("desk").ok()),
        ("agent.environments", |set| set.agents[0].value.environments.clear()),
        ("agent.draft", |set| set.agents[0].value.draft = Some(placed(config("other")))),
        ("agent.version", |set| set.agents[0].value.versions[0].value.1 = config("other")),
        ("split.name", |set| set.splits[0].value.name = "Other".to_owned()),
        ("split.unit", |set| set.splits[0].value.unit = UnitRule::Call),
        ("split.arms", |set| set.splits[0].value.arms[0].weight = 4),
        ("split.salt", |set| set.splits[0].value.salt = Some(7)),
        ("split.owners", |set| set.splits[0].value.owners = Some(vec![(0, 9_999, "a".parse().unwrap())])),
        ("split.starts_at", |set| set.splits[0].value.starts_at = Some(Timestamp(1))),
        ("split.ends_at", |set| set.splits[0].value.ends_at = Some(Timestamp(1))),
        ("split.call_quota", |set| set.splits[0].value.call_quota = Some(1)),
        ("split.paused", |set| set.splits[0].value.paused = true),
        ("route.to", |set| route(set).to = crate::domain::testing::route("sales@V1").to),
        ("route.headers", |set| drop(route(set).headers.insert("X-Brand".to_owned(), "a".to_owned()))),
        ("route.site", |set| route(set).site_variant = Some("a".parse().unwrap())),
        ("route.fallback", |set| route(set).fallback = Fallback::parse("desk").ok()),
    ]
}

fn placed<T>(value: T) -> Placed<T> {
    Placed::whole(place(1), value)
}

#[test]
fn what_the_api_has_may_stand_in_the_files_only_just_as_it_is_and_is_shadowed_as_long_as_it_does() {
    let mut state = world();
    let mut set = files().with_prefix("+1415", "split:spring");
    let endpoint = r#"{"uri": "sip:sales@10.0.0.1"}"#;
    set.agents[0].value.endpoints = vec![serde_json::from_str(endpoint).unwrap()];
    set.splits = vec![file_split("spring", &[("a", "sales@V1", 3), ("b", "sales@V2", 1)])];
    state.apply(set.clone()).unwrap();
    let [agent, split] = ["sales", "spring"];
    let prefix = Prefix::parse("+1415").unwrap();
    let objects = [
        Object::Agent(agent.parse().unwrap()),
        Object::Split(split.parse().unwrap()),
        Object::Prefix(prefix),
    ];
    state.act(Action::Adopt(self::set(objects))).unwrap();
    assert_eq!(state.shadowed.len(), 3);
    state.apply(file_set(vec![file_agent("reception", 1, 1)])).unwrap();
    assert!(state.shadowed.is_empty(), "no file lists them any more");
    for (what, differ) in differences() {
        let mut other = set.clone();
        differ(&mut other);
        let refused = state.clone().apply(other).map(|outcome| outcome.changes).expect_err(what);
        let told = refused.faults.iter().any(|fault| fault.message.contains("is not what stands here"));
        assert!(told, "{what}: {refused}");
    }
    state.apply(set).unwrap();
    assert_eq!(state.shadowed.len(), 3);
}

#[test]
fn an_agent_that_listens_elsewhere_for_an_environment_is_not_what_files_can_say() {
    let mut state = world();
    let listens_at = |uris: &[&str]| {
        let endpoint = |uri: &&str| serde_json::from_value(serde_json::json!({"uri": uri})).unwrap();
        let endpoints = uris.iter().map(endpoint).collect();
        let edit = AgentEdit::PutEndpoints { environment: Some(Environment::Live), endpoints };
        Action::Agent { agent: "sales".parse().unwrap(), edit }
    };
    let sales = set([Object::Agent("sales".parse().unwrap())]);
    state.act(Action::Adopt(sales)).unwrap();
    state.apply(file_set(vec![file_agent("reception", 1, 1)])).unwrap();
    state.act(listens_at(&["sip:live@10.0.0.1"])).unwrap();
    let refused = state.apply(files()).unwrap_err();
    assert!(refused.faults[0].message.contains("is not what stands here"), "{refused}");
    state.act(listens_at(&[])).unwrap();
    state.apply(files()).unwrap();
}

#[derive(Debug, Clone)]
enum Deed {
    Adopt(BTreeSet<usize>),
    Release(BTreeSet<usize>),
    Put(usize, usize),
    Delete(usize),
    Files(BTreeMap<usize, usize>),
    /// Loaded from what is stored, and the files read whole.
    Restart,
    /// The same where what was applied is lost.
    Lost(BTreeMap<usize, usize>),
}

fn deed() -> impl Strategy<Value = Deed> {
    let some = || prop::collection::btree_set(0..NUMBERS.len(), 1..3);
    let listing = || prop::collection::btree_map(0..NUMBERS.len(), 0..ROUTES.len(), 0..5);
    prop_oneof![
        3 => some().prop_map(Deed::Adopt),
        3 => some().prop_map(Deed::Release),
        3 => (0..NUMBERS.len(), 0..ROUTES.len()).prop_map(|(n, to)| Deed::Put(n, to)),
        1 => (0..NUMBERS.len()).prop_map(Deed::Delete),
        4 => listing().prop_map(Deed::Files),
        1 => Just(Deed::Restart),
        1 => listing().prop_map(Deed::Lost),
    ]
}

/// The state as a store would give it back: without what files hold.
fn stored(state: &State) -> State {
    let mut stored = state.clone();
    let mut gone = NumberChanges::default();
    for text in NUMBERS {
        if state.owner(&account(), &Object::Number(number(text))) == Some(ManagedBy::Files) {
            gone.push(number(text), None);
        }
    }
    stored.absorb(&Change::Numbers(gone), &mut Default::default());
    stored
}

fn check(state: &State, folder: &Folder) {
    for text in NUMBERS {
        let (number, object) = (number(text), Object::Number(number(text)));
        let shadowed = state.shadowed.contains_key(&ObjectRef::new(&account(), object));
        let listed = folder.applied.get(&number);
        match to_text(state, &number) {
            Some((ManagedBy::Files, to)) => {
                assert_eq!((Some(to.as_str()), shadowed), (listed.copied(), false));
            }
            Some((ManagedBy::Api, _)) | None => assert_eq!(listed.is_some(), shadowed, "{text}"),
        }
    }
}

/// Whatever happens, an object has one owner, what the files say of it is in force or shadowed, and going over changes
/// no call.
#[test]
fn an_object_has_one_owner_and_going_over_changes_no_call() {
    let (beginning, base) = (world(), files());
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) };
    let law = |deeds: Vec<Deed>| {
        let (mut state, mut folder) = (beginning.clone(), Folder::of(&base, []));
        let named = |some: &BTreeSet<usize>| set(some.iter().map(|n| Object::Number(number(NUMBERS[*n]))));
        let listing = |some: &BTreeMap<usize, usize>| -> BTreeMap<Number, &'static str> {
            some.iter().map(|(n, to)| (number(NUMBERS[*n]), ROUTES[*to])).collect()
        };
        for deed in deeds {
            let before = destinations(&state);
            match deed {
                Deed::Adopt(some) => {
                    let _ = state.act(Action::Adopt(named(&some)));
                    prop_assert_eq!(destinations(&state), before);
                }
                Deed::Release(some) => {
                    let outcome = release(&mut state, &folder, named(&some));
                    for (n, text) in NUMBERS.iter().enumerate() {
                        let says = folder.applied.get(&number(text)).map(|to| (*to).to_owned());
                        let expected = if outcome.is_ok() && some.contains(&n) { &says } else { &before[n] };
                        prop_assert_eq!(&destinations(&state)[n], expected);
                    }
                }
                Deed::Put(n, to) => drop(state.put(NUMBERS[n], ROUTES[to])),
                Deed::Delete(n) => drop(state.act(Action::DeleteNumber(number(NUMBERS[n])))),
                Deed::Files(some) => {
                    let to = listing(&some);
                    if state.apply(folder.difference(&to)).is_ok() {
                        folder.applied = to;
                    }
                }
                Deed::Restart => {
                    let mut again = stored(&state);
                    let outcome = again.apply(folder.whole()).unwrap();
                    let kept = |change: &&Change| {
                        matches!(change, Change::Shadowed(_) | Change::Unshadowed(_) | Change::Numbers(_))
                    };
                    prop_assert_eq!(outcome.changes.iter().find(kept), None);
                    prop_assert_eq!(all(&again), all(&state));
                    state = again;
                }
                Deed::Lost(some) => {
                    let mut again = stored(&state);
                    let to = listing(&some);
                    if again.apply(Folder::of(&base, []).difference(&to)).is_ok() {
                        (state, folder.applied) = (again, to);
                    }
                }
            }
            check(&state, &folder);
        }
        Ok(())
    };
    TestRunner::new(config).run(&prop::collection::vec(deed(), 1..40), law).unwrap();
}
