//! Asks the API: one request, one answer, everything bounded.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::time::Duration;

use rustls::CertificateError;
use serde_json::Value;
use ureq::http::{HeaderMap, Request, Response};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector as _, TcpConnector};
use ureq::{Agent, AsSendBody, Body, Error, SendBody};

use super::failure::{Failure, Refused, Sent};
use super::numbers::Progress;
use super::path::Path;
use super::whereabouts::{Place, Whereabouts};
use crate::http::secure::SecureConnector;

/// Time to connect.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(2);
/// Time for a request and its answer.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);
/// Time for the answer to an import, once all of it was sent.
const IMPORT_TIME_MAX: Duration = Duration::from_secs(600);
/// From how many bytes on a body waits for a sign that it is wanted.
const EXPECT_BYTES_MIN: u64 = 1 << 20;
/// Largest answer, in bytes.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// Which listener is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plane {
    /// Management.
    Management,
    /// The call plane.
    Calls,
}

/// Asks both listeners of one router.
#[derive(Debug)]
pub(super) struct Client {
    management: Listener,
    calls: Listener,
}

/// One listener, and what asks it.
#[derive(Debug)]
struct Listener {
    agent: Agent,
    place: Place,
}

/// A question.
#[derive(Debug, Clone)]
pub(super) struct Question<'a> {
    /// Whom.
    pub(super) plane: Plane,
    /// The method, in capitals.
    pub(super) method: &'a str,
    /// The path and query.
    pub(super) path: &'a Path,
    /// The body, JSON.
    pub(super) body: Option<Vec<u8>>,
    /// The state that the question is about.
    pub(super) if_match: Option<&'a str>,
    /// The name under which it is carried out once, however often it is sent.
    pub(super) idempotency_key: Option<&'a str>,
}

impl<'a> Question<'a> {
    /// A question to management without more.
    pub(super) fn of(method: &'a str, path: &'a Path) -> Self {
        Self { plane: Plane::Management, method, path, body: None, if_match: None, idempotency_key: None }
    }
}

/// A body that is sent as it comes, to management.
pub(super) struct Upload<'a> {
    /// The path and query.
    pub(super) path: &'a Path,
    /// What it is.
    pub(super) content_type: &'static str,
    /// How long it is, where that is known.
    pub(super) bytes: Option<u64>,
    /// Where it comes from; nothing is standard input.
    pub(super) body: Option<&'a mut dyn Read>,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(super) struct Reply {
    /// Its HTTP status.
    pub(super) status: u16,
    /// The revision from which a change holds.
    pub(super) revision: Option<String>,
    /// The state that was shown.
    pub(super) etag: Option<String>,
    /// Its body.
    pub(super) body: Vec<u8>,
    sent: Sent,
}

impl Client {
    pub(super) fn new(whereabouts: Whereabouts) -> Self {
        let Whereabouts { management, calls } = whereabouts;
        Self { management: Listener::new(management), calls: Listener::new(calls) }
    }

    /// Asks. An answer that is a no is an answer.
    pub(super) fn ask(&self, question: Question<'_>) -> Result<Reply, Failure> {
        self.ask_within(Some(REQUEST_TIME_MAX), question, Reply::read)
    }

    /// Reads something of management as long as it is: an answer that is a yes goes to `out`, and its reply has no body.
    pub(super) fn pour(&self, path: &Path, out: &mut dyn Write) -> Result<Reply, Failure> {
        self.ask_within(None, Question::of("GET", path), |response, sent| {
            if response.status().as_u16() != 200 {
                return Reply::read(response, sent);
            }
            let revision = text_of(response.headers(), "x-cordboard-revision");
            std::io::copy(&mut response.into_body().into_reader(), out)?;
            Ok(Reply { status: 200, revision, etag: None, body: Vec::new(), sent })
        })
    }

    /// Reads something of management that has no end, where the answer is a yes.
    pub(super) fn follow(&self, path: &Path) -> Result<impl BufRead + use<>, Failure> {
        let answer = self.ask_within(None, Question::of("GET", path), |response, sent| {
            if response.status().as_u16() == 200 {
                return Ok(Ok(BufReader::new(response.into_body().into_reader())));
            }
            Reply::read(response, sent).map(Err)
        })?;
        answer.or_else(|reply| {
            reply.granted()?;
            Err(Failure::Nothing("the router answered something else".to_owned()))
        })
    }

    fn ask_within<T>(
        &self,
        time: Option<Duration>,
        question: Question<'_>,
        read: impl FnOnce(Response<Body>, Sent) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        let listener = match question.plane {
            Plane::Management => &self.management,
            Plane::Calls => &self.calls,
        };
        let sent = listener.sent();
        let Listener { agent, place: Place { url, key, .. } } = listener;
        let mut request = Request::builder()
            .method(question.method)
            .uri(format!("{url}{}", question.path.as_str()))
            .header("accept", "application/json");
        if let Some(key) = key {
            request = request.header("x-api-key", &key.0);
        }
        if let Some(etag) = question.if_match {
            request = request.header("if-match", etag);
        }
        if let Some(name) = question.idempotency_key {
            request = request.header("idempotency-key", name);
        }
        let answered = match question.body {
            Some(body) => request
                .header("content-type", "application/json")
                .body(body)
                .map_err(Error::Http)
                .and_then(|request| agent.run(within(agent, time, request))),
            None => request
                .body(())
                .map_err(Error::Http)
                .and_then(|request| agent.run(within(agent, time, request))),
        };
        answered.and_then(|response| read(response, sent)).map_err(|why| match why {
            // The error may quote what was wrong with it, and that may be the key.
            Error::Http(_) | Error::BadUri(_) => Failure::Usage(
                "the address, the path or the key has characters that HTTP cannot carry".to_owned(),
            ),
            why => Failure::Unreachable { url: url.clone(), why: told(&why) },
        })
    }
}

