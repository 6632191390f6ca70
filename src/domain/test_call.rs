//! A call by which an operator tries an agent.

use super::agent::AgentRef;
use super::id::Pin;

/// A call that is decided by what it names, and by nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestCall {
    /// Which agent.
    pub agent: AgentRef,
    /// What of it.
    pub pin: Pin,
    /// Who calls, as written.
    pub from: Option<String>,
    /// The call's headers.
    pub headers: Vec<(String, String)>,
}
