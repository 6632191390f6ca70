//! The table of a split: `[[split]]`.

use toml::de::DeTable;

use super::route_table::{AGENT_EXPECTED, ID_EXPECTED, agent, pin};
use super::value::{Doc, Value};
use crate::domain::change::SplitRef;
use crate::domain::files::{FileSplit, as_in_files};
use crate::domain::id::{AccountId, ArmId, Pin, SplitId};
use crate::domain::route::ManagedBy;
use crate::domain::split::slots::{ARMS_MAX, Owners, SLOTS};
use crate::domain::split::{Arm, Split, UnitRule, WEIGHT_MAX};
use crate::domain::time::Timestamp;

const KEYS: [&str; 10] =
    ["id", "name", "unit", "arms", "salt", "owners", "starts_at", "ends_at", "call_quota", "paused"];
const ARM_KEYS: [&str; 6] = ["id", "name", "agent", "pin", "weight", "max_calls_in_progress"];
const UNIT_EXPECTED: &str = "\"caller\", \"call\", \"random\" or { header = \"<name>\" }";

/// Reads a split; it is of the account given until the whole file is known.
pub(super) fn read(
    doc: &mut Doc<'_>,
    (table, at): (&DeTable<'_>, usize),
    account: &AccountId,
) -> Option<FileSplit> {
    let mut id = None;
    let mut split = FileSplit {
        id: SplitRef { account: account.clone(), split: SplitId::parse("unnamed").ok()? },
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
    let (mut arms_at, mut ok) = (at, true);
    for (key, value) in table {
        let read = match key.get_ref().as_ref() {
            "id" => doc
                .parsed("id", value, |text| SplitId::parse(text).ok(), ID_EXPECTED)
                .map(|split| id = Some(split)),
            "name" => doc.text("name", value).map(|name| name.clone_into(&mut split.name)),
            "unit" => unit(doc, value).map(|unit| split.unit = unit),
            "arms" => {
                arms_at = value.span().start;
                arms(doc, value).map(|arms| split.arms = arms)
            }
            "salt" => doc
                .parsed("salt", value, |text| text.parse().ok(), "a whole number below 2^64, as text")
                .map(|salt| split.salt = Some(salt)),
            "owners" => owners(doc, value).map(|owners| split.owners = Some(owners)),
            "starts_at" => doc.moment("starts_at", value).map(|at| split.starts_at = Some(at)),
            "ends_at" => doc.moment("ends_at", value).map(|at| split.ends_at = Some(at)),
            "call_quota" => doc
                .whole("call_quota", value, i128::from(i64::MAX), "a whole number of calls")
                .map(|calls| split.call_quota = Some(calls)),
            "paused" => doc.flag("paused", value).map(|paused| split.paused = paused),
            _ => {
                doc.unknown("split", key, &KEYS);
                None
            }
        };
        ok &= read.is_some();
    }
    if id.is_none() && !table.contains_key("id") {
        doc.fault(at, "id: is missing", "every split to have one");
    }
    if ok {
        check(doc, &split, at, arms_at);
    }
    split.id.split = id?;
    ok.then_some(split)
}

/// The id of a split that could not be read otherwise.
pub(super) fn id(table: &DeTable<'_>) -> Option<SplitId> {
    SplitId::parse(table.get("id")?.get_ref().as_str()?).ok()
}

/// What a split is by itself, by the rules it has everywhere.
fn check(doc: &mut Doc<'_>, file: &FileSplit, at: usize, arms_at: usize) {
    let weights: Vec<u32> = file.arms.iter().map(|arm| arm.weight).collect();
    let split = Split {
        account: file.id.account.clone(),
        id: file.id.split.clone(),
        name: file.name.clone(),
        managed_by: ManagedBy::Files,
        unit: file.unit.clone(),
        arms: file.arms.clone(),
        salt: 0,
        owners: Owners::first(&weights),
        starts_at: file.starts_at,
        ends_at: file.ends_at,
        call_quota: file.call_quota,
        paused: file.paused,
        ending: None,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
    };
    for fault in split.faults() {
        let at = if fault.field.starts_with("arms") { arms_at } else { at };
        let words: Vec<String> = fault.message.split(' ').map(as_in_files).collect();
        doc.fault(at, format!("{}: {}", as_in_files(&fault.field), words.join(" ")), "");
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

fn arms(doc: &mut Doc<'_>, value: &Value<'_>) -> Option<Vec<Arm>> {
    let list = doc.list("arms", value, ARMS_MAX)?;
    let arms: Vec<Option<Arm>> =
        list.iter().enumerate().map(|(i, value)| arm(doc, &format!("arms[{i}]"), value)).collect();
    arms.into_iter().collect()
}

fn arm(doc: &mut Doc<'_>, field: &str, value: &Value<'_>) -> Option<Arm> {
    let table = doc.table(field, value)?;
    let (mut id, mut name, mut serves, mut at, mut weight, mut calls_max, mut ok) =
        (None, String::new(), None, Pin::Draft, None, None, true);
    for (key, value) in table {
        let path = format!("{field}.{}", key.get_ref());
        let read = match key.get_ref().as_ref() {
            "id" => doc
                .parsed(&path, value, |text| ArmId::parse(text).ok(), ID_EXPECTED)
                .map(|arm| id = Some(arm)),
            "name" => doc.text(&path, value).map(|text| text.clone_into(&mut name)),
            "agent" => agent(doc, &path, value).map(|agent| serves = Some(agent)),
            "pin" => pin(doc, &path, value).map(|pin| at = pin),
            "weight" => doc
                .whole(&path, value, i128::from(WEIGHT_MAX), "a whole number from 0 to 1,000,000")
                .map(|number| weight = Some(number)),
            "max_calls_in_progress" => {
                doc.calls_in_progress(&path, value).map(|calls| calls_max = Some(calls))
            }
            _ => {
                doc.unknown(field, key, &ARM_KEYS);
                None
            }
        };
        ok &= read.is_some();
    }
    let start = value.span().start;
    let mut missing = |key: &str, expected: &str| {
        if !table.contains_key(key) {
            doc.fault(start, format!("{field}.{key}: is missing"), expected);
        }
    };
    missing("id", ID_EXPECTED);
    missing("agent", AGENT_EXPECTED);
    missing("weight", "a whole number from 0 to 1,000,000");
    let arm =
        Arm { id: id?, name, agent: serves?, pin: at, weight: weight?, max_calls_in_progress: calls_max };
    ok.then_some(arm)
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
