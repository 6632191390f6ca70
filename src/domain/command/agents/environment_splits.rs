//! Splits that test `live` of an agent against versions of it that are not live yet.

use std::sync::Arc;

use super::{Deploy, OnAgent, managed_by_files};
use crate::domain::agent::AgentRef;
use crate::domain::change::Change;
use crate::domain::command::Command;
use crate::domain::deployment::{DeploymentId, DeploymentKind};
use crate::domain::id::{ArmId, ConfigHash, Environment, Pin, VersionNumber};
use crate::domain::refusal::{FieldFault, Refusal, RefusalKind};
use crate::domain::route::ManagedBy;
use crate::domain::split::{Arm, EnvironmentScope, Split};
use crate::domain::state::State;
use crate::domain::time::Timestamp;

/// The code of a change of `live` that a split stands in the way of.
pub const SPLIT_RUNNING: &str = "SPLIT_RUNNING";

/// A split whose test arms are held to versions, and what that takes.
#[derive(Debug)]
pub(in crate::domain::command) struct Held {
    /// The split.
    pub(in crate::domain::command) split: Split,
    /// What comes before it: the draft saved as a version, a split that is over ended for good.
    pub(in crate::domain::command) changes: Vec<Change>,
    /// What the operator should know of it.
    pub(in crate::domain::command) warnings: Vec<String>,
}

impl State {
    /// Holds the test arms of an environment's split to the versions that their pins name now, so that nothing that is
    /// deployed or edited later changes what is tested. Arms that `before` has just so were held then.
    ///
    /// # Errors
    /// `MANAGED_BY_FILES` where the files say what is live, `SPLIT_RUNNING` where another split tests it,
    /// `PRE_RELEASE_NOT_READY` where the account lets nothing else into `live`, and what is wrong with a pin.
    pub(in crate::domain::command) fn hold_arms(
        &self,
        command: &Command,
        split: Split,
        before: Option<&Split>,
    ) -> Result<Held, Refusal> {
        let (mut changes, mut warnings) = (Vec::new(), Vec::new());
        let Some(id) = split.under_test() else { return Ok(Held { split, changes, warnings }) };
        let on = OnAgent { state: self, command, agent: self.found_agent(&id)?, id };
        if on.agent.profile.managed_by == ManagedBy::Files {
            return Err(managed_by_files(&on.id));
        }
        changes.extend(on.place_for(&split)?);
        let mut split = split;
        for (i, arm) in split.arms.iter_mut().enumerate().skip(1) {
            let held = |other: &Arm| {
                other.id == arm.id && other.pin == arm.pin && matches!(arm.pin, Pin::Version(_))
            };
            if before.is_some_and(|before| before.arms.iter().any(held)) {
                continue;
            }
            let version = on.version_of(arm.pin, &format!("arms[{i}].pin"), &mut changes)?;
            let rehearsed = on.agent.deployment(Environment::PreRelease);
            on.may_enter(Environment::Live, rehearsed.is_some_and(|it| it.version == version))?;
            on.passed_tests(on.hash_of(version, &changes)?)?;
            if arm.pin != Pin::Version(version) {
                let told = format!("arm {} is held to {version}, which is {} now", arm.id, arm.pin);
                warnings.push(told);
                arm.pin = Pin::Version(version);
            }
        }
        Ok(Held { split, changes, warnings })
    }

    /// The split that tests an environment at a moment, and stands in the way of its changes.
    pub(in crate::domain::command) fn split_running(
        &self,
        agent: &AgentRef,
        environment: Environment,
        at: Timestamp,
    ) -> Option<&Arc<Split>> {
        let of = |split: &Split| split.scope.as_ref().is_some_and(|scope| scope.environment == environment);
        self.environment_split(agent).filter(|split| of(split) && split.is_running(at))
    }

    /// What an environment's split needs to be there besides what its arms name.
    pub(in crate::domain::command) fn scope_fault(&self, split: &Split) -> Option<FieldFault> {
        let id = split.under_test()?;
        let EnvironmentScope { agent, environment } = split.scope.as_ref()?;
        let fault = |field: &str, message| Some(FieldFault { field: format!("scope.{field}"), message });
        match self.agents.get(&id) {
            None => fault("agentId", format!("there is no agent {agent}")),
            Some(found) if found.deployment(*environment).is_none() => {
                let message = format!(
                    "serves nothing for {agent}, so that there is nothing to test against: publish to it first"
                );
                fault("environment", message)
            }
            Some(_) => None,
        }
    }

