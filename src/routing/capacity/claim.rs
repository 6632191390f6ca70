//! What a call has of what is limited while it is decided: the places of before, and those that it takes.

use super::{Capacity, Full, Place, Places};

/// The places of a call that is decided.
///
/// Where a deployment moved the call it has places already. Those are its own wherever it needs one of the same kind
/// again, so that nobody else gets them meanwhile and the call is never in its own way; which of them it goes on with is
/// settled last. By default that of a call that has none and takes what it needs.
#[derive(Debug, Default)]
pub struct Claim {
    had: Places,
    arm: Taken,
    agent: Taken,
    only_looks: bool,
}

/// A place that a call needs.
#[derive(Debug, Default)]
enum Taken {
    #[default]
    Nothing,
    /// It keeps the one that it had.
    Own,
    New(Place),
}

impl Claim {
    /// That of a call that has places already.
    #[must_use]
    pub fn with(had: Places) -> Self {
        Self { had, ..Self::default() }
    }

    /// That of a call that only asks what would become of it: it takes nothing.
    #[must_use]
    pub fn only_looking(had: Places) -> Self {
        Self { only_looks: true, ..Self::with(had) }
    }

    /// Gets a place of the arm and one of the agent, as far as they are limited: both or none, and those alone. Counts
    /// who is turned away.
    pub fn admit(&mut self, arm: Option<&Capacity>, agent: Option<&Capacity>) -> Option<Full> {
        self.clear();
        if self.only_looks {
            let full = |capacity: &&Capacity, had| capacity.is_full() && !capacity.gave(had);
            let agent = agent.filter(|agent| full(agent, &self.had.agent));
            return Places::lacking(arm.filter(|arm| full(arm, &self.had.arm)), agent);
        }
        if let Some(arm) = arm {
            self.arm = Taken::of(arm, &self.had.arm);
            if self.arm.is_nothing() {
                arm.turn_away();
                return Some(Full::Arm(arm.calls_max));
            }
        }
        if let Some(agent) = agent {
            self.agent = Taken::of(agent, &self.had.agent);
            if self.agent.is_nothing() {
                self.clear();
                agent.turn_away();
                return Some(Full::Agent(agent.calls_max));
            }
        }
        None
    }

    /// Gets the places that are free or its own, for a call that goes there in any case.
    pub fn admit_as_free(&mut self, arm: Option<&Capacity>, agent: Option<&Capacity>) {
        self.clear();
        if !self.only_looks {
            let taken = |capacity, had| Taken::of(capacity, had);
            self.arm = arm.map_or(Taken::Nothing, |arm| taken(arm, &self.had.arm));
            self.agent = agent.map_or(Taken::Nothing, |agent| taken(agent, &self.had.agent));
        }
    }

    /// Gives back what was taken; what the call had stays its own.
    pub fn clear(&mut self) {
        (self.arm, self.agent) = (Taken::Nothing, Taken::Nothing);
    }

    /// The places with which the call goes on; what it had besides is given back.
    #[must_use]
    pub fn into_places(self) -> Places {
        let Self { had, arm, agent, .. } = self;
        Places { arm: arm.place(had.arm), agent: agent.place(had.agent) }
    }

    /// The places that the call had; what it took is given back.
    #[must_use]
    pub fn into_had(self) -> Places {
        self.had
    }
}

impl Taken {
    fn of(capacity: &Capacity, had: &Option<Place>) -> Self {
        if capacity.gave(had) {
            return Self::Own;
        }
        capacity.take().map_or(Self::Nothing, Self::New)
    }

    fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    fn place(self, had: Option<Place>) -> Option<Place> {
        match self {
            Self::Nothing => None,
            Self::Own => had,
            Self::New(place) => Some(place),
        }
    }
}
