//! The laws of the running router: the real binary, real sockets, real files, real signals.
//!
//! Every test builds a [`World`](world::World) of its own: a configuration, a data folder, a router on free ports. The
//! test's name is the law. Nothing waits for a length of time: it waits for a condition, with a deadline.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod http;
mod load;
mod mount;
mod skipped;
mod world;

mod addresses;
mod agent_tests;
mod backup;
mod bad_input;
mod batch;
mod caller_pins;
mod capacity;
mod command_line;
mod commands;
mod crashes;
mod document;
mod environment_splits;
mod export;
mod files;
mod fixture;
mod full_disk;
mod guide;
mod held_files;
mod hot_swap;
mod import;
mod kamailio;
mod keys;
mod merges;
mod metrics;
mod moved;
mod named;
mod one_revision;
mod overload;
mod ownership;
mod plan;
mod release_life;
mod releases;
mod setting_up;
mod sip;
mod sip_trace;
mod split_times;
mod staging;
mod stopping;
mod survival;
mod targets;
mod test_calls;
mod tls;
mod tokens;
mod versions;
mod wall_clock;
mod webhooks;
