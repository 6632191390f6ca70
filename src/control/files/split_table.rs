//! The table of a split: `[[split]]`.

use toml::de::DeTable;

use super::item::{Item, Read, sketch};
use super::route_table::{AGENT_EXPECTED, ID_EXPECTED, agent, pin, taken};
use super::value::{Doc, Key, Value};
use crate::domain::change::SplitRef;
use crate::domain::files::{FileSplit, Keys};
use crate::domain::id::{AccountId, AgentId, ArmId, Pin, SplitId};
use crate::domain::named::Named;
use crate::domain::object::Object;
use crate::domain::refusal::FieldFault;
use crate::domain::split::slots::{ARMS_MAX, SLOTS};
use crate::domain::split::{Arm, UnitRule, WEIGHT_MAX};
use crate::domain::time::Timestamp;

const KEYS: [&str; 10] =
    ["id", "name", "unit", "arms", "salt", "owners", "starts_at", "ends_at", "call_quota", "paused"];
const ARM_KEYS: [&str; 6] = ["id", "name", "agent", "pin", "weight", "max_calls_in_progress"];
const WEIGHT_EXPECTED: &str = "a whole number from 0 to 1,000,000";
/// What every arm says, and what is expected there.
const ARM_NEEDS: [(&str, &str); 3] =
    [("id", ID_EXPECTED), ("agent", AGENT_EXPECTED), ("weight", WEIGHT_EXPECTED)];
const UNIT_EXPECTED: &str = "\"caller\", \"call\", \"random\" or { header = \"<name>\" }";

