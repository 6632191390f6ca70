//! A router over a store in memory: account `ws-1` with agents `sales` (V1 to V3, live at V1) and `reception` (V1),
//! account `ws-2` with nothing, and keys named after what they may do.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use hyper::service::Service as _;
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::api::numbers::ImportLimits;
use crate::api::{Management, Turns, router};
use crate::control::answers::Answers;
use crate::control::reload::{Look, Sources};
use crate::control::testing::{self, Ground};
use crate::control::{Applied, Control};
use crate::domain::account::{Account, Key, KeyDigest, Permission};
use crate::domain::change::Change;
use crate::domain::command::{Action, Author, Command};
use crate::domain::fault::Fault;
use crate::domain::files::FileSet;
use crate::domain::id::{AccountId, AgentId, ConfigHash, Environment, Pin};
use crate::domain::sip::{SipNews, SipSeen, SipWatch, Unwatched};
use crate::domain::test_call::TestCall;
use crate::domain::testing::{file_agent, file_set};
use crate::domain::time::Timestamp;
use crate::telemetry::{Clock, Health, Registry};

const SECRET: [u8; 32] = [3; 32];
/// When it is.
pub(super) const NOW: i64 = 1_700_000_000_000;

/// What the files show the next time somebody looks.
pub(super) type Files = Arc<Mutex<Result<Look, Vec<Fault>>>>;

pub(super) struct World {
    pub(super) control: Control,
    pub(super) health: Health,
    pub(super) files: Files,
    pub(super) runtime: Runtime,
    router: TowerToHyperService<Router>,
    _ground: Ground,
}

struct Shown(Files);

impl Sources for Shown {
    fn look(&mut self) -> Result<Look, Vec<Fault>> {
        self.0.lock().unwrap().clone()
    }

    fn keep(&mut self) {}

    fn forget(&mut self) {}
}

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Reply {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|why| panic!("{why}: {:?}", self.text))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(super) fn revision(&self) -> u64 {
        self.header("x-cordboard-revision").unwrap().parse().unwrap()
    }

    /// Status, code and the field that is blamed first.
    pub(super) fn error(&self) -> (u16, String, String) {
        let json = self.json();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (self.status, text(&json["error_code"]), text(&json["errors"][0]["field"]))
    }
}

/// An error as [`Reply::error`] tells it.
pub(super) fn error(status: u16, code: &str, field: &str) -> (u16, String, String) {
    (status, code.to_owned(), field.to_owned())
}

/// A key of the world, recognised by its name.
pub(super) fn key(name: &str, account: &str, permissions: &[Permission]) -> Key {
    Key {
        id: format!("key-{name}"),
        name: name.to_owned(),
        account: AccountId::parse(account).unwrap(),
        permissions: permissions.to_vec(),
        agents: None,
        expires_at: None,
        created_at: None,
        digest: KeyDigest::of(&SECRET, name),
    }
}

fn beginning() -> Vec<Change> {
    let account = |id| Account::new(AccountId::parse(id).unwrap(), id.to_owned(), Timestamp(0));
    let limited = Key {
        agents: Some(vec![AgentId::parse("reception").unwrap()]),
        ..key("limited", "ws-1", &Permission::ALL)
    };
    let expired = Key { expires_at: Some(Timestamp(NOW)), ..key("expired", "ws-1", &Permission::ALL) };
    let keys = [
        key("admin", "ws-1", &Permission::ALL),
        key("reader", "ws-1", &[Permission::Read]),
        key("other", "ws-2", &Permission::ALL),
        limited,
        expired,
    ];
    let mut changes = vec![Change::AccountPut(account("ws-1")), Change::AccountPut(account("ws-2"))];
    changes.extend(keys.into_iter().map(Change::KeyPut));
    changes
}

/// Of trunk `carrier`: what is watched, then that two messages were missed, and the end. Another trunk's name says why not.
fn sip_messages(watch: &SipWatch) -> Result<BoxStream<'static, SipNews>, Unwatched> {
    match watch.trunk.as_deref() {
        None | Some("carrier") => {}
        Some("unspoken") => return Err(Unwatched::NotSpoken),
        Some("leaving") => return Err(Unwatched::Leaving),
        Some("crowded") => return Err(Unwatched::TooMany(8)),
        Some(_) => return Err(Unwatched::NoTrunk(vec!["carrier".to_owned()])),
    }
    let seen = SipSeen {
        at: Timestamp(NOW),
        trunk: Some("carrier".to_owned()),
        transport: "udp",
        source: "192.0.2.1:5060".parse().unwrap(),
        received: format!("{watch:?}\r\n"),
        answered: None,
        dropped: Some("no_request"),
    };
    let news = [SipNews { missed: 0, seen: Some(seen) }, SipNews { missed: 2, seen: None }];
    Ok(stream::iter(news).boxed())
}

fn random() -> [u8; 32] {
    rand::random()
}

