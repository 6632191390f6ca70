//! The API from outside: requests in, answers out, over a real control and a real store.

mod accounts;
mod agents;
mod authorisation;
mod branches;
mod caller_pins;
mod document;
mod dry_runs;
mod hidden;
mod history;
mod idempotency;
mod imports;
mod instance;
mod keys;
mod listening;
mod merges;
mod numbers;
mod one_agent;
mod plan;
mod real_time_configs;
mod releases;
mod requests;
mod routes;
mod splits;
mod staging;
mod telephony;
mod world;
