//! Headers that only the protocols and the router itself may send along with a call.

/// The header that tells the version; nobody else may set it.
pub const AGENT_VERSION: &str = "X-Agent-Version";

/// What is wrong with a header that nobody may set.
pub const RESERVED_HEADER: &str = "is reserved: the protocols and the router itself say it, and no one else";

/// What the protocols themselves say. SIP's short forms, all of one letter, belong to them too.
const RESERVED: [&str; 29] = [
    AGENT_VERSION,
    "Authorization",
    "CSeq",
    "Call-ID",
    "Connection",
    "Contact",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "Date",
    "From",
    "Host",
    "Identity",
    "Keep-Alive",
    "Max-Forwards",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Require",
    "Record-Route",
    "Require",
    "Route",
    "Supported",
    "TE",
    "To",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "Via",
    "WWW-Authenticate",
];

/// Whether nobody may have this header sent along, whatever the case of its name.
#[must_use]
pub fn is_reserved_header(name: &str) -> bool {
    name.len() == 1 || RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name))
}
