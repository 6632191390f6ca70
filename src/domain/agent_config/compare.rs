//! What differs between two configurations, key by key.
//!
//! Objects are compared key by key, lists whose items have ids by id, everything else as a whole; keys that are absent
//! have their defaults. Two configurations differ in nothing exactly if their hashes are equal.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value, json};

use super::schema::{DOCUMENT, Key, Kind};
use super::{AgentConfig, Section};

/// One key that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyChange {
    /// The group it is shown in.
    pub section: Section,
    /// Where it is.
    pub path: Path,
    /// What it was; nothing if it was not there.
    pub from: Option<Value>,
    /// What it is; nothing if it is not there any more.
    pub to: Option<Value>,
}

/// Where a key is: names of keys and ids of items. As text `topics[opening-hours].content`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(Vec<Step>);

/// One step into a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Into an object, by name.
    Key(String),
    /// Into a list, by the id of an item.
    Item(String),
    /// The order of a list's items, which is no item: the ids that both sides have.
    Order,
}

impl AgentConfig {
    /// What has to change in this configuration to make it the other, in the order in which keys are shown.
    ///
    /// Cost: writing both documents as JSON.
    #[must_use]
    pub fn changes_to(&self, other: &Self) -> Vec<KeyChange> {
        changes(&self.to_json(), &other.to_json())
    }

    /// What it took to make this configuration of another one, or of nothing: then its name and every key that has not
    /// its default, each of which was not there before.
    ///
    /// Cost: writing both documents as JSON.
    #[must_use]
    pub fn changes_since(&self, before: Option<&Self>) -> Vec<KeyChange> {
        if let Some(before) = before {
            return before.changes_to(self);
        }
        let mut brought = self.name_alone().changes_to(self);
        brought.iter_mut().for_each(|change| change.from = None);
        let path = Path(vec![Step::Key("name".to_owned())]);
        let name =
            KeyChange { section: Section::AgentSettings, path, from: None, to: Some(json!(self.name)) };
        brought.insert(0, name);
        brought
    }
}

/// What has to change in a document with every key written out to make it another.
pub(super) fn changes(from: &Value, to: &Value) -> Vec<KeyChange> {
    let mut found = Vec::new();
    for Key { name, kind, section } in DOCUMENT {
        let Some(section) = *section else { continue };
        let mut comparing = Comparing { section, path: Path::default(), found: &mut found };
        comparing.within(Step::Key((*name).to_owned()), |this| {
            this.values(kind, from.get(name), to.get(name));
        });
    }
    // Stable, so that keys of a section stay as the table of keys has them.
    found.sort_by_key(|change| change.section);
    found
}

struct Comparing<'f> {
    section: Section,
    path: Path,
    found: &'f mut Vec<KeyChange>,
}

impl Comparing<'_> {
    fn within(&mut self, step: Step, compare: impl FnOnce(&mut Self)) {
        self.path.enter(step);
        compare(self);
        self.path.leave();
    }

    fn values(&mut self, kind: &Kind, from: Option<&Value>, to: Option<&Value>) {
        match (kind, from, to) {
            (_, from, to) if from == to => {}
            (Kind::Object(keys), Some(Value::Object(from)), Some(Value::Object(to))) => {
                self.members(keys, from, to);
            }
            (Kind::Items { keys, unique, .. }, Some(Value::Array(from)), Some(Value::Array(to)))
                if unique.contains(&"id") =>
            {
                self.items(keys, from, to);
            }
            (Kind::Map { .. } | Kind::Free { .. }, from, to) => self.free(from, to),
            (_, from, to) => self.differs(from.cloned(), to.cloned()),
        }
    }

    fn members(&mut self, keys: &[Key], from: &Map<String, Value>, to: &Map<String, Value>) {
        for key in keys {
            self.within(Step::Key(key.name.to_owned()), |this| {
                this.values(&key.kind, from.get(key.name), to.get(key.name));
            });
        }
    }

    fn items(&mut self, keys: &[Key], from: &[Value], to: &[Value]) {
        for item in from {
            self.within(Step::Item(id(item).to_owned()), |this| match (item, with_id(to, id(item))) {
                (Value::Object(from), Some(Value::Object(to))) => this.members(keys, from, to),
                (from, _) => this.differs(Some(from.clone()), None),
            });
        }
        for item in to.iter().filter(|item| with_id(from, id(item)).is_none()) {
            self.within(Step::Item(id(item).to_owned()), |this| this.differs(None, Some(item.clone())));
        }
        let common = |of: &[Value], other: &[Value]| {
            let ids: Vec<String> =
                of.iter().map(id).filter(|id| with_id(other, id).is_some()).map(str::to_owned).collect();
            ids
        };
        let (before, after) = (common(from, to), common(to, from));
        if before != after {
            self.within(Step::Order, |this| this.differs(Some(json!(before)), Some(json!(after))));
        }
    }

    /// What Cordboard does not look into is compared key by key as far as both sides are objects.
    fn free(&mut self, from: Option<&Value>, to: Option<&Value>) {
        match (from, to) {
            (from, to) if from == to => {}
            (Some(Value::Object(from)), Some(Value::Object(to))) => {
                let names: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
                for name in names {
                    self.within(Step::Key(name.clone()), |this| this.free(from.get(name), to.get(name)));
                }
            }
            (from, to) => self.differs(from.cloned(), to.cloned()),
        }
    }

    fn differs(&mut self, from: Option<Value>, to: Option<Value>) {
        self.found.push(KeyChange { section: self.section, path: self.path.clone(), from, to });
    }
}

