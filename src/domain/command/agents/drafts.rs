//! The draft, and the versions that are saved of it.

use std::sync::Arc;

use super::{NewDraft, OnAgent, STALE_DRAFT, VERSIONS_MAX};
use crate::domain::agent::Version;
use crate::domain::change::Change;
use crate::domain::command::Outcome;
use crate::domain::id::{ConfigHash, VersionNumber};
use crate::domain::refusal::{Refusal, RefusalKind};

impl OnAgent<'_> {
    pub(super) fn put_draft(&self, draft: &NewDraft) -> Result<Outcome, Refusal> {
        let content = &draft.content;
        let present = self.agent.draft.as_ref().map(|draft| draft.hash);
        self.check_made_from(draft, present)?;
        let mut changes = Vec::new();
        if present != Some(content.hash) {
            changes.extend(self.renamed(&content.agent_name));
            let version = Arc::new(content.as_draft(self.author(), self.command.at));
            changes.push(Change::DraftPut { agent: self.id.clone(), version });
        }
        let summary = format!("the draft of {} was edited", self.id.agent);
        let outcome = self.outcome("draft.put", changes, summary);
        Ok(Outcome { bodies: vec![content.body()], ..outcome })
    }

    /// Refuses a draft that was made from another content than the present one.
    pub(super) fn check_made_from(
        &self,
        draft: &NewDraft,
        present: Option<ConfigHash>,
    ) -> Result<(), Refusal> {
        if draft.made_from.is_none() || draft.made_from == present {
            return Ok(());
        }
        let message = format!("the draft of {} was changed by somebody else meanwhile", self.id.agent);
        Err(Refusal::new(RefusalKind::Precondition, STALE_DRAFT, message))
    }

    pub(super) fn save(&self, name: &str, description: &str) -> Result<Outcome, Refusal> {
        let draft = self.agent.main_draft()?;
        if let Some(last) = self.agent.last_version().filter(|last| last.hash == draft.hash) {
            let number = last.pin();
            let message = format!("the draft of {} is what {number} is: nothing changed", self.id.agent);
            return Err(Refusal::new(RefusalKind::Conflict, "VERSION_ALREADY_SAVED", message));
        }
        let saved = self.numbered(self.next_number()?, draft, name, description);
        let summary = format!("{} of {} was saved: {}", saved.pin(), self.id.agent, saved.name);
        let changes = vec![Change::VersionSaved { agent: self.id.clone(), version: saved }];
        Ok(self.outcome("version.save", changes, summary))
    }

    /// The number of the version that comes next.
    pub(super) fn next_number(&self) -> Result<VersionNumber, Refusal> {
        let last = self.agent.last_version().and_then(|last| last.number);
        let number = match last {
            Some(last) => last.get().checked_add(1).and_then(VersionNumber::new),
            None => Some(VersionNumber::FIRST),
        };
        number.filter(|_| self.agent.versions.len() < VERSIONS_MAX).ok_or_else(|| {
            let message = format!("agent {} has {VERSIONS_MAX} versions: no more fit", self.id.agent);
            Refusal::new(RefusalKind::Conflict, "TOO_MANY_VERSIONS", message)
        })
    }

    /// The draft as a version.
    pub(super) fn numbered(
        &self,
        number: VersionNumber,
        draft: &Version,
        name: &str,
        description: &str,
    ) -> Arc<Version> {
        Arc::new(Version {
            number: Some(number),
            hash: draft.hash,
            name: if name.is_empty() { number.to_string() } else { name.to_owned() },
            description: description.to_owned(),
            author: self.author(),
            created_at: self.command.at,
            dispatch: Arc::clone(&draft.dispatch),
        })
    }

    pub(super) fn restore(
        &self,
        version: VersionNumber,
        agent_name: &str,
        newest: bool,
    ) -> Result<Outcome, Refusal> {
        let Some(saved) = self.agent.versions.get(&version) else {
            let message = format!("agent {} has no {version}", self.id.agent);
            return Err(Refusal::not_found("NOT_FOUND", message));
        };
        if newest && self.agent.last_version().and_then(|last| last.number) != Some(version) {
            let message = format!("agent {} has a newer version than {version} by now", self.id.agent);
            return Err(Refusal::new(RefusalKind::Precondition, STALE_DRAFT, message));
        }
        let mut changes = Vec::new();
        if self.agent.draft.as_ref().is_none_or(|draft| draft.hash != saved.hash) {
            changes.extend(self.renamed(agent_name));
            let draft = Version {
                number: None,
                name: String::new(),
                description: String::new(),
                author: self.author(),
                created_at: self.command.at,
                ..saved.as_ref().clone()
            };
            changes.push(Change::DraftPut { agent: self.id.clone(), version: Arc::new(draft) });
        }
        let agent = &self.id.agent;
        Ok(if newest {
            let summary = format!("the draft of {agent} was reverted to {version}");
            self.outcome("draft.revert", changes, summary)
        } else {
            let summary = format!("{version} of {agent} was restored to its draft");
            self.outcome("version.restore", changes, summary)
        })
    }
}
