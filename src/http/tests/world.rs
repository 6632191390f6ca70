//! A running server and a client that sees every byte.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::sync::Notify;

use crate::http::bind::bind_workers;
use crate::http::body::read_body;
use crate::http::limits::Limits;
use crate::http::server::{Answer, Answers, Front, Service, run_worker, serve};
use crate::http::shutdown::DrainLimits;

/// What any wait in these tests may take before it has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A server of the call plane with two workers.
pub struct World {
    pub address: SocketAddr,
    pub front: Front,
    pub held: Arc<Notify>,
    workers: Vec<JoinHandle<io::Result<()>>>,
}

/// `GET /` answers the peer and how many requests came before on this connection, `POST` the length and hash of the
/// body, `GET /hold` when `held` is notified, `GET /big` a mebibyte.
struct Echo {
    limits: Arc<Limits>,
    held: Arc<Notify>,
}

pub struct EchoConnection {
    peer: SocketAddr,
    // Neither `Send` nor shared: one worker's alone.
    before: Rc<Cell<usize>>,
    limits: Arc<Limits>,
    held: Arc<Notify>,
}

impl Service for Echo {
    type Connection = EchoConnection;

    fn connection(&self, peer: SocketAddr, _local: SocketAddr) -> EchoConnection {
        EchoConnection { peer, before: Rc::default(), limits: self.limits.clone(), held: self.held.clone() }
    }
}

impl Answers for EchoConnection {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        if request.uri().path() == "/hold" {
            self.held.notified().await;
        }
        if request.uri().path() == "/big" {
            return Response::new(Full::new(Bytes::from(vec![b'x'; 1 << 20])));
        }
        if request.method() == hyper::Method::POST {
            let read =
                read_body(request.into_body(), self.limits.body_bytes_max, self.limits.body_timeout).await;
            return match read {
                Ok(body) => text(format!("{} {}", body.len(), blake3::hash(&body))),
                Err(fault) => crate::http::error::ApiError::from(fault).render("test"),
            };
        }
        let before = self.before.replace(self.before.get() + 1);
        text(format!("{} {before}", self.peer))
    }
}

fn text(text: String) -> Answer {
    Response::new(Full::new(text.into()))
}

impl World {
    pub fn new(limits: Limits) -> Self {
        Self::of(Front { limits: Arc::new(limits), ..Front::default() })
    }

    pub fn of(front: Front) -> Self {
        let (address, listeners) = bind_workers("127.0.0.1:0".parse().unwrap(), 2).unwrap();
        let held = Arc::new(Notify::new());
        let workers =
            listeners.into_iter().map(|listener| worker(listener, front.clone(), held.clone())).collect();
        Self { address, front, held, workers }
    }

    pub fn client(&self) -> Client {
        Client::connect(self.address).unwrap()
    }

    /// Drains on a thread of its own; the receiver tells how many were cut once all workers have ended.
    pub fn drain(&mut self, limits: DrainLimits) -> mpsc::Receiver<usize> {
        let (front, workers) = (self.front.clone(), std::mem::take(&mut self.workers));
        let (done, drained) = mpsc::channel();
        std::thread::spawn(move || {
            let cut = run_worker(async { Ok(front.shutdown.drain(&front.traffic, limits).await) }).unwrap();
            for worker in workers {
                worker.join().unwrap().unwrap();
            }
            done.send(cut).unwrap();
        });
        drained
    }
}

fn worker(listener: TcpListener, front: Front, held: Arc<Notify>) -> JoinHandle<io::Result<()>> {
    std::thread::spawn(move || {
        let echo = Echo { limits: front.limits.clone(), held };
        run_worker(serve(listener, echo, front))
    })
}

/// An answer as it came.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub fn closes(&self) -> bool {
        self.header("connection") == Some("close")
    }
}

/// A blocking client without manners of its own.
pub struct Client {
    pub socket: TcpStream,
    read: Vec<u8>,
}

impl Client {
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, read: Vec::new() })
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.socket.write_all(bytes.as_ref())
    }

    pub fn get(&mut self, path: &str) -> io::Result<Option<Reply>> {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n"))?;
        self.reply()
    }

    pub fn ask(&mut self, bytes: impl AsRef<[u8]>) -> Reply {
        self.send(bytes).unwrap();
        self.reply().unwrap().expect("an answer before the end")
    }

    /// The next answer, or none if the server closed before its first byte.
    pub fn reply(&mut self) -> io::Result<Option<Reply>> {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            if !self.more()? {
                if self.read.is_empty() {
                    return Ok(None);
                }
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).unwrap();
        let status = head[9..12].parse().unwrap();
        let mut reply = Reply { status, head, body: Vec::new() };
        let length: usize = reply.header("content-length").map_or(0, |length| length.parse().unwrap());
        while self.read.len() < length {
            if !self.more()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        reply.body = self.read.drain(..length).collect();
        Ok(Some(reply))
    }

    /// Whether the server closes without a byte and without a reset.
    pub fn is_closed(&mut self) -> bool {
        self.read.is_empty() && matches!(self.more(), Ok(false))
    }

    fn more(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 64 * 1024];
        let count = self.socket.read(&mut buffer)?;
        self.read.extend_from_slice(&buffer[..count]);
        Ok(count > 0)
    }
}

/// Waits for a condition.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
