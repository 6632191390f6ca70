//! The management API.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::control::Control;
use crate::telemetry::{Clock, Health, Registry};

/// What the management plane is made of.
pub struct Management {
    /// Changes and the present.
    pub control: Control,
    /// What is counted.
    pub registry: Registry,
    /// Whether the router is ready.
    pub health: Health,
    /// Hashes keys.
    pub key_secret: [u8; 32],
    /// The time.
    pub clock: Clock,
    /// Where calls are asked for.
    pub calls: SocketAddr,
    /// Where this plane listens.
    pub admin: SocketAddr,
    /// How many calls are in progress.
    pub calls_in_progress: Arc<dyn Fn() -> usize + Send + Sync>,
    /// Random bytes.
    pub random: fn() -> [u8; 32],
}

/// The router of the management plane.
pub fn router(management: Management) -> Router {
    let registry = management.registry;
    Router::new().route("/metrics", get(move || std::future::ready(registry.page())))
}
