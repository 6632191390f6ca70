//! From what control says to what the caller is told.

use hyper::StatusCode;
use serde_json::json;

use crate::control::{ControlError, StoreError};
use crate::domain::refusal::{Refusal, RefusalKind};
use crate::http::error::ApiError;

/// After how many seconds a caller is asked to come again.
const RETRY_SECONDS: u32 = 1;

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.kind {
            RefusalKind::Invalid => StatusCode::BAD_REQUEST,
            RefusalKind::Forbidden => StatusCode::FORBIDDEN,
            RefusalKind::NotFound => StatusCode::NOT_FOUND,
            RefusalKind::Conflict => StatusCode::CONFLICT,
            RefusalKind::Precondition => StatusCode::PRECONDITION_FAILED,
            RefusalKind::Malformed => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let mut error = Self::new(status, refusal.code, refusal.message);
        for fault in refusal.fields {
            error = error.with_field(fault.field, fault.message);
        }
        if refusal.faults.is_empty() {
            return error;
        }
        for fault in &refusal.faults {
            let place = if fault.file.is_empty() {
                "files".to_owned()
            } else {
                format!("{}:{}", fault.file, fault.line)
            };
            error = error.with_field(place, fault.message.clone());
        }
        error.with_data(json!({ "faults": refusal.faults }))
    }
}

impl From<ControlError> for ApiError {
    fn from(why: ControlError) -> Self {
        match why {
            ControlError::Refused(refusal) => refusal.into(),
            // Control has logged the cause; the text of a store's error may go to whoever asked.
            ControlError::Store(why) => store_unavailable(why.to_string()),
            ControlError::Overtaken => store_unavailable(ControlError::Overtaken.to_string()),
            ControlError::Busy => Self::overloaded(RETRY_SECONDS),
            ControlError::Stopped => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "SHUTTING_DOWN", "the router is shutting down")
                    .with_retry_after(RETRY_SECONDS)
            }
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(why: StoreError) -> Self {
        tracing::error!(error = ?why, "the store could not be read");
        store_unavailable(why.to_string())
    }
}

fn store_unavailable(message: String) -> ApiError {
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "STORE_UNAVAILABLE", message)
        .with_retry_after(RETRY_SECONDS)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::control::ControlError::{Busy, Overtaken, Stopped, Store};
    use crate::control::testing::full_disk;

    #[test]
    fn what_we_could_not_do_is_503_with_a_time_to_come_again_and_no_cause() {
        let errors = [
            (Store(Arc::new(full_disk())), "STORE_UNAVAILABLE"),
            (Overtaken, "STORE_UNAVAILABLE"),
            (Busy, "OVERLOADED"),
            (Stopped, "SHUTTING_DOWN"),
        ];
        let errors = errors.map(|(why, code)| (ApiError::from(why), code));
        for (error, code) in errors.into_iter().chain([(ApiError::from(full_disk()), "STORE_UNAVAILABLE")]) {
            let answer = error.render("id");
            assert_eq!((answer.status().as_u16(), error.code()), (503, code));
            assert!(answer.headers().contains_key("retry-after"));
            assert!(!error.message().contains("secret"), "{}", error.message());
        }
    }

    #[test]
    fn each_kind_of_refusal_has_its_status() {
        for (kind, status) in [
            (RefusalKind::Invalid, 400),
            (RefusalKind::Forbidden, 403),
            (RefusalKind::NotFound, 404),
            (RefusalKind::Conflict, 409),
            (RefusalKind::Precondition, 412),
            (RefusalKind::Malformed, 422),
        ] {
            let error = ApiError::from(Refusal::new(kind, "CODE", "why"));
            assert_eq!((error.status().as_u16(), error.code(), error.message()), (status, "CODE", "why"));
        }
    }
}
