//! One file of `routes/`, read and checked by itself.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use toml::de::DeTable;

use super::column::column_of;
use super::cut::{Header, SectionKind, Sections, Whole, header};
use super::doubtful::Doubtful;
use super::faults::{Faults, Parsed, shown};
use super::item::{Item, sketch};
use super::origin::{Origin, Places, text_of};
use super::plain::{Plain, PlainRoute, first_line};
use super::plain_routes::PlainRoutes;
use super::rows::{NOWHERE, Numbers, Routes, owned_by};
use super::unpinned::Unpinned;
use super::value::{self, Doc, Value};
use super::{caller_pin_table, route_table, split_table};
use crate::domain::address::{InvalidAddress, Number, Prefix};
use crate::domain::caller_pin::{CALLER_PINS_MAX, CallerPin};
use crate::domain::fallback::Fallback;
use crate::domain::files::{Doubt, FileSplit, Keys, Placed, Sketch};
use crate::domain::id::AccountId;
use crate::domain::object::Object;
use crate::domain::route::{FALLS_BACK_TO_ITSELF, Route};

/// Most bytes that are parsed together: it takes forty times as much memory.
const PARSED_BYTES_MAX: usize = 8 << 20;
/// Bytes of numbers that are parsed together.
const GROUP_BYTES: usize = 64 << 10;
/// Most numbers of one file.
const NUMBERS_MAX: usize = 20_000_000;
/// Most splits of one file.
const SPLITS_MAX: usize = 10_000;
/// Most prefixes of one file.
const PREFIXES_MAX: usize = 100_000;

const TABLES: [&str; 6] = ["number", "prefix", "split", "default", "caller_pin", "account"];

/// What a route file says; complete and right as far as one file can be, unless it was told with faults.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct RouteFile {
    pub(super) splits: Vec<Placed<FileSplit>>,
    pub(super) prefixes: Vec<Placed<(Prefix, Arc<Route>)>>,
    pub(super) default: Option<Placed<Arc<Route>>>,
    pub(super) caller_pins: Vec<Placed<Arc<CallerPin>>>,
    /// What is at fault of all these, as far as it could be read.
    pub(super) sketches: Vec<Placed<Sketch>>,
    /// The distinct routes of the numbers, each with the line of the first number that has it.
    pub(super) routes: Vec<Placed<Arc<Route>>>,
    pub(super) numbers: Numbers,
    /// The account, if the file names one.
    pub(super) account: Option<Placed<AccountId>>,
    /// What could not be read of it.
    pub(super) doubt: Doubt,
    /// Numbers that may be meant otherwise.
    pub(super) doubtful: Doubtful,
    /// Routes that serve a draft since they have no pin.
    pub(super) unpinned: Unpinned,
}

impl RouteFile {
    /// What is known of a file that could not be read.
    pub(super) fn unread() -> Self {
        Self { doubt: Doubt { any_split: true, ..Doubt::default() }, ..Self::default() }
    }

    /// Reads a file, of the account of `common` unless it says otherwise, as far as it can be read; with all its faults,
    /// up to a hundred. It shares the routes that it has in common with other files.
    pub(super) fn read<'t>(common: &mut PlainRoutes<'t>, file: &Arc<str>, bytes: &'t [u8]) -> Parsed<Self> {
        let text = match text_of(file, bytes) {
            Ok(text) => text,
            Err(fault) => return Parsed { value: Self::unread(), faults: vec![fault] },
        };
        let mut reading = Reading::new(file, common);
        match Sections::of(text).and_then(|sections| reading.numbers(sections)) {
            Ok(rest) => reading.rest(&rest),
            Err(Whole) => {
                reading = Reading::new(file, common);
                reading.rest(&Origin::of(text, 1));
            }
        }
        reading.finish(text)
    }

    /// The same without cutting.
    #[cfg(any(test, fuzzing))]
    pub(super) fn read_whole(file: &Arc<str>, text: &str, account: &AccountId) -> Parsed<Self> {
        let mut common = PlainRoutes::new(account);
        let mut reading = Reading::new(file, &mut common);
        reading.rest(&Origin::of(text, 1));
        reading.finish(text)
    }
}

/// A file while it is being read. Routes and splits get their account at the end, when it is known.
struct Reading<'c, 't> {
    faults: Faults,
    found: Found<'c, 't>,
}

