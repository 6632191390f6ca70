//! Laws of the redirect server, over a call plane that decides.

mod octets;
mod redirects;
mod rules;
mod torture;
mod trust;
mod world;
