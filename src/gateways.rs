//! How telephony asks who serves a call: one way to a decision, many ways to write it down.
//!
//! ```text
//!   http/  codec of POST /v1/calls, GET /v1/route …    sip/  a redirect server    webhooks/  codecs of other systems
//!     |  who? Doorkeeper      what? CallRequest           how to write it? answer
//!     v                                                          ^
//!   Worker::ask --> routing::Switchboard --> Answer -------------+--> Tally --> Meters
//! ```
//!
//! A worker belongs to one thread; what all of them share is a [`CallPlane`](plane::CallPlane). Nothing here reaches a
//! database, waits for another worker or changes what is routed.

pub mod answer;
pub mod asker;
pub mod capacity;
pub mod explain;
pub mod gateway;
pub mod http;
pub mod json;
pub mod marks;
pub mod meters;
pub mod numbering;
pub mod outgoing;
pub mod plane;
pub mod probing;
pub mod sip;
pub mod targets;
pub mod webhooks;
pub mod worker;

mod test_call;
