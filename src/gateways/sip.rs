//! SIP: a redirect server (RFC 3261, section 8.3), its core without sockets, clocks and waiting.
//!
//! ```text
//!   stream --frame--+
//!   datagram -------+--> message --> request --> invitation --ask--> redirect
//!                        an index     found       who calls whom,     the decision
//!                        over bytes   good        as far as trusted   as contacts
//!                                        |                               |
//!                                   transactions: the same again --------+--> response
//! ```
//!
//! [`RedirectServer::handle`](server::RedirectServer::handle) is all of it: bytes, where they came from, their trunk and
//! the moment in; bytes and where they go out. Whoever owns the sockets finds the trunk by the source's address, and
//! asks the switchboard when a call is new. Nothing that comes in can make it panic, allocate more than a message's size
//! or remember without bound.

pub mod connections;
pub mod datagrams;
pub mod digest;
pub mod digits;
pub mod exchange;
pub mod grammar;
pub mod identity;
pub mod invitation;
pub mod message;
pub mod meters;
pub mod name;
pub mod number;
pub mod party;
pub mod redirect;
pub mod request;
pub mod response;
pub mod server;
pub mod shown;
pub mod stream;
pub mod transactions;
pub mod trunk;
pub mod trunks;
pub mod uri;
pub mod via;
pub mod watchers;

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
#[cfg(test)]
mod tests;