    /// What ending a split for an arm takes besides: the version of a test arm of an environment's split goes live.
    pub(in crate::domain::command) fn won(
        &self,
        command: &Command,
        split: &Split,
        winner: &ArmId,
    ) -> Result<Option<(Vec<Change>, String)>, Refusal> {
        let Some(id) = split.under_test() else { return Ok(None) };
        let Some(Pin::Version(version)) = split.arms.iter().find(|arm| arm.id == *winner).map(|arm| arm.pin)
        else {
            return Ok(None);
        };
        let on = OnAgent { state: self, command, agent: self.found_agent(&id)?, id };
        if on.agent.profile.managed_by == ManagedBy::Files {
            return Err(managed_by_files(&on.id));
        }
        let live = Environment::Live;
        if on.agent.deployment(live).is_some_and(|present| present.version == version) {
            return Ok(None);
        }
        let rehearsed = on.agent.deployment(Environment::PreRelease);
        on.may_enter(live, rehearsed.is_some_and(|it| it.version == version))?;
        on.passed_tests(on.hash_of(version, &[])?)?;
        let deploy = Deploy {
            id: DeploymentId::derived((command.at, self.revision), &on.id, live, version),
            message: format!("split {} was ended for {winner}", split.id),
            active_calls: None,
            end_split: false,
        };
        let (deployment, _) = on.deployment(&deploy, DeploymentKind::Promotion, live, version);
        let mut changes = vec![deployment];
        changes.extend(on.runs_of(&changes));
        Ok(Some((changes, format!("; {version} of {} was promoted to {live}", on.id.agent))))
    }
}

impl OnAgent<'_> {
    /// The end of the split that tests an environment, before something else comes there, and how the history says it.
    pub(super) fn past_split(
        &self,
        deploy: &Deploy,
        environment: Environment,
    ) -> Result<Option<(Change, String)>, Refusal> {
        let at = self.command.at;
        let Some(split) = self.state.split_running(&self.id, environment, at) else { return Ok(None) };
        let control = split.arms.first().filter(|_| deploy.end_split).ok_or_else(|| {
            let message = format!(
                "split {} tests {environment} of {}: end it, or have it ended for its control along with this \
                 (`endSplit`, of staging `end_split`, by command `--end-split`)",
                split.id, self.id.agent
            );
            Refusal::new(RefusalKind::Conflict, SPLIT_RUNNING, message)
        })?;
        let ended = split.ended(control.id.clone(), at);
        let how = format!(", and split {} ended for its control", split.id);
        Ok(Some((Change::SplitPut(Arc::new(ended)), how)))
    }

    /// Makes room for a split among those that test the environment: one that is over by its time ends for good.
    fn place_for(&self, split: &Split) -> Result<Option<Change>, Refusal> {
        let Some(other) = self.state.environment_split(&self.id).filter(|other| other.id != split.id) else {
            return Ok(None);
        };
        match other.arms.first().filter(|_| other.is_over(self.command.at)) {
            Some(control) => {
                let ended = other.ended(control.id.clone(), self.command.at);
                Ok(Some(Change::SplitPut(Arc::new(ended))))
            }
            None => {
                let message =
                    format!("split {} tests live of {} already: end it first", other.id, self.id.agent);
                Err(Refusal::new(RefusalKind::Conflict, SPLIT_RUNNING, message))
            }
        }
    }

    /// The fingerprint of a version that is there, or is saved by some changes.
    pub(super) fn hash_of(&self, number: VersionNumber, changes: &[Change]) -> Result<ConfigHash, Refusal> {
        let saved = changes.iter().find_map(|change| match change {
            Change::VersionSaved { version, .. } if version.number == Some(number) => Some(version),
            _ => None,
        });
        let version = saved.or_else(|| self.agent.versions.get(&number));
        let missing = || Refusal::not_found("NOT_FOUND", format!("agent {} has no {number}", self.id.agent));
        version.map(|version| version.hash).ok_or_else(missing)
    }

    /// The version that a pin names now; a draft that is none yet becomes the next one.
    fn version_of(&self, pin: Pin, field: &str, changes: &mut Vec<Change>) -> Result<VersionNumber, Refusal> {
        match pin {
            Pin::Version(version) => Ok(version),
            Pin::Environment(environment) => {
                let message =
                    || format!("is {environment}, which serves nothing: expected a pin that serves");
                let deployed = self.agent.deployment(environment).map(|deployment| deployment.version);
                deployed.ok_or_else(|| Refusal::field(field, message()))
            }
            Pin::Draft => {
                let draft = self.agent.main_draft()?;
                let last = self.agent.last_version().filter(|last| last.hash == draft.hash);
                let saved = changes.iter().find_map(|change| match change {
                    Change::VersionSaved { version, .. } => version.number,
                    _ => None,
                });
                if let Some(known) = last.and_then(|last| last.number).or(saved) {
                    return Ok(known);
                }
                let number = self.next_number()?;
                let version = self.numbered(number, draft, "", "saved to be tested");
                changes.push(Change::VersionSaved { agent: self.id.clone(), version });
                Ok(number)
            }
        }
    }
}
