//! Keeps `schema/openapi.json` equal to the handlers.

use std::{env, fs, path::Path};

use serde_json::Value;

use crate::router::description;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schema/openapi.json");

/// Set to write the file instead of comparing it.
const UPDATE: &str = "ISOL8_UPDATE_OPENAPI";

#[test]
fn the_committed_description_is_current() {
    let file = Path::new(FILE);
    if env::var_os(UPDATE).is_some() {
        fs::write(file, description()).unwrap();
    }
    let committed = fs::read_to_string(file).unwrap_or_default();
    assert!(
        committed == description(),
        "the description is stale: run `{UPDATE}=1 cargo test -p isol8-server --lib openapi`"
    );
}

#[test]
fn every_operation_says_what_it_is_and_which_errors_it_has() {
    let document: Value = serde_json::from_str(description()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let mut open = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let what = format!("{method} {path}");
            assert!(operation["summary"].is_string(), "{what}");
            let responses = operation["responses"].as_object().unwrap();
            for (status, response) in responses {
                let headers = response["headers"].as_object().unwrap();
                assert!(headers.contains_key("x-request-id"), "{what}: {status}");
                if !status.starts_with(['1', '2']) {
                    let schema = &response["content"]["application/json"]["schema"]["$ref"];
                    assert_eq!(schema, "#/components/schemas/ErrorBody", "{what}: {status}");
                }
            }
            if operation["security"].is_null() {
                for status in ["401", "403", "429", "503"] {
                    assert!(responses.contains_key(status), "{what}: {status}");
                }
            } else {
                open.push(path.as_str());
            }
        }
    }
    assert_eq!(open, ["/health", "/ready"]);
}
