//! Real-time configs: another page takes the place of the one that it was made from.

use std::sync::Arc;

use super::OnAgent;
use crate::domain::change::Change;
use crate::domain::command::Outcome;
use crate::domain::id::Environment;
use crate::domain::real_time_config::ConfigPage;
use crate::domain::refusal::{Refusal, RefusalKind};

/// The code of an edit that was made from a page which is no longer the environment's.
pub const STALE_CONFIG_PAGE: &str = "REAL_TIME_CONFIG_CHANGED";

/// Another page of an environment, whose variables were found to fit its schema.
#[derive(Debug, Clone)]
pub struct NewConfigPage {
    /// The page.
    pub page: ConfigPage,
    /// What it was made from; another one by now is not overwritten.
    pub made_from: Option<Arc<ConfigPage>>,
}

impl NewConfigPage {
    /// Which environment's.
    #[must_use]
    pub fn environment(&self) -> Environment {
        self.page.environment
    }
}

impl OnAgent<'_> {
    pub(super) fn put_config_page(&self, new: &NewConfigPage) -> Result<Outcome, Refusal> {
        let NewConfigPage { page, made_from } = new;
        let (agent, environment) = (&self.id.agent, page.environment);
        let present = self.agent.config_page(environment);
        if present != made_from.as_ref() {
            let message = format!(
                "the real-time config of {agent} at {environment} was changed by somebody else meanwhile"
            );
            return Err(Refusal::new(RefusalKind::Precondition, STALE_CONFIG_PAGE, message));
        }
        let mut changed = Vec::new();
        if present.is_none_or(|present| present.schema != page.schema) {
            changed.push("schema");
        }
        if present.is_none_or(|present| present.variables != page.variables) {
            changed.push("variables");
        }
        let page = ConfigPage { last_updated: self.command.at, ..page.clone() };
        let put = Change::ConfigPagePut { agent: self.id.clone(), page: Arc::new(page) };
        let changes = if changed.is_empty() { Vec::new() } else { vec![put] };
        let summary =
            format!("the real-time config of {agent} at {environment} has another {}", changed.join(" and "));
        Ok(self.outcome("real-time-config.put", changes, summary))
    }
}
