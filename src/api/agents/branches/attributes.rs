//! `…/branches/{branch}/attributes`: what differs between the sites of a chain.

use std::sync::Arc;

use axum::extract::State;
use hyper::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::items::{ItemId, key_of_item};
use crate::api::agents::content::{Head, edit_config, refused_as, show};
use crate::api::answer::Answer;
use crate::api::caller::Caller;
use crate::api::fields::{Fields, Written};
use crate::api::request::{Body, Ids, ThreeIds};
use crate::api::{Management, made_id};
use crate::domain::agent_config::{AgentConfig, ConfigFault, SiteAttribute};
use crate::domain::id::{AgentId, BranchId};
use crate::http::error::ApiError;

/// An attribute of sites.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SiteAttribute)]
pub struct AttributeView {
    /// Its id.
    #[schema(example = "ATTRIBUTE-0A1B2C3D")]
    id: String,
    /// The name under which the agent's runtime gets the value, unique within the branch.
    name: String,
}

/// The attributes of sites.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttributeList {
    /// All of them.
    attributes: Vec<AttributeView>,
}

/// What an attribute is to be called.
#[derive(Debug, ToSchema)]
#[schema(as = NewSiteAttribute)]
pub struct AttributeBody {
    /// 1 to 200 characters in one line, unique within the branch.
    name: String,
}

/// An item that was deleted.
#[derive(Debug, Serialize, ToSchema)]
pub struct Deleted {
    /// Its id.
    pub(super) id: String,
}

impl Written for AttributeBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.required("name").map(|name| Self { name })
    }
}

impl From<SiteAttribute> for AttributeView {
    fn from(SiteAttribute { id, name }: SiteAttribute) -> Self {
        Self { id, name }
    }
}

fn position(config: &AgentConfig, id: &ItemId) -> Result<usize, ApiError> {
    let at = config.site_attributes.iter().position(|attribute| attribute.id == id.0);
    at.ok_or_else(|| id.missing("attribute"))
}

fn find(config: &AgentConfig, id: &ItemId) -> Result<AttributeView, ApiError> {
    let found = config.site_attributes.iter().find(|attribute| attribute.id == id.0);
    found.cloned().map(AttributeView::from).ok_or_else(|| id.missing("attribute"))
}

/// Sites have no value of it any more either.
fn delete(config: &mut AgentConfig, id: &ItemId) -> Result<(), ApiError> {
    config.site_attributes.remove(position(config, id)?);
    for variant in &mut config.site_variants {
        variant.values.remove(&id.0);
    }
    Ok(())
}

fn refused(faults: Vec<ConfigFault>) -> ApiError {
    refused_as(faults, |path| key_of_item(path, "siteAttributes").replace("siteAttributes", "attributes"))
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new().routes(routes!(list_attributes, create_attribute)).routes(routes!(
        get_attribute,
        patch_attribute,
        delete_attribute
    ))
}

/// Lists the attributes that sites of a branch can have.
#[utoipa::path(
    get, path = "/v1/agents/{id}/branches/{branch}/attributes", tag = "branches", security(("key" = ["read"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("branch" = String, Path, description = "`main` or the id of a branch."),
    ),
    responses(
        (status = 200, body = AttributeList, description = "All of them; the `ETag` is that of the branch's draft."),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `BRANCH_NOT_FOUND`"),
        (status = 409, description = "`NO_DRAFT`: an agent of the files may have none."),
    )
)]
async fn list_attributes(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Ids(agent, branch): Ids<AgentId, BranchId>,
) -> Result<Answer<AttributeList>, ApiError> {
    let view = |config: AgentConfig| {
        let attributes = config.site_attributes.into_iter().map(AttributeView::from).collect();
        Ok(AttributeList { attributes })
    };
    show(management, caller, Head { agent, branch }, view).await
}

/// Shows an attribute.
#[utoipa::path(
    get, path = "/v1/agents/{id}/branches/{branch}/attributes/{attribute}", tag = "branches",
    security(("key" = ["read"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("branch" = String, Path, description = "`main` or the id of a branch."),
        ("attribute" = String, Path, description = "The attribute."),
    ),
    responses(
        (status = 200, body = AttributeView, description = "It; the `ETag` is that of the branch's draft."),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `BRANCH_NOT_FOUND`, `NOT_FOUND`"),
        (status = 409, description = "`NO_DRAFT`: an agent of the files may have none."),
    )
)]
async fn get_attribute(
    State(management): State<Arc<Management>>,
    caller: Caller,
    ThreeIds(agent, branch, id): ThreeIds<AgentId, BranchId, ItemId>,
) -> Result<Answer<AttributeView>, ApiError> {
    show(management, caller, Head { agent, branch }, move |config| find(&config, &id)).await
}

