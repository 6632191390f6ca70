//! Which operation needs which permission and takes which parameters, read from the document that describes the operations.

use std::collections::BTreeMap;

use hyper::Method;
use serde_json::Value;

use super::document::{KEY, RUN};
use crate::domain::account::Permission;

/// What a request must bring along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Need {
    /// Whether it may come without a key.
    pub(super) key_optional: bool,
    /// Any one of these permissions; none: a key changes nothing.
    pub(super) any_of: Vec<Permission>,
    /// The parameters that its query may have.
    pub(super) parameters: Vec<String>,
}

/// The needs of every operation, by method and path template.
#[derive(Debug)]
pub(super) struct Permits(BTreeMap<(String, String), Need>);

impl Permits {
    /// Reads an OpenAPI document. An operation that does not say what it needs is open to nobody.
    pub(super) fn of(document: &Value) -> Self {
        let paths = document.get("paths").and_then(Value::as_object);
        let operations = paths.into_iter().flatten().flat_map(|(path, item)| {
            item.as_object().into_iter().flatten().map(move |(method, operation)| {
                ((method.to_ascii_uppercase(), path.clone()), need(operation))
            })
        });
        Self(operations.collect())
    }

    /// What an operation needs, if there is one.
    pub(super) fn need(&self, method: &Method, path: &str) -> Option<&Need> {
        let method = if method == Method::HEAD { Method::GET.as_str() } else { method.as_str() };
        self.0.get(&(method.to_owned(), path.to_owned()))
    }

    /// Every operation and its need.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str, &Need)> {
        self.0.iter().map(|((method, path), need)| (method.as_str(), path.as_str(), need))
    }
}

fn need(operation: &Value) -> Need {
    let security = operation.get("security");
    let ways = || security.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
    let roles = ways().filter_map(|way| way.get(KEY)).filter_map(Value::as_array).flatten();
    let any_of = roles.filter_map(Value::as_str).filter_map(Permission::parse).collect();
    let parameters = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
    let of_query = parameters.filter(|parameter| parameter.get("in").is_some_and(|place| place == "query"));
    let names = of_query.filter_map(|parameter| parameter.get("name")?.as_str().map(str::to_owned));
    let key_optional = ways().any(|way| way.is_empty() || way.contains_key(RUN));
    Need { key_optional, any_of, parameters: names.collect() }
}
