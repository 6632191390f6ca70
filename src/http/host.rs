//! By which name a request calls us.

use hyper::header::{HOST, HeaderMap, HeaderValue};
use hyper::{Request, Version};

use super::error::ApiError;

/// Has the name in the request's target count, where there is one: `GET http://one.example/ HTTP/1.1` is for
/// `one.example`, whatever its `Host` says (RFC 9112, section 3.2.2).
pub(super) fn prefer_target<B>(request: &mut Request<B>) {
    let Some(authority) = request.uri().authority() else { return };
    if let Ok(named) = HeaderValue::from_str(authority.as_str()) {
        // Who sent none has not kept to the protocol: that is for others to tell.
        if request.headers().contains_key(HOST) {
            request.headers_mut().insert(HOST, named);
        }
    }
}

/// Whether a request names its host, as HTTP/1.1 demands.
///
/// # Errors
/// 400, where it does not.
pub fn is_named(version: Version, headers: &HeaderMap) -> Result<(), ApiError> {
    if version == Version::HTTP_11 && !headers.contains_key(HOST) {
        return Err(ApiError::validation("Host", "is missing: HTTP/1.1 demands it"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_in_the_target_counts() {
        for (target, host) in [("http://evil.example/v1", "evil.example"), ("/v1", "localhost")] {
            let mut request = Request::get(target).header(HOST, "localhost").body(()).unwrap();
            prefer_target(&mut request);
            assert_eq!(request.headers()[HOST], host);
        }
    }
}