/// The id of an item, which every item of a checked list has.
pub(super) fn id(item: &Value) -> &str {
    item.get("id").and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn with_id<'a>(items: &'a [Value], wanted: &str) -> Option<&'a Value> {
    items.iter().find(|item| id(item) == wanted)
}

impl Path {
    /// The steps, outermost first.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The names and ids of the steps; the order of a list has none of its own, and is where the list is.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|step| match step {
            Step::Key(name) | Step::Item(name) => Some(name.as_str()),
            Step::Order => None,
        })
    }

    /// The path whose steps have these names, as far as the table of keys tells items of lists from keys.
    #[must_use]
    pub fn of_names(names: &[String]) -> Self {
        let known =
            |keys: &'static [Key], name: &str| keys.iter().find(|key| key.name == name).map(|key| &key.kind);
        let (mut steps, mut within, mut is_item) = (Vec::new(), Some(DOCUMENT), false);
        for name in names {
            if is_item {
                steps.push(Step::Item(name.clone()));
                is_item = false;
                continue;
            }
            let kind = within.and_then(|keys| known(keys, name));
            (within, is_item) = match kind {
                Some(Kind::Object(keys)) => (Some(*keys), false),
                Some(Kind::Items { keys, unique, .. }) => (Some(*keys), unique.contains(&"id")),
                _ => (None, false),
            };
            steps.push(Step::Key(name.clone()));
        }
        Self(steps)
    }

    /// Reads the names and ids of the steps of a path as it is written at the beginning of a text, and what stands after
    /// it; nothing where no path stands there.
    #[must_use]
    pub fn read_names(text: &str) -> Option<(Vec<String>, &str)> {
        let (mut names, mut rest) = (Vec::new(), text);
        loop {
            rest = match rest.strip_prefix('[') {
                // The order of a list has no name of its own.
                Some(inner) if inner.starts_with(']') && !names.is_empty() => inner.get(1..)?,
                Some(inner) => {
                    let (name, after) = bracketed(inner)?;
                    names.push(name);
                    after
                }
                None => {
                    let plain = if names.is_empty() { rest } else { rest.strip_prefix('.')? };
                    let end = plain.find(|c| !may_be_plain(c)).unwrap_or(plain.len());
                    let (name, after) = plain.split_at(end);
                    names.push((!name.is_empty()).then(|| name.to_owned())?);
                    after
                }
            };
            if !rest.starts_with(['.', '[']) {
                return Some((names, rest));
            }
        }
    }

    /// What a document has there; of the order of a list, the ids of its items.
    #[must_use]
    pub fn value_in(&self, document: &Value) -> Option<Value> {
        let mut place = document;
        for step in &self.0 {
            place = match step {
                Step::Key(name) => place.get(name)?,
                Step::Item(wanted) => with_id(place.as_array()?, wanted)?,
                Step::Order => return Some(place.as_array()?.iter().map(id).collect()),
            };
        }
        Some(place.clone())
    }

    /// Whether it is where these names lead, or above, or below.
    #[must_use]
    pub fn meets(&self, names: &[String]) -> bool {
        self.names().zip(names).all(|(own, other)| own == other)
    }

    /// Whether its steps have these names.
    #[must_use]
    pub fn is(&self, names: &[String]) -> bool {
        self.names().eq(names)
    }

    pub(super) fn enter(&mut self, step: Step) {
        self.0.push(step);
    }

    pub(super) fn leave(&mut self) {
        self.0.pop();
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(name) if !is_plain(name) => write!(f, "[{}]", json!(name))?,
                Step::Key(name) if at == 0 => f.write_str(name)?,
                Step::Key(name) => write!(f, ".{name}")?,
                Step::Item(id) if is_plain(id) => write!(f, "[{id}]")?,
                Step::Item(id) => write!(f, "[{}]", json!(id))?,
                Step::Order => f.write_str("[]")?,
            }
        }
        Ok(())
    }
}

/// Whether a name needs no quotes within a path.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(may_be_plain)
}

fn may_be_plain(c: char) -> bool {
    c.is_alphanumeric() || "-_:".contains(c)
}

