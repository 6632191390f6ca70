//! Webhooks: how telephone systems ask over HTTP, each kind in a form of its own.
//!
//! ```text
//!   /gateways/<kind>/<trunk>  --read--> Inquiry --ask--> decision --answer--> what that kind understands
//! ```
//!
//! A kind is a file and a line of [`KINDS`]. It knows what its requests are made of and how its answers look; whose they
//! are, what of them is believed and who decides is the same for all.

pub mod kamailio;

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use crate::domain::address::Address;
use crate::http::error::ApiError;
use crate::http::server::Answer as Response;
use crate::routing::calls::Outcome;
use crate::routing::switchboard::Answer;

/// Largest body of a webhook, in bytes.
pub const BODY_BYTES_MAX: usize = 65_536;

/// Every kind there is.
pub const KINDS: [&dyn Webhook; 1] = [&kamailio::Kamailio];

/// A kind of webhook.
pub trait Webhook: fmt::Debug + Send + Sync {
    /// Its name, in paths and settings.
    fn name(&self) -> &'static str;

    /// Reads a request.
    ///
    /// # Errors
    /// 400, naming every field that is missing or at fault; 404 where the kind has nothing at the path.
    fn read<'a>(&self, said: Said<'a>) -> Result<Inquiry<'a>, ApiError>;

    /// Writes what was decided.
    ///
    /// # Errors
    /// What is answered where nobody can be called.
    fn answer(&self, told: &Told<'_, '_>) -> Result<Response, ApiError>;
}

/// A request, unread.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// What the path has behind the trunk, without the slash between; empty where nothing.
    pub below: &'a str,
    /// The query of a `GET`; nothing of a `POST`, whose query means nothing.
    pub query: Option<&'a str>,
    /// Whether the body is called a form.
    pub is_form: bool,
    /// The body.
    pub body: &'a [u8],
}

/// What a request wants.
#[derive(Debug)]
pub enum Inquiry<'a> {
    /// To know who serves a call.
    Call(Called<'a>),
    /// To tell that a call has ended.
    End(Over<'a>),
}

/// A call that comes in, before it is known what of it is believed.
#[derive(Debug)]
pub struct Called<'a> {
    /// The call's id, never empty: by it the same call is known when it is asked for again.
    pub call_id: Cow<'a, str>,
    /// The user part that was dialled, with its parameters.
    pub to: Cow<'a, str>,
    /// The user part of who calls; empty where there is none.
    pub from: Cow<'a, str>,
    /// The host of who calls; may be empty.
    pub from_host: Cow<'a, str>,
    /// The call's headers.
    pub headers: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The token of an earlier decision.
    pub token: Option<Cow<'a, str>>,
}

/// A call that is over.
#[derive(Debug)]
pub struct Over<'a> {
    /// The call's id, as it was asked for.
    pub call_id: Cow<'a, str>,
    /// How long it took.
    pub duration_s: Option<f64>,
    /// How it ended, if that was said.
    pub outcome: Option<Outcome>,
    /// The token of its decision.
    pub token: Option<Cow<'a, str>>,
}

/// What is to be told.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a, 't> {
    /// What was decided.
    pub answer: &'a Answer<'t>,
    /// The call's id.
    pub call_id: &'a str,
    /// What was dialled.
    pub to: &'a Address<'a>,
}

/// A trunk by which a kind of webhook comes.
#[derive(Debug, Clone)]
pub struct Trunk {
    /// Its kind.
    pub kind: &'static dyn Webhook,
    /// Its name in the path.
    pub name: Box<str>,
    /// Its row among the gateways, where its account and country are.
    pub row: u16,
    /// Whether headers and tokens count.
    pub trust_headers: bool,
    /// What its calls have in front of the number; empty where nothing.
    pub strip_prefix: Box<str>,
}

/// The trunks of all kinds.
pub struct Webhooks {
    list: Vec<Trunk>,
    by_address: Box<ByAddress>,
}

/// The row of the trunk of a kind on whose list an address is.
type ByAddress = dyn Fn(&str, IpAddr) -> Option<u16> + Send + Sync;

impl Webhooks {
    /// The trunks, and the row of the trunk of a kind on whose list an address is.
    #[must_use]
    pub fn new(
        list: Vec<Trunk>,
        by_address: impl Fn(&str, IpAddr) -> Option<u16> + Send + Sync + 'static,
    ) -> Self {
        Self { list, by_address: Box::new(by_address) }
    }

    /// The trunk of a kind and name.
    #[must_use]
    pub fn get(&self, kind: &str, name: &str) -> Option<&Trunk> {
        self.list.iter().find(|trunk| trunk.kind.name() == kind && *trunk.name == *name)
    }

    /// The row of the trunk of a kind on whose list an address is.
    #[must_use]
    pub fn of(&self, kind: &str, asker: IpAddr) -> Option<u16> {
        (self.by_address)(kind, asker)
    }
}

impl Default for Webhooks {
    fn default() -> Self {
        Self::new(Vec::new(), |_, _| None)
    }
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Webhooks").field(&self.list).finish()
    }
}
