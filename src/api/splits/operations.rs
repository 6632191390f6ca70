//! What is done to splits, as it is read from a request.

use super::body::{EndBody, NewSplit, SplitChange};
use crate::api::halves;
use crate::api::made;
use crate::api::operation::{Asked, Operation, Unread};
use crate::domain::address::Number;
use crate::domain::command::{Action, SplitPatch};
use crate::domain::id::{ArmId, SplitId};
use crate::domain::split::Split;

/// A split that is to be made.
#[derive(Debug)]
pub(in crate::api) struct CreateSplit {
    pub(super) split: Split,
    numbers: Vec<Number>,
}

impl Operation for CreateSplit {
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/v1/splits";

    fn read(asked: &mut Asked<'_>) -> Result<Self, Unread> {
        let body: NewSplit = asked.body()?;
        let [letters, salt] = halves(asked.random);
        let id = body
            .id
            .clone()
            .map_or_else(|| made("split-", &letters, SplitId::parse), Ok)
            .map_err(Unread::Body)?;
        let salt = salt.into_iter().take(8).fold(0, |salt, byte| salt << 8 | u64::from(byte));
        let split = body.to_split(asked.caller.account(), id, salt, asked.now);
        Ok(Self { split, numbers: body.scope.unwrap_or_default().numbers })
    }
}

impl From<CreateSplit> for Action {
    fn from(CreateSplit { split, numbers }: CreateSplit) -> Self {
        Self::CreateSplit { split, numbers }
    }
}

/// A split that is to be changed.
#[derive(Debug)]
pub(in crate::api) struct PatchSplit {
    pub(super) id: SplitId,
    patch: SplitPatch,
}

impl Operation for PatchSplit {
    const METHOD: &'static str = "PATCH";
    const PATH: &'static str = "/v1/splits/{id}";

    fn read(asked: &mut Asked<'_>) -> Result<Self, Unread> {
        Ok(Self { id: asked.id()?, patch: asked.body::<SplitChange>()?.into_patch() })
    }
}

impl From<PatchSplit> for Action {
    fn from(PatchSplit { id, patch }: PatchSplit) -> Self {
        Self::PatchSplit { id, patch }
    }
}

/// A split that is to be ended for one of its arms.
#[derive(Debug)]
pub(in crate::api) struct EndSplit {
    pub(super) id: SplitId,
    winner: ArmId,
}

impl Operation for EndSplit {
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/v1/splits/{id}/end";

    fn read(asked: &mut Asked<'_>) -> Result<Self, Unread> {
        Ok(Self { id: asked.id()?, winner: asked.body::<EndBody>()?.winner })
    }
}

impl From<EndSplit> for Action {
    fn from(EndSplit { id, winner }: EndSplit) -> Self {
        Self::EndSplit { id, winner }
    }
}

/// A split that is to be deleted.
#[derive(Debug)]
pub(in crate::api) struct DeleteSplit(SplitId);

impl Operation for DeleteSplit {
    const METHOD: &'static str = "DELETE";
    const PATH: &'static str = "/v1/splits/{id}";

    fn read(asked: &mut Asked<'_>) -> Result<Self, Unread> {
        asked.id().map(Self)
    }
}

impl From<DeleteSplit> for Action {
    fn from(DeleteSplit(id): DeleteSplit) -> Self {
        Self::DeleteSplit(id)
    }
}
