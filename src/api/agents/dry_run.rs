//! `?dryRun=true` of what leads into an environment: what it would come to.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::compare::{SectionChanges, by_section};
use super::content::stored_config;
use super::deployments::DeploymentView;
use super::find;
use crate::api::caller::Caller;
use crate::api::{Management, aside};
use crate::domain::command::{Action, AgentEdit, Sequence};
use crate::domain::id::{AgentId, ConfigHash, Environment};
use crate::domain::moves::Following;
use crate::http::error::ApiError;

/// What a publish, a promotion or a rollback would come to. Nothing was changed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DryRun {
    /// `true`, always.
    dry_run: bool,
    /// What would serve; its id is not kept.
    deployment: DeploymentView,
    /// Whether the environment would serve another configuration than now.
    has_changes: bool,
    /// What differs from what it serves now, by section; where it serves nothing, from an agent of which nothing is said
    /// but its name.
    sections: Vec<SectionChanges>,
    /// How many numbers lead there: by their pin, by a header rule, or by an arm of their split.
    numbers: u64,
    /// How many prefixes do.
    prefixes: u64,
    /// Whether the default route does.
    default_route: bool,
    /// What you should know all the same.
    warnings: Vec<String>,
}

/// Weighs an edit as it would be weighed if it were made, and shows what it does to an environment.
pub(super) async fn rehearse(
    management: &Arc<Management>,
    caller: &Caller,
    id: AgentId,
    edit: AgentEdit,
    reached: Environment,
) -> Result<DryRun, ApiError> {
    let before = management.control.state();
    let command = caller.command(Action::Agent { agent: id.clone(), edit }, management.now());
    before.authorise(&command)?;
    if let Some(named) = &caller.if_match {
        named.check(&before, caller.account(), &command.action)?;
    }
    let mut sequence = Sequence::on(&before);
    let granted = sequence.take(&command).map_err(|refusal| management.control.located(refusal))?;
    let warnings = granted.warnings;
    let (was, is) = (find(caller, &before, &id)?, find(caller, sequence.state(), &id)?);
    let deployment = DeploymentView::active(is, reached).ok_or_else(ApiError::internal)?;
    let served = was.deployed(reached).map(|version| version.hash);
    let serving = is.deployed(reached).ok_or_else(ApiError::internal)?.hash;
    let sight = caller.sight_in(&before);
    let following = Following::of(&before, &was.profile.id, reached, |route| sight.route(route));
    let this = Arc::clone(management);
    let sections = aside(move || differences(&this, served, serving)).await??;
    let Following { numbers, prefixes, default_route } = following;
    Ok(DryRun {
        dry_run: true,
        deployment,
        has_changes: served != Some(serving),
        sections,
        numbers,
        prefixes,
        default_route,
        warnings,
    })
}

/// What differs between two configurations. Blocks on the disk.
fn differences(
    management: &Management,
    from: Option<ConfigHash>,
    to: ConfigHash,
) -> Result<Vec<SectionChanges>, ApiError> {
    let to = stored_config(management, to)?;
    let from = from.map(|hash| stored_config(management, hash)).transpose()?;
    let from = from.unwrap_or_else(|| to.name_alone());
    Ok(by_section(from.changes_to(&to)))
}
