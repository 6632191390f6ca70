//! What routes, arms and caller pins name: each name by itself, so that one that is wrong hides no other.

use super::id::{AgentId, Pin, SplitId};
use super::split::Arm;

/// A name, and the field that says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Path of the field, e.g. `arms[2].agentId`.
    pub field: String,
    /// What is named there.
    pub name: Name,
}

/// Something that must be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// An agent.
    Agent(AgentId),
    /// What of an agent. Whether there is such an agent is told where that is named.
    Pin(AgentId, Pin),
    /// A split.
    Split(SplitId),
}

impl Named {
    /// What serves: an agent and, where it is known, what of it. The fields `agentId` and `pin` stand below `base`, which
    /// is empty or ends with a dot.
    pub fn serving(base: &str, agent: &AgentId, pin: Option<Pin>) -> impl Iterator<Item = Self> + use<> {
        let named = Self { field: format!("{base}agentId"), name: Name::Agent(agent.clone()) };
        let pin = pin.map(|pin| Self::pin(base, agent, pin));
        std::iter::once(named).chain(pin)
    }

    /// What of an agent that is named elsewhere.
    #[must_use]
    pub fn pin(base: &str, agent: &AgentId, pin: Pin) -> Self {
        Self { field: format!("{base}pin"), name: Name::Pin(agent.clone(), pin) }
    }

    /// A split, by the field `splitId`.
    #[must_use]
    pub fn split(split: &SplitId) -> Self {
        Self { field: "splitId".to_owned(), name: Name::Split(split.clone()) }
    }

    /// What the arms of a split name.
    pub fn by_arms(arms: &[Arm]) -> impl Iterator<Item = Self> + '_ {
        let named =
            |(i, arm): (usize, &Arm)| Self::serving(&format!("arms[{i}]."), &arm.agent, Some(arm.pin));
        arms.iter().enumerate().flat_map(named)
    }
}
