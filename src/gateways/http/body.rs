//! JSON bodies read member by member, so that a fault names the member it is in.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use crate::http::error::ApiError;

/// What reads the members of an object, one after the other.
pub(super) trait Members<'a> {
    /// Takes the value of a member it knows; `false` for one it does not know, whose value it leaves.
    fn take<M: MapAccess<'a>>(&mut self, name: &str, at: &mut Place, map: &mut M) -> Result<bool, M::Error>;
}

/// Where in a body the reader is.
#[derive(Debug, Default)]
pub(super) struct Place(String);

impl Place {
    /// Names a member of the member that is being read.
    pub(super) fn within(&mut self, member: &str) {
        self.0.push('.');
        self.0.push_str(member);
    }

    /// Leaves the member that [`Place::within`] named.
    pub(super) fn leave(&mut self, member: &str) {
        self.0.truncate(self.0.len().saturating_sub(member.len() + 1));
    }
}

/// Reads a body, an object; nothing at all is an empty one. The members nobody knows are named.
pub(super) fn read<'a, T: Members<'a> + Default>(body: &'a [u8]) -> Result<(T, Vec<String>), ApiError> {
    let mut members = T::default();
    let mut place = Place::default();
    let mut unknown = Vec::new();
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok((members, unknown));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = Object { members: &mut members, place: &mut place, unknown: &mut unknown };
    match read.deserialize(&mut json).and_then(|()| json.end()) {
        Ok(()) => Ok((members, unknown)),
        Err(fault) => {
            let field = if place.0.is_empty() { "body" } else { &place.0 };
            Err(ApiError::validation(field, fault.to_string()))
        }
    }
}

/// Unknown members that are told; the rest are many enough to be seen.
const UNKNOWN_MAX: usize = 20;

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
        while let Some(Text(name)) = map.next_key()? {
            self.place.0.clear();
            self.place.0.push_str(&name);
            if !self.members.take(&name, self.place, &mut map)? {
                map.next_value::<IgnoredAny>()?;
                if self.unknown.len() < UNKNOWN_MAX {
                    self.unknown.push(name.chars().take(80).collect());
                }
            }
            self.place.0.clear();
        }
        Ok(())
    }
}

/// A text, borrowed where it has no escapes.
#[derive(Debug, Clone)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        json.deserialize_str(Texts)
    }
}

/// A text or null, of at most so many characters.
pub(super) fn text_of<'a, M: MapAccess<'a>>(
    map: &mut M,
    chars_max: usize,
) -> Result<Option<Cow<'a, str>>, M::Error> {
    let Some(Text(text)) = map.next_value::<Option<Text<'a>>>()? else { return Ok(None) };
    if text.len() > chars_max && text.chars().count() > chars_max {
        return Err(M::Error::custom(format_args!("is longer than {chars_max} characters")));
    }
    Ok(Some(text))
}

/// At most 20 tags of at most 100 characters.
pub(super) fn tags_of<'a, M: MapAccess<'a>>(map: &mut M) -> Result<Option<Vec<Text<'a>>>, M::Error> {
    let tags = map.next_value::<Option<Vec<Text<'a>>>>()?;
    let too_long = |tag: &Text<'_>| tag.0.chars().count() > 100;
    match &tags {
        Some(tags) if tags.len() > 20 => Err(M::Error::custom("expected at most 20 tags")),
        Some(tags) if tags.iter().any(too_long) => {
            Err(M::Error::custom("expected tags of at most 100 characters"))
        }
        _ => Ok(tags),
    }
}
