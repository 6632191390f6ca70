//! Requests that nobody reads, since their head is no HTTP or too large: hyper refuses them by itself, with an empty
//! answer and no way to have another. Its answer is caught on the way to the socket, and ours is sent in its place.

use hyper::StatusCode;

use super::correlation::CORRELATION_ID;
use super::error::ApiError;

/// More bytes than such an answer takes.
const ANSWER_BYTES_MAX: usize = 256;

/// Where hyper's own answer begins at the end of what it writes, and with which status.
///
/// All other answers have a correlation id. Cost: a look at the last four bytes, since few end without a body.
pub(super) fn own_answer(written: &[u8]) -> Option<(usize, StatusCode)> {
    if !written.ends_with(b"\r\n\r\n") { None } else { find(written) }
}

fn find(written: &[u8]) -> Option<(usize, StatusCode)> {
    const BEGIN: &[u8] = b"HTTP/1.1 4";
    let from = written.len().saturating_sub(ANSWER_BYTES_MAX);
    let last = written.get(from..)?;
    let at = last.windows(BEGIN.len()).rposition(|window| window == BEGIN)?;
    let answer = std::str::from_utf8(last.get(at..)?).ok()?;
    let ours = answer.contains(CORRELATION_ID.as_str());
    let status = answer.get(9..12)?.parse().ok()?;
    (!ours && answer.contains("content-length: 0\r\n")).then_some((from + at, status))
}

/// What is sent in its place.
pub(super) fn refusal(status: StatusCode) -> ApiError {
    match status {
        StatusCode::BAD_REQUEST => ApiError::validation("head", "is no head of an HTTP/1.1 request"),
        status => {
            let message = "the head of the request is too large, or has more than 100 headers";
            ApiError::new(status, "HEAD_TOO_LARGE", message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\
                       date: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n";

    #[test]
    fn only_an_answer_without_a_correlation_id_is_hypers_own() {
        let ours = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nx-polyai-correlation-id: a\r\n\r\n";
        let of = |text: &str| own_answer(text.as_bytes()).map(|(at, status)| (at, status.as_u16()));
        assert_eq!(of(OWN), Some((0, 431)));
        assert_eq!(of(&format!("{ours}{OWN}")), Some((ours.len(), 431)), "behind another");
        assert_eq!(of(ours), None);
        assert_eq!(of(&format!("{OWN}{{}}")), None, "an answer with a body");
        assert_eq!(of("\r\n\r\n"), None);
    }
}
