//! `/v1/accounts`: accounts and their settings.
//!
//! A key of the first account with the permission `admin`, and not limited to some agents, makes, sees and changes all of
//! them; every other key sees its own.

pub(super) mod body;

use std::sync::Arc;

use axum::extract::State;
use hyper::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Answer;
use super::caller::Caller;
use super::etag::Tag;
use super::idempotency::ShownOnce;
use super::request::{Body, Id};
use super::{Management, made};
use crate::control::keys::new_key;
use crate::domain::account::{Account, AccountSettings, ActiveCalls, ConflictStatus, Permission};
use crate::domain::command::{Action, no_account};
use crate::domain::id::AccountId;
use crate::domain::state::State as Present;
use crate::domain::time::Timestamp;
use crate::http::error::ApiError;
use body::{AccountChange, NewAccount};

/// An account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
#[serde(rename_all = "camelCase")]
pub struct AccountView {
    /// Its id.
    #[schema(value_type = String, example = "ws-00000001")]
    account_id: AccountId,
    /// Its name.
    name: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// What holds in it.
    settings: SettingsView,
}

/// The settings of an account.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccountSettings)]
pub struct SettingsView {
    /// Whether the draft of `main` is edited by nobody, only merged into.
    protected_main: bool,
    /// Whether a promotion to live may leave out pre-release.
    allow_skip_pre_release: bool,
    /// Whether a promotion, and whatever else comes into live but a rollback, needs tests that were passed.
    tests_gate: bool,
    /// Whether a branch that is merged is published to `sandbox`, with all of `main`.
    merge_publishes: bool,
    /// The status of the answer to a merge with conflicts: 400 or 409.
    #[schema(value_type = u16)]
    merge_conflict_status: ConflictStatus,
    /// What becomes of calls in progress where an environment gets another version: `keep` or `move`.
    #[schema(value_type = String, example = "keep")]
    active_calls_default: ActiveCalls,
    /// Whether a publish of staging reaches live where pre-release may not be left out otherwise.
    staging_publishes_live: bool,
}

impl From<AccountSettings> for SettingsView {
    fn from(settings: AccountSettings) -> Self {
        Self {
            protected_main: settings.protected_main,
            allow_skip_pre_release: settings.allow_skip_pre_release,
            tests_gate: settings.tests_gate,
            merge_publishes: settings.merge_publishes,
            merge_conflict_status: settings.merge_conflict_status,
            active_calls_default: settings.active_calls_default,
            staging_publishes_live: settings.staging_publishes_live,
        }
    }
}

impl From<&Account> for AccountView {
    fn from(account: &Account) -> Self {
        Self {
            account_id: account.id.clone(),
            name: account.name.clone(),
            created_at: account.created_at,
            settings: account.settings.into(),
        }
    }
}

/// An account that was just made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MadeAccount {
    #[serde(flatten)]
    view: AccountView,
    /// The key of its first administrator, with every permission: here and never again.
    key: String,
}

/// Accounts.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountList {
    /// By id; at most 1,000.
    accounts: Vec<AccountView>,
}

pub(super) fn routes() -> OpenApiRouter<Arc<Management>> {
    OpenApiRouter::new()
        .routes(routes!(list_accounts, create_account))
        .routes(routes!(get_account, patch_account))
}

impl Caller {
    /// Whether they may see an account: their own, or any where they keep all of them.
    fn sees_account(&self, id: &AccountId) -> bool {
        id == self.account() || self.keeps_accounts()
    }

    fn keeps_accounts(&self) -> bool {
        self.key.may(Permission::Admin) && self.state.is_of_instance(&self.key)
    }
}

fn found<'s>(caller: &Caller, state: &'s Present, id: &AccountId) -> Result<&'s Account, ApiError> {
    let account = state.accounts.get(id).filter(|_| caller.sees_account(id));
    Ok(account.ok_or_else(|| no_account(id))?)
}

/// Lists accounts: all of them for an administrator of the first one, their own for everybody else.
#[utoipa::path(
    get, path = "/v1/accounts", tag = "accounts", security(("key" = ["read"]), ("key" = ["admin"])),
    responses((status = 200, body = AccountList, description = "The accounts, by id."))
)]
async fn list_accounts(caller: Caller) -> Answer<AccountList> {
    let seen = caller.state.accounts.iter().filter(|(id, _)| caller.sees_account(id));
    Answer::ok(AccountList { accounts: seen.map(|(_, account)| account.as_ref().into()).collect() })
}

/// Makes an account, with a first key that has every permission; for administrators of the first account.
#[utoipa::path(
    post, path = "/v1/accounts", tag = "accounts", security(("key" = ["admin"])),
    request_body = NewAccount,
    responses(
        (status = 201, body = MadeAccount, description = "The account, and its first key, which is shown here and never again."),
        (status = 409, description = "`ALREADY_EXISTS`: the id is taken; `TOO_MANY_ACCOUNTS`"),
    )
)]
async fn create_account(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Body(body): Body<NewAccount>,
) -> Result<ShownOnce<Answer<MadeAccount>>, ApiError> {
    let id = body.account_id.map_or_else(|| made("ws-", &(management.random)(), AccountId::parse), Ok)?;
    let now = management.now();
    let new = new_key(&id, &management.key_secret, (management.random)(), now);
    let account = Account::new(id, body.name, now);
    let action = Action::CreateAccount { account: account.clone(), key: new.key };
    let applied = caller.submit(&management, action).await?;
    let made = MadeAccount { view: AccountView::from(&account), key: new.text };
    let answer = Answer::ok(made).with_status(StatusCode::CREATED).with_tag(Tag::of(&account));
    Ok(ShownOnce("key", answer.since(&applied)))
}

/// Shows an account and its settings.
#[utoipa::path(
    get, path = "/v1/accounts/{accountId}", tag = "accounts", security(("key" = ["read"]), ("key" = ["admin"])),
    params(("accountId" = String, Path, description = "The account.")),
    responses(
        (status = 200, body = AccountView, description = "The account; the tag is in `ETag`."),
        (status = 404, description = "`ACCOUNT_NOT_FOUND`: there is none, or it is another one than the key's"),
    )
)]
async fn get_account(caller: Caller, Id(id): Id<AccountId>) -> Result<Answer<AccountView>, ApiError> {
    let account = found(&caller, &caller.state, &id)?;
    Ok(Answer::ok(AccountView::from(account)).with_tag(Tag::of(account)))
}

/// Changes what is named of an account; for administrators of the first account.
#[utoipa::path(
    patch, path = "/v1/accounts/{accountId}", tag = "accounts", security(("key" = ["admin"])),
    params(
        ("accountId" = String, Path, description = "The account."),
        ("If-Match" = Option<String>, Header, description = "Only if the account is in this state."),
    ),
    request_body = AccountChange,
    responses(
        (status = 200, body = AccountView, description = "The account as it is from now on."),
        (status = 404, description = "`ACCOUNT_NOT_FOUND`: there is none, or it is another one than the key's"),
    )
)]
async fn patch_account(
    State(management): State<Arc<Management>>,
    caller: Caller,
    Id(id): Id<AccountId>,
    Body(body): Body<AccountChange>,
) -> Result<Answer<AccountView>, ApiError> {
    found(&caller, &caller.state, &id)?;
    let action = Action::PatchAccount { id: id.clone(), patch: body.into_patch() };
    let applied = caller.submit(&management, action).await?;
    let account = found(&caller, &applied.state, &id)?;
    Ok(Answer::ok(AccountView::from(account)).with_tag(Tag::of(account)).since(&applied))
}
