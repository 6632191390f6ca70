//! The laws of the command line, against a router that is made up.

mod asking;
mod changes;
mod configs;
mod grammar;
mod keys;
mod merges;
mod plan;
mod releases;
mod reverts;
mod telephony;
mod world;
