//! The management server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::world::{Client, eventually};
use crate::http::admin::serve_admin;
use crate::http::bind::bind_workers;
use crate::http::correlation::{NewId, correlate};
use crate::http::error::ApiError;
use crate::http::limits::Limits;
use crate::http::server::Front;
use crate::http::shutdown::DrainLimits;

struct Admin {
    address: SocketAddr,
    front: Front,
    runtime: Runtime,
    server: JoinHandle<std::io::Result<()>>,
}

fn admin(limits: Limits) -> Admin {
    let make = NewId::new(|| uuid::Uuid::from_u128(1));
    let router = Router::new()
        .route("/peer", get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string()))
        .route("/length", post(async |body: bytes::Bytes| body.len().to_string()))
        .route("/stream", post(stream))
        .route("/missing", get(async || ApiError::not_found("no such thing")))
        .layer(from_fn_with_state(make, correlate));
    let (address, mut listeners) = bind_workers("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    let front = Front { limits: Arc::new(limits), ..Front::default() };
    let runtime = Runtime::new().unwrap();
    let server = runtime.spawn(serve_admin(listeners.remove(0), router, front.clone()));
    Admin { address, front, runtime, server }
}

async fn stream(body: Body) -> Result<String, ApiError> {
    let body = axum::body::to_bytes(body, usize::MAX).await.map_err(|_| ApiError::request_timeout("slow"))?;
    Ok(body.len().to_string())
}

impl Admin {
    fn client(&self) -> Client {
        Client::connect(self.address).unwrap()
    }
}

#[test]
fn a_handler_knows_its_peer() {
    let admin = admin(Limits::default());
    let mut client = admin.client();
    let me = client.socket.local_addr().unwrap().to_string();
    assert_eq!(client.get("/peer").unwrap().unwrap().text(), me);
}

#[test]
fn an_error_carries_the_id_of_its_request() {
    let admin = admin(Limits::default());
    let mut client = admin.client();
    let reply = client.ask("GET /missing HTTP/1.1\r\nhost: x\r\nX-PolyAI-Correlation-ID: mine\r\n\r\n");
    assert_eq!(reply.status, 404);
    assert_eq!(reply.header("x-polyai-correlation-id"), Some("mine"));
    assert_eq!(
        reply.json(),
        serde_json::json!({
            "success": false, "error": "no such thing", "error_id": "mine", "error_code": "NOT_FOUND",
            "error_message": "no such thing", "data": null, "message": "no such thing", "errors": [],
        })
    );
    let reply = client.get("/missing").unwrap().unwrap();
    assert_eq!(reply.header("x-polyai-correlation-id"), Some("00000000-0000-0000-0000-000000000001"));
    assert_eq!(reply.json()["error_id"], "00000000-0000-0000-0000-000000000001");
}

#[test]
fn a_body_over_its_limit_is_answered_413() {
    let admin = admin(Limits { body_bytes_max: 100, ..Limits::default() });
    let post = |bytes: usize| {
        format!("POST /length HTTP/1.1\r\nhost: x\r\ncontent-length: {bytes}\r\n\r\n{}", "a".repeat(bytes))
    };
    assert_eq!(admin.client().ask(post(100)).text(), "100");
    assert_eq!(admin.client().ask(post(101)).status, 413);
}

#[test]
fn a_stream_that_trickles_in_is_ended() {
    let admin = admin(Limits { body_timeout: Duration::from_millis(200), ..Limits::default() });
    let mut client = admin.client();
    let reply = client.ask("POST /stream HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\na");
    assert_eq!(reply.status, 408);
}

#[test]
fn a_header_over_its_limit_is_answered_431() {
    let admin = admin(Limits::default());
    let header = format!("GET /peer HTTP/1.1\r\nx-pad: {}\r\n\r\n", "a".repeat(20_000));
    let reply = admin.client().ask(header);
    assert_eq!((reply.status, reply.json()["error_code"].as_str()), (431, Some("HEAD_TOO_LARGE")));
    assert_eq!(reply.header("x-polyai-correlation-id"), reply.json()["error_id"].as_str());
}

#[test]
fn a_request_without_host_is_refused_in_the_envelope() {
    let admin = admin(Limits::default());
    let reply = admin.client().ask("GET /peer HTTP/1.1\r\nx-polyai-correlation-id: mine\r\n\r\n");
    assert_eq!((reply.status, reply.json()["error_id"].as_str()), (400, Some("mine")));
    assert_eq!(reply.header("x-polyai-correlation-id"), Some("mine"));
    assert_eq!(admin.client().ask("GET /peer HTTP/1.0\r\n\r\n").status, 200);
}

#[test]
fn one_connection_too_many_is_told_to_come_again() {
    let admin = admin(Limits { connections_max: 1, ..Limits::default() });
    let mut client = admin.client();
    assert_eq!(client.get("/peer").unwrap().unwrap().status, 200);
    assert_eq!(admin.client().get("/peer").unwrap().unwrap().status, 503);
}

#[test]
fn the_server_ends_when_it_has_left() {
    let admin = admin(Limits::default());
    let mut client = admin.client();
    assert_eq!(client.get("/peer").unwrap().unwrap().status, 200);
    let front = admin.front.clone();
    let drained = admin
        .runtime
        .spawn(async move { front.shutdown.drain(&front.traffic, DrainLimits::default()).await });
    assert!(client.is_closed());
    drop(client);
    assert_eq!(admin.runtime.block_on(drained).unwrap(), 0);
    admin.runtime.block_on(admin.server).unwrap().unwrap();
    eventually("nobody listens", || Client::connect(admin.address).is_err());
}
