//! Cordboard: a self-hosted runtime call router for voice agents.

pub mod control;
pub mod domain;
pub mod gateways;
pub mod http;
pub mod routing;
pub mod settings;
pub mod store;
pub mod telemetry;
