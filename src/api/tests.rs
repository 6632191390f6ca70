//! The API from outside: requests in, answers out, over a real control and a real store.

mod agents;
mod authorisation;
mod caller_pins;
mod document;
mod hidden;
mod imports;
mod instance;
mod numbers;
mod plan;
mod releases;
mod requests;
mod routes;
mod splits;
mod world;
