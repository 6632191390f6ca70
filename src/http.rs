//! HTTP server kit: sockets, connections, limits, errors; knows nothing of calls.
//!
//! [`bind_workers`](bind::bind_workers) opens the listeners and starts nothing. [`server::serve`] answers one worker's
//! listener on its own current-thread runtime, [`admin::serve_admin`] a router on a runtime of many threads. Both keep
//! the same [`Limits`](limits::Limits), share one [`Traffic`](traffic::Traffic) and leave by one
//! [`Shutdown`](shutdown::Shutdown), which loses no request on the way.
pub mod admin;
pub mod bind;
pub mod body;
pub mod condition;
pub mod correlation;
pub mod credentials;
pub mod error;
pub mod fair;
pub mod foreign;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub mod host;
pub mod json;
pub mod lag;
pub mod limits;
pub mod outgoing;
pub mod query;
pub mod secure;
pub mod server;
pub mod shutdown;
pub mod tls;
pub mod traffic;

mod acceptor;
mod connection;
pub mod linger;
mod pulse;
mod unread;

#[cfg(test)]
pub(crate) mod tests;
