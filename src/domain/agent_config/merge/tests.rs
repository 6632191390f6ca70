use proptest::prelude::*;
use serde_json::json;

use super::super::tests::any::document;
use super::*;

fn config(value: &Value) -> AgentConfig {
    AgentConfig::from_value(value).unwrap()
}

fn sides(base: &Value, ours: &Value, theirs: &Value) -> Sides<AgentConfig> {
    Sides { base, ours, theirs }.map(config)
}

fn merged(sides: &Sides<AgentConfig>) -> Merge {
    sides.each_ref().merged(&[])
}

/// The configuration of a merge without conflicts.
#[track_caller]
fn whole(merge: &Merge) -> AgentConfig {
    assert_eq!((&merge.conflicts, &merge.strangers), (&Vec::new(), &Vec::new()));
    merge.config().unwrap()
}

fn paths(merge: &Merge) -> Vec<String> {
    merge.conflicts.iter().map(|conflict| conflict.path.to_string()).collect()
}

fn resolved(sides: &Sides<AgentConfig>, path: &[&str], takes: Takes) -> Merge {
    let path = path.iter().map(|step| (*step).to_owned()).collect();
    sides.each_ref().merged(&[Resolution { path, takes }])
}

fn topic(id: &str, content: &str) -> Value {
    json!({"id": id, "name": id, "content": content})
}

fn with_topics(topics: &[Value]) -> Value {
    json!({"name": "a", "topics": topics})
}

/// The document with some of its keys as another has them. Attributes and variants of sites belong together.
fn with_keys(document: &Value, other: &Value, keys: &[bool]) -> Value {
    let mut mixed = document.clone();
    for (Key { name, .. }, _) in DOCUMENT.iter().zip(keys).filter(|(key, taken)| {
        **taken && key.name != "siteVariants" || key.name == "siteVariants" && keys[place("siteAttributes")]
    }) {
        match other.get(name) {
            Some(value) => mixed[*name] = value.clone(),
            None => drop(mixed.as_object_mut().unwrap().remove(*name)),
        }
    }
    mixed
}

fn place(name: &str) -> usize {
    DOCUMENT.iter().position(|key| key.name == name).unwrap()
}

fn keys() -> impl Strategy<Value = Vec<bool>> {
    prop::collection::vec(any::<bool>(), DOCUMENT.len())
}

fn not(keys: &[bool]) -> Vec<bool> {
    keys.iter().map(|taken| !taken).collect()
}

proptest! {
    #[test]
    fn where_one_side_changed_nothing_or_both_did_the_same_it_is_as_the_other(
        base in document(), changed in document()
    ) {
        for (ours, theirs) in [(&base, &changed), (&changed, &base), (&changed, &changed)] {
            prop_assert_eq!(whole(&merged(&sides(&base, ours, theirs))), config(&changed));
        }
    }

    #[test]
    fn what_the_sides_changed_apart_is_put_together(
        base in document(), ours in document(), theirs in document(), keys in keys()
    ) {
        let (some, others) = (keys.clone(), not(&keys));
        let (mine, yours) = (with_keys(&base, &ours, &some), with_keys(&base, &theirs, &others));
        let both = with_keys(&mine, &theirs, &others);
        prop_assert_eq!(whole(&merged(&sides(&base, &mine, &yours))), config(&both));
    }

    #[test]
    fn to_take_back_a_step_takes_back_nothing_that_came_later(
        before in document(), step in document(), later in document(), keys in keys()
    ) {
        let (some, others) = (keys.clone(), not(&keys));
        let published = with_keys(&before, &step, &some);
        let draft = with_keys(&published, &later, &others);
        let without = with_keys(&before, &later, &others);
        // The step is the base of what was before it and what came after.
        prop_assert_eq!(whole(&merged(&sides(&published, &draft, &before))), config(&without));
    }

    #[test]
    fn conflicts_are_the_same_from_either_side_and_gone_once_all_are_resolved(
        base in document(), ours in document(), theirs in document()
    ) {
        let sides = sides(&base, &ours, &theirs);
        let there = merged(&sides);
        let back = merged(&Sides { base: sides.base.clone(), ours: sides.theirs.clone(), theirs: sides.ours.clone() });
        let told = |merge: &Merge| {
            let mut paths = paths(merge);
            paths.sort();
            paths
        };
        prop_assert_eq!(told(&there), told(&back));
        for conflict in &there.conflicts {
            let Sides { base, ours, theirs } = &conflict.sides;
            let is_whole = conflict.path.steps().len() == 1;
            prop_assert!(ours != theirs && (is_whole || ours != base && theirs != base), "{}", conflict.path);
        }
        let resolutions = |merge: &Merge, takes: &Takes| {
            let path = |conflict: &Conflict| conflict.path.names().map(str::to_owned).collect();
            let resolution = |conflict| Resolution { path: path(conflict), takes: takes.clone() };
            merge.conflicts.iter().map(resolution).collect::<Vec<_>>()
        };
        for takes in [Takes::Ours, Takes::Theirs] {
            let first = resolutions(&there, &takes);
            let mut merge = sides.each_ref().merged(&first);
            // Lists that are right by themselves and wrong together are told once nothing else is.
            let then = [first, resolutions(&merge, &takes)].concat();
            merge = sides.each_ref().merged(&then);
            prop_assert_eq!((paths(&merge), &merge.strangers), (Vec::new(), &Vec::new()));
        }
    }
}

