//! Whether targets are up: they are asked again and again, and what is down is left out of answers.
//!
//! ```text
//!   Health --destinations--> rounds --due--> knock --answer or trouble--> rounds --verdict--> Health
//!                            when, and       options: SIP                 how often
//!                            whom next       a connection, a GET          in a row
//! ```
//!
//! A destination is asked once for all targets that are there, however many agents and versions they are of: SIP by
//! `OPTIONS`, the rest by a connection or, where the settings name a path, by a `GET`. Nothing here is on the way of a
//! call: a decision loads a flag that [`Health`](crate::routing::health::Health) holds. When to ask, and what follows from
//! answers, is decided by [`rounds`] without sockets and clocks.

pub mod knock;
pub mod metrics;
pub mod options;
pub mod prober;
pub mod rounds;

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
