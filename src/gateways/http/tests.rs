//! The call plane over real sockets.

mod askers;
mod asks;
mod batch;
mod calls;
mod faults;
mod snapshots;
mod webhooks;
pub(in crate::gateways) mod world;
