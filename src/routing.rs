//! The call path: an immutable table, a pure decision, calls in progress and tokens. No lock, wait or input here.
//!
//! ```text
//!   CallRequest --> Switchboard::ask --> calls in progress? token? --> decide(table) --> Answer
//!                                                                         ^
//!                    control --> RoutingTable::patched --> Live::install -+
//! ```

pub mod calls;
pub mod capacity;
pub mod decide;
pub mod decision;
pub mod health;
pub mod live;
pub mod named;
pub mod names;
pub mod request;
pub mod series;
pub mod shelf;
pub mod switchboard;
pub mod table;
pub mod token;
pub mod trail;
pub mod written;

#[cfg(test)]
mod tests;