/// What was found so far.
struct Found<'c, 't> {
    /// The account of files that name none.
    first_account: AccountId,
    account: Option<Placed<AccountId>>,
    /// Whether the file may name an account that could not be read.
    any_account: bool,
    doubt: Doubt,
    splits: Vec<Placed<FileSplit>>,
    prefixes: Vec<Placed<(Prefix, Route)>>,
    default: Option<Placed<Route>>,
    caller_pins: Vec<Placed<CallerPin>>,
    sketches: Vec<Placed<Sketch>>,
    routes: Routes,
    /// Those of this file and of others.
    common: &'c mut PlainRoutes<'t>,
    /// Places of those of this file.
    plain_places: HashMap<PlainRoute<'t>, u32, FixedState>,
    numbers: Numbers,
    unpinned: Unpinned,
}

impl<'c, 't> Reading<'c, 't> {
    fn new(file: &Arc<str>, common: &'c mut PlainRoutes<'t>) -> Self {
        let found = Found {
            first_account: common.account().clone(),
            account: None,
            any_account: false,
            doubt: Doubt::default(),
            splits: Vec::new(),
            prefixes: Vec::new(),
            default: None,
            caller_pins: Vec::new(),
            sketches: Vec::new(),
            routes: Routes::default(),
            common,
            plain_places: HashMap::default(),
            numbers: Numbers::default(),
            unpinned: Unpinned::default(),
        };
        Self { faults: Faults::of(file), found }
    }

    /// Reads the numbers of a text; what comes back is still to be read.
    fn numbers(&mut self, sections: Sections<'t>) -> Result<Origin, Whole> {
        let mut rest = Origin::default();
        let mut group = Origin::default();
        for section in sections {
            let section = section?;
            match section.kind {
                SectionKind::Plain(plain) if self.found.plain(&self.faults, &plain, section.line) => {}
                SectionKind::Plain(_) | SectionKind::Number => {
                    if group.text().len() + section.text.len() > GROUP_BYTES {
                        self.group(std::mem::take(&mut group), &mut rest);
                    }
                    group.push(section.text, section.line);
                }
                SectionKind::Rest => {
                    self.group(std::mem::take(&mut group), &mut rest);
                    rest.push(section.text, section.line);
                }
            }
        }
        self.group(group, &mut rest);
        Ok(rest)
    }

    /// Reads numbers; if they come with other tables, all of it is left for later.
    fn group(&mut self, group: Origin, rest: &mut Origin) {
        if group.text().is_empty() || self.faults.is_full() {
            return;
        }
        let places = group.places();
        let Some(root) = value::parse(&group, &places, &mut self.faults) else { return self.pieces(&group) };
        match root.get("number") {
            Some(numbers) if root.len() == 1 => {
                self.found.number_list(&mut Doc::new(&places, &mut self.faults), numbers);
            }
            _ => {
                drop(root);
                rest.append(group);
            }
        }
    }

    /// Reads what has to be read together.
    fn rest(&mut self, text: &Origin) {
        let bytes = text.text().len();
        if bytes > PARSED_BYTES_MAX {
            let message = format!("{bytes} bytes besides plain numbers have to be read at once");
            self.faults.add(
                (0, 0),
                message,
                format!("at most {PARSED_BYTES_MAX}, and no texts of several lines in a large file"),
            );
            return self.found.unread(text.text());
        }
        let places = text.places();
        match value::parse(text, &places, &mut self.faults) {
            Some(root) => self.tables(&root, &places),
            None => self.pieces(text),
        }
    }

    /// Reads each piece by itself of what is no TOML as a whole, so that one table at fault hides no other.
    fn pieces(&mut self, text: &Origin) {
        for (piece, line) in text.pieces() {
            let piece = Origin::of(piece, line);
            let places = piece.places();
            // What is no TOML here was told of the whole.
            match value::parse(&piece, &places, &mut Faults::of(&self.faults.file)) {
                Some(root) => self.tables(&root, &places),
                None => self.found.unread(piece.text()),
            }
        }
    }

    fn tables(&mut self, root: &DeTable<'_>, places: &Places<'_>) {
        let doc = &mut Doc::new(places, &mut self.faults);
        for (key, value) in root {
            match key.get_ref().as_ref() {
                "account" => self.found.account(doc, value),
                "number" => self.found.number_list(doc, value),
                "prefix" => self.found.prefix_list(doc, value),
                "split" => self.found.split_list(doc, value),
                "default" => self.found.default(doc, value),
                "caller_pin" => self.found.caller_pin_list(doc, value),
                _ => doc.unknown("routes", key, &TABLES),
            }
        }
    }

