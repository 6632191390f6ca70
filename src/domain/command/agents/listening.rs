//! Where an agent listens, how much it takes, and where the rest goes.

use super::OnAgent;
use crate::domain::agent::Profile;
use crate::domain::change::Change;
use crate::domain::command::Outcome;
use crate::domain::endpoint::Endpoint;
use crate::domain::fallback::Fallback;
use crate::domain::id::Environment;
use crate::domain::refusal::Refusal;
use crate::domain::words::counted;

impl OnAgent<'_> {
    pub(super) fn put_endpoints(
        &self,
        environment: Option<Environment>,
        endpoints: &[Endpoint],
    ) -> Result<Outcome, Refusal> {
        let mut profile = self.agent.profile.clone();
        match environment {
            None => profile.endpoints = endpoints.to_vec(),
            Some(environment) if endpoints.is_empty() => {
                profile.environment_endpoints.remove(&environment);
            }
            Some(environment) => {
                profile.environment_endpoints.insert(environment, endpoints.to_vec());
            }
        }
        let agent = &self.id.agent;
        let whose = environment.map_or_else(|| agent.to_string(), |it| format!("{agent} at {it}"));
        let summary = format!("{whose} listens at {}", counted(endpoints.len(), "endpoint"));
        Ok(self.profiled("agent.endpoints", profile, summary))
    }

    #[expect(clippy::option_option, reason = "left alone, any number, or some")]
    pub(super) fn put_fallback(
        &self,
        fallback: Option<&Fallback>,
        max_calls_in_progress: Option<Option<u32>>,
    ) -> Result<Outcome, Refusal> {
        let present = &self.agent.profile;
        let max_calls_in_progress = max_calls_in_progress.unwrap_or(present.max_calls_in_progress);
        let profile = Profile { fallback: fallback.cloned(), max_calls_in_progress, ..present.clone() };
        let limit = max_calls_in_progress.map_or_else(
            || "any number of calls".to_owned(),
            |calls| format!("at most {} at once", counted(calls as usize, "call")),
        );
        let to = fallback.map_or_else(|| "none".to_owned(), ToString::to_string);
        let summary = format!("{} takes {limit}, and its fallback is {to}", self.id.agent);
        let mut outcome = self.profiled("agent.fallback", profile, summary);
        outcome.warnings.extend(self.state.warn_of_fallback(&self.id.account, fallback));
        Ok(outcome)
    }

    fn profiled(&self, action: &'static str, profile: Profile, summary: String) -> Outcome {
        let changes =
            if profile == self.agent.profile { Vec::new() } else { vec![Change::AgentPut(profile)] };
        self.outcome(action, changes, summary)
    }
}
