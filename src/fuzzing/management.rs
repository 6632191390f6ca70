//! Everything a client may send on a connection to the management API, to which its key lets it only read.

use serde_json::Value;

use super::office::Office;
use super::world::key;
use crate::domain::account::{Key, Permission};
use crate::http::fuzzing::Talk;

pub(super) fn law() -> impl Fn(&[u8]) {
    let reader = Key { permissions: vec![Permission::Read, Permission::Route], ..key() };
    let (talk, office) = (Talk::new(), Office::of_files(reader));
    move |bytes| {
        for answer in talk.with_router(bytes, &office.router) {
            // Who reads changes nothing, and no reading is too much. That it is not ready is for a probe to say.
            assert!(answer.status < 500 || answer.status == 503, "{}", answer.status);
            if answer.header("content-type") == Some("application/json") && !answer.body.is_empty() {
                let body: Result<Value, _> = serde_json::from_slice(&answer.body);
                assert!(body.is_ok(), "{:?}", String::from_utf8_lossy(&answer.body));
            }
        }
    }
}
