//! The nouns and rules that every room shares: pure, synchronous, no input or output.

pub mod account;
pub mod address;
pub mod agent;
pub mod agent_config;
pub mod agent_tests;
pub mod branch;
pub mod caller_pin;
pub mod change;
pub mod command;
pub mod connector;
pub mod deployment;
pub mod destination;
pub mod endpoint;
pub mod fallback;
pub mod fault;
pub mod files;
pub mod id;
pub mod import;
pub mod live;
pub mod moves;
pub mod named;
pub mod object;
pub mod persistent;
pub mod real_time_config;
pub mod refusal;
pub mod reserved;
pub mod route;
pub mod sight;
pub mod sip;
pub mod split;
pub mod state;
pub mod test_call;
#[cfg(test)]
pub(crate) mod testing;
pub mod time;
pub mod words;
