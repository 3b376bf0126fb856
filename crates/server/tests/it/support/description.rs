//! The committed `OpenAPI` document, which every answer of the tests has to follow.

use std::sync::LazyLock;

use reqwest::{Method, StatusCode};
use serde_json::Value;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../../../../schema/openapi.json");
    serde_json::from_str(text).unwrap()
});

/// Every operation: its method in lower case, and its path.
pub(crate) fn operations() -> Vec<(String, String)> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let of = |(path, item): (&String, &Value)| {
        let methods: Vec<_> = item.as_object().unwrap().keys().cloned().collect();
        let path = path.clone();
        methods
            .into_iter()
            .map(move |method| (method, path.clone()))
    };
    paths.iter().flat_map(of).collect()
}

/// Fails where the document has this operation, and not this status of it.
pub(crate) fn assert_described(method: &Method, path: &str, status: StatusCode) {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let item = paths.iter().find(|(template, _)| fits(template, path));
    let method = method.as_str().to_lowercase();
    // Where there is no such path or method, the answer is 401, 403, 404 or 405.
    let Some(operation) = item.and_then(|(_, item)| item.get(&method)) else {
        return;
    };
    let responses = &operation["responses"];
    assert!(
        responses.get(status.as_str()).is_some(),
        "the OpenAPI document has no status {status} of {method} {path}"
    );
}

/// Whether a path is one of a template such as `/session/{id}`.
fn fits(template: &str, path: &str) -> bool {
    let (mut parts, mut pieces) = (template.split('/'), path.split('/'));
    loop {
        match (parts.next(), pieces.next()) {
            (None, None) => return true,
            (Some(part), Some(piece)) if part == piece || part.starts_with('{') => {}
            _ => return false,
        }
    }
}
