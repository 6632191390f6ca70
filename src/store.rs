//! Where control keeps what must survive: the log, the present, configurations, and the data folder around them.
//!
//! [`port`] says what control needs of any engine, [`sqlite`] gives it on one node. Every engine passes the same laws.
//! No call waits for anything in here.

pub mod answers;
pub mod backup;
pub mod error;
pub mod folder;
pub mod life;
pub mod port;
pub mod sqlite;

mod durable;

#[cfg(test)]
pub(crate) mod conformance;
