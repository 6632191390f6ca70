//! Changes as they are written.

use utoipa::ToSchema;

use crate::api::fields::{EXACT_MAX, Fields, Whole, Written};
use crate::domain::command::CHANGES_MAX;
use crate::domain::id::Revision;
use crate::http::json::tree::Tree;

/// Changes to be made as one revision, or none of them.
#[derive(Debug, ToSchema)]
#[schema(as = PlanBody, rename_all = "camelCase")]
pub struct PlanBody {
    /// 1 to 1,000 changes, in order: each meets what those before it made.
    #[schema(value_type = Vec<ChangeBody>, min_items = 1, max_items = 1000)]
    pub(super) changes: Vec<Option<ChangeBody>>,
    /// Refused unless this is the revision; any revision will do where absent.
    #[schema(value_type = Option<u64>)]
    pub(super) expected_revision: Option<Revision>,
}

/// One change: the request of the operation that makes it.
#[derive(Debug, ToSchema)]
#[schema(as = PlannedRequest)]
pub struct ChangeBody {
    /// `PUT`, `POST`, `PATCH` or `DELETE`.
    #[schema(example = "PUT")]
    pub(super) method: String,
    /// The path, with ids percent-encoded where that is needed.
    #[schema(example = "/v1/numbers/+14155550100")]
    pub(super) path: String,
    /// The body that the operation takes.
    #[schema(value_type = Option<Object>)]
    pub(super) body: Option<Tree>,
}

impl Written for PlanBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let changes = fields.objects("changes", CHANGES_MAX, "1 to 1000 changes", ChangeBody::read);
        if changes.as_ref().is_none_or(Vec::is_empty) && !fields.blames("changes") {
            fields.fault("changes", "is missing or empty: expected 1 to 1000 changes");
        }
        let expected: Option<Whole<EXACT_MAX>> = fields.optional("expectedRevision");
        let expected_revision = expected.map(|revision| Revision(revision.get()));
        Some(Self { changes: changes.unwrap_or_default(), expected_revision })
    }
}

impl Written for ChangeBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (method, path) = (fields.required("method"), fields.required("path"));
        let body = fields.present("body");
        Some(Self { method: method?, path: path?, body })
    }
}
