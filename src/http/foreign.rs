//! Requests that did not come from who seems to send them: passed on by a proxy, or made by a page in a browser.
//!
//! An address proves who asks only where nobody stands between.

use hyper::header::{FORWARDED, HeaderMap, HeaderName, HeaderValue, ORIGIN};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Browsers say by it whose page asks, also where they send no `Origin`; `none` is a person who typed the address.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a header tells that somebody else stands behind the request.
#[must_use]
pub fn tells_of_another(name: &HeaderName, value: &HeaderValue) -> bool {
    [FORWARDED, FORWARDED_FOR, ORIGIN].contains(name) || (*name == FETCH_SITE && value != "none")
}

/// Whether any of the headers does.
#[must_use]
pub fn is_foreign(headers: &HeaderMap) -> bool {
    headers.iter().any(|(name, value)| tells_of_another(name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_and_a_page_of_somebody_give_themselves_away() {
        let foreign = |name: &'static str, value: &'static str| {
            let header = (HeaderName::from_static(name), HeaderValue::from_static(value));
            is_foreign(&HeaderMap::from_iter([header]))
        };
        for (name, value) in [
            ("forwarded", "for=10.0.0.1"),
            ("x-forwarded-for", "10.0.0.1"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", ""),
        ] {
            assert!(foreign(name, value), "{name}: {value}");
        }
        assert!(!foreign("sec-fetch-site", "none") && !foreign("user-agent", "sec-fetch-site"));
    }
}
