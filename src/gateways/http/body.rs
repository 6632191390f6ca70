//! JSON bodies read member by member: at once and without a copy where they are good, once more where they are not, to
//! tell every fault by the field it is in.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::http::error::ApiError;
use crate::http::json::faults::{CODE, Faults, shown};
use crate::http::json::tree::Tree;

/// What is wrong with a name that was there before.
pub(in crate::gateways) const TWICE: &str = "stands there twice: expected once";
/// Unknown members that are told; the rest are many enough to be seen.
const UNKNOWN_MAX: usize = 20;
/// Most tags of a call.
const TAGS_MAX: usize = 20;
/// Longest tag.
const TAG_CHARS_MAX: usize = 100;

/// What reads the members of an object, one after the other.
pub(in crate::gateways) trait Members<'a> {
    /// Takes the value of a member it knows; `false` for one it does not know, whose value it leaves.
    fn take<M: MapAccess<'a>>(&mut self, name: &str, at: &mut Place, map: &mut M) -> Result<bool, M::Error>;

    /// A member that must be there and is not; asked only where the body is refused anyway.
    fn missing(&self) -> Option<&'static str> {
        None
    }
}

/// Where in a body the reader is, and what is wrong with it so far.
///
/// Of a good body nothing is noted: the first fault ends the reading.
#[derive(Debug, Default)]
pub(in crate::gateways) struct Place(Option<Noted>);

#[derive(Debug, Default)]
struct Noted {
    path: String,
    faults: Faults,
    /// The code of the fault that is about to be noted, where it has one of its own.
    code: Option<&'static str>,
}

impl Place {
    /// Reads a member of what is being read; nothing where a fault was noted.
    pub(in crate::gateways) fn member<T, E: Error>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<Option<T>, E> {
        match &self.0 {
            None => read(self).map(Some),
            Some(noted) => {
                let dot = if noted.path.is_empty() { "" } else { "." };
                let step = format!("{dot}{}", shown(name));
                Ok(self.noting(&step, read))
            }
        }
    }

