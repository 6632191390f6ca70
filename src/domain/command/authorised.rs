//! Whether somebody may ask for a change at all, whatever it would come to.

use super::{Action, AgentEdit, Author, Command};
use crate::domain::account::Permission;
use crate::domain::change::SplitRef;
use crate::domain::id::SplitId;
use crate::domain::refusal::{Refusal, RefusalKind};
use crate::domain::sight::Sight;
use crate::domain::state::State;

impl State {
    /// Whether the author may ask for this. Of several changes each is asked about when its turn comes.
    ///
    /// # Errors
    /// When the author may not.
    pub fn authorise(&self, command: &Command) -> Result<(), Refusal> {
        let Author::Key { key, .. } = &command.author else { return Ok(()) };
        if matches!(command.action, Action::Several(_)) {
            return Ok(());
        }
        let forbidden = |why: String| Refusal::new(RefusalKind::Forbidden, "USER_ACCESS_FORBIDDEN", why);
        let Some(needed) = command.action.permission() else {
            return Err(forbidden("no key may do this".to_owned()));
        };
        // The key as it is now, not as it was when the request came in.
        let present = self.keys.get(&key.digest).filter(|present| present.account == command.account);
        let lacking = |needed: Permission| {
            forbidden(format!("this needs a key with the permission `{}`", needed.as_str()))
        };
        let Some(present) = present.filter(|key| key.may(needed) && !key.expired(command.at)) else {
            return Err(lacking(needed));
        };
        if let Some(besides) = self.needed_besides(command).filter(|besides| !present.may(*besides)) {
            return Err(lacking(besides));
        }
        let of_instance =
            matches!(command.action, Action::CreateAccount { .. } | Action::PatchAccount { .. });
        if of_instance && !self.is_of_instance(present) {
            return Err(forbidden("this is about accounts and needs a key of the first one".to_owned()));
        }
        if Sight::of_key(self, present).command(command) { Ok(()) } else { Err(Refusal::hidden()) }
    }

    /// What a key needs for a command besides the permission of its action: whoever merges where merges are published,
    /// or splits the calls of an environment, by an import too, deploys as well.
    fn needed_besides(&self, command: &Command) -> Option<Permission> {
        let tests = |id: &SplitId| {
            let id = SplitRef { account: command.account.clone(), split: id.clone() };
            self.splits.get(&id).is_some_and(|split| split.scope.is_some())
        };
        let deploys = match &command.action {
            Action::Agent { edit: AgentEdit::MergeBranch(_), .. } => {
                self.settings(&command.account).merge_publishes
            }
            Action::CreateSplit { split, .. } => split.scope.is_some(),
            Action::ImportAccount(import) => import.splits.iter().any(|split| split.scope.is_some()),
            Action::PatchSplit { id, .. } | Action::EndSplit { id, .. } => tests(id),
            _ => false,
        };
        deploys.then_some(Permission::Deploy)
    }
}
