//! The fields of a body, taken one by one: every fault is kept, each with the path of its field.
//!
//! ```text
//!   bytes --> Tree --> Fields: take, take, ... close --> the body, if there are no Faults
//! ```
//!
//! A reader takes all its fields before it gives up, so that whoever wrote the body learns of all that is wrong with
//! it at once. What it names is looked up too, as far as the key may see: that is the caller it is read for.

use std::collections::HashSet;

use super::caller::Caller;
use crate::domain::account::Permission;
use crate::domain::address::{InvalidAddress, Number, Prefix};
use crate::domain::caller_pin::CallerAddress;
use crate::domain::change::SplitRef;
use crate::domain::fallback::Fallback;
use crate::domain::id::{AccountId, AgentId, ArmId, ConfigHash, ConnectorId, Pin, SiteVariantId, SplitId};
use crate::domain::refusal::FieldFault;
use crate::domain::time::Timestamp;
use crate::http::error::ApiError;
use crate::http::json::faults::{CODE, Faults, quoted, shown};
use crate::http::json::tree::Tree;

/// Most names that somebody is warned of.
const UNKNOWN_MAX: usize = 10;
/// Most characters of a name for people.
const NAME_CHARS_MAX: usize = 100;

/// What a body is read into.
pub(super) trait Written: Sized {
    /// Takes every field; nothing where a fault leaves nothing to go on with.
    fn read(fields: &mut Fields<'_>) -> Option<Self>;
}

/// A kind of single value.
pub(super) trait Kind: Sized {
    /// The code of a body in which nothing else is wrong.
    const CODE: &'static str = CODE;
    /// What to write, for people.
    fn expected() -> String;
    /// The value that is meant.
    ///
    /// # Errors
    /// Nothing where it is another kind of JSON; else what is wrong with it and what was expected.
    fn of(tree: Tree) -> Result<Self, Option<String>>;
}

/// Reads a body whole; an empty one is `{}`.
///
/// # Errors
/// 400, with every fault there is, up to 100.
pub(super) fn read<T: Written>(caller: &Caller, text: &[u8]) -> Result<T, ApiError> {
    read_tree(caller, parse(text)?)
}

/// The same of a body that is JSON already.
///
/// # Errors
/// As [`read`].
pub(super) fn read_tree<T: Written>(caller: &Caller, tree: Tree) -> Result<T, ApiError> {
    let (read, faults) = read_as_far(caller, tree)?;
    match faults.refusal() {
        Some(refusal) => Err(refusal),
        None => read.ok_or_else(|| ApiError::validation("body", "says too little")),
    }
}

/// Reads a body as far as it can be, with what is wrong with it so far, for whoever goes on looking.
///
/// # Errors
/// 400, where it is no object.
pub(super) fn read_as_far<T: Written>(caller: &Caller, tree: Tree) -> Result<(Option<T>, Faults), ApiError> {
    let Tree::Object(members) = tree else {
        return Err(ApiError::validation("body", format!("is {}: expected an object", tree.kind())));
    };
    let mut faults = Faults::default();
    let mut fields = Fields::of(caller, &mut faults, String::new(), members);
    let read = T::read(&mut fields);
    fields.close();
    Ok((read, faults))
}

/// A body as JSON; an empty one is `{}`.
///
/// # Errors
/// 400, where it is none.
pub(super) fn parse(text: &[u8]) -> Result<Tree, ApiError> {
    if text.trim_ascii().is_empty() {
        return Ok(Tree::Object(Vec::new()));
    }
    Tree::parse(text).map_err(|why| ApiError::validation("body", why))
}

/// The fields of an object that is being read.
#[derive(Debug)]
pub(super) struct Fields<'r> {
    caller: &'r Caller,
    faults: &'r mut Faults,
    path: String,
    members: Vec<(String, Tree)>,
    asked: Vec<&'static str>,
}