    /// Reads an item of a list that is being read; nothing where a fault was noted.
    pub(in crate::gateways) fn item<T, E: Error>(
        &mut self,
        index: usize,
        read: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<Option<T>, E> {
        match &self.0 {
            None => read(self).map(Some),
            Some(_) => Ok(self.noting(&format!("[{index}]"), read)),
        }
    }

    /// Whether every fault is to be noted: then what others would refuse later is told as well.
    pub(in crate::gateways) const fn notes(&self) -> bool {
        self.0.is_some()
    }

    /// Whether anything in a member of what is being read is at fault.
    pub(in crate::gateways) fn blames(&self, name: &str) -> bool {
        let path = |noted: &Noted| format!("{}.{}", noted.path, shown(name));
        self.0.as_ref().is_some_and(|noted| noted.faults.blames(path(noted).trim_start_matches('.')))
    }

    /// A fault of what is being read, which has a code of its own.
    pub(in crate::gateways) fn coded<E: Error>(&mut self, code: &'static str, fault: E) -> E {
        if let Some(noted) = &mut self.0 {
            noted.code = Some(code);
        }
        fault
    }

    fn noting<T, E: Error>(&mut self, step: &str, read: impl FnOnce(&mut Self) -> Result<T, E>) -> Option<T> {
        if let Some(noted) = &mut self.0 {
            noted.path.push_str(step);
        }
        let read = read(self);
        let noted = self.0.as_mut()?;
        let above = noted.path.len().saturating_sub(step.len());
        let code = noted.code.take().unwrap_or(CODE);
        match read {
            Ok(value) => {
                noted.path.truncate(above);
                Some(value)
            }
            Err(why) => {
                noted.faults.push(noted.path.clone(), why.to_string(), code);
                noted.path.truncate(above);
                None
            }
        }
    }
}

/// Reads a body, an object; nothing at all is an empty one. The members nobody knows are named.
///
/// # Errors
/// 400, with every fault there is, up to 100.
pub(in crate::gateways) fn read<'a, T: Members<'a> + Default>(
    body: &'a [u8],
) -> Result<(T, Vec<String>), ApiError> {
    let mut members = T::default();
    let mut unknown = Vec::new();
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok((members, unknown));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let mut place = Place::default();
    let read = Object { members: &mut members, place: &mut place, unknown: &mut unknown };
    match read.deserialize(&mut json).and_then(|()| json.end()) {
        Ok(()) => Ok((members, unknown)),
        Err(_) => read_again::<T>(body),
    }
}

/// Reads a body that was not good at once, to tell all its faults; it may have none, since the first reading looks at
/// some of what is rare only as far as to know it from what is usual.
#[cold]
fn read_again<'a, T: Members<'a> + Default>(body: &[u8]) -> Result<(T, Vec<String>), ApiError> {
    let body_at_fault = |why| Err(ApiError::validation("body", why));
    let tree = match Tree::parse(body) {
        Ok(Tree::Object(members)) => Tree::Object(members),
        Ok(tree) => return body_at_fault(format!("is {}: expected an object", tree.kind())),
        Err(why) => return body_at_fault(why),
    };
    let (mut members, mut unknown) = (T::default(), Vec::new());
    let mut place = Place(Some(Noted::default()));
    let read = Object { members: &mut members, place: &mut place, unknown: &mut unknown };
    let broken = read.deserialize(tree).err();
    let missing = members.missing().filter(|name| !place.blames(name));
    let mut faults = place.0.map(|noted| noted.faults).unwrap_or_default();
    match (faults.is_empty(), broken) {
        (true, None) => return Ok((members, unknown)),
        (true, Some(why)) => return body_at_fault(why.to_string()),
        (false, _) => {}
    }
    if let Some(name) = missing {
        faults.push(name.to_owned(), "is missing".to_owned(), CODE);
    }
    Err(faults.refusal().unwrap_or_else(ApiError::internal))
}

/// The members of an object so far, to find one that stands there twice.
///
/// Of a good body one bit of each name is kept: that costs a nanosecond. Two names that share their bit have the body
/// read again, name by name.
#[derive(Debug, Default)]
pub(in crate::gateways) struct Seen {
    bits: u64,
    names: HashSet<String>,
}

impl Seen {
    /// Takes a member's name, if it is the first of that name.
    pub(in crate::gateways) fn once<E: Error>(&mut self, name: &str, at: &Place) -> Result<(), E> {
        let again = if at.notes() {
            !self.names.insert(name.to_owned())
        } else {
            let bit = Self::bit(name);
            self.bits & bit != 0 || {
                self.bits |= bit;
                false
            }
        };
        if again { Err(E::custom(TWICE)) } else { Ok(()) }
    }

    /// No two names that mean something in the same object share a bit.
    fn bit(name: &str) -> u64 {
        let [first, .., last] = name.as_bytes() else { return 1 };
        1 << ((name.len() + usize::from(*first) + 11 * usize::from(*last)) % 64)
    }
}

/// What stands in a member that is never refused, whatever it is.
#[derive(Debug)]
pub(in crate::gateways) enum Said<'a> {
    /// Null.
    Nothing,
    /// A text.
    Text(Cow<'a, str>),
    /// What is no text: of another kind, or with bytes or surrogates in it that are no characters.
    Unreadable,
}

/// Takes a text, and anything else as well.
pub(in crate::gateways) struct Readable;

impl<'de> DeserializeSeed<'de> for Readable {
    type Value = Said<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Readable {
    type Value = Said<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(Said::Nothing)
    }

    // As bytes: as a text, what is no character would be a fault of the whole body.
    fn visit_some<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_bytes(self)
    }

    fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(std::str::from_utf8(bytes).map_or(Said::Unreadable, |text| Said::Text(Cow::Borrowed(text))))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        let text = std::str::from_utf8(bytes);
        Ok(text.map_or(Said::Unreadable, |text| Said::Text(Cow::Owned(text.to_owned()))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Said::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Said::Unreadable)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Said::Unreadable)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Said::Unreadable)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Said::Unreadable)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut items: S) -> Result<Self::Value, S::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Said::Unreadable)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Self::Value, M::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Said::Unreadable)
    }
}