#[test]
fn keys_are_merged_one_by_one_and_a_key_that_both_changed_is_a_conflict() {
    let base = json!({"name": "a", "llm": {"model": "m", "temperature": 0.1}});
    let ours = json!({"name": "b", "llm": {"model": "n", "temperature": 0.1}});
    let theirs = json!({"name": "a", "llm": {"model": "o", "temperature": 0.2}});
    let sides = sides(&base, &ours, &theirs);
    let merge = merged(&sides);
    assert_eq!(paths(&merge), ["llm.model"]);
    let conflict = &merge.conflicts[0];
    assert_eq!((conflict.section, conflict.kind()), (Section::AgentSettings, ConflictKind::Modify));
    assert_eq!(conflict.sides, Sides { base: "m", ours: "n", theirs: "o" }.map(|text| Some(json!(text))));
    assert_eq!(merge.config().unwrap().llm.model, "n", "ours, as long as nothing decides");
    for (takes, model) in
        [(Takes::Ours, "n"), (Takes::Theirs, "o"), (Takes::Base, "m"), (Takes::Value(json!("p")), "p")]
    {
        let config = whole(&resolved(&sides, &["llm", "model"], takes));
        assert_eq!(
            (config.name.as_str(), config.llm.model.as_str(), config.llm.temperature),
            ("b", model, 0.2)
        );
    }
}

#[test]
fn items_are_merged_by_id() {
    let base = with_topics(&[topic("x", "1"), topic("y", "1"), topic("z", "1")]);
    let ours = with_topics(&[topic("x", "2"), topic("y", "1"), topic("o", "1"), topic("z", "1")]);
    let theirs = with_topics(&[topic("z", "3"), topic("t", "1"), topic("x", "1")]);
    let config = whole(&merged(&sides(&base, &ours, &theirs)));
    let topics: Vec<_> =
        config.topics.iter().map(|topic| (topic.id.as_str(), topic.content.as_str())).collect();
    assert_eq!(topics, [("z", "3"), ("t", "1"), ("x", "2"), ("o", "1")]);
}

#[test]
fn an_item_that_one_side_deleted_and_the_other_changed_is_a_conflict() {
    let base = with_topics(&[topic("x", "1"), topic("y", "1")]);
    let (ours, theirs) = (with_topics(&[topic("y", "1")]), with_topics(&[topic("x", "2"), topic("y", "1")]));
    for (ours, theirs) in [(&ours, &theirs), (&theirs, &ours)] {
        let merge = merged(&sides(&base, ours, theirs));
        assert_eq!(paths(&merge), ["topics[x]"]);
        assert_eq!(merge.conflicts[0].kind(), ConflictKind::Delete);
    }
    let gone = resolved(&sides(&base, &ours, &theirs), &["topics", "x"], Takes::Ours);
    assert_eq!(whole(&gone).topics.len(), 1);
}