impl<'r> Fields<'r> {
    fn of(caller: &'r Caller, faults: &'r mut Faults, path: String, members: Vec<(String, Tree)>) -> Self {
        Self { caller, faults, path, members, asked: Vec::new() }
    }

    /// Who wrote it.
    pub(super) fn caller(&self) -> &'r Caller {
        self.caller
    }

    /// Whether a field of this object, or anything in it, has been found at fault.
    pub(super) fn blames(&self, name: &str) -> bool {
        self.faults.blames(&self.path_of(name))
    }

    /// Whether a field of this object is written and not null; it is not read yet.
    pub(super) fn says(&self, name: &str) -> bool {
        self.members.iter().any(|(member, tree)| member == name && *tree != Tree::Null)
    }

    /// Says what is wrong with a field of this object.
    pub(super) fn fault(&mut self, name: &str, message: impl Into<String>) {
        let field = self.path_of(name);
        self.faults.push(field, message.into(), CODE);
    }

    /// Says what is wrong with this object.
    pub(super) fn fault_of_all(&mut self, message: impl Into<String>) {
        self.faults.push(self.path.clone(), message.into(), CODE);
    }

    /// A value that may be absent; null is absence.
    pub(super) fn optional<T: Kind>(&mut self, name: &'static str) -> Option<T> {
        self.given(name).flatten()
    }

    /// A value that may be absent, or null to clear what is there.
    pub(super) fn given<T: Kind>(&mut self, name: &'static str) -> Option<Option<T>> {
        match self.take(name)? {
            Tree::Null => Some(None),
            tree => self.value(self.path_of(name), tree).map(Some),
        }
    }

    /// A value that must be there.
    pub(super) fn required<T: Kind>(&mut self, name: &'static str) -> Option<T> {
        match self.take(name) {
            None => {
                self.fault(name, format!("is missing: expected {}", T::expected()));
                None
            }
            Some(tree) => self.value(self.path_of(name), tree),
        }
    }

    /// An object that may be absent.
    pub(super) fn object<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        let tree = self.present(name)?;
        let path = self.path_of(name);
        self.members_of(path, tree, read)
    }

    /// A list of objects that may be absent; of one that is too long nothing is read. An item at fault is nothing, so
    /// that each of the others keeps its place.
    pub(super) fn objects<T>(
        &mut self,
        name: &'static str,
        most: usize,
        expected: &str,
        mut read: impl FnMut(&mut Fields<'_>) -> Option<T>,
    ) -> Option<Vec<Option<T>>> {
        let list = self.list(name, expected)?;
        if list.len() > most {
            self.fault(name, format!("has {} items: expected {expected}", list.len()));
            return None;
        }
        let path = self.path_of(name);
        let each = list.into_iter().enumerate();
        Some(each.map(|(i, tree)| self.members_of(format!("{path}[{i}]"), tree, &mut read)).collect())
    }

    /// A list of values, none where it is absent; those at fault are left out.
    pub(super) fn values<T: Kind>(&mut self, name: &'static str) -> Vec<T> {
        self.values_given(name).unwrap_or_default()
    }

    /// A list of values that may be absent; those at fault are left out.
    pub(super) fn values_given<T: Kind>(&mut self, name: &'static str) -> Option<Vec<T>> {
        let list = self.list(name, "a list")?;
        let path = self.path_of(name);
        let each = list.into_iter().enumerate();
        Some(each.filter_map(|(i, tree)| self.value(format!("{path}[{i}]"), tree)).collect())
    }

    /// An object of texts that may be absent, each of which must pass a check of its name and value.
    pub(super) fn texts(
        &mut self,
        name: &'static str,
        most: usize,
        expected: &str,
        check: impl Fn(&str, &str) -> Result<(), &'static str>,
    ) -> Vec<(String, String)> {
        let mut texts = Vec::new();
        let read = |fields: &mut Fields<'_>| {
            fields.once_each();
            if fields.members.len() > most {
                fields.fault_of_all(format!("has {} members: expected {expected}", fields.members.len()));
                fields.members.clear();
            }
            for (name, tree) in std::mem::take(&mut fields.members) {
                let Some(value) = fields.value::<String>(fields.path_of(&name), tree) else { continue };
                match check(&name, &value) {
                    Ok(()) => texts.push((name, value)),
                    Err(why) => fields.fault(&name, why),
                }
            }
            Some(())
        };
        self.object(name, read);
        texts
    }

    /// Leaves alone what nobody asks for, where others than we may have their say in the same object.
    pub(super) fn leave_others(&mut self) {
        self.members.clear();
    }

    /// The same; names those that are none of `known` either, a few of them, for whoever warns of them.
    pub(super) fn leave_unknown(&mut self, known: &[&str]) -> Vec<String> {
        let names = self.members.drain(..).map(|(name, _)| name);
        let unknown = names.filter(|name| !known.contains(&name.as_str()));
        unknown.take(UNKNOWN_MAX).map(|name| shown(&name)).collect()
    }

    /// A value as it is, for whoever reads it in a way of its own; null is absence.
    pub(super) fn present(&mut self, name: &'static str) -> Option<Tree> {
        self.take(name).filter(|tree| *tree != Tree::Null)
    }

    /// Whether an agent and what of it are there, as far as the caller may see.
    pub(super) fn check_agent(&mut self, agent: &AgentId, pin: Pin) {
        let Caller { key, state, .. } = self.caller;
        if self.caller.sight().agent(agent)
            && let Some(FieldFault { field, message }) = state.pin_fault(&key.account, agent, pin)
            && !self.blames(&field)
        {
            self.fault(&field, message);
        }
    }

    /// Whether a split is there, as far as the caller may see.
    pub(super) fn check_split(&mut self, split: &SplitId) {
        let Caller { key, state, .. } = self.caller;
        let id = SplitRef { account: key.account.clone(), split: split.clone() };
        if self.caller.sight().is_whole() && !state.splits.contains_key(&id) {
            self.fault("splitId", format!("there is no split {split}"));
        }
    }

    fn take(&mut self, name: &'static str) -> Option<Tree> {
        self.asked.push(name);
        let at = self.members.iter().position(|(known, _)| known == name)?;
        let (_, tree) = self.members.remove(at);
        if self.members.iter().any(|(known, _)| known == name) {
            self.members.retain(|(known, _)| known != name);
            self.fault(name, "stands there twice: expected once");
        }
        Some(tree)
    }

    fn list(&mut self, name: &'static str, expected: &str) -> Option<Vec<Tree>> {
        match self.present(name)? {
            Tree::List(list) => Some(list),
            tree => {
                self.fault(name, format!("is {}: expected {expected}", tree.kind()));
                None
            }
        }
    }

    fn value<T: Kind>(&mut self, path: String, tree: Tree) -> Option<T> {
        let kind = tree.kind();
        let why = match T::of(tree) {
            Ok(value) => return Some(value),
            Err(why) => why.unwrap_or_else(|| format!("is {kind}: expected {}", T::expected())),
        };
        self.faults.push(path, why, T::CODE);
        None
    }

    fn members_of<T>(
        &mut self,
        path: String,
        tree: Tree,
        read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        let Tree::Object(members) = tree else {
            self.faults.push(path, format!("is {}: expected an object", tree.kind()), CODE);
            return None;
        };
        let mut fields = Fields::of(self.caller, self.faults, path, members);
        let read = read(&mut fields);
        fields.close();
        read
    }

    /// Leaves each member once.
    fn once_each(&mut self) {
        let mut seen = HashSet::new();
        let (once, again): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.members).into_iter().partition(|(name, _)| seen.insert(name.clone()));
        self.members = once;
        for (name, _) in again {
            self.fault(&name, "stands there twice: expected once");
        }
    }

    /// Says of what nobody took that it means nothing.
    fn close(mut self) {
        let expected = match self.asked.as_slice() {
            [] => "nothing".to_owned(),
            [one] => (*one).to_owned(),
            [first @ .., last] => format!("{} or {last}", first.join(", ")),
        };
        for (name, _) in std::mem::take(&mut self.members) {
            self.fault(&name, format!("is unknown: expected {expected}"));
        }
    }

    fn path_of(&self, name: &str) -> String {
        let name = shown(name);
        if self.path.is_empty() { name } else { format!("{}.{name}", self.path) }
    }
}

