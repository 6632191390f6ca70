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
use crate::http::body::BodyFault;
use crate::http::error::ApiError;
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

/// The parameters of a query; each is taken once, and what is left at the end is refused.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// The query of an address.
    pub(super) fn of(uri: &Uri) -> Result<Self, ApiError> {
        let pairs = pairs(uri.query().unwrap_or_default());
        let pairs: Result<Vec<_>, _> =
            pairs.map(|pair| pair.map(|(n, v)| (n.into_owned(), v.into_owned()))).collect();
        pairs.map(Self).map_err(|why| ApiError::validation(why.field().to_owned(), why.to_string()))
    }

    /// A parameter, read by `read`, which says what is wrong with it.
    pub(super) fn take<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ApiError> {
        let Some(at) = self.0.iter().position(|(known, _)| known == name) else { return Ok(None) };
        let (_, text) = self.0.remove(at);
        if self.0.iter().any(|(known, _)| known == name) {
            return Err(ApiError::validation(name, "is given twice"));
        }
        read(&text).map(Some).map_err(|why| ApiError::validation(name, why))
    }

    /// A parameter as it is.
    pub(super) fn text(&mut self, name: &'static str) -> Result<Option<String>, ApiError> {
        self.take(name, |text| Ok(text.to_owned()))
    }

    /// `branch`: `main` unless said.
    pub(super) fn branch(&mut self) -> Result<BranchId, ApiError> {
        let branch = self.take("branch", |text| BranchId::parse(text).map_err(|why| why.to_string()))?;
        Ok(branch.unwrap_or_else(BranchId::main))
    }

    /// `limit`: 1 to 1,000, 100 unless said.
    pub(super) fn limit(&mut self) -> Result<usize, ApiError> {
        let limit = self.take("limit", |text| {
            let limit = text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
            limit.ok_or_else(|| "expected a whole number from 1 to 1000".to_owned())
        })?;
        Ok(limit.unwrap_or(LIMIT))
    }

    /// `dryRun`: whether to say what would be done instead of doing it.
    pub(super) fn dry_run(&mut self) -> Result<bool, ApiError> {
        let dry_run = self.take("dryRun", |text| match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err("expected true or false".to_owned()),
        })?;
        Ok(dry_run == Some(true))
    }

    /// Refuses what is not among these names.
    pub(super) fn only(self, names: &[String]) -> Result<(), ApiError> {
        Self(self.0.into_iter().filter(|(name, _)| !names.contains(name)).collect()).end()
    }

    /// Refuses what nobody took.
    pub(super) fn end(self) -> Result<(), ApiError> {
        const WHY: &str = "is no parameter of this path";
        let mut unknown = self.0.into_iter().map(|(name, _)| name);
        match unknown.next() {
            None => Ok(()),
            Some(first) => {
                Err(unknown.fold(ApiError::validation(first, WHY), |error, name| error.with_field(name, WHY)))
            }
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Self::of(&parts.uri)
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
        let bytes = Bytes::from_request(request, state).await.map_err(|why| unread(&why))?;
        fields::read(&caller, &bytes).map(Self)
    }
}

/// A body as it came, for whoever reads it in a way of its own.
#[derive(Debug)]
pub(super) struct AnyBody(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for AnyBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        Bytes::from_request(request, state).await.map(Self).map_err(|why| unread(&why))
    }
}

/// Why a body could not be taken in.
pub(super) fn unread(why: &axum::extract::rejection::BytesRejection) -> ApiError {
    if why.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", "the body is too large");
    }
    broken_off(why)
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
