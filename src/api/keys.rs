//! `/v1/keys`: API keys of the account, made, listed, ended.

use std::sync::Arc;

use axum::extract::State;
use hyper::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Management;
use super::answer::{Answer, Gone};
use super::caller::Caller;
use super::etag::Tag;
use super::fields::{Fields, Name, Written};
use super::idempotency::ShownOnce;
use super::request::{Body, Id, PathId};
use crate::control::keys::new_key;
use crate::domain::account::{Key, Permission};
use crate::domain::command::{Action, no_key};
use crate::domain::id::AgentId;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::http::error::ApiError;

/// A key that is to be made.
#[derive(Debug, ToSchema)]
#[schema(as = NewKey, rename_all = "camelCase")]
pub struct NewKeyBody {
    /// 1 to 100 characters, unique in the account: the author of what is done with it.
    name: String,
    /// What it may do: at least one of `read`, `edit`, `deploy`, `route`, `override`, `snapshot`, `analytics`, `admin`.
    #[schema(value_type = Vec<String>, example = json!(["read", "edit"]))]
    permissions: Vec<Permission>,
    /// The only agents it may see; all where absent.
    #[schema(value_type = Option<Vec<String>>)]
    agents: Option<Vec<AgentId>>,
    /// When it ends; never where absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

impl Written for NewKeyBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name: Option<Name> = fields.required("name");
        let permissions: Option<Vec<Permission>> = fields.values_given("permissions");
        if permissions.as_ref().is_none_or(Vec::is_empty) && !fields.blames("permissions") {
            fields.fault("permissions", "names none: expected at least one permission");
        }
        let mut permissions = permissions.unwrap_or_default();
        permissions.sort_unstable();
        permissions.dedup();
        let agents = fields.values_given("agents");
        Some(Self { agents, expires_at: fields.optional("expiresAt"), name: name?.0, permissions })
    }
}

/// An API key, without what it is recognised by.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Key)]
#[serde(rename_all = "camelCase")]
pub struct KeyView {
    /// Its id.
    id: String,
    /// Its name: the author of what is done with it.
    name: String,
    /// What it may do.
    #[schema(value_type = Vec<String>)]
    permissions: Vec<Permission>,
    /// The only agents it may see; null: all.
    #[schema(value_type = Option<Vec<String>>)]
    agents: Option<Vec<AgentId>>,
    /// When it ends; null: never.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// When it was made; null where that was not noted.
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Option<Timestamp>,
}

impl From<&Key> for KeyView {
    fn from(key: &Key) -> Self {
        Self {
            id: key.id.clone(),
            name: key.name.clone(),
            permissions: key.permissions.clone(),
            agents: key.agents.clone(),
            expires_at: key.expires_at,
            created_at: key.created_at,
        }
    }
}

/// A key that was just made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MadeKey {
    #[serde(flatten)]
    view: KeyView,
    /// The key itself: here and never again.
    key: String,
}

/// The keys of an account.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyList {
    /// By name; at most 1,000.
    keys: Vec<KeyView>,
}

/// A key's id in a path.
#[derive(Debug)]
pub(super) struct KeyId(String);

impl PathId for KeyId {
    fn read(text: &str) -> Result<Self, ApiError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if (1..=64).contains(&text.len()) && text.bytes().all(fits) {
            return Ok(Self(text.to_owned()));
        }
        Err(ApiError::unprocessable(
            "id",
            "is no key id: expected 1 to 64 letters, digits, hyphens or underscores",
        ))
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new().routes(routes!(list_keys, create_key)).routes(routes!(get_key, delete_key))
}

/// Lists the keys of the account; to a key that is limited to some agents, those that see no others.
#[utoipa::path(
    get, path = "/v1/keys", tag = "keys", security(("key" = ["admin"])),
    responses((status = 200, body = KeyList, description = "The keys, by name."))
)]
async fn list_keys(caller: Caller) -> Answer<KeyList> {
    let seen = caller.state.keys_of(caller.account()).filter(|key| caller.sight().key(key));
    let mut keys: Vec<KeyView> = seen.map(KeyView::from).collect();
    keys.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    Answer::ok(KeyList { keys })
}

/// Makes a key. It gives no more than the key that asks for it has: permissions, agents, and time.
#[utoipa::path(
    post, path = "/v1/keys", tag = "keys", security(("key" = ["admin"])),
    request_body = NewKeyBody,
    responses(
        (status = 201, body = MadeKey, description = "The key, which is shown here and never again."),
        (status = 409, description = "`ALREADY_EXISTS`: the name is taken; `TOO_MANY_KEYS`"),
    )
)]
async fn create_key(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Body(body): Body<NewKeyBody>,
) -> Result<ShownOnce<Answer<MadeKey>>, ApiError> {
    let NewKeyBody { name, permissions, agents, expires_at } = body;
    let random = (management.random)();
    let new = new_key(caller.account(), &management.key_secret, random, management.now());
    let key = Key { name, permissions, agents, expires_at, ..new.key };
    let applied = caller.submit(&management, Action::CreateKey(key.clone())).await?;
    let made = MadeKey { view: KeyView::from(&key), key: new.text };
    Ok(ShownOnce(
        "key",
        Answer::ok(made).with_status(StatusCode::CREATED).with_tag(Tag::of(&key)).since(&applied),
    ))
}

/// Shows a key, but not what it is recognised by.
#[utoipa::path(
    get, path = "/v1/keys/{id}", tag = "keys", security(("key" = ["admin"])),
    params(("id" = String, Path, description = "The key's id.")),
    responses(
        (status = 200, body = KeyView, description = "The key; the tag is in `ETag`."),
        (status = 404, description = "`KEY_NOT_FOUND`"),
    )
)]
async fn get_key(caller: Caller, Id(KeyId(id)): Id<KeyId>) -> Result<Answer<KeyView>, ApiError> {
    let key = caller.state.keys_of(caller.account()).find(|key| key.id == id).ok_or_else(|| no_key(&id))?;
    if !caller.sight().key(key) {
        return Err(Refusal::hidden().into());
    }
    Ok(Answer::ok(KeyView::from(key)).with_tag(Tag::of(key)))
}

/// Ends a key, at once and on both planes.
#[utoipa::path(
    delete, path = "/v1/keys/{id}", tag = "keys", security(("key" = ["admin"])),
    params(
        ("id" = String, Path, description = "The key's id."),
        ("If-Match" = Option<String>, Header, description = "Only if the key is in this state."),
    ),
    responses(
        (status = 204, description = "It has ended."),
        (status = 404, description = "`KEY_NOT_FOUND`"),
        (status = 409, description = "`LAST_ADMIN_KEY`: nobody could make another key then"),
    )
)]
async fn delete_key(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(KeyId(id)): Id<KeyId>,
) -> Result<Gone, ApiError> {
    let applied = caller.submit(&management, Action::DeleteKey(id)).await?;
    Ok(Gone(applied.revision))
}
