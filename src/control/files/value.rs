//! Values of a TOML text as the types that are meant, each fault at its place.

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::faults::{Faults, nearest, shown};
use super::origin::{Origin, Places};
use crate::domain::files::{Keys, Place, as_in_files};
use crate::domain::refusal::FieldFault;
use crate::domain::split::{CALLS_EXPECTED, CALLS_MAX};
use crate::domain::time::Timestamp;

/// A key where it stands.
pub(super) type Key<'t> = Spanned<DeString<'t>>;
/// A value where it stands.
pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// A text being read: knows places, takes faults. A field is named by its path, such as `arms[1].weight`.
pub(super) struct Doc<'d> {
    places: &'d Places<'d>,
    faults: &'d mut Faults,
}

impl<'d> Doc<'d> {
    pub(super) fn new(places: &'d Places<'d>, faults: &'d mut Faults) -> Self {
        Self { places, faults }
    }

    /// Line and column of an offset.
    pub(super) fn at(&self, offset: usize) -> (u32, u32) {
        self.places.at(offset)
    }

    /// The place of an offset.
    pub(super) fn place(&self, offset: usize) -> Place {
        self.faults.place(self.places.at(offset))
    }

    /// Whether further faults would not be kept.
    pub(super) fn is_full(&self) -> bool {
        self.faults.is_full()
    }

    pub(super) fn fault(&mut self, offset: usize, message: impl Into<String>, expected: impl Into<String>) {
        if !self.faults.is_full() {
            self.faults.add(self.places.at(offset), message, expected);
        }
    }

    /// A fault at a line and column.
    pub(super) fn fault_at(
        &mut self,
        at: (u32, u32),
        message: impl Into<String>,
        expected: impl Into<String>,
    ) {
        self.faults.add(at, message, expected);
    }

    /// What is wrong with a table by the rules that hold everywhere: each fault where its field stands, else where the
    /// table does.
    pub(super) fn rules(&mut self, table: usize, keys: &Keys, faults: impl IntoIterator<Item = FieldFault>) {
        for FieldFault { field, message } in faults {
            let field = as_in_files(&field);
            let words: Vec<String> = message.split(' ').map(as_in_files).collect();
            let at = keys.find(&field).unwrap_or_else(|| self.at(table));
            self.faults.add(at, format!("{field}: {}", words.join(" ")), "");
        }
    }

    /// A value that is not what its field takes.
    pub(super) fn wrong(&mut self, field: &str, value: &Value<'_>, expected: &str) {
        let message = match value.get_ref() {
            DeValue::String(text) => format!("{field}: {} is not valid", shown(text)),
            other => format!("{field}: is of the type {}", other.type_str()),
        };
        self.fault(value.span().start, message, expected);
    }

    pub(super) fn unknown(&mut self, table: &str, key: &Key<'_>, known: &[&str]) {
        let message = format!("{table}: there is no key {}", shown(key.get_ref()));
        self.fault(key.span().start, message, nearest(key.get_ref(), known));
    }

    pub(super) fn text<'v>(&mut self, field: &str, value: &'v Value<'_>) -> Option<&'v str> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong(field, value, "a text in quotes");
        }
        text
    }

    /// A text that `parse` reads.
    pub(super) fn parsed<T>(
        &mut self,
        field: &str,
        value: &Value<'_>,
        parse: impl FnOnce(&str) -> Option<T>,
        expected: &str,
    ) -> Option<T> {
        let parsed = value.get_ref().as_str().and_then(parse);
        if parsed.is_none() {
            self.wrong(field, value, expected);
        }
        parsed
    }

    /// A whole number from 0.
    pub(super) fn whole<N: TryFrom<i128>>(
        &mut self,
        field: &str,
        value: &Value<'_>,
        most: i128,
        expected: &str,
    ) -> Option<N> {
        let number = value
            .get_ref()
            .as_integer()
            .and_then(|number| i128::from_str_radix(number.as_str(), number.radix()).ok());
        match number {
            Some(number) if (0..=most).contains(&number) => N::try_from(number).ok(),
            Some(number) => {
                self.fault(value.span().start, format!("{field}: {number} is out of range"), expected);
                None
            }
            None => {
                self.wrong(field, value, expected);
                None
            }
        }
    }

    /// A limit of calls in progress.
    pub(super) fn calls_in_progress(&mut self, field: &str, value: &Value<'_>) -> Option<u32> {
        let calls = self.whole(field, value, i128::from(CALLS_MAX), CALLS_EXPECTED)?;
        if calls == 0 {
            self.fault(value.span().start, format!("{field}: 0 is out of range"), CALLS_EXPECTED);
            return None;
        }
        Some(calls)
    }

    pub(super) fn flag(&mut self, field: &str, value: &Value<'_>) -> Option<bool> {
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong(field, value, "true or false");
        }
        flag
    }

    /// A TOML date-time with an offset, or the same as text.
    pub(super) fn moment(&mut self, field: &str, value: &Value<'_>) -> Option<Timestamp> {
        let moment = match value.get_ref() {
            DeValue::Datetime(at) => {
                // TOML may leave the seconds out, RFC 3339 may not.
                let seconds = |mut at: toml::value::Datetime| {
                    if let Some(time) = &mut at.time {
                        time.second.get_or_insert(0);
                    }
                    at.to_string()
                };
                Timestamp::parse(&seconds(*at))
            }
            DeValue::String(text) => Timestamp::parse(text),
            _ => None,
        };
        if moment.is_none() {
            self.wrong(field, value, "a time with its offset, such as 2026-01-01T00:00:00Z");
        }
        moment
    }

    pub(super) fn table<'v, 't>(&mut self, field: &str, value: &'v Value<'t>) -> Option<&'v DeTable<'t>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong(field, value, "a table");
        }
        table
    }

    pub(super) fn list<'v, 't>(
        &mut self,
        field: &str,
        value: &'v Value<'t>,
        most: usize,
    ) -> Option<&'v [Value<'t>]> {
        let Some(list) = value.get_ref().as_array() else {
            self.wrong(field, value, "a list");
            return None;
        };
        if list.len() > most {
            let message = format!("{field}: {} of them", list.len());
            self.fault(value.span().start, message, format!("at most {most}"));
            return None;
        }
        Some(list)
    }
}

/// The root table of a text, or a fault for each place that is no TOML.
pub(super) fn parse<'o>(origin: &'o Origin, places: &Places<'_>, faults: &mut Faults) -> Option<DeTable<'o>> {
    let (table, errors) = DeTable::parse_recoverable(origin.text());
    for error in &errors {
        if faults.is_full() {
            break;
        }
        let at = error.span().map_or((0, 0), |span| places.at(span.start));
        faults.add(at, format!("is no TOML: {}", error.message().replace('\n', ", ")), "TOML");
    }
    errors.is_empty().then(|| table.into_inner())
}