/// Adds an attribute that sites can have.
#[utoipa::path(
    post, path = "/v1/agents/{id}/branches/{branch}/attributes", tag = "branches", security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("branch" = String, Path, description = "`main` or the id of a branch."),
        ("If-Match" = Option<String>, Header, description = "Only if the branch's draft is in this state."),
    ),
    request_body = AttributeBody,
    responses(
        (status = 201, body = AttributeView, description = "The attribute."),
        (status = 400, description = "A field is at fault, the name is taken, or there are 50 attributes."),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `BRANCH_NOT_FOUND`"),
        (status = 409, description = "`MANAGED_BY_FILES`; `BRANCH_PROTECTED`: the account protects `main`."),
    )
)]
async fn create_attribute(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Ids(agent, branch): Ids<AgentId, BranchId>,
    Body(AttributeBody { name }): Body<AttributeBody>,
) -> Result<Answer<AttributeView>, ApiError> {
    let id = made_id("ATTRIBUTE-", &(management.random)());
    let new = SiteAttribute { id: id.clone(), name: name.clone() };
    let edit = move |config: &mut AgentConfig| {
        config.site_attributes.push(new.clone());
        Ok(())
    };
    let edited = edit_config(&management, &caller, Head { agent, branch }, edit, refused).await?;
    Ok(edited.answer(StatusCode::CREATED, AttributeView { id, name }))
}

/// Gives an attribute another name; sites keep their values of it.
#[utoipa::path(
    patch, path = "/v1/agents/{id}/branches/{branch}/attributes/{attribute}", tag = "branches",
    security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("branch" = String, Path, description = "`main` or the id of a branch."),
        ("attribute" = String, Path, description = "The attribute."),
        ("If-Match" = Option<String>, Header, description = "Only if the branch's draft is in this state."),
    ),
    request_body = AttributeBody,
    responses(
        (status = 200, body = AttributeView, description = "The attribute."),
        (status = 400, description = "A field is at fault, or the name is taken."),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `BRANCH_NOT_FOUND`, `NOT_FOUND`"),
        (status = 409, description = "`MANAGED_BY_FILES`; `BRANCH_PROTECTED`: the account protects `main`."),
    )
)]
async fn patch_attribute(
    State(management): State<Arc<Management>>,
    caller: Caller,
    ThreeIds(agent, branch, id): ThreeIds<AgentId, BranchId, ItemId>,
    Body(AttributeBody { name }): Body<AttributeBody>,
) -> Result<Answer<AttributeView>, ApiError> {
    let view = AttributeView { id: id.0.clone(), name: name.clone() };
    let edit = move |config: &mut AgentConfig| {
        let attribute = config.site_attributes.iter_mut().find(|attribute| attribute.id == id.0);
        attribute.ok_or_else(|| id.missing("attribute"))?.name.clone_from(&name);
        Ok(())
    };
    let edited = edit_config(&management, &caller, Head { agent, branch }, edit, refused).await?;
    Ok(edited.answer(StatusCode::OK, view))
}

/// Deletes an attribute, and what sites say of it.
#[utoipa::path(
    delete, path = "/v1/agents/{id}/branches/{branch}/attributes/{attribute}", tag = "branches",
    security(("key" = ["edit"])),
    params(
        ("id" = String, Path, description = "The agent."),
        ("branch" = String, Path, description = "`main` or the id of a branch."),
        ("attribute" = String, Path, description = "The attribute."),
        ("If-Match" = Option<String>, Header, description = "Only if the branch's draft is in this state."),
    ),
    responses(
        (status = 200, body = Deleted, description = "It is gone."),
        (status = 404, description = "`PROJECT_NOT_FOUND`, `BRANCH_NOT_FOUND`, `NOT_FOUND`"),
        (status = 409, description = "`MANAGED_BY_FILES`; `BRANCH_PROTECTED`: the account protects `main`."),
    )
)]
async fn delete_attribute(
    State(management): State<Arc<Management>>,
    caller: Caller,
    ThreeIds(agent, branch, id): ThreeIds<AgentId, BranchId, ItemId>,
) -> Result<Answer<Deleted>, ApiError> {
    let gone = Deleted { id: id.0.clone() };
    let edit = move |config: &mut AgentConfig| delete(config, &id);
    let edited = edit_config(&management, &caller, Head { agent, branch }, edit, refused).await?;
    Ok(edited.answer(StatusCode::OK, gone))
}
