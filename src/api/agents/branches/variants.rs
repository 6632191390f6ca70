//! `…/branches/{branch}/variants`: the sites of a chain, each with its values of the attributes.

mod edit;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use hyper::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::edit::{NewVariant, VariantPatch, delete};
use super::attributes::Deleted;
use super::items::{ItemId, key_of_item};
use crate::api::agents::content::{Head, edit_config, refused_as, show};
use crate::api::answer::Answer;
use crate::api::caller::Caller;
use crate::api::request::{Body, Ids, ThreeIds};
use crate::api::{Management, made};
use crate::domain::agent_config::{AgentConfig, ConfigFault, SiteVariant};
use crate::domain::id::{AgentId, BranchId, SiteVariantId};
use crate::http::error::ApiError;

/// A site variant.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SiteVariant)]
pub struct VariantView {
    /// Its id.
    #[schema(example = "VARIANT-0A1B2C3D")]
    id: String,
    /// A name for people, unique within the branch.
    name: String,
    /// Whether calls that name no site are for this one: exactly one is, where there are any.
    is_default: bool,
    /// What it says of the attributes.
    attribute_values: AttributeValues,
}

/// What a site says of the attributes.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttributeValues {
    /// Text by id of the attribute.
    values: BTreeMap<String, String>,
}

/// The site variants of a branch.
#[derive(Debug, Serialize, ToSchema)]
pub struct VariantList {
    /// All of them.
    variants: Vec<VariantView>,
}

impl From<SiteVariant> for VariantView {
    fn from(variant: SiteVariant) -> Self {
        let SiteVariant { id, name, is_default, values } = variant;
        Self { id: id.to_string(), name, is_default, attribute_values: AttributeValues { values } }
    }
}

fn find(config: &AgentConfig, id: &ItemId) -> Result<VariantView, ApiError> {
    let found = config.site_variants.iter().find(|variant| variant.id.as_str() == id.0);
    found.cloned().map(VariantView::from).ok_or_else(|| id.missing("site variant"))
}

fn refused(faults: Vec<ConfigFault>) -> ApiError {
    refused_as(faults, |path| {
        let key = key_of_item(path, "siteVariants");
        match key.strip_prefix("values") {
            Some(rest) => format!("attributeValues.values{rest}"),
            None => key.replace("siteVariants", "variants"),
        }
    })
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new().routes(routes!(list_variants, create_variant)).routes(routes!(
        get_variant,
        patch_variant,
        delete_variant
    ))
}

/// Lists the site variants of a branch.
#[utoipa::path(
    get, path = "/v1/agents/{id}/branches/{branch}/variants", tag = "branches", security(("key" = ["read"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("branch" = String, Path, description = "`main` or the id of a branch."),
    ),
    responses(
        (status = 200, body = VariantList, description = "All of them; the `ETag` is that of the branch's draft."),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `BRANCH_NOT_FOUND`"),
        (status = 409, description = "`NO_DRAFT`: an agent of the files may have none."),
    )
)]
async fn list_variants(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Ids(agent, branch): Ids<AgentId, BranchId>,
) -> Result<Answer<VariantList>, ApiError> {
    let view = |config: AgentConfig| {
        let variants = config.site_variants.into_iter().map(VariantView::from).collect();
        Ok(VariantList { variants })
    };
    show(management, caller, Head { agent, branch }, view).await
}

/// Shows a site variant.
#[utoipa::path(
    get, path = "/v1/agents/{id}/branches/{branch}/variants/{variant}", tag = "branches",
    security(("key" = ["read"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("branch" = String, Path, description = "`main` or the id of a branch."),
        ("variant" = String, Path, description = "The site variant."),
    ),
    responses(
        (status = 200, body = VariantView, description = "It; the `ETag` is that of the branch's draft."),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `BRANCH_NOT_FOUND`, `NOT_FOUND`"),
        (status = 409, description = "`NO_DRAFT`: an agent of the files may have none."),
    )
)]
async fn get_variant(
    State(management): State<Arc<Management>>,
    caller: Caller,
    ThreeIds(agent, branch, id): ThreeIds<AgentId, BranchId, ItemId>,
) -> Result<Answer<VariantView>, ApiError> {
    show(management, caller, Head { agent, branch }, move |config| find(&config, &id)).await
}

