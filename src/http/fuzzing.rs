//! A connection in memory, from any bytes of a client to the last byte of ours.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a law fails by a panic")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::{Body, Incoming};
use hyper::{Request, Response};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex, split};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::admin::{answer, within};
use super::connection::{builder, run};
use super::limits::Limits;
use super::server::Front;

/// Far longer than a client that says all it has and hangs up can keep a connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// Conversations, one after the other, on one runtime.
pub(crate) struct Talk {
    runtime: Runtime,
    front: Front,
}

impl Talk {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let limits = Limits { header_bytes_max: 1_024, body_bytes_max: 2_048, ..Limits::default() };
        let front = Front { limits: Arc::new(limits), ..Front::default() };
        Self { runtime: runtime.expect("a runtime"), front }
    }

    /// Says these bytes on a new connection, in pieces of their own, and closes the sending side: what is answered.
    pub(crate) fn with<F, B>(&self, said: &[u8], answer: impl Fn(Request<Incoming>) -> F) -> Vec<Answered>
    where
        F: Future<Output = Response<B>>,
        B: Body + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        // Heads and bodies fall apart at other bytes in inputs of other lengths.
        let (ours, theirs) = duplex([16_384, 61, 7, 1][said.len() % 4]);
        let (mut reader, mut writer) = split(theirs);
        let mut answers = Vec::new();
        let client = async {
            let say = async {
                // Who hears no more has closed; that is an answer too.
                let _ = writer.write_all(said).await;
                let _ = writer.shutdown().await;
            };
            tokio::join!(say, reader.read_to_end(&mut answers)).1.expect("memory fails no reader");
        };
        let builder = builder(&self.front.limits);
        let server = run(ours, &builder, &self.front, self.front.shutdown.stages(), answer);
        let talked =
            self.runtime.block_on(async { timeout(PATIENCE, async { tokio::join!(client, server) }).await });
        assert!(talked.is_ok(), "the connection did not end");
        Answered::all_of(&answers)
    }
}

impl Talk {
    /// The same with the management API, as [`serve_admin`](super::admin::serve_admin) has it answer.
    pub(crate) fn with_router(&self, said: &[u8], router: &Router) -> Vec<Answered> {
        let limits = &self.front.limits;
        let router = within(router.clone(), limits);
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000));
        self.with(said, |request| answer(&router, peer, &self.front, request))
    }
}

/// One answer as a client reads it.
pub(crate) struct Answered {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answered {
    /// Reads answers until nothing is left; fails where they are no HTTP.
    fn all_of(mut bytes: &[u8]) -> Vec<Self> {
        let mut all = Vec::new();
        while !bytes.is_empty() {
            let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head that ends");
            let head = String::from_utf8(bytes[..end].to_vec()).expect("a head of text").to_ascii_lowercase();
            let status = head.strip_prefix("http/1.").and_then(|rest| rest.get(2..5)).expect("a status line");
            let mut answer = Self { status: status.parse().expect("a status"), head, body: Vec::new() };
            bytes = &bytes[end + 4..];
            if let Some(length) = answer.header("content-length") {
                let length: usize = length.parse().expect("a length");
                // The answer to HEAD has a length and no body.
                if length <= bytes.len() && !bytes.starts_with(b"HTTP/1.") {
                    answer.body = bytes[..length].to_vec();
                    bytes = &bytes[length..];
                }
            } else {
                let nothing = matches!(answer.status, 100..=199 | 204 | 304);
                assert!(nothing, "an answer whose end nobody can know: {}", answer.head);
            }
            all.push(answer);
        }
        all
    }

    /// A header of an answer, its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let named = |line: &'_ str| line.split_once(": ").is_some_and(|(known, _)| known == name);
        self.head.lines().find(|line| named(line)).and_then(|line| line.get(name.len() + 2..))
    }

    /// Whether it is one of ours and not of whoever reads HTTP for us.
    pub(crate) fn is_ours(&self) -> bool {
        self.header("x-polyai-correlation-id").is_some()
    }
}
