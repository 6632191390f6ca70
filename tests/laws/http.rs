//! A small HTTP client that keeps its connection, and tells an answer that never came from a request never sent.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde_json::Value;
use socket2::{Domain, Protocol, Socket, Type};

/// Longest wait for an answer; far above any time the router may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// An asker with one connection, opened when it is needed.
pub struct Client {
    address: SocketAddr,
    from: Option<Ipv4Addr>,
    key: Option<String>,
    actor: Option<String>,
    tls: Option<Arc<ClientConfig>>,
    connection: Option<BufReader<Box<dyn Wire>>>,
}

/// What requests go over: a socket, or TLS on one.
pub trait Wire: io::Read + io::Write + Send {}

impl<T: io::Read + io::Write + Send> Wire for T {}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Broken {
    /// Nobody listens: nothing was sent.
    Refused,
    /// A request was sent, at least in part, and no whole answer came.
    Unanswered(io::Error),
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        Self { address, from: None, key: None, actor: None, tls: None, connection: None }
    }

    pub fn with_key(self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self }
    }

    /// Asks from another of this machine's addresses, all of which begin with 127.
    pub fn from(self, address: Ipv4Addr) -> Self {
        Self { from: Some(address), ..self }
    }

    /// Asks within TLS, if there is a say in whom to believe.
    pub fn with_tls(self, tls: Option<&Arc<ClientConfig>>) -> Self {
        Self { tls: tls.cloned(), ..self }
    }

    /// From now on changes are made for somebody, whom the history names.
    pub fn act_for(&mut self, actor: &str) {
        self.actor = Some(actor.to_owned());
    }

    pub fn get(&mut self, path: &str) -> Reply {
        self.ask("GET", path, None)
    }

    pub fn put(&mut self, path: &str, body: &Value) -> Reply {
        self.ask("PUT", path, Some(body))
    }

    pub fn post(&mut self, path: &str, body: &Value) -> Reply {
        self.ask("POST", path, Some(body))
    }

    pub fn patch(&mut self, path: &str, body: &Value) -> Reply {
        self.ask("PATCH", path, Some(body))
    }

    pub fn ask(&mut self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        self.try_ask(method, path, body).unwrap_or_else(|why| panic!("{method} {path}: {why:?}"))
    }

    pub fn try_ask(&mut self, method: &str, path: &str, body: Option<&Value>) -> Result<Reply, Broken> {
        let body = body.map(Value::to_string).unwrap_or_default();
        self.try_send(method, path, body.as_bytes())
    }

    /// Sends a body as it is.
    pub fn try_send(&mut self, method: &str, path: &str, body: &[u8]) -> Result<Reply, Broken> {
        let header = |name: &str, value: &Option<String>| {
            value.as_ref().map(|value| format!("{name}: {value}\r\n")).unwrap_or_default()
        };
        let (key, actor) = (header("x-api-key", &self.key), header("x-cordboard-actor", &self.actor));
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\n{key}{actor}content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        self.try_raw(&[head.as_bytes(), body].concat())
    }

    /// Sends bytes as they are and reads one answer.
    pub fn try_raw(&mut self, bytes: &[u8]) -> Result<Reply, Broken> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => BufReader::new(self.connect()?),
        };
        let written = connection.get_mut().write_all(bytes);
        // A router that has refused a body early has answered although it did not read all.
        let reply = match (read(&mut connection), written) {
            (Ok(reply), _) => reply,
            (Err(_), Err(why)) | (Err(why), Ok(())) => return Err(Broken::Unanswered(why)),
        };
        if reply.header("connection") != Some("close") {
            self.connection = Some(connection);
        }
        Ok(reply)
    }

    fn connect(&self) -> Result<Box<dyn Wire>, Broken> {
        let from = self.from.unwrap_or(Ipv4Addr::UNSPECIFIED);
        let socket = connect_from(from, self.address).map_err(|_| Broken::Refused)?;
        match &self.tls {
            None => Ok(Box::new(socket)),
            Some(tls) => secure(socket, tls).map(|wire| Box::new(wire) as _).map_err(Broken::Unanswered),
        }
    }
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|why| panic!("{why}: {:?}", self.body))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The first field that an error names.
    pub fn field(&self) -> String {
        self.json()["errors"][0]["field"].as_str().unwrap_or_default().to_owned()
    }

    /// The answer, of which a status is demanded.
    #[track_caller]
    pub fn must(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }
}

pub fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    connect_from(Ipv4Addr::UNSPECIFIED, address)
}

pub fn connect_from(from: Ipv4Addr, address: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if !from.is_unspecified() {
        socket.bind(&SocketAddr::from((from, 0)).into())?;
    }
    socket.connect(&address.into())?;
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Completes a handshake, for the name `localhost`.
pub fn secure(
    socket: TcpStream,
    tls: &Arc<ClientConfig>,
) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    secure_as("localhost", socket, tls)
}

/// Completes a handshake, for a name.
pub fn secure_as(
    name: &str,
    socket: TcpStream,
    tls: &Arc<ClientConfig>,
) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
    let connection = ClientConnection::new(Arc::clone(tls), name).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, socket);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

/// Reads one answer, whole.
pub fn read(from: &mut BufReader<impl io::Read>) -> io::Result<Reply> {
    let cut = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let mut line = String::new();
    from.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(cut)?;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if from.read_line(&mut line)? == 0 {
            return Err(cut());
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut reply = Reply { status, headers, body: String::new() };
    let mut body = Vec::new();
    match reply.header("content-length").map(|length| length.parse().map_err(io::Error::other)) {
        Some(length) => {
            body.resize(length?, 0);
            from.read_exact(&mut body)?;
        }
        None if reply.header("transfer-encoding") == Some("chunked") => read_chunks(from, &mut body)?,
        None => {}
    }
    reply.body = String::from_utf8(body).map_err(io::Error::other)?;
    Ok(reply)
}

fn read_chunks(from: &mut BufReader<impl io::Read>, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let mut line = String::new();
        from.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        let start = body.len();
        body.resize(start + length, 0);
        from.read_exact(&mut body[start..])?;
        from.read_line(&mut line)?;
        if length == 0 {
            return Ok(());
        }
    }
}
