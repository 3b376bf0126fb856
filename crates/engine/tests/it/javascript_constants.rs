//! The file with what the JavaScript package has to know without the native engine.

use std::collections::BTreeMap;

use isol8_api::{
    ErrorCode,
    config::Config,
    field_names,
    options::{
        RawAudit, RawNetworkFilter, RawOptions, RawPrewarmDetails, RawRemoteCode, RawSecurity,
        RawStartOptions,
    },
    request::ExecutionRequest,
    runtimes::ALIASES,
};
use isol8_docker::{
    BUILD_HASH_LABEL, DEPENDENCIES_LABEL, DEPENDENCY_HASH_LABEL, IMAGE_RUNTIME_LABEL, SETUP_LABEL,
};
use isol8_engine::runtime::{CommandContext, Registry, RuntimeSpec};
use serde_json::{Map, Value, json};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../lib/constants.json");

/// Set, it writes the file anew.
const UPDATE: &str = "ISOL8_UPDATE_CONSTANTS";

/// Error codes by the names of their variants, in lower camel case.
fn error_codes() -> Map<String, Value> {
    let named = ErrorCode::ALL.map(|code| {
        let mut name = format!("{code:?}");
        name[..1].make_ascii_lowercase();
        (name, json!(code))
    });
    named.into_iter().collect()
}

/// A runtime. `{path}`, `{code}` and `{flags}` stand for the program's file, its text and the flags of the
/// agent.
fn runtime(spec: &RuntimeSpec) -> Value {
    let command = spec.command(&CommandContext {
        code: "{code}",
        path: "{path}",
        agent_flags: &["{flags}".to_owned()],
        own_image: false,
    });
    json!({
        "name": spec.name,
        "image": spec.image,
        "extensions": spec.extensions,
        "command": command,
    })
}

/// The names of keys, by the path of what has them. `config` has those that only a configuration has.
fn keys() -> Value {
    let options = field_names::<RawOptions>();
    let with_backend: Vec<_> = [options, &["docker", "backend", "limits", "onProgress"]].concat();
    let mut config = field_names::<Config>().to_vec();
    config.retain(|key| !with_backend.contains(key));
    json!({
        "config": config,
        "options": with_backend,
        "options.audit": field_names::<RawAudit>(),
        "options.networkFilter": field_names::<RawNetworkFilter>(),
        "options.poolSize": ["clean", "dirty"],
        "options.remoteCode": field_names::<RawRemoteCode>(),
        "options.security": field_names::<RawSecurity>(),
        "request": field_names::<ExecutionRequest>(),
        "start": field_names::<RawStartOptions>(),
        "start.prewarm": field_names::<RawPrewarmDetails>(),
    })
}

#[test]
fn the_javascript_package_has_the_constants_of_the_engine() {
    let registry = Registry::default();
    let constants = json!({
        "defaults": { "maxConcurrent": Config::default().max_concurrent },
        "errorCodes": error_codes(),
        "keys": keys(),
        "labels": {
            "dockerHash": BUILD_HASH_LABEL,
            "depsHash": DEPENDENCY_HASH_LABEL,
            "runtime": IMAGE_RUNTIME_LABEL,
            "dependencies": DEPENDENCIES_LABEL,
            "setupScript": SETUP_LABEL,
        },
        "runtimeAliases": ALIASES.into_iter().collect::<BTreeMap<_, _>>(),
        "runtimes": registry.list().iter().map(runtime).collect::<Vec<_>>(),
    });
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(FILE, format!("{constants:#}\n")).unwrap();
    }
    let file: Value = serde_json::from_str(&std::fs::read_to_string(FILE).unwrap()).unwrap();
    assert!(
        file == constants,
        "lib/constants.json is out of date. {UPDATE}=1 cargo test -p isol8-engine --test it javascript_constants \
         writes it anew"
    );
}
