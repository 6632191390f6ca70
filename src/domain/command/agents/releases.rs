//! What environments serve: publish, promote, roll back.

use std::sync::Arc;

use super::{ALREADY_PUBLISHED, OnAgent};
use crate::domain::account::ActiveCalls;
use crate::domain::agent::Version;
use crate::domain::change::Change;
use crate::domain::command::Outcome;
use crate::domain::deployment::{Deployment, DeploymentId, DeploymentKind};
use crate::domain::id::{Environment, VersionNumber};
use crate::domain::refusal::{Refusal, RefusalKind};

/// What every way into an environment says.
#[derive(Debug, Clone)]
pub struct Deploy {
    /// The id that the deployment gets.
    pub id: DeploymentId,
    /// Why, for people.
    pub message: String,
    /// What becomes of calls in progress; as the account has it where this says nothing.
    pub active_calls: Option<ActiveCalls>,
    /// Whether a split that tests the environment ends, for its control, instead of standing in the way.
    pub end_split: bool,
}

/// The draft, into an environment.
#[derive(Debug, Clone)]
pub struct Publish {
    /// How.
    pub deploy: Deploy,
    /// Where to.
    pub environment: Environment,
    /// A name for the version that is saved, if one is; `V<n>` where it is empty.
    pub version_name: String,
    /// A text for it; the message where it is empty.
    pub version_description: String,
    /// Whether it is staging that asks, which an account may let past pre-release.
    pub of_staging: bool,
}

/// What a deployment brought, into a later environment.
#[derive(Debug, Clone)]
pub struct Promote {
    /// How.
    pub deploy: Deploy,
    /// The deployment, one of the agent.
    pub from: Arc<Deployment>,
    /// Where to; the next one where this says nothing.
    pub to: Option<Environment>,
}

/// What a deployment brought, back into its environment.
#[derive(Debug, Clone)]
pub struct Rollback {
    /// How.
    pub deploy: Deploy,
    /// The deployment, one of the agent.
    pub to: Arc<Deployment>,
}

/// A draft that comes into an environment.
#[derive(Debug)]
pub(super) struct Release {
    /// The version that it is.
    pub(super) version: VersionNumber,
    /// The version, if it is saved, and the deployment.
    pub(super) changes: Vec<Change>,
    /// What the history says of how.
    pub(super) how: String,
    /// What the operator should know although it was granted.
    pub(super) warnings: Vec<String>,
}