    fn finish(self, text: &str) -> Parsed<RouteFile> {
        let Self { mut faults, mut found } = self;
        if found.numbers.len() > NUMBERS_MAX {
            faults.add(
                (0, 0),
                format!("number: {} of them", found.numbers.len()),
                format!("at most {NUMBERS_MAX} a file"),
            );
        }
        found.numbers.settle(|number, first, again| {
            let message = format!("number: {number} is given twice, first in line {first}");
            faults.add((again, column_of(text, again, &number)), message, "each number once");
        });
        found.doubt.any_split |= faults.is_full();
        let doubtful = Doubtful::of(&found.numbers, text);
        faults.beside(RouteFile { doubtful, ..found.into_file() })
    }
}

impl<'t> Found<'_, 't> {
    /// Takes a plain number in; false where something about it is wrong or strange.
    fn plain(&mut self, faults: &Faults, plain: &Plain<'t>, line: u32) -> bool {
        let Ok(number) = Number::parse(plain.number) else { return false };
        // Another reader says what is wrong with a number that falls back to itself.
        let fallback = plain.route.fallback.and_then(|text| Fallback::parse(text).ok());
        if fallback.as_ref().and_then(Fallback::number) == Some(&number) {
            return false;
        }
        let route = match self.plain_places.get(&plain.route) {
            Some(route) => *route,
            None => {
                let Some(route) = self.common.get(&plain.route) else { return false };
                let at = (line.saturating_add(plain.number_line), plain.number_column);
                let route = self.routes.place(route, || (faults.place(at), keys_of(plain, line)));
                self.plain_places.insert(plain.route, route);
                route
            }
        };
        let at = (line.saturating_add(plain.number_line), plain.number_column);
        self.unpinned.note(at, plain.route.agent.is_some() && plain.route.pin.is_none());
        self.numbers.push(number, at.0, route);
        true
    }

    fn number_list(&mut self, doc: &mut Doc<'_>, list: &Value<'_>) {
        each(doc, "number", list, NUMBERS_MAX, |doc, table| {
            let item = route_table::read(doc, ("number", Some("number")), table, &self.first_account);
            let number = item.subject.and_then(|value| number(doc, value));
            let start = item.subject.map_or(table.1, |value| value.span().start);
            let at = || doc.place(start);
            self.unpinned.look(doc.at(start), &item.keys);
            let falls_back_to = |route: &Route| route.fallback.as_ref().and_then(Fallback::number).cloned();
            match (number, item.route) {
                (Some(number), Ok(route)) if falls_back_to(&route).as_ref() != Some(&number) => {
                    let route = self.routes.place(Arc::new(route), || (at(), item.keys));
                    self.numbers.push(number, at().line, route);
                }
                (number, route) => {
                    if let (Some(number), Ok(_)) = (&number, &route) {
                        let at = item.keys.find("fallback").unwrap_or_else(|| doc.at(start));
                        doc.fault_at(at, format!("fallback: {number} {FALLS_BACK_TO_ITSELF}"), "");
                    }
                    let names = route.map_or_else(|names| names, |route| route.names());
                    let value = sketch(&self.first_account, "number", None, names);
                    self.sketches.push(Placed { at: doc.place(start), keys: item.keys, value });
                    if let Some(number) = number {
                        self.numbers.push(number, doc.at(start).0, NOWHERE);
                    }
                }
            }
        });
    }

    fn prefix_list(&mut self, doc: &mut Doc<'_>, list: &Value<'_>) {
        each(doc, "prefix", list, PREFIXES_MAX, |doc, table| {
            let item = route_table::read(doc, ("prefix", Some("prefix")), table, &self.first_account);
            let prefix =
                item.subject.and_then(|value| doc.parsed("prefix", value, Prefix::parse, Prefix::EXPECTED));
            let start = item.subject.map_or(table.1, |value| value.span().start);
            self.unpinned.look(doc.at(start), &item.keys);
            let at = doc.place(start);
            let value = match (prefix, item.route) {
                (Some(prefix), Ok(route)) => Ok((prefix, route)),
                (prefix, route) => {
                    let what =
                        prefix.map_or_else(|| "prefix".to_owned(), |prefix| format!("prefix {prefix}"));
                    let names = route.map_or_else(|names| names, |route| route.names());
                    Err(sketch(&self.first_account, what, prefix.map(Object::Prefix), names))
                }
            };
            self.prefixes.extend(Item { value, keys: item.keys }.placed(at, &mut self.sketches));
        });
    }

    fn split_list(&mut self, doc: &mut Doc<'_>, list: &Value<'_>) {
        each(doc, "split", list, SPLITS_MAX, |doc, table| {
            let item = split_table::read(doc, table, &self.first_account);
            if let Err(sketch) = &item.value {
                match &sketch.object {
                    Some(Object::Split(id)) => drop(self.doubt.splits.insert(id.clone())),
                    _ => self.doubt.any_split = true,
                }
            }
            self.splits.extend(item.placed(doc.place(table.1), &mut self.sketches));
        });
    }

    fn default(&mut self, doc: &mut Doc<'_>, value: &Value<'_>) {
        let Some(table) = doc.table("default", value) else { return };
        let at = value.span().start;
        let item = route_table::read(doc, ("default", None), (table, at), &self.first_account);
        self.unpinned.look(doc.at(at), &item.keys);
        let value = item
            .route
            .map_err(|names| sketch(&self.first_account, "default", Some(Object::DefaultRoute), names));
        self.default = Item { value, keys: item.keys }.placed(doc.place(at), &mut self.sketches);
    }

    fn caller_pin_list(&mut self, doc: &mut Doc<'_>, list: &Value<'_>) {
        each(doc, "caller_pin", list, CALLER_PINS_MAX, |doc, table| {
            let item = caller_pin_table::read(doc, table, &self.first_account);
            self.caller_pins.extend(item.placed(doc.place(table.1), &mut self.sketches));
        });
    }

    fn account(&mut self, doc: &mut Doc<'_>, value: &Value<'_>) {
        let parse = |text: &str| AccountId::parse(text).ok();
        match doc.parsed("account", value, parse, "an account's id") {
            Some(account) => {
                self.account = Some(Placed::whole(doc.place(value.span().start), account));
            }
            None => self.any_account = true,
        }
    }

    /// Notes what may stand in lines that could not be read. Says rather too much than too little.
    fn unread(&mut self, text: &str) {
        let is_number = header(first_line(text).0) == Some(Header::Number);
        let is_header = |line: &str| line.trim_start().starts_with('[');
        let may_have = |word| {
            let mut lines = text.lines().filter(|line| !is_number || is_header(line));
            lines.any(|line| line.contains(word))
        };
        self.doubt.any_split |= may_have("split");
        self.any_account |= may_have("account");
    }

    fn into_file(self) -> RouteFile {
        if self.any_account {
            // Whatever it names may be there, in the account that is meant.
            return RouteFile::unread();
        }
        let named = self.account.clone();
        let account = self.account.map_or(self.first_account, |account| account.value);
        let mut splits = self.splits;
        for split in &mut splits {
            split.value.id.account = account.clone();
        }
        let mut sketches = self.sketches;
        for sketch in &mut sketches {
            sketch.value.account = account.clone();
        }
        let prefixes = self.prefixes.into_iter();
        let prefixes =
            prefixes.map(|it| it.map(|(prefix, route)| (prefix, owned_by(&account, Arc::new(route)))));
        let caller_pins = self.caller_pins.into_iter().map(|placed| {
            placed.map(|mut pin| {
                pin.id.agent.account = account.clone();
                Arc::new(pin)
            })
        });
        RouteFile {
            splits,
            caller_pins: caller_pins.collect(),
            prefixes: prefixes.collect(),
            default: self.default.map(|placed| placed.map(|route| owned_by(&account, Arc::new(route)))),
            sketches,
            routes: self.routes.of(&account),
            numbers: self.numbers,
            account: named,
            doubt: self.doubt,
            doubtful: Doubtful::default(),
            unpinned: self.unpinned,
        }
    }
}