/// Notes a member that nobody knows.
pub(in crate::gateways) fn note_unknown(unknown: &mut Vec<String>, name: &str) {
    if unknown.len() < UNKNOWN_MAX {
        unknown.push(name.chars().take(80).collect());
    }
}

struct Object<'m, T> {
    members: &'m mut T,
    place: &'m mut Place,
    unknown: &'m mut Vec<String>,
}

impl<'a, T: Members<'a>> DeserializeSeed<'a> for Object<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'a, T: Members<'a>> Visitor<'a> for Object<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        let mut seen = Seen::default();
        while let Some(Text(name)) = map.next_key()? {
            let taken = self.place.member(&name, |at| {
                seen.once(&name, at)?;
                self.members.take(&name, at, &mut map)
            })?;
            if taken == Some(false) {
                map.next_value::<IgnoredAny>()?;
                note_unknown(self.unknown, &name);
            }
        }
        Ok(())
    }
}

/// A text, borrowed where it has no escapes.
#[derive(Debug, Clone)]
pub(in crate::gateways) struct Text<'a>(pub(in crate::gateways) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_str(Texts("a text"))
    }
}

/// Takes a text, and says what else was expected.
pub(in crate::gateways) struct Texts(pub(in crate::gateways) &'static str);

impl<'de> Visitor<'de> for Texts {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text)))
    }
}

/// Null, or what a visitor takes.
pub(in crate::gateways) struct Maybe<V>(pub(in crate::gateways) V);

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for Maybe<V> {
    type Value = Option<V::Value>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_option(self)
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Maybe<V> {
    type Value = Option<V::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self.0).map(Some)
    }
}

/// A text or null.
pub(in crate::gateways) fn text<'a, M: MapAccess<'a>>(map: &mut M) -> Result<Option<Cow<'a, str>>, M::Error> {
    Ok(map.next_value::<Option<Text<'a>>>()?.map(|Text(text)| text))
}

/// A text or null, of at most so many characters, that nobody reads.
pub(in crate::gateways) fn remark<'a, M: MapAccess<'a>>(
    map: &mut M,
    chars_max: usize,
) -> Result<(), M::Error> {
    text(map)?.map_or(Ok(()), |text| within(&text, chars_max))
}

fn within<E: Error>(text: &str, chars_max: usize) -> Result<(), E> {
    if text.len() > chars_max && text.chars().count() > chars_max {
        return Err(E::custom(format_args!("is too long: expected at most {chars_max} characters")));
    }
    Ok(())
}

/// At most 20 tags of at most 100 characters, which nobody reads; or null.
pub(in crate::gateways) struct Tags<'p>(pub(in crate::gateways) &'p mut Place);

impl<'de> Visitor<'de> for Tags<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of texts")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut tags: S) -> Result<(), S::Error> {
        for index in 0..TAGS_MAX {
            let tag = self.0.item(index, |_| match tags.next_element::<Text<'de>>()? {
                Some(Text(tag)) => within(&tag, TAG_CHARS_MAX).map(|()| true),
                None => Ok(false),
            })?;
            if tag == Some(false) {
                return Ok(());
            }
        }
        match tags.next_element::<IgnoredAny>()? {
            None => Ok(()),
            Some(IgnoredAny) => Err(S::Error::custom(format_args!("expected at most {TAGS_MAX} tags"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_names_that_mean_something_share_a_bit() {
        for names in [
            "to from callId gateway token headers direction tags override dryRun",
            "to callId gateway token endedAt durationSeconds outcome automated sentiment handoff tags summary \
             transcriptUrl recordingUrl fields",
            "agentId pin splitId arm",
            "call_id r_user r_domain from_user from_domain src_ip tok headers duration outcome",
        ] {
            let bits: HashSet<_> = names.split_whitespace().map(Seen::bit).collect();
            assert_eq!(bits.len(), names.split_whitespace().count(), "{names}");
        }
    }
}
