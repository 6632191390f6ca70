//! Asks the API: one request, one answer, everything bounded.

use std::io::Write;
use std::time::Duration;

use serde_json::Value;
use ureq::http::{HeaderMap, Request, Response};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector as _, TcpConnector};
use ureq::{Agent, AsSendBody, Body, Error};

use super::failure::{Failure, Refused};
use super::path::Path;
use super::secure::SecureConnector;
use super::whereabouts::{Place, Whereabouts};

/// Time to connect.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(2);
/// Time for a request and its answer.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);
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
    with_key: bool,
}

impl Client {
    pub(super) fn new(whereabouts: Whereabouts) -> Self {
        let Whereabouts { management, calls } = whereabouts;
        Self { management: Listener::new(management), calls: Listener::new(calls) }
    }

    /// Asks. An answer that is a no is an answer.
    pub(super) fn ask(&self, question: Question<'_>) -> Result<Reply, Failure> {
        self.ask_within(Some(REQUEST_TIME_MAX), question, |response, with_key| {
            Reply::read(response, with_key)
        })
    }

    /// The same for what may take as long as it goes on.
    pub(super) fn ask_patiently(&self, question: Question<'_>) -> Result<Reply, Failure> {
        self.ask_within(None, question, Reply::read)
    }

    /// Reads something of management as long as it is: an answer that is a yes goes to `out`, and its reply has no body.
    pub(super) fn pour(&self, path: &Path, out: &mut dyn Write) -> Result<Reply, Failure> {
        let question = Question { plane: Plane::Management, method: "GET", path, body: None, if_match: None };
        self.ask_within(None, question, |response, with_key| {
            if response.status().as_u16() != 200 {
                return Reply::read(response, with_key);
            }
            std::io::copy(&mut response.into_body().into_reader(), out)?;
            Ok(Reply { status: 200, revision: None, etag: None, body: Vec::new(), with_key })
        })
    }

    fn ask_within(
        &self,
        time: Option<Duration>,
        question: Question<'_>,
        read: impl FnOnce(Response<Body>, bool) -> Result<Reply, Error>,
    ) -> Result<Reply, Failure> {
        let Listener { agent, place: Place { url, key, .. } } = match question.plane {
            Plane::Management => &self.management,
            Plane::Calls => &self.calls,
        };
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
        answered.and_then(|response| read(response, key.is_some())).map_err(|why| match why {
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

impl Listener {
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
        let connector = ().chain(TcpConnector::default()).chain(SecureConnector::new(place.trust.clone()));
        Self { agent: Agent::with_parts(config, connector, DefaultResolver::default()), place }
    }
}

/// What happened, in words for an operator.
fn told(why: &Error) -> String {
    match why {
        Error::Io(why) => match why.get_ref().and_then(|why| why.downcast_ref()) {
            Some(rustls::Error::InvalidCertificate(why)) => format!(
                "its certificate is not trusted ({why}): --ca names a file with who issued it, or with itself"
            ),
            Some(rustls::Error::InvalidMessage(_)) => "it does not speak TLS: ask it by http://".to_owned(),
            _ => why.to_string(),
        },
        Error::Timeout(_) => "no answer in time".to_owned(),
        Error::BodyExceedsLimit(_) => format!("the answer is larger than {} MiB", ANSWER_BYTES_MAX >> 20),
        Error::ConnectionFailed => "the connection failed".to_owned(),
        why => why.to_string(),
    }
}

impl Reply {
    fn read(mut response: Response<Body>, with_key: bool) -> Result<Self, Error> {
        let header = |headers: &HeaderMap, name| {
            headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let (status, headers) = (response.status().as_u16(), response.headers());
        let (revision, etag) = (header(headers, "x-cordboard-revision"), header(headers, "etag"));
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
        Ok(Self { status, revision, etag, body, with_key })
    }

    /// The body as JSON; null where it is none.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The answer, if it is a yes.
    pub(super) fn granted(self, keep_raw: bool) -> Result<Self, Failure> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let (status, body, with_key) = (self.status, self.json(), self.with_key);
        let raw = keep_raw.then_some(self.body);
        Err(Failure::Refused(Box::new(Refused { status, body, with_key, raw })))
    }
}