/// The text that a value is.
fn text(tree: Tree) -> Result<String, Option<String>> {
    match tree {
        Tree::Text(text) => Ok(text),
        _ => Err(None),
    }
}

impl Kind for String {
    fn expected() -> String {
        "a text".to_owned()
    }

    fn of(tree: Tree) -> Result<Self, Option<String>> {
        text(tree)
    }
}

impl Kind for bool {
    fn expected() -> String {
        "true or false".to_owned()
    }

    fn of(tree: Tree) -> Result<Self, Option<String>> {
        match tree {
            Tree::Bool(value) => Ok(value),
            _ => Err(None),
        }
    }
}

macro_rules! id_kinds {
    ($($id:ty, $expected:literal;)*) => {$(
        impl Kind for $id {
            fn expected() -> String {
                $expected.to_owned()
            }

            fn of(tree: Tree) -> Result<Self, Option<String>> {
                Self::parse(&text(tree)?).map_err(|why| Some(why.to_string()))
            }
        }
    )*};
}

id_kinds! {
    AgentId, "the id of an agent, a text";
    AccountId, "the id of an account, a text";
    SplitId, "the id of a split, a text";
    ArmId, "the id of an arm, a text";
    SiteVariantId, "the id of a site variant, a text";
    ConnectorId, "the id of a connector, a text";
}

