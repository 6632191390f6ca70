//! The server kit over real sockets.

mod admin;
mod drain;
mod limits;
mod requests;
mod tls;
pub(crate) mod world;
