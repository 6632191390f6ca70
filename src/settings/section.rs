//! One table of the settings, read key by key, so that what nobody asked for is known to be unknown.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::Document;
use super::fault::{Fault, Place};
use super::source::{Sources, variable_names};

/// A value, the key it was said for and where; what weaker sources say for the same key comes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said<T> {
    /// The value as written.
    pub value: T,
    /// The whole key, such as `limits.header_bytes_max`.
    pub key: String,
    /// Where the value stands.
    pub place: Place,
    /// What it is stronger than: of no effect, but as wrong as if it had one.
    pub weaker: Vec<Self>,
}

impl<T> Said<T> {
    /// The fault of this value: `<key> <problem>`.
    pub fn fault(&self, problem: impl AsRef<str>, expected: impl Into<String>) -> Fault {
        self.place.fault(format!("{} {}", self.key, problem.as_ref()), expected)
    }

    /// What is meant by the value, none if it is illegal: a fault, as is each illegal one that it is stronger than. Else
    /// who takes the stronger one away would be told of it only then.
    pub(super) fn meant<M>(
        &self,
        faults: &mut Vec<Fault>,
        meant: impl Fn(&Self) -> Result<M, Fault>,
    ) -> Option<M> {
        faults.extend(self.weaker.iter().filter_map(|weaker| meant(weaker).err()));
        meant(self).map_err(|fault| faults.push(fault)).ok()
    }
}

/// A kind of single value, which a file, a variable or a flag can say.
pub(super) trait Scalar: Sized + PartialEq {
    /// What to write, for people.
    const EXPECTED: &'static str;
    /// The value in a file.
    fn of_toml(value: &DeValue<'_>) -> Option<Self>;
    /// The value in a variable or flag.
    fn of_text(text: &str) -> Option<Self>;
}

impl Scalar for String {
    const EXPECTED: &'static str = "a text in quotes";
    fn of_toml(value: &DeValue<'_>) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
    fn of_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Scalar for i64 {
    const EXPECTED: &'static str = "a whole number";
    fn of_toml(value: &DeValue<'_>) -> Option<Self> {
        let integer = value.as_integer()?;
        Self::from_str_radix(integer.as_str(), integer.radix()).ok()
    }
    fn of_text(text: &str) -> Option<Self> {
        text.trim().parse().ok()
    }
}

impl Scalar for bool {
    const EXPECTED: &'static str = "true or false";
    fn of_toml(value: &DeValue<'_>) -> Option<Self> {
        value.as_bool()
    }
    fn of_text(text: &str) -> Option<Self> {
        text.trim().parse().ok()
    }
}

/// A table that is being read; [`Section::close`] reports the keys nobody asked for.
pub(super) struct Section<'r, 't> {
    path: String,
    table: Option<&'r DeTable<'t>>,
    /// None inside lists, whose items no variable can name.
    sources: Option<&'r Sources>,
    document: &'r Document<'r>,
    faults: &'r mut Vec<Fault>,
    asked: Vec<&'static str>,
}

impl<'r, 't> Section<'r, 't> {
    /// The whole document.
    pub(super) fn root(
        document: &'r Document<'r>,
        table: &'r DeTable<'t>,
        sources: &'r Sources,
        faults: &'r mut Vec<Fault>,
    ) -> Self {
        let (path, asked) = (String::new(), Vec::new());
        Self { path, table: Some(table), sources: Some(sources), document, faults, asked }
    }

    /// A table of this one; one that is absent reads as empty, so that variables and flags still count.
    pub(super) fn table(&mut self, key: &'static str) -> Section<'_, 't> {
        let (path, found) = (self.path_of(key), self.find(key));
        let table = found.and_then(|value| {
            let table = value.get_ref().as_table();
            if table.is_none() {
                self.wrong_kind(&path, value, &format!("a table: [{path}]"));
            }
            table
        });
        let (sources, document) = (self.sources, self.document);
        Section { path, table, sources, document, faults: self.faults, asked: Vec::new() }
    }

    /// The strongest word on a single value, with the weaker ones; one that is malformed is a fault, however weak.
    pub(super) fn scalar<T: Scalar>(&mut self, key: &'static str) -> Option<Said<T>> {
        let path = self.path_of(key);
        let file = self.find(key).and_then(|value| self.value(&path, value));
        let Some(sources) = self.sources else { return file };
        let variable = self.variable(&path, sources);
        let flag = sources
            .flags
            .get(&path)
            .and_then(|(name, text)| self.parsed(&path, &format!("flag {name}"), text));
        let mut said = [flag, variable, file].into_iter().flatten();
        let strongest = said.next()?;
        Some(Said { weaker: said.collect(), ..strongest })
    }

    /// A list of texts, which only the file can say.
    pub(super) fn texts(&mut self, key: &'static str) -> Option<Vec<Said<String>>> {
        let path = self.path_of(key);
        let value = self.find(key)?;
        let Some(items) = value.get_ref().as_array() else {
            self.wrong_kind(&path, value, "a list of texts: [\"…\"]");
            return None;
        };
        Some(items.iter().filter_map(|item| self.value(&path, item)).collect())
    }

    /// A list of tables, which only the file can say.
    pub(super) fn tables<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Section<'_, 't>, Place) -> T,
    ) -> Option<Vec<T>> {
        let path = self.path_of(key);
        let value = self.find(key)?;
        let Some(items) = value.get_ref().as_array() else {
            self.wrong_kind(&path, value, &format!("a list of tables: [[{path}]] or [{{ … }}]"));
            return None;
        };
        let mut tables = Vec::with_capacity(items.len());
        for item in items {
            let Some(table) = item.get_ref().as_table() else {
                self.wrong_kind(&path, item, "a table: { … }");
                continue;
            };
            let (path, document, asked) = (path.clone(), self.document, Vec::new());
            let mut section =
                Section { path, table: Some(table), sources: None, document, faults: self.faults, asked };
            tables.push(read(&mut section, document.place(&item.span())));
            section.close();
        }
        Some(tables)
    }

