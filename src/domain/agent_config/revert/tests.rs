use proptest::prelude::*;
use serde_json::json;

use super::super::tests::any::document;
use super::*;

fn config(value: &Value) -> AgentConfig {
    AgentConfig::from_value(value).unwrap()
}

/// The draft after a revert in which nothing is in conflict.
#[track_caller]
fn reverted(revert: Revert<'_>) -> AgentConfig {
    let merge = revert.merged(&[]);
    assert_eq!(merge.conflicts, []);
    merge.config().unwrap()
}

fn resolutions(merge: &Merge, takes: &Takes) -> Vec<Resolution> {
    let path = |path: &Path| path.names().map(str::to_owned).collect();
    let of = |path| Resolution { path, takes: takes.clone() };
    merge.conflicts.iter().map(|conflict| of(path(&conflict.path))).collect()
}

/// What resolves all conflicts, those too that others hid, and what comes of it, if that is a configuration.
fn resolved(revert: Revert<'_>, takes: &Takes) -> (Vec<Resolution>, Option<AgentConfig>) {
    let mut said = resolutions(&revert.merged(&[]), takes);
    said.extend(resolutions(&revert.merged(&said), takes));
    let merge = revert.merged(&said);
    assert_eq!((&merge.conflicts, &merge.strangers), (&Vec::new(), &Vec::new()));
    (said, merge.config().ok())
}

proptest! {
    #[test]
    fn reverting_every_publish_newest_first_gives_the_first_version_and_then_its_name_alone(
        documents in prop::collection::vec(document(), 1..5)
    ) {
        let versions: Vec<_> = documents.iter().map(config).collect();
        let mut draft = versions.last().unwrap().clone();
        for pair in versions.windows(2).rev() {
            draft = reverted(Revert { entry: &pair[1], before: &pair[0], staging: &draft });
            prop_assert_eq!(&draft, &pair[0]);
        }
        let nothing = versions[0].name_alone();
        prop_assert_eq!(reverted(Revert { entry: &versions[0], before: &nothing, staging: &draft }), nothing);
    }

    #[test]
    fn to_revert_twice_is_to_revert_once_however_conflicts_are_resolved(
        before in document(), entry in document(), staging in document()
    ) {
        let [before, entry, staging] = [&before, &entry, &staging].map(config);
        for takes in [Takes::Ours, Takes::Theirs] {
            let (said, once) = resolved(Revert { entry: &entry, before: &before, staging: &staging }, &takes);
            let Some(once) = once else { continue };
            let merge = Revert { entry: &entry, before: &before, staging: &once }.merged(&said);
            prop_assert_eq!((&merge.conflicts, &merge.strangers), (&Vec::new(), &Vec::new()));
            prop_assert_eq!(merge.config().unwrap(), once);
        }
    }

    #[test]
    fn what_is_shown_beforehand_is_what_becomes_of_the_draft(
        before in document(), entry in document(), staging in document()
    ) {
        let [before, entry, staging] = [&before, &entry, &staging].map(config);
        let revert = Revert { entry: &entry, before: &before, staging: &staging };
        let merge = revert.merged(&[]);
        let kept = resolutions(&merge, &Takes::Ours);
        let shown = revert.changes(merge);
        let whole = entry.to_json();
        for change in &shown {
            prop_assert_eq!(&change.path.value_in(&whole), &change.entry);
        }
        let made = revert.merged(&kept);
        if made.conflicts.is_empty() {
            let kept = made.config();
            prop_assert!(kept.is_ok(), "{:?}", kept);
            let made = staging.changes_to(&kept.unwrap()).into_iter();
            let made: Vec<_> = made.map(|it| (it.path, it.from, it.to)).collect();
            let shown: Vec<_> = shown.into_iter().map(|it| (it.path, it.staging, it.after)).collect();
            prop_assert_eq!(shown, made);
        }
    }

    #[test]
    fn what_a_configuration_says_beside_nothing_is_all_of_it(document in document()) {
        let config = config(&document);
        let brought = config.changes_since(None);
        prop_assert!(brought.iter().all(|change| change.from.is_none() && change.to.is_some()));
        prop_assert_eq!(brought[0].path.to_string(), "name");
        prop_assert_eq!(brought.len(), config.name_alone().changes_to(&config).len() + 1);
        prop_assert!(brought.is_sorted_by_key(|change| change.section));
    }
}

