//! What a request says: ids in the path, the query, the JSON body; each read strictly and refused by name.

use std::error::Error;

use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::request::Parts;
use bytes::Bytes;
use hyper::{StatusCode, Uri};

use super::caller::Caller;
use super::fields::{self, Written};
use crate::domain::address::{InvalidAddress, Number, Prefix};
use crate::domain::caller_pin::CallerAddress;
use crate::domain::deployment::DeploymentId;
use crate::domain::id::{
    AccountId, AgentId, BranchId, ConfigHash, ConnectorId, Environment, SplitId, VersionNumber,
};
use crate::http::body::{BodyFault, BodyMax};
use crate::http::error::ApiError;
use crate::http::json::faults::{CODE, Faults, one_line, shown};
use crate::http::query::pairs;

/// Most entries of a page.
const LIMIT_MAX: usize = 1_000;
/// Entries of a page unless the query says otherwise.
const LIMIT: usize = 100;

/// Something that a path names.
pub(super) trait PathId: Sized {
    /// Reads one part of a path, decoded; 422 if it is malformed.
    fn read(text: &str) -> Result<Self, ApiError>;
}

impl PathId for Number {
    fn read(text: &str) -> Result<Self, ApiError> {
        Self::parse(text).map_err(|why| {
            let message = format!("{why}: expected {}", InvalidAddress::EXPECTED);
            ApiError::unprocessable("number", message).with_code("PHONE_NUMBERS_INVALID_PHONE_NUMBER_FORMAT")
        })
    }
}

impl PathId for CallerAddress {
    fn read(text: &str) -> Result<Self, ApiError> {
        let expected = InvalidAddress::EXPECTED;
        Self::parse(text)
            .map_err(|why| ApiError::unprocessable("caller", format!("{why}: expected {expected}")))
    }
}

impl PathId for Prefix {
    fn read(text: &str) -> Result<Self, ApiError> {
        let malformed =
            || ApiError::unprocessable("prefix", format!("is no prefix: expected {}", Self::EXPECTED));
        Self::parse(text).ok_or_else(malformed)
    }
}

impl PathId for SplitId {
    fn read(text: &str) -> Result<Self, ApiError> {
        Self::parse(text).map_err(|why| ApiError::unprocessable("id", why.to_string()))
    }
}

impl PathId for AgentId {
    fn read(text: &str) -> Result<Self, ApiError> {
        Self::parse(text).map_err(|why| ApiError::unprocessable("id", why.to_string()))
    }
}

impl PathId for AccountId {
    fn read(text: &str) -> Result<Self, ApiError> {
        Self::parse(text).map_err(|why| ApiError::unprocessable("accountId", why.to_string()))
    }
}

impl PathId for ConnectorId {
    fn read(text: &str) -> Result<Self, ApiError> {
        Self::parse(text).map_err(|why| ApiError::unprocessable("connector", why.to_string()))
    }
}

impl PathId for Environment {
    fn read(text: &str) -> Result<Self, ApiError> {
        let malformed = || {
            let why = format!("is no environment: expected {}", Self::EXPECTED);
            ApiError::unprocessable("environment", why)
        };
        Self::parse(text).ok_or_else(malformed)
    }
}

impl PathId for DeploymentId {
    fn read(text: &str) -> Result<Self, ApiError> {
        let malformed = || ApiError::unprocessable("deployment", "is no id: expected a UUID of version 7");
        Self::parse(text).ok_or_else(malformed)
    }
}

impl PathId for BranchId {
    fn read(text: &str) -> Result<Self, ApiError> {
        Self::parse(text).map_err(|why| ApiError::unprocessable("branch", why.to_string()))
    }
}

impl PathId for ConfigHash {
    fn read(text: &str) -> Result<Self, ApiError> {
        let malformed = || ApiError::unprocessable("hash", "is no hash: expected 32 lower-case hex digits");
        Self::parse(text).ok_or_else(malformed)
    }
}

/// The draft or a numbered version: `draft`, `V3` or `3`.
#[derive(Debug, Clone, Copy)]
pub(super) struct VersionName(pub(super) Option<VersionNumber>);

impl PathId for VersionName {
    fn read(text: &str) -> Result<Self, ApiError> {
        if text == "draft" {
            return Ok(Self(None));
        }
        let malformed = || ApiError::unprocessable("version", "is no version: expected draft, V<n> or <n>");
        VersionNumber::parse(text).map(|number| Self(Some(number))).ok_or_else(malformed)
    }
}

/// The one id of a path.
#[derive(Debug)]
pub(super) struct Id<T>(pub(super) T);

impl<S: Send + Sync, T: PathId> FromRequestParts<S> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = params(parts, state).await?;
        T::read(params.iter().next().map_or("", |(_, text)| text)).map(Self)
    }
}

/// The two ids of a path.
#[derive(Debug)]
pub(super) struct Ids<A, B>(pub(super) A, pub(super) B);

impl<S: Send + Sync, A: PathId, B: PathId> FromRequestParts<S> for Ids<A, B> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = params(parts, state).await?;
        let mut texts = params.iter().map(|(_, text)| text);
        let (first, second) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
        Ok(Self(A::read(first)?, B::read(second)?))
    }
}

/// The three ids of a path.
#[derive(Debug)]
pub(super) struct ThreeIds<A, B, C>(pub(super) A, pub(super) B, pub(super) C);