impl World {
    pub(super) fn new() -> Self {
        let (registry, clock) = (Registry::new(), Clock::manual(NOW));
        let files: Files = Arc::new(Mutex::new(Ok(Look::default())));
        let sources = Box::new(Shown(Arc::clone(&files)));
        let (control, reloader, ground) = testing::control(beginning(), SECRET, sources, &registry, &clock);
        let runtime = Runtime::new().unwrap();
        runtime.spawn(reloader.run(std::future::pending));
        let health = ground.health.clone();
        let router = TowerToHyperService::new(router(Management {
            control: control.clone(),
            answers: Answers::in_memory().unwrap(),
            registry,
            health: health.clone(),
            key_secret: SECRET,
            clock,
            calls: "127.0.0.1:8700".parse().unwrap(),
            admin: "127.0.0.1:8701".parse().unwrap(),
            calls_tls: None,
            admin_tls: None,
            calls_in_progress: Arc::new(|| 7),
            test_call: Arc::new(|call: &TestCall| {
                let there = call.pin != Pin::Environment(Environment::Live);
                there.then(|| {
                    format!("{{\"agentId\":\"{}\",\"pin\":\"{}\",\"test\":true}}", call.agent.agent, call.pin)
                })
            }),
            sip_messages: Arc::new(|watch| sip_messages(&watch)),
            import_limits: ImportLimits {
                rows_max: 1_000,
                bytes_max: 1 << 16,
                pause_max: Duration::from_millis(200),
            },
            account_import_bytes_max: 1 << 20,
            listed: Arc::default(),
            streams: crate::api::Streams::default(),
            turns: Turns::default(),
            random,
        }));
        let world = Self { control, health, files, runtime, router, _ground: ground };
        world.apply(file_set(vec![file_agent("sales", 3, 1), file_agent("reception", 1, 1)]));
        world
    }

    /// Applies files, whatever the folder shows.
    pub(super) fn apply(&self, files: FileSet) -> Applied {
        let files = FileSet { accepted: true, ..files };
        self.enact(Author::Files, Action::ApplyFiles(Arc::new(files)))
    }

    /// Does something that no key can ask for.
    pub(super) fn enact(&self, author: Author, action: Action) -> Applied {
        let account = AccountId::parse("ws-1").unwrap();
        let command = Command { account, author, at: Timestamp(NOW), action };
        self.control.submit_blocking(command).unwrap()
    }

    /// The fingerprint of V1 of `sales`.
    pub(super) fn hash(&self) -> ConfigHash {
        crate::domain::testing::config("sales 1").hash
    }

    /// Asks as the admin of `ws-1`.
    pub(super) fn admin(&self, method: &str, path: &str, body: Value) -> Reply {
        self.as_key("admin", method, path, body)
    }

    /// Reads as the admin of `ws-1`.
    pub(super) fn get(&self, path: &str) -> Reply {
        self.admin("GET", path, Value::Null)
    }

    /// Asks with a key; a null body is none.
    pub(super) fn as_key(&self, key: &str, method: &str, path: &str, body: Value) -> Reply {
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let mut request = Request::builder().method(method).uri(path).header("X-API-Key", key);
        if path.starts_with("/v1/numbers:import") {
            request = request.header("Content-Type", "application/x-ndjson");
        }
        self.send(request.body(body.into()).unwrap())
    }

    /// Imports a body as the admin of `ws-1`.
    pub(super) fn import(&self, content_type: &str, body: impl Into<Body>) -> Reply {
        let request =
            Request::builder().method("POST").uri("/v1/numbers:import").header("X-API-Key", "admin");
        self.send(request.header("Content-Type", content_type).body(body.into()).unwrap())
    }

    /// Asks without a key, from an address.
    pub(super) fn from(&self, peer: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut request = Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let peer: SocketAddr = peer.parse().unwrap();
        self.send(request.extension(ConnectInfo(peer)).body(Body::empty()).unwrap())
    }

    /// Sends any request.
    pub(super) fn send(&self, request: Request<Body>) -> Reply {
        let answer = self.router.call(request);
        self.runtime.block_on(async {
            let (head, body) = answer.await.unwrap().into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            let (status, headers) = (StatusCode::as_u16(&head.status), head.headers);
            Reply { status, headers, text: String::from_utf8_lossy(&body).into_owned() }
        })
    }

    /// Begins a request that may be given up.
    pub(super) fn begin(&self, request: Request<Body>) -> JoinHandle<u16> {
        let answer = self.router.call(request);
        self.runtime.spawn(async move { answer.await.unwrap().status().as_u16() })
    }

    /// Sends requests at once; their statuses.
    pub(super) fn send_all(&self, requests: Vec<Request<Body>>) -> Vec<u16> {
        let answers = requests.into_iter().map(|request| self.runtime.spawn(self.router.call(request)));
        let answers: Vec<_> = answers.collect();
        self.runtime.block_on(async {
            let mut statuses = Vec::new();
            for answer in answers {
                statuses.push(answer.await.unwrap().unwrap().status().as_u16());
            }
            statuses
        })
    }

    /// Routes a number to an agent.
    pub(super) fn route(&self, number: &str, agent: &str, pin: &str) -> Reply {
        let reply =
            self.admin("PUT", &format!("/v1/numbers/{number}"), json!({"agentId": agent, "pin": pin}));
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply
    }

    /// Makes a split of `sales` V1 and V2.
    pub(super) fn split(&self, id: &str) -> Reply {
        let arms = json!([
            {"id": "control", "agentId": "sales", "pin": "V1", "weight": 80},
            {"id": "test", "agentId": "sales", "pin": "V2", "weight": 20},
        ]);
        let reply = self.admin("POST", "/v1/splits", json!({"id": id, "arms": arms}));
        assert_eq!(reply.status, 201, "{}", reply.text);
        reply
    }
}
