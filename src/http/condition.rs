//! `If-None-Match`: whether whoever asks has what would be sent.

use hyper::HeaderMap;
use hyper::header::IF_NONE_MATCH;

/// Whether a request names this tag, quotes and all, as one it knows: weak or strong, in any of the lists it sends.
#[must_use]
pub fn knows(headers: &HeaderMap, tag: &str) -> bool {
    let lists = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    lists
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn a_tag_is_known_where_any_list_names_it_weak_or_strong() {
        let known = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(IF_NONE_MATCH, HeaderValue::from_static(value));
            }
            knows(&headers, "\"a\"")
        };
        for values in [&["\"a\""][..], &["W/\"a\""], &["\"b\" , \"a\""], &["\"b\"", "\"a\""], &["*"]] {
            assert!(known(values), "{values:?}");
        }
        for values in [&[][..], &["a"], &["\"b\""], &["W/W/\"a\""], &["W/*"], &["\"a\"\""]] {
            assert!(!known(values), "{values:?}");
        }
    }
}