/// The request with its time.
fn within<B: AsSendBody>(agent: &Agent, time: Option<Duration>, request: Request<B>) -> Request<B> {
    agent.configure_request(request).timeout_global(time).build()
}

impl Client {
    /// Sends a body; `seen` is shown how far it is.
    pub(super) fn upload<'i>(
        &self,
        upload: Upload<'i>,
        input: &'i mut dyn Read,
        seen: Option<&mut dyn Write>,
    ) -> Result<Reply, Failure> {
        let Upload { path, content_type, bytes, body } = upload;
        let sent = self.management.sent();
        let Listener { agent, place: Place { url, key, .. } } = &self.management;
        let mut request = Request::post(format!("{url}{}", path.as_str()))
            .header("accept", "application/json")
            .header("content-type", content_type);
        if let Some(key) = key {
            request = request.header("x-api-key", &key.0);
        }
        if let Some(bytes) = bytes {
            request = request.header("content-length", bytes);
        }
        // What is too large is known before it is sent; for a small one it would cost more than it saves.
        if bytes.is_some_and(|bytes| bytes > EXPECT_BYTES_MIN) {
            request = request.header("expect", "100-continue");
        }
        let mut body = Progress::new(body.unwrap_or(input), bytes, seen);
        let answered =
            request.body(SendBody::from_reader(&mut body)).map_err(Error::Http).and_then(|request| {
                let request = agent
                    .configure_request(request)
                    .timeout_global(None)
                    .timeout_recv_response(Some(IMPORT_TIME_MAX))
                    .build();
                agent.run(request)
            });
        drop(body);
        answered.and_then(|response| Reply::read(response, sent)).map_err(|why| match why {
            Error::Http(_) | Error::BadUri(_) => Failure::Usage(
                "the address, the path or the key has characters that HTTP cannot carry".to_owned(),
            ),
            Error::Io(why) if matches!(why.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                let why = "it closed the connection before it had all, as it does when that is too large"
                    .to_owned();
                Failure::Unreachable { url: url.clone(), why }
            }
            why => Failure::Unreachable { url: url.clone(), why: told(&why) },
        })
    }
}

impl Listener {
    /// Which key goes along.
    fn sent(&self) -> Sent {
        match (&self.place.key, self.place.is_found) {
            (None, _) => Sent::Nothing,
            (Some(_), true) => Sent::Found,
            (Some(_), false) => Sent::Given,
        }
    }

    fn new(place: Place) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // A key goes to the address that was named, and nowhere it points to.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            // Otherwise a DELETE may have no body.
            .allow_non_standard_methods(true)
            .timeout_connect(Some(CONNECT_TIME_MAX))
            .timeout_global(Some(REQUEST_TIME_MAX))
            .user_agent(concat!("cordboard/", env!("CARGO_PKG_VERSION")))
            .build();
        let trust = place.trust.clone();
        let connector = ().chain(TcpConnector::default()).chain(SecureConnector::new(move || trust.config()));
        Self { agent: Agent::with_parts(config, connector, DefaultResolver::default()), place }
    }
}

/// What happened, in words for an operator.
fn told(why: &Error) -> String {
    match why {
        Error::Io(why) => match why.get_ref().and_then(|why| why.downcast_ref()) {
            Some(rustls::Error::InvalidCertificate(why)) => untrusted(why),
            Some(rustls::Error::InvalidMessage(_)) => "it does not speak TLS: ask it by http://".to_owned(),
            _ => why.to_string(),
        },
        Error::Timeout(_) => "no answer in time".to_owned(),
        Error::BodyExceedsLimit(_) => format!("the answer is larger than {} MiB", ANSWER_BYTES_MAX >> 20),
        Error::ConnectionFailed => "the connection failed".to_owned(),
        why => why.to_string(),
    }
}

/// Why a certificate is not believed, and what to do about it.
fn untrusted(why: &CertificateError) -> String {
    let (what, todo) = match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            ("its time is over", "the router needs a new one")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            ("its time has not begun", "is the clock of this machine right?")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            "it is not for the name in the address",
            "ask by a name that it is for, or name itself with --ca",
        ),
        CertificateError::UnknownIssuer => {
            ("nobody knows who issued it", "--ca names a file with who issued it, or with itself")
        }
        CertificateError::Other(why) if why.to_string().contains("CaUsedAsEndEntity") => {
            ("it is made for issuing others", "--ca names a file with itself, which is believed then")
        }
        _ => ("it is not a sound one", "--ca names a file with itself, which is believed then"),
    };
    format!("its certificate is not trusted, since {what}: {todo}")
}

fn text_of(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

impl Reply {
    fn read(mut response: Response<Body>, sent: Sent) -> Result<Self, Error> {
        let (status, headers) = (response.status().as_u16(), response.headers());
        let (revision, etag) = (text_of(headers, "x-cordboard-revision"), text_of(headers, "etag"));
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
        Ok(Self { status, revision, etag, body, sent })
    }

    /// The body as JSON; null where it is none.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The answer, if it is a yes.
    pub(super) fn granted(self) -> Result<Self, Failure> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let (status, body, sent) = (self.status, self.json(), self.sent);
        Err(Failure::Refused(Box::new(Refused { status, body, sent })))
    }
}
