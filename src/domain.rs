//! The nouns and rules that every room shares: pure, synchronous, no input or output.

pub mod account;
pub mod address;
pub mod agent;
pub mod change;
pub mod fault;
pub mod agent_config;
pub mod command;
pub mod files;
pub mod id;
pub mod refusal;
pub mod route;
pub mod split;
pub mod state;
pub mod persistent;
pub mod time;