    /// Reports every key that nobody asked for, with the one that may have been meant.
    pub(super) fn close(self) {
        let Some(table) = self.table else { return };
        for key in table.keys() {
            let name: &str = key.get_ref();
            if self.asked.contains(&name) {
                continue;
            }
            let expected = match nearest(name, &self.asked) {
                Some(near) => format!("{near}, perhaps"),
                None => format!("one of {}", self.asked.join(", ")),
            };
            let message = format!("{} is not a setting", self.path_of(name));
            self.faults.push(self.document.place(&key.span()).fault(message, expected));
        }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn find(&mut self, key: &'static str) -> Option<&'r Spanned<DeValue<'t>>> {
        self.asked.push(key);
        self.table.and_then(|table| table.get(key))
    }

    fn value<T: Scalar>(&mut self, path: &str, value: &Spanned<DeValue<'t>>) -> Option<Said<T>> {
        let Some(scalar) = T::of_toml(value.get_ref()) else {
            self.wrong_kind(path, value, T::EXPECTED);
            return None;
        };
        let place = self.document.place(&value.span());
        Some(Said { value: scalar, key: path.to_owned(), place, weaker: Vec::new() })
    }

    fn wrong_kind(&mut self, path: &str, value: &Spanned<DeValue<'t>>, expected: &str) {
        let kind = match value.get_ref() {
            DeValue::Integer(_) if expected == i64::EXPECTED => "a number that is too large",
            other => other.type_str(),
        };
        self.faults.push(self.document.place(&value.span()).fault(format!("{path} is {kind}"), expected));
    }

    fn variable<T: Scalar>(&mut self, path: &str, sources: &Sources) -> Option<Said<T>> {
        let mut strongest: Option<Said<T>> = None;
        for name in variable_names(path) {
            let Some(value) = sources.variables.get(&name) else { continue };
            let source = format!("variable {name}");
            let Some(text) = value.to_str() else {
                self.faults.push(Place::whole(&source).fault(format!("{path} is not UTF-8"), T::EXPECTED));
                continue;
            };
            let Some(said) = self.parsed::<T>(path, &source, text) else { continue };
            match &strongest {
                Some(first) if first.value != said.value => {
                    self.faults.push(said.fault("is said twice, differently", "one variable for it"));
                }
                Some(_) => {}
                None => strongest = Some(said),
            }
        }
        strongest
    }

    fn parsed<T: Scalar>(&mut self, path: &str, source: &str, text: &str) -> Option<Said<T>> {
        let place = Place::whole(source);
        let Some(value) = T::of_text(text) else {
            self.faults.push(place.fault(format!("{path} is {text:?}"), T::EXPECTED));
            return None;
        };
        Some(Said { value, key: path.to_owned(), place, weaker: Vec::new() })
    }
}

/// The known word nearest to a misspelt one, if it is near enough to be meant.
pub(super) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let word: Vec<char> = word.chars().take(64).collect();
    let distances = known.iter().map(|known| (distance(&word, known), *known));
    let (edits, near) = distances.min_by_key(|(edits, _)| *edits)?;
    (edits <= 1 + near.len() / 4).then_some(near)
}

/// Edits (insert, delete, replace) that turn one word into the other.
fn distance(from: &[char], to: &str) -> usize {
    let mut row: Vec<usize> = (0..=from.len()).collect();
    for (line, to) in to.chars().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        next.push(line + 1);
        for (pair, from) in row.windows(2).zip(from) {
            let (&[diagonal, above], Some(&left)) = (pair, next.last()) else { continue };
            next.push((diagonal + usize::from(*from != to)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_finds_the_one_that_was_meant() {
        let known = ["header_bytes_max", "body_bytes_max", "call_hours_max"];
        assert_eq!(nearest("header_byte_max", &known), Some("header_bytes_max"));
        assert_eq!(nearest("calls_hour_max", &known), Some("call_hours_max"));
        assert_eq!(nearest("tls_cert", &known), None);
    }
}