fn three(before: &Value, entry: &Value, staging: &Value) -> [AgentConfig; 3] {
    [before, entry, staging].map(config)
}

fn resolution(path: &[&str], takes: Takes) -> Resolution {
    Resolution { path: path.iter().map(|step| (*step).to_owned()).collect(), takes }
}

#[test]
fn a_key_that_changed_again_later_is_a_conflict_and_each_way_out_is_taken() {
    let prompt = |text: &str, model: &str| json!({"name": "a", "instructions": {"systemPrompt": text}, "llm": {"model": model}});
    let [before, entry, staging] = three(&prompt("one", "m"), &prompt("two", "n"), &prompt("three", "n"));
    let revert = Revert { entry: &entry, before: &before, staging: &staging };
    let merge = revert.merged(&[]);
    assert_eq!(merge.conflicts.len(), 1);
    assert_eq!(merge.conflicts[0].path.to_string(), "instructions.systemPrompt");
    let changes = revert.changes(merge);
    let text = |text: &str| Some(json!(text));
    let model = KeyRevert {
        section: Section::AgentSettings,
        path: Path::of_names(&["llm".to_owned(), "model".to_owned()]),
        staging: text("n"),
        entry: text("n"),
        after: text("m"),
    };
    assert_eq!(changes, [model]);
    for (takes, is) in [(Takes::Ours, "three"), (Takes::Theirs, "one"), (Takes::Value(json!("four")), "four")]
    {
        let merge = revert.merged(&[resolution(&["instructions", "systemPrompt"], takes)]);
        let config = merge.config().unwrap();
        assert_eq!((config.instructions.system_prompt.as_str(), config.llm.model.as_str()), (is, "m"));
    }
}

#[test]
fn a_resolution_of_what_is_not_in_conflict_is_a_stranger_until_all_is_reverted() {
    let agent = |name: &str, model: &str| json!({"name": name, "llm": {"model": model}});
    let [before, entry, staging] = three(&agent("a", "m"), &agent("a", "n"), &agent("b", "n"));
    let revert = |staging| Revert { entry: &entry, before: &before, staging };
    let model = resolution(&["llm", "model"], Takes::Theirs);
    assert_eq!(revert(&staging).merged(std::slice::from_ref(&model)).strangers, [0]);
    let once = reverted(revert(&staging));
    let again = revert(&once).merged(std::slice::from_ref(&model));
    assert_eq!((again.strangers.len(), again.config().unwrap()), (0, once.clone()));
    // What the publish never touched stays no matter of it.
    let name = resolution(&["name"], Takes::Ours);
    assert_eq!(revert(&once).merged(&[model, name]).strangers, [1]);
}

#[test]
fn the_values_of_a_list_that_was_put_in_order_are_ids() {
    let topics = |ids: &str| {
        let topics: Vec<_> =
            ids.chars().map(|id| json!({"id": id.to_string(), "name": id.to_string()})).collect();
        json!({"name": "a", "topics": topics})
    };
    let [before, entry, staging] = three(&topics("abc"), &topics("cba"), &topics("cbad"));
    let revert = Revert { entry: &entry, before: &before, staging: &staging };
    let changes = revert.changes(revert.merged(&[]));
    assert_eq!((changes.len(), changes[0].path.to_string()), (1, "topics[]".to_owned()));
    assert_eq!(changes[0].entry, Some(json!(["c", "b", "a"])));
    assert_eq!(changes[0].after, Some(json!(["a", "d", "b", "c"])));
}

#[test]
fn a_site_variant_that_comes_back_and_is_there_again_leaves_the_default_as_it_is() {
    let variants = |ids: &str| {
        let variants: Vec<_> =
            ids.chars().map(|id| json!({"id": id.to_string(), "name": id.to_string()})).collect();
        json!({"name": "a", "siteVariants": variants})
    };
    let [before, entry, staging] = three(&variants("ab"), &variants("a"), &variants(""));
    let once = reverted(Revert { entry: &entry, before: &before, staging: &staging });
    assert!(once.site_variants[0].is_default, "the only one");
    let revert = Revert { entry: &entry, before: &before, staging: &once };
    assert_eq!(reverted(revert), once);
    let mark = resolution(&["siteVariants", "b", "isDefault"], Takes::Value(json!(true)));
    assert_eq!(revert.merged(&[mark]).strangers, [0; 0]);
    let other = resolution(&["name"], Takes::Ours);
    assert_eq!(revert.merged(&[other]).strangers, [0]);
}
