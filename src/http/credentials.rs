//! The key that a request sends: as `x-api-key`, or as `Authorization: Bearer`.

use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use super::error::ApiError;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What is told of a key that nobody has, on either plane.
pub const KEY_INVALID: &str = "the key is not valid";
/// What is told of one whose time is over.
pub const KEY_EXPIRED: &str = "the key has expired";

/// The headers of a request in which a key may be.
#[derive(Debug, Default)]
pub struct Credentials<'h> {
    api_key: Option<&'h HeaderValue>,
    authorization: Option<&'h HeaderValue>,
    repeated: bool,
}

impl<'h> Credentials<'h> {
    /// Finds them among the headers.
    #[must_use]
    pub fn of(headers: &'h HeaderMap) -> Self {
        let mut credentials = Self::default();
        for (name, value) in headers {
            credentials.take(name, value);
        }
        credentials
    }

    /// Takes a header if it is one of them: for who looks at all headers anyway.
    pub fn take(&mut self, name: &HeaderName, value: &'h HeaderValue) -> bool {
        let place = if *name == API_KEY {
            &mut self.api_key
        } else if *name == AUTHORIZATION {
            &mut self.authorization
        } else {
            return false;
        };
        self.repeated |= place.replace(value).is_some();
        true
    }

    /// The key, if one was sent; `Authorization` of another scheme is none.
    ///
    /// # Errors
    /// 401 where what was sent is no text, or not one key: a key that is sent must be valid, and of two that differ one
    /// is not meant.
    pub fn key(&self) -> Result<Option<&'h str>, ApiError> {
        let unclear = |why| ApiError::unauthorized(format!("{KEY_INVALID}: {why}"));
        if self.repeated {
            return Err(unclear("its header stands there more than once"));
        }
        let no_text = || unclear("it is no text");
        let api_key = self.api_key.map(|value| value.to_str().map_err(|_| no_text())).transpose()?;
        let bearer = self.authorization.and_then(|value| bearer(value.as_bytes()));
        let bearer = bearer.map(|key| std::str::from_utf8(key).map_err(|_| no_text())).transpose()?;
        match (api_key, bearer.map(str::trim)) {
            (Some(one), Some(other)) if one != other => Err(unclear("two that differ were sent")),
            (one, other) => Ok(one.or(other)),
        }
    }
}

/// What stands behind the scheme `Bearer`.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = value.split_at_checked("bearer".len())?;
    let ends = key.first().is_none_or(|byte| *byte == b' ');
    (ends && scheme.eq_ignore_ascii_case(b"bearer")).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(headers: &[(&'static str, &'static str)]) -> Result<Option<String>, String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let key = Credentials::of(&map).key().map(|key| key.map(str::to_owned));
        key.map_err(|why| why.message().to_owned())
    }

    #[test]
    fn a_key_is_found_in_either_header() {
        for headers in [
            &[("x-api-key", "k")][..],
            &[("authorization", "Bearer k")],
            &[("authorization", "bEARER   k")],
            &[("x-api-key", "k"), ("authorization", "Bearer k")],
            &[("x-api-key", "k"), ("authorization", "Basic abc")],
        ] {
            assert_eq!(key(headers), Ok(Some("k".to_owned())), "{headers:?}");
        }
        for headers in [&[][..], &[("authorization", "Basic abc")], &[("authorization", "Bearers k")]] {
            assert_eq!(key(headers), Ok(None), "{headers:?}");
        }
        assert_eq!(key(&[("authorization", "Bearer")]), Ok(Some(String::new())), "sent, though empty");
    }

    #[test]
    fn what_is_not_one_key_is_refused() {
        for headers in [
            &[("x-api-key", "a"), ("authorization", "Bearer b")][..],
            &[("x-api-key", "a"), ("authorization", "Bearer")],
            &[("x-api-key", "a"), ("x-api-key", "a")],
            &[("authorization", "Bearer a"), ("authorization", "Basic b")],
        ] {
            assert!(key(headers).is_err(), "{headers:?}");
        }
    }
}