/// Adds a site variant; the first one is the default.
#[utoipa::path(
    post, path = "/v1/agents/{id}/branches/{branch}/variants", tag = "branches", security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("branch" = String, Path, description = "`main` or the id of a branch."),
        ("If-Match" = Option<String>, Header, description = "Only if the branch's draft is in this state."),
    ),
    request_body = NewVariant,
    responses(
        (status = 201, body = VariantView, description = "The site variant."),
        (
            status = 400,
            description = "`VARIANTS_BAD_ATTRIBUTES_ERROR`: the branch has no such attributes; or a field is at fault, or \
                there are 1,000 site variants."
        ),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `BRANCH_NOT_FOUND`"),
        (
            status = 409,
            description = "`VARIANTS_DUPLICATE_NAME_ERROR`: one of this name is there; `MANAGED_BY_FILES`; \
                `BRANCH_PROTECTED`: the account protects `main`."
        ),
    )
)]
async fn create_variant(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Ids(agent, branch): Ids<AgentId, BranchId>,
    Body(new): Body<NewVariant>,
) -> Result<Answer<VariantView>, ApiError> {
    let id = made("VARIANT-", &(management.random)(), SiteVariantId::parse)?;
    let item = ItemId(id.to_string());
    let edit = move |config: &mut AgentConfig| new.add_to(config, &id);
    let edited = edit_config(&management, &caller, Head { agent, branch }, edit, refused).await?;
    Ok(edited.answer(StatusCode::CREATED, find(&edited.config, &item)?))
}

/// Changes a site variant: what is not named stays.
#[utoipa::path(
    patch, path = "/v1/agents/{id}/branches/{branch}/variants/{variant}", tag = "branches",
    security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("branch" = String, Path, description = "`main` or the id of a branch."),
        ("variant" = String, Path, description = "The site variant."),
        ("If-Match" = Option<String>, Header, description = "Only if the branch's draft is in this state."),
    ),
    request_body = VariantPatch,
    responses(
        (status = 200, body = VariantView, description = "The site variant."),
        (
            status = 400,
            description = "`VARIANTS_BAD_ATTRIBUTES_ERROR`: the branch has no such attributes; \
                `VARIANTS_REMOVE_DEFAULT_ERROR`: there would be no default; or a field is at fault."
        ),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `BRANCH_NOT_FOUND`, `NOT_FOUND`"),
        (
            status = 409,
            description = "`VARIANTS_DUPLICATE_NAME_ERROR`: another one has this name; `MANAGED_BY_FILES`; \
                `BRANCH_PROTECTED`: the account protects `main`."
        ),
    )
)]
async fn patch_variant(
    State(management): State<Arc<Management>>,
    caller: Caller,
    ThreeIds(agent, branch, id): ThreeIds<AgentId, BranchId, ItemId>,
    Body(patch): Body<VariantPatch>,
) -> Result<Answer<VariantView>, ApiError> {
    let changed = id.clone();
    let edit = move |config: &mut AgentConfig| patch.change(config, &id);
    let edited = edit_config(&management, &caller, Head { agent, branch }, edit, refused).await?;
    Ok(edited.answer(StatusCode::OK, find(&edited.config, &changed)?))
}

/// Deletes a site variant; the default one only where it is the last.
#[utoipa::path(
    delete, path = "/v1/agents/{id}/branches/{branch}/variants/{variant}", tag = "branches",
    security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("branch" = String, Path, description = "`main` or the id of a branch."),
        ("variant" = String, Path, description = "The site variant."),
        ("If-Match" = Option<String>, Header, description = "Only if the branch's draft is in this state."),
    ),
    responses(
        (status = 200, body = Deleted, description = "It is gone."),
        (status = 400, description = "`VARIANTS_REMOVE_DEFAULT_ERROR`: it is the default, and there are others."),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `BRANCH_NOT_FOUND`, `NOT_FOUND`"),
        (status = 409, description = "`MANAGED_BY_FILES`; `BRANCH_PROTECTED`: the account protects `main`."),
    )
)]
async fn delete_variant(
    State(management): State<Arc<Management>>,
    caller: Caller,
    ThreeIds(agent, branch, id): ThreeIds<AgentId, BranchId, ItemId>,
) -> Result<Answer<Deleted>, ApiError> {
    let gone = Deleted { id: id.0.clone() };
    let edit = move |config: &mut AgentConfig| delete(config, &id);
    let edited = edit_config(&management, &caller, Head { agent, branch }, edit, refused).await?;
    Ok(edited.answer(StatusCode::OK, gone))
}