/// A number, or what is wrong with it.
fn number(doc: &mut Doc<'_>, value: &Value<'_>) -> Option<Number> {
    let Some(text) = value.get_ref().as_str() else {
        doc.wrong("number", value, InvalidAddress::EXPECTED);
        return None;
    };
    let read = Number::parse(text);
    if let Err(why) = &read {
        doc.fault(value.span().start, format!("number: {} {why}", shown(text)), InvalidAddress::EXPECTED);
    }
    read.ok()
}

/// Where a plain number, whose table begins at a line, names what.
fn keys_of(plain: &Plain<'_>, first_line: u32) -> Keys {
    let mut keys = Keys::default();
    for (name, (line, column)) in ["agent", "pin", "split"].into_iter().zip(plain.names) {
        if column > 0 {
            keys.note(name, (first_line.saturating_add(line), column));
        }
    }
    keys
}

/// Hands on each table of a list.
fn each<'v, 't: 'v>(
    doc: &mut Doc<'_>,
    name: &str,
    list: &'v Value<'t>,
    most: usize,
    mut read: impl FnMut(&mut Doc<'_>, (&'v DeTable<'t>, usize)),
) {
    for value in doc.list(name, list, most).unwrap_or_default() {
        if doc.is_full() {
            return;
        }
        if let Some(table) = doc.table(name, value) {
            read(doc, (table, value.span().start));
        }
    }
}
