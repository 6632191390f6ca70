//! The server kit over real sockets.

mod admin;
mod drain;
mod limits;
mod requests;
pub(crate) mod world;