/// Reads a split; it is of the account given until the whole file is known.
pub(super) fn read(
    doc: &mut Doc<'_>,
    (table, at): (&DeTable<'_>, usize),
    account: &AccountId,
) -> Item<FileSplit> {
    let mut written = Written::new(account);
    for (key, value) in table {
        written.keys.note(key.get_ref().to_string(), doc.at(value.span().start));
        let is_right = written.take(doc, key, value);
        written.is_faulty |= !is_right;
    }
    if !table.contains_key("id") {
        doc.fault(at, "id: is missing", "every split to have one");
        written.is_faulty = true;
    }
    doc.rules(at, &written.keys, written.faults());
    written.into_item()
}

/// A split as far as it could be read; what could not be read of it is something that is right.
struct Written {
    split: FileSplit,
    id: Option<SplitId>,
    /// Whether its arms could be counted.
    has_arms: bool,
    names: Vec<Named>,
    keys: Keys,
    is_faulty: bool,
}

impl Written {
    fn new(account: &AccountId) -> Self {
        let split = FileSplit {
            id: SplitRef { account: account.clone(), split: SplitId::unread(0) },
            name: String::new(),
            unit: UnitRule::default(),
            arms: Vec::new(),
            salt: None,
            owners: None,
            starts_at: None,
            ends_at: None,
            call_quota: None,
            paused: false,
        };
        let (names, keys) = (Vec::new(), Keys::default());
        Self { split, id: None, has_arms: true, names, keys, is_faulty: false }
    }

    /// Takes one key; whether it is right.
    fn take(&mut self, doc: &mut Doc<'_>, key: &Key<'_>, value: &Value<'_>) -> bool {
        let split = &mut self.split;
        match key.get_ref().as_ref() {
            "id" => {
                self.id = doc.parsed("id", value, |text| SplitId::parse(text).ok(), ID_EXPECTED);
                self.id.is_some()
            }
            "name" => doc.text("name", value).map(|name| name.clone_into(&mut split.name)).is_some(),
            "unit" => {
                if let Some(header) = value.get_ref().as_table().and_then(|table| table.get("header")) {
                    self.keys.note("unit.header", doc.at(header.span().start));
                }
                unit(doc, value).map(|unit| split.unit = unit).is_some()
            }
            "arms" => self.take_arms(doc, value),
            "salt" => {
                let expected = "a whole number below 2^64, as text";
                split.salt = doc.parsed("salt", value, |text| text.parse().ok(), expected);
                split.salt.is_some()
            }
            "owners" => {
                split.owners = owners(doc, value);
                split.owners.is_some()
            }
            "starts_at" => {
                split.starts_at = doc.moment("starts_at", value);
                split.starts_at.is_some()
            }
            "ends_at" => {
                split.ends_at = doc.moment("ends_at", value);
                split.ends_at.is_some()
            }
            "call_quota" => {
                let most = i128::from(i64::MAX);
                split.call_quota = doc.whole("call_quota", value, most, "a whole number of calls");
                split.call_quota.is_some()
            }
            "paused" => doc.flag("paused", value).map(|paused| split.paused = paused).is_some(),
            _ => {
                doc.unknown("split", key, &KEYS);
                false
            }
        }
    }

    fn take_arms(&mut self, doc: &mut Doc<'_>, value: &Value<'_>) -> bool {
        let Some(list) = doc.list("arms", value, ARMS_MAX) else {
            self.has_arms = false;
            return false;
        };
        let mut is_right = true;
        for (i, value) in list.iter().enumerate() {
            self.keys.note(format!("arms[{i}]"), doc.at(value.span().start));
            is_right &= self.take_arm(doc, i, value);
        }
        is_right
    }

    fn take_arm(&mut self, doc: &mut Doc<'_>, i: usize, value: &Value<'_>) -> bool {
        let mut arm = Arm {
            id: ArmId::unread(i),
            name: String::new(),
            agent: AgentId::unread(i),
            pin: Pin::default(),
            weight: 1,
            max_calls_in_progress: None,
        };
        let field = format!("arms[{i}]");
        let (mut serves, mut at) = (Read::Absent, Read::Absent);
        let is_right = doc.table(&field, value).is_some_and(|table| {
            let mut is_right = true;
            for (key, value) in table {
                let path = format!("{field}.{}", key.get_ref());
                is_right &= match key.get_ref().as_ref() {
                    "id" => {
                        let id = doc.parsed(&path, value, |text| ArmId::parse(text).ok(), ID_EXPECTED);
                        id.map(|id| arm.id = id).is_some()
                    }
                    "name" => doc.text(&path, value).map(|text| text.clone_into(&mut arm.name)).is_some(),
                    "agent" => taken(&mut serves, agent(doc, &path, value)),
                    "pin" => taken(&mut at, pin(doc, &path, value)),
                    "weight" => {
                        let weight = doc.whole(&path, value, i128::from(WEIGHT_MAX), WEIGHT_EXPECTED);
                        weight.map(|weight| arm.weight = weight).is_some()
                    }
                    "max_calls_in_progress" => {
                        arm.max_calls_in_progress = doc.calls_in_progress(&path, value);
                        arm.max_calls_in_progress.is_some()
                    }
                    _ => {
                        doc.unknown(&field, key, &ARM_KEYS);
                        false
                    }
                };
                self.keys.note(path, doc.at(value.span().start));
            }
            for (key, expected) in ARM_NEEDS {
                if !table.contains_key(key) {
                    doc.fault(value.span().start, format!("{field}.{key}: is missing"), expected);
                    is_right = false;
                }
            }
            is_right
        });
        if let Some(agent) = serves.right() {
            self.names.extend(Named::serving(&format!("{field}."), agent, at.or_default()));
            arm.agent = agent.clone();
        }
        arm.pin = at.or_default().unwrap_or_default();
        self.split.arms.push(arm);
        is_right
    }

    /// What is wrong with the split by itself, by the rules it has everywhere.
    fn faults(&self) -> Vec<FieldFault> {
        let mut faults = self.split.as_split(0, Timestamp(0)).faults();
        faults.retain(|fault| self.has_arms || fault.field != "arms");
        faults
    }

    fn into_item(mut self) -> Item<FileSplit> {
        let account = &self.split.id.account;
        let value = match self.id {
            Some(id) if !self.is_faulty => {
                self.split.id.split = id;
                Ok(self.split)
            }
            Some(id) => Err(sketch(account, format!("split {id}"), Some(Object::Split(id)), self.names)),
            None => Err(sketch(account, "split", None, self.names)),
        };
        Item { value, keys: self.keys }
    }
}

fn unit(doc: &mut Doc<'_>, value: &Value<'_>) -> Option<UnitRule> {
    if let Some(table) = value.get_ref().as_table()
        && let Some(header) = table.get("header").filter(|_| table.len() == 1)
    {
        return doc.text("unit.header", header).map(|header| UnitRule::Header(header.to_owned()));
    }
    let parse = |text: &str| match text {
        "caller" => Some(UnitRule::Caller),
        "call" => Some(UnitRule::Call),
        "random" => Some(UnitRule::Random),
        _ => None,
    };
    doc.parsed("unit", value, parse, UNIT_EXPECTED)
}

fn owners(doc: &mut Doc<'_>, value: &Value<'_>) -> Option<Vec<(usize, usize, ArmId)>> {
    const EXPECTED: &str = "runs [first slot, last slot, \"arm\"] from 0 to 9999";
    let mut runs = Vec::new();
    for (i, run) in doc.list("owners", value, SLOTS)?.iter().enumerate() {
        let field = format!("owners[{i}]");
        let Some([first, last, arm]) = run.get_ref().as_array().map(std::convert::AsRef::as_ref) else {
            doc.wrong(&field, run, EXPECTED);
            return None;
        };
        let most = i128::try_from(SLOTS).unwrap_or_default() - 1;
        let first = doc.whole(&field, first, most, EXPECTED)?;
        let last = doc.whole(&field, last, most, EXPECTED)?;
        let arm = doc.parsed(&field, arm, |text| ArmId::parse(text).ok(), ID_EXPECTED)?;
        runs.push((first, last, arm));
    }
    Some(runs)
}
