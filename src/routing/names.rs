//! The names a leg of a call is known by: the call's and its gateway's.

/// Bytes of both names together that take no memory of their own; longer ones are put on the heap.
const IN_PLACE_BYTES: usize = 54;

/// The id of a call and the name of a gateway, as a rule in one cache line with the leg they belong to.
#[derive(Debug, Clone)]
pub struct Names {
    call_id_bytes: usize,
    both: Both,
}

#[derive(Debug, Clone)]
enum Both {
    InPlace(u8, [u8; IN_PLACE_BYTES]),
    Elsewhere(Box<[u8]>),
}

impl Names {
    /// Keeps both names.
    #[must_use]
    pub fn new(call_id: &str, gateway: &str) -> Self {
        let (call_id_bytes, bytes) = (call_id.len(), call_id.len() + gateway.len());
        let mut place = [0; IN_PLACE_BYTES];
        let both = match (place.get_mut(..bytes), u8::try_from(bytes)) {
            (Some(text), Ok(len)) => {
                let (first, second) = text.split_at_mut(call_id_bytes);
                first.copy_from_slice(call_id.as_bytes());
                second.copy_from_slice(gateway.as_bytes());
                Both::InPlace(len, place)
            }
            _ => Both::Elsewhere([call_id.as_bytes(), gateway.as_bytes()].concat().into()),
        };
        Self { call_id_bytes, both }
    }

    /// The call's id.
    #[must_use]
    pub fn call_id(&self) -> &str {
        std::str::from_utf8(self.split().0).unwrap_or_default()
    }

    /// The gateway's name.
    #[must_use]
    pub fn gateway(&self) -> &str {
        std::str::from_utf8(self.split().1).unwrap_or_default()
    }

    /// Whether the call is of this id.
    #[must_use]
    pub fn is_call(&self, call_id: &str) -> bool {
        self.split().0 == call_id.as_bytes()
    }

    /// Whether the gateway is of this name.
    #[must_use]
    pub fn is_gateway(&self, gateway: &str) -> bool {
        self.split().1 == gateway.as_bytes()
    }

    fn split(&self) -> (&[u8], &[u8]) {
        let both = match &self.both {
            Both::InPlace(len, place) => place.get(..usize::from(*len)).unwrap_or_default(),
            Both::Elsewhere(both) => both,
        };
        both.split_at_checked(self.call_id_bytes).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn names_are_kept_however_long_and_never_taken_for_one_another(
            call_id in ".{0,60}", gateway in ".{0,60}", other in ".{0,3}"
        ) {
            let names = Names::new(&call_id, &gateway);
            prop_assert!(names.is_call(&call_id) && names.is_gateway(&gateway));
            prop_assert_eq!((names.call_id(), names.gateway()), (call_id.as_str(), gateway.as_str()));
            prop_assert_eq!(names.is_call(&format!("{call_id}{other}")), other.is_empty());
            prop_assert_eq!(names.is_gateway(&format!("{other}{gateway}")), other.is_empty());
        }
    }

    #[test]
    fn names_of_usual_length_take_one_cache_line() {
        assert_eq!(size_of::<Names>(), 64);
        assert!(matches!(Names::new(&"a".repeat(43), "http").both, Both::InPlace(..)));
    }
}