impl<S: Send + Sync, A: PathId, B: PathId, C: PathId> FromRequestParts<S> for ThreeIds<A, B, C> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = params(parts, state).await?;
        let mut texts = params.iter().map(|(_, text)| text);
        let mut next = || texts.next().unwrap_or_default();
        Ok(Self(A::read(next())?, B::read(next())?, C::read(next())?))
    }
}

async fn params<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<RawPathParams, ApiError> {
    RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| ApiError::unprocessable("path", "is not UTF-8 once decoded"))
}

/// The parameters of a query; each is taken once. What is wrong with any of them, and what nobody took, is told at the end.
#[derive(Debug)]
pub(super) struct Query {
    left: Vec<(String, String)>,
    faults: Faults,
}

impl Query {
    /// The query of an address.
    pub(super) fn of(uri: &Uri) -> Self {
        let mut query = Self { left: Vec::new(), faults: Faults::default() };
        for pair in pairs(uri.query().unwrap_or_default()) {
            match pair {
                Ok((name, value)) => query.left.push((name.into_owned(), value.into_owned())),
                Err(why) => query.fault(&shown(why.field()), &one_line(&why.to_string()), CODE),
            }
        }
        query
    }

    /// Says what is wrong with a parameter, unless that has been said already.
    pub(super) fn fault(&mut self, name: &str, message: &str, code: &'static str) {
        if !self.faults.blames(name) {
            self.faults.push(name.to_owned(), message.to_owned(), code);
        }
    }

    /// A parameter, read by `read`, which says what is wrong with it; nothing where it is at fault.
    pub(super) fn take<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let at = self.left.iter().position(|(known, _)| known == name)?;
        let (_, text) = self.left.remove(at);
        let others = self.left.len();
        self.left.retain(|(known, _)| known != name);
        let read = if self.left.len() == others { read(&text) } else { Err("is given twice".to_owned()) };
        read.map_err(|why| self.fault(name, &why, CODE)).ok()
    }

    /// A parameter as it is.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        self.take(name, |text| Ok(text.to_owned()))
    }

    /// `branch`: `main` unless said.
    pub(super) fn branch(&mut self) -> BranchId {
        let branch = self.take("branch", |text| BranchId::parse(text).map_err(|why| why.to_string()));
        branch.unwrap_or_else(BranchId::main)
    }

    /// `limit`: 1 to 1,000, 100 unless said.
    pub(super) fn limit(&mut self) -> usize {
        let limit = self.take("limit", |text| {
            let limit = text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
            limit.ok_or_else(|| "expected a whole number from 1 to 1000".to_owned())
        });
        limit.unwrap_or(LIMIT)
    }

    /// `dryRun`: whether to say what would be done instead of doing it.
    pub(super) fn dry_run(&mut self) -> bool {
        self.flag("dryRun")
    }

    /// Something that is not so unless said.
    pub(super) fn flag(&mut self, name: &'static str) -> bool {
        let flag = self.take(name, |text| text.parse().map_err(|_| "expected true or false".to_owned()));
        flag.unwrap_or_default()
    }

    /// Refuses all that is wrong, and what nobody took.
    pub(super) fn end(self) -> Result<(), ApiError> {
        let Self { left, mut faults } = self;
        for (name, _) in left {
            faults.push(shown(&name), "is no parameter of this path".to_owned(), CODE);
        }
        faults.refusal().map_or(Ok(()), Err)
    }

    /// The same where something has to be there, which is nothing only where it is at fault.
    pub(super) fn end_with<T>(self, required: Option<T>) -> Result<T, ApiError> {
        self.end()?;
        required.ok_or_else(|| ApiError::validation("query", "says too little"))
    }
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Self::of(&parts.uri))
    }
}

/// A JSON body; an empty one is `{}`, whatever its type is said to be.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: Written> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let caller = request.extensions().get::<Caller>().cloned();
        let caller = caller.ok_or_else(|| ApiError::unauthorized("no key"))?;
        fields::read(&caller, &whole(request, state).await?).map(Self)
    }
}

/// A body as it came, for whoever reads it in a way of its own.
#[derive(Debug)]
pub(super) struct AnyBody(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for AnyBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        whole(request, state).await.map(Self)
    }
}

/// A body as large as its path takes.
async fn whole<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, ApiError> {
    let most = request.extensions().get().copied();
    Bytes::from_request(request, state).await.map_err(|why| match most {
        Some(BodyMax(most)) if why.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            ApiError::payload_too_large(most)
        }
        _ => broken_off(&why),
    })
}

/// Why a body that may be so long was not read to its end.
pub(super) fn cut_short(why: &axum::Error, most: usize) -> ApiError {
    let mut causes = std::iter::successors(why.source(), |cause| (*cause).source());
    if causes.any(<dyn Error>::is::<http_body_util::LengthLimitError>) {
        return ApiError::payload_too_large(most);
    }
    broken_off(why)
}

/// Why a body did not come whole.
pub(super) fn broken_off(why: &(dyn Error + 'static)) -> ApiError {
    let causes = std::iter::successors(why.source(), |cause| (*cause).source());
    let fault = causes.filter_map(|cause| cause.downcast_ref::<BodyFault>()).next().copied();
    fault.unwrap_or(BodyFault::Broken).into()
}