impl OnAgent<'_> {
    pub(super) fn publish(&self, publish: &Publish) -> Result<Outcome, Refusal> {
        let (draft, agent, to) = (self.agent.main_draft()?, &self.id.agent, publish.environment);
        if self.agent.deployed(to).is_some_and(|served| served.hash == draft.hash) {
            let message = format!("nothing changed: {to} serves the draft of {agent} already");
            return Err(Refusal::new(RefusalKind::Conflict, ALREADY_PUBLISHED, message));
        }
        let Release { version, changes, how, warnings } = self.release(draft, publish)?;
        let summary = format!("{version} of {agent} was published to {to}{how}");
        Ok(Outcome { warnings, ..self.outcome("deployment.publish", changes, summary) })
    }

    /// Puts a draft into an environment, saved as a version first unless the newest one has its content.
    pub(super) fn release(&self, draft: &Version, publish: &Publish) -> Result<Release, Refusal> {
        let Publish { deploy, environment, version_name, version_description, of_staging } = publish;
        let known = self.agent.last_version().filter(|last| last.hash == draft.hash);
        let known = known.and_then(|last| Some((last.number?, &last.name)));
        let (mut changes, mut warnings) = (Vec::new(), Vec::new());
        let version = match known {
            Some((number, name)) => {
                if !version_name.is_empty() && version_name != name {
                    let before = format!("the draft was saved as {number} before, whose name stays {name:?}");
                    warnings.push(before);
                }
                number
            }
            None => {
                let number = self.next_number()?;
                let description =
                    if version_description.is_empty() { &deploy.message } else { version_description };
                let version = self.numbered(number, draft, version_name, description);
                changes.push(Change::VersionSaved { agent: self.id.clone(), version });
                number
            }
        };
        let rehearsed = self.agent.deployed(Environment::PreRelease);
        let excused = *of_staging && self.settings().staging_publishes_live;
        self.may_enter(*environment, excused || rehearsed.is_some_and(|it| it.hash == draft.hash))?;
        if *environment == Environment::Live {
            self.passed_tests(draft.hash)?;
        }
        let (deployed, how) = self.deployed(deploy, DeploymentKind::Publish, *environment, version)?;
        changes.extend(deployed);
        Ok(Release { version, changes, how, warnings })
    }

    pub(super) fn promote(&self, promote: &Promote) -> Result<Outcome, Refusal> {
        let Promote { deploy, from, to } = promote;
        let to = to.or(from.environment.next()).filter(|to| *to > from.environment).ok_or_else(|| {
            let later: Vec<&str> =
                Environment::ALL.iter().filter(|to| **to > from.environment).map(|to| to.as_str()).collect();
            let expected =
                if later.is_empty() { "nothing: it is the last one".to_owned() } else { later.join(" or ") };
            let message = format!("is not after {}: expected {expected}", from.environment);
            let refusal = Refusal::field("targetEnvironment", message);
            Refusal { code: "DEPLOYMENTS_INVALID_ENVIRONMENT", ..refusal }
        })?;
        let rehearsed = from.environment == Environment::PreRelease
            || self.agent.deployment(Environment::PreRelease).is_some_and(|it| it.version == from.version);
        self.may_enter(to, rehearsed)?;
        self.passed_tests(self.hash_of(from.version, &[])?)?;
        let (changes, how) = self.deployed(deploy, DeploymentKind::Promotion, to, from.version)?;
        let (agent, version, from) = (&self.id.agent, from.version, from.environment);
        let summary = format!("{version} of {agent} was promoted from {from} to {to}{how}");
        Ok(self.outcome("deployment.promote", changes, summary))
    }

    /// What serves already stays, with nothing new but the end of a split that was to end.
    pub(super) fn roll_back(&self, rollback: &Rollback) -> Result<Outcome, Refusal> {
        let Rollback { deploy, to } = rollback;
        let (agent, version, environment) = (&self.id.agent, to.version, to.environment);
        let present = self.agent.deployment(environment);
        if present.is_some_and(|present| present.version == version) {
            let ended = if deploy.end_split { self.past_split(deploy, environment)? } else { None };
            let (changes, how) = ended.unzip();
            let summary = format!("{environment} of {agent} is at {version}{}", how.unwrap_or_default());
            return Ok(self.outcome("deployment.rollback", changes.into_iter().collect(), summary));
        }
        let (changes, how) = self.deployed(deploy, DeploymentKind::Rollback, environment, version)?;
        // What served before may be the newer one: after a rollback too far.
        let forward = present.is_some_and(|present| present.version < version);
        let verb = if forward { "put" } else { "rolled" };
        let summary = format!("{environment} of {agent} was {verb} back to {version}{how}");
        Ok(self.outcome("deployment.rollback", changes, summary))
    }

    /// Whether something may come into an environment that is in pre-release, or is not.
    pub(super) fn may_enter(&self, environment: Environment, rehearsed: bool) -> Result<(), Refusal> {
        if environment != Environment::Live || rehearsed || self.settings().allow_skip_pre_release {
            return Ok(());
        }
        let message = "the account does not allow to skip pre-release: put this version there first";
        Err(Refusal::new(RefusalKind::Precondition, "PRE_RELEASE_NOT_READY", message))
    }

    /// The deployment with the end of a split that it ends, and what the history says of how.
    fn deployed(
        &self,
        deploy: &Deploy,
        kind: DeploymentKind,
        environment: Environment,
        version: VersionNumber,
    ) -> Result<(Vec<Change>, String), Refusal> {
        let (ended, mut how) = self.past_split(deploy, environment)?.unzip();
        let (deployment, moved) = self.deployment(deploy, kind, environment, version);
        how.get_or_insert_default().push_str(&moved);
        Ok((ended.into_iter().chain([deployment]).collect(), how.unwrap_or_default()))
    }

    /// The deployment, whatever stands in its way, and what the history says of how.
    pub(super) fn deployment(
        &self,
        deploy: &Deploy,
        kind: DeploymentKind,
        environment: Environment,
        version: VersionNumber,
    ) -> (Change, String) {
        let moves = deploy.active_calls.unwrap_or(self.settings().active_calls_default) == ActiveCalls::Move;
        let calls_from = if moves { self.state.revision.next() } else { self.agent.calls_from(environment) };
        let deployment = Deployment {
            id: deploy.id,
            environment,
            version,
            kind,
            message: deploy.message.clone(),
            created_by: self.author(),
            created_at: self.command.at,
            calls_from,
        };
        let change = Change::Deployed { agent: self.id.clone(), deployment: Arc::new(deployment) };
        let mut how = if moves { ", and calls in progress move".to_owned() } else { String::new() };
        if !deploy.message.is_empty() {
            how.push_str(": ");
            how.push_str(&deploy.message);
        }
        (change, how)
    }
}