impl Kind for Pin {
    fn expected() -> String {
        Self::EXPECTED.to_owned()
    }

    fn of(tree: Tree) -> Result<Self, Option<String>> {
        let text = text(tree)?;
        Self::parse(&text)
            .ok_or_else(|| Some(format!("{} is no pin: expected {}", quoted(&text), Self::EXPECTED)))
    }
}

impl Kind for Timestamp {
    fn expected() -> String {
        "a time such as 2026-01-01T00:00:00Z".to_owned()
    }

    fn of(tree: Tree) -> Result<Self, Option<String>> {
        let text = text(tree)?;
        Self::parse(&text)
            .ok_or_else(|| Some(format!("{} is no time: expected {}", quoted(&text), Self::expected())))
    }
}

impl Kind for ConfigHash {
    fn expected() -> String {
        "32 lower-case hexadecimal digits".to_owned()
    }

    fn of(tree: Tree) -> Result<Self, Option<String>> {
        let text = text(tree)?;
        Self::parse(&text).ok_or_else(|| {
            Some(format!("{} is no fingerprint: expected {}", quoted(&text), Self::expected()))
        })
    }
}

impl Kind for Permission {
    fn expected() -> String {
        let names = Self::ALL.map(Self::as_str);
        let [first @ .., last] = names;
        format!("{} or {last}", first.join(", "))
    }

    fn of(tree: Tree) -> Result<Self, Option<String>> {
        let text = text(tree)?;
        Self::parse(&text)
            .ok_or_else(|| Some(format!("{} is no permission: expected {}", quoted(&text), Self::expected())))
    }
}

impl Kind for Fallback {
    fn expected() -> String {
        Self::EXPECTED.to_owned()
    }

    fn of(tree: Tree) -> Result<Self, Option<String>> {
        Self::parse(&text(tree)?).map_err(|why| Some(format!("{why}: expected {}", Self::EXPECTED)))
    }
}

impl Kind for Number {
    const CODE: &'static str = "PHONE_NUMBERS_INVALID_PHONE_NUMBER_FORMAT";