/// A name up to its bracket, in quotes or without, and what stands after that.
fn bracketed(text: &str) -> Option<(String, &str)> {
    if !text.starts_with('"') {
        let (name, rest) = text.split_once(']')?;
        return (!name.is_empty()).then(|| (name.to_owned(), rest));
    }
    let mut quoted = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let name = quoted.next()?.ok()?;
    let rest = text.get(quoted.byte_offset()..)?;
    Some((name, rest.strip_prefix(']')?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::any::document;
    use super::*;

    fn config(value: &Value) -> AgentConfig {
        AgentConfig::from_value(value).unwrap()
    }

    fn told(from: &Value, to: &Value) -> Vec<String> {
        let changes = config(from).changes_to(&config(to));
        let text = |value: Option<Value>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        changes
            .into_iter()
            .map(|change| {
                format!("{} {} {} {}", change.section, change.path, text(change.from), text(change.to))
            })
            .collect()
    }

    #[test]
    fn objects_are_compared_key_by_key_and_an_absent_key_has_its_default() {
        assert_eq!(
            told(
                &json!({"name": "a", "llm": {"model": "x"}, "turn": {"vad": {"threshold": 0.5}}}),
                &json!({"name": "b", "llm": {"temperature": 1.0}, "turn": {}}),
            ),
            [
                r#"agent_settings name "a" "b""#,
                r#"agent_settings llm.model "x" """#,
                "agent_settings llm.temperature 0.7 1.0",
            ]
        );
    }

    #[test]
    fn lists_with_ids_are_compared_by_id_and_others_as_a_whole() {
        let topic = |id: &str, content: &str| json!({"id": id, "name": id, "content": content});
        let uri = |uri: &str| json!({"uri": uri});
        assert_eq!(
            told(
                &json!({"name": "a", "topics": [topic("x", "1"), topic("y", "1"), topic("z", "1")],
                       "endpoints": [uri("sip:a@b"), uri("sip:c@d")]}),
                &json!({"name": "a", "topics": [topic("y", "2"), topic("x", "1"), topic("w w", "1")],
                       "endpoints": [uri("sip:a@b")]}),
            )
            .into_iter()
            .map(|line| line.split(" {").next().unwrap().to_owned())
            .collect::<Vec<_>>(),
            [
                r#"knowledge_sources topics[y].content "1" "2""#,
                "knowledge_sources topics[z]",
                r#"knowledge_sources topics["w w"] -"#,
                r#"knowledge_sources topics[] ["x","y"] ["y","x"]"#,
                r#"telephony endpoints [{"priority":0,"uri":"sip:a@b","weight":1},{"priority":0,"uri":"sip:c@d","weight":1}] [{"priority":0,"uri":"sip:a@b","weight":1}]"#,
            ]
            .map(|line| line.split(" {").next().unwrap().to_owned())
        );
    }

    #[test]
    fn free_objects_are_compared_key_by_key_and_null_is_a_value() {
        assert_eq!(
            told(
                &json!({"name": "a", "workflow": {"a.b": {"c": 1, "d": null}, "e": [1]}}),
                &json!({"name": "a", "workflow": {"a.b": {"c": 2}, "e": [2], "f": null}, "experimental": {}}),
            ),
            [
                r#"workflow workflow["a.b"].c 1 2"#,
                r#"workflow workflow["a.b"].d null -"#,
                "workflow workflow.e [1] [2]",
                "workflow workflow.f - null",
                "experimental experimental null {}",
            ]
        );
    }

    proptest! {
        #[test]
        fn nothing_differs_exactly_if_the_hashes_are_equal(one in document(), other in document()) {
            let (one, other) = (config(&one), config(&other));
            prop_assert_eq!(one.changes_to(&other).is_empty(), one.hash() == other.hash());
            prop_assert!(one.changes_to(&one).is_empty());
        }

        #[test]
        fn a_path_reads_back_as_it_is_shown(names in prop::collection::vec("\\PC{0,6}|[a-z\"\\\\\\[\\].=]{1,5}", 1..6), after in "(=\\PC{0,9})?") {
            let shown = Path::of_names(&names).to_string() + &after;
            prop_assert_eq!(Path::read_names(&shown), Some((names, after.as_str())));
        }

        #[test]
        fn every_path_of_a_change_is_found_by_its_names_and_reads_back(one in document(), other in document()) {
            for change in config(&one).changes_to(&config(&other)) {
                let names: Vec<String> = change.path.names().map(str::to_owned).collect();
                let (shown, found) = (change.path.to_string(), Path::of_names(&names));
                if !change.path.steps().contains(&Step::Order) {
                    prop_assert_eq!(&found, &change.path);
                }
                prop_assert_eq!(Path::read_names(&shown), Some((names, "")));
            }
        }

        #[test]
        fn no_text_makes_the_reader_of_paths_panic(text in "\\PC{0,20}") {
            let _ = Path::read_names(&text);
        }

        #[test]
        fn the_way_back_is_the_way_there_with_sides_exchanged(one in document(), other in document()) {
            let (one, other) = (config(&one), config(&other));
            let key = |change: &KeyChange| (change.section, change.path.clone());
            let mut there = one.changes_to(&other);
            let mut back = other.changes_to(&one);
            back.iter_mut().for_each(|change| std::mem::swap(&mut change.from, &mut change.to));
            there.sort_by_key(key);
            back.sort_by_key(key);
            prop_assert_eq!(there, back);
        }
    }
}