#[test]
fn an_item_that_both_added_is_merged_and_conflicts_where_it_differs() {
    let (base, ours) = (with_topics(&[]), with_topics(&[topic("x", "1")]));
    let merge = merged(&sides(&base, &ours, &with_topics(&[topic("x", "2")])));
    assert_eq!(paths(&merge), ["topics[x].content"]);
    assert_eq!(merge.conflicts[0].kind(), ConflictKind::Add);
}

#[test]
fn two_orders_of_one_list_are_a_conflict_at_the_list() {
    let topics = |ids: &str| with_topics(&ids.split(' ').map(|id| topic(id, "1")).collect::<Vec<_>>());
    let sides = sides(&topics("x y z"), &topics("z y x"), &topics("y x z"));
    let merge = merged(&sides);
    assert_eq!(paths(&merge), ["topics[]"]);
    assert_eq!(merge.conflicts[0].path.names().collect::<Vec<_>>(), ["topics"]);
    let ids = |takes| {
        let config = whole(&resolved(&sides, &["topics"], takes));
        config.topics.iter().map(|topic| topic.id.clone()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(ids(Takes::Ours), "z y x");
    assert_eq!(ids(Takes::Theirs), "y x z");
    assert_eq!(ids(Takes::Value(json!(["x", "z"]))), "x z y");
}

#[test]
fn long_texts_are_merged_by_line_and_short_ones_are_not() {
    let prompt = |text: &str| json!({"name": "a", "instructions": {"systemPrompt": text}});
    let base = prompt("one\ntwo\nthree\nfour\n");
    let sides_of = |ours: &str, theirs: &str| sides(&base, &prompt(ours), &prompt(theirs));
    let merge = merged(&sides_of("ONE\ntwo\nthree\nfour\n", "one\ntwo\nthree\nFOUR\n"));
    assert_eq!(whole(&merge).instructions.system_prompt, "ONE\ntwo\nthree\nFOUR\n");
    let merge = merged(&sides_of("ONE\ntwo\nthree\nfour\n", "Uno\ntwo\nthree\nfour\n"));
    assert_eq!(paths(&merge), ["instructions.systemPrompt"]);
}

#[test]
fn what_cordboard_does_not_look_into_is_merged_key_by_key() {
    let flow = |flow: Value| json!({"name": "a", "workflow": flow});
    let base = flow(json!({"a": {"b": 1, "c": [1]}, "d": null}));
    let ours = flow(json!({"a": {"b": 2, "c": [1]}, "d": null, "e": 1}));
    let theirs = flow(json!({"a": {"b": 1, "c": [2]}}));
    let config = whole(&merged(&sides(&base, &ours, &theirs)));
    assert_eq!(json!(config.workflow), json!({"a": {"b": 2, "c": [2]}, "e": 1}));
    let merge = merged(&sides(&base, &ours, &json!({"name": "a"})));
    assert_eq!(paths(&merge), ["workflow"], "one that is gone and was changed");
}

#[test]
fn lists_that_are_right_by_themselves_and_wrong_together_are_a_conflict_as_a_whole() {
    let named = |id: &str, name: &str| json!({"id": id, "name": name});
    let ours = with_topics(&[named("x", "Hours")]);
    let theirs = with_topics(&[named("y", "Hours")]);
    let sides = sides(&with_topics(&[]), &ours, &theirs);
    assert_eq!(paths(&merged(&sides)), ["topics"]);
    let config = whole(&resolved(&sides, &["topics"], Takes::Theirs));
    assert_eq!(config.topics[0].id, "y");
    let both = json!([named("x", "Hours"), named("y", "Times")]);
    assert_eq!(whole(&resolved(&sides, &["topics"], Takes::Value(both))).topics.len(), 2);
}

#[test]
fn a_list_that_does_not_go_with_what_the_other_side_did_elsewhere_is_a_conflict_as_a_whole() {
    let attribute = json!([{"id": "a", "name": "Address"}]);
    let variant = json!([{"id": "x", "name": "North", "values": {"a": "High Street"}}]);
    let base = json!({"name": "a", "siteAttributes": attribute});
    let with_variant = json!({"name": "a", "siteAttributes": attribute, "siteVariants": variant});
    let without_attribute = json!({"name": "a"});
    for (ours, theirs, gone) in
        [(&with_variant, &without_attribute, Takes::Theirs), (&without_attribute, &with_variant, Takes::Ours)]
    {
        let sides = sides(&base, ours, theirs);
        assert_eq!(paths(&merged(&sides)), ["siteVariants"]);
        assert!(whole(&resolved(&sides, &["siteVariants"], gone)).site_variants.is_empty());
        let other = json!([{"id": "x", "name": "North"}]);
        let resolved = whole(&resolved(&sides, &["siteVariants"], Takes::Value(other)));
        assert_eq!(resolved.site_variants.len(), 1);
    }
}

#[test]
fn a_resolution_of_what_is_no_conflict_is_a_stranger_and_the_last_of_two_counts() {
    let name = |name: &str| json!({"name": name});
    let sides = sides(&name("a"), &name("b"), &name("c"));
    assert_eq!(resolved(&sides, &["llm", "model"], Takes::Ours).strangers, [0]);
    assert_eq!(resolved(&sides, &[], Takes::Ours).strangers, [0]);
    let of_name = |takes| Resolution { path: vec!["name".to_owned()], takes };
    let merge = sides.each_ref().merged(&[of_name(Takes::Ours), of_name(Takes::Theirs)]);
    assert_eq!(merge.strangers, [0]);
    assert_eq!(merge.config().unwrap().name, "c");
    let empty = resolved(&sides, &["name"], Takes::Value(json!("")));
    assert_eq!(empty.config().unwrap_err()[0].path, "name");
}

/// The paths that go out along with a merge, where this is served.
fn along(sides: &Sides<AgentConfig>, resolutions: &[Resolution], served: &Value) -> Vec<String> {
    let merged = sides.each_ref().merged(resolutions).config().unwrap();
    let along = sides.each_ref().along(resolutions, &merged, &config(served));
    along.iter().map(ToString::to_string).collect()
}

#[test]
fn what_goes_out_along_with_a_merge_is_what_was_not_served_and_is_not_theirs() {
    let document = |description: &str, prompt: &str, topics: &[Value]| json!({"name": "a", "description": description, "instructions": {"systemPrompt": prompt}, "topics": topics});
    let served = document("old", "one\ntwo\nthree", &[]);
    // Edited in main before the branch was made, and not served since.
    let base = document("new", "one\ntwo\nthree", &[]);
    let ours = document("new", "uno\ntwo\nthree", &[topic("ours", "x")]);
    let theirs = document("new", "one\ntwo\ntres", &[topic("theirs", "x")]);
    let three = sides(&base, &ours, &theirs);
    assert_eq!(along(&three, &[], &served), ["description", "instructions.systemPrompt", "topics[ours]"]);
    assert_eq!(along(&sides(&base, &base, &theirs), &[], &served), ["description"]);
    assert_eq!(along(&sides(&base, &base, &theirs), &[], &base), [""; 0]);
    let (ours, theirs) = (document("mine", "", &[]), document("theirs", "", &[]));
    let three = sides(&base, &ours, &theirs);
    let taking = |takes| [Resolution { path: vec!["description".to_owned()], takes }];
    assert_eq!(along(&three, &taking(Takes::Ours), &served), ["description"]);
    for takes in [Takes::Theirs, Takes::Base, Takes::Value(json!("another"))] {
        assert_eq!(along(&three, &taking(takes.clone()), &served), [""; 0], "{takes:?}");
    }
}

#[test]
fn a_value_that_is_wrong_is_told_as_such_and_not_as_a_conflict_of_its_list() {
    let with = |content: &str| with_topics(&[topic("x", content)]);
    let sides = sides(&with("1"), &with("2"), &with("3"));
    let merge = resolved(&sides, &["topics", "x", "content"], Takes::Value(json!(7)));
    assert_eq!(paths(&merge), [""; 0]);
    assert_eq!(merge.config().unwrap_err()[0].path, "topics[0].content");
}
