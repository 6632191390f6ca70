//! A table as far as it could be read.

use crate::domain::files::{Keys, Place, Placed, Sketch};
use crate::domain::id::AccountId;
use crate::domain::named::Named;
use crate::domain::object::Object;

/// What a table says, and where. Of one that is at fault, what it names is known as far as it could be read: it is
/// looked up all the same, so that no fault has to be mended before another one is seen.
pub(super) struct Item<T> {
    pub(super) value: Result<T, Sketch>,
    pub(super) keys: Keys,
}

impl<T> Item<T> {
    /// The value where it stands; a sketch of it goes to `sketches`.
    pub(super) fn placed(self, at: Place, sketches: &mut Vec<Placed<Sketch>>) -> Option<Placed<T>> {
        let keys = self.keys;
        match self.value {
            Ok(value) => Some(Placed { at, keys, value }),
            Err(value) => {
                sketches.push(Placed { at, keys, value });
                None
            }
        }
    }
}

/// A value as it was read: nothing where it is not there, and nothing in it where it is at fault.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Read<T> {
    /// It is not there.
    #[default]
    Absent,
    /// It could not be read.
    Faulty,
    /// It is right by itself.
    Right(T),
}

impl<T> Read<T> {
    pub(super) fn right(&self) -> Option<&T> {
        match self {
            Self::Right(value) => Some(value),
            Self::Absent | Self::Faulty => None,
        }
    }

    pub(super) fn is_faulty(&self) -> bool {
        matches!(self, Self::Faulty)
    }

    pub(super) fn is_there(&self) -> bool {
        !matches!(self, Self::Absent)
    }
}

impl<T: Copy + Default> Read<T> {
    /// What it is, its default where it is not there.
    pub(super) fn or_default(&self) -> Option<T> {
        match self {
            Self::Absent => Some(T::default()),
            Self::Faulty => None,
            Self::Right(value) => Some(*value),
        }
    }
}

impl<T> From<Option<T>> for Read<T> {
    /// Of a value that is there.
    fn from(read: Option<T>) -> Self {
        read.map_or(Self::Faulty, Self::Right)
    }
}

/// A sketch; it is of the account given until the whole file is known.
pub(super) fn sketch(
    account: &AccountId,
    what: impl Into<String>,
    object: Option<Object>,
    names: Vec<Named>,
) -> Sketch {
    Sketch { account: account.clone(), what: what.into(), object, names }
}