    fn expected() -> String {
        InvalidAddress::EXPECTED.to_owned()
    }

    fn of(tree: Tree) -> Result<Self, Option<String>> {
        Self::parse(&text(tree)?).map_err(|why| Some(format!("{why}: expected {}", InvalidAddress::EXPECTED)))
    }
}

impl Kind for Prefix {
    fn expected() -> String {
        Self::EXPECTED.to_owned()
    }

    fn of(tree: Tree) -> Result<Self, Option<String>> {
        Self::parse(&text(tree)?).ok_or_else(|| Some(format!("is no prefix: expected {}", Self::EXPECTED)))
    }
}

impl Kind for CallerAddress {
    fn expected() -> String {
        InvalidAddress::EXPECTED.to_owned()
    }

    fn of(tree: Tree) -> Result<Self, Option<String>> {
        Self::parse(&text(tree)?).map_err(|why| Some(format!("{why}: expected {}", InvalidAddress::EXPECTED)))
    }
}

/// A text within bounds, in characters.
#[derive(Debug, Clone)]
pub struct Text<const MAX: usize, const MIN: usize = 0>(String);

impl<const MAX: usize, const MIN: usize> Text<MAX, MIN> {
    /// The text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The text.
    pub(super) fn into_string(self) -> String {
        self.0
    }
}

impl<const MAX: usize, const MIN: usize> Kind for Text<MAX, MIN> {
    fn expected() -> String {
        match MIN {
            0 => format!("a text of at most {MAX} characters"),
            _ => format!("a text of {MIN} to {MAX} characters"),
        }
    }

    fn of(tree: Tree) -> Result<Self, Option<String>> {
        let text = text(tree)?;
        let chars = text.chars().count();
        if (MIN..=MAX).contains(&chars) {
            return Ok(Self(text));
        }
        Err(Some(format!("has {chars} characters: expected {}", Self::expected())))
    }
}

/// A name for people, as it is without the spaces around it.
#[derive(Debug)]
pub(super) struct Name(pub(super) String);

impl Kind for Name {
    fn expected() -> String {
        format!("1 to {NAME_CHARS_MAX} visible characters")
    }

    fn of(tree: Tree) -> Result<Self, Option<String>> {
        let text = text(tree)?;
        let name = text.trim();
        if (1..=NAME_CHARS_MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control) {
            return Ok(Self(name.to_owned()));
        }
        Err(Some(format!("is no name: expected {}", Self::expected())))
    }
}

/// Largest whole number that every JSON reader keeps exact.
pub const EXACT_MAX: u64 = (1 << 53) - 1;

/// A whole number within bounds, from 0 unless said; no fraction, no text.
#[derive(Debug, Clone, Copy)]
pub struct Whole<const MAX: u64, const MIN: u64 = 0>(u64);

impl<const MAX: u64, const MIN: u64> Whole<MAX, MIN> {
    /// The largest.
    pub(super) const MOST: Self = Self(MAX);

    /// A number, or the bound that it passes.
    pub(super) fn within(number: u64) -> Self {
        Self(number.clamp(MIN, MAX))
    }

    /// The number.
    pub(super) fn get(self) -> u64 {
        self.0
    }

    /// The number, of a bound that fits.
    pub(super) fn get_u32(self) -> u32 {
        u32::try_from(self.0).unwrap_or(u32::MAX)
    }
}

impl<const MAX: u64, const MIN: u64> Kind for Whole<MAX, MIN> {
    fn expected() -> String {
        format!("a whole number from {MIN} to {MAX}")
    }

    fn of(tree: Tree) -> Result<Self, Option<String>> {
        let Tree::Number(number) = tree else { return Err(None) };
        let within = number.as_u64().filter(|value| (MIN..=MAX).contains(value)).map(Self);
        within.ok_or_else(|| Some(format!("is {number}: expected {}", Self::expected())))
    }
}
