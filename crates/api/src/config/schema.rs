//! Keeps `schema/isol8.config.schema.json` equal to the types.

use std::{env, fs, path::Path};

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::Config;

const SCHEMA_FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../schema/isol8.config.schema.json"
);

/// Set to write the file instead of comparing it.
const UPDATE: &str = "ISOL8_UPDATE_SCHEMA";

fn generated() -> Value {
    let schema = SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<Config>();
    let mut schema = schema.to_value();
    schema["title"] = json!("isol8 configuration");
    schema
}

#[test]
fn the_committed_schema_is_current() {
    let text = serde_json::to_string_pretty(&generated()).unwrap() + "\n";
    let file = Path::new(SCHEMA_FILE);
    if env::var_os(UPDATE).is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, &text).unwrap();
    }
    let committed = fs::read_to_string(file).unwrap_or_default();
    assert!(
        committed == text,
        "the schema is stale: run `{UPDATE}=1 cargo test -p isol8-api --lib config::schema`"
    );
}

#[test]
fn unknown_keys_are_flagged_in_every_section() {
    let schema = generated();
    let definitions = schema["definitions"].as_object().unwrap();
    let sections = definitions
        .values()
        .chain([&schema])
        .filter(|part| part["type"] == "object");
    let mut count = 0;
    for section in sections {
        assert_eq!(section["additionalProperties"], false, "{section}");
        count += 1;
    }
    assert_eq!(count, 21);
}

#[test]
fn the_schema_tells_the_defaults() {
    let schema = generated();
    assert_eq!(schema["properties"]["maxConcurrent"]["default"], 10);
    let timeout = &schema["definitions"]["DefaultsConfig"]["properties"]["timeoutMs"];
    assert_eq!(
        (&timeout["default"], &timeout["minimum"]),
        (&json!(30_000), &json!(1))
    );
}
