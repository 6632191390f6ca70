//! Asks the API: one request, one answer, everything bounded.

use std::time::Duration;

use rustls::CertificateError;
use serde_json::Value;
use ureq::http::{HeaderMap, Request, Response};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector as _, TcpConnector};
use ureq::{Agent, Body, Error};

use super::failure::{Failure, Refused, Sent};
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
    sent: Sent,
}

impl Client {
    pub(super) fn new(whereabouts: Whereabouts) -> Self {
        let Whereabouts { management, calls } = whereabouts;
        Self { management: Listener::new(management), calls: Listener::new(calls) }
    }
    /// Asks. An answer that is a no is an answer.
    pub(super) fn ask(&self, question: Question<'_>) -> Result<Reply, Failure> {
        let Listener { agent, place: Place { url, key, is_found, .. } } = match question.plane {
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
        let sent = match (key, is_found) {
            (None, _) => Sent::Nothing,
            (Some(_), true) => Sent::Found,
            (Some(_), false) => Sent::Given,
        };
        let answered = match question.body {
            Some(body) => request
                .header("content-type", "application/json")
                .body(body)
                .map_err(Error::Http)
                .and_then(|request| agent.run(request)),
            None => request.body(()).map_err(Error::Http).and_then(|request| agent.run(request)),
        };
        answered.and_then(|response| Reply::read(response, sent)).map_err(|why| match why {
            // The error may quote what was wrong with it, and that may be the key.
            Error::Http(_) | Error::BadUri(_) => Failure::Usage(
                "the address, the path or the key has characters that HTTP cannot carry".to_owned(),
            ),
            why => Failure::Unreachable { url: url.clone(), why: told(&why) },
        })
    }
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

impl Reply {
    fn read(mut response: Response<Body>, sent: Sent) -> Result<Self, Error> {
        let header = |headers: &HeaderMap, name| {
            headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let (status, headers) = (response.status().as_u16(), response.headers());
        let (revision, etag) = (header(headers, "x-cordboard-revision"), header(headers, "etag"));
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
