//! Which file is found, what is merged, and what is refused.

use super::*;
use crate::{config::PoolSizeConfig, options::NetworkMode};

fn parsed(text: &str) -> (Config, Vec<String>) {
    let (config, warnings) = parse(Path::new("f.json"), text).unwrap();
    (config, warnings.iter().map(ToString::to_string).collect())
}

#[test]
fn the_first_file_found_is_used() {
    let (cwd, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let load = || load_config_from(cwd.path(), Some(home.path())).unwrap();
    assert_eq!(
        (load().source, load().config),
        (ConfigSource::Defaults, Config::default())
    );

    let in_home = home.path().join(HOME_CONFIG_FILE);
    fs::create_dir(home.path().join(".isol8")).unwrap();
    fs::write(&in_home, r#"{"maxConcurrent": 2, "debug": true}"#).unwrap();
    assert_eq!(
        (load().source, load().config.max_concurrent),
        (ConfigSource::File(in_home), 2)
    );

    let in_cwd = cwd.path().join(CONFIG_FILE);
    fs::write(&in_cwd, r#"{"maxConcurrent": 3}"#).unwrap();
    let loaded = load();
    assert_eq!(loaded.source, ConfigSource::File(in_cwd));
    assert_eq!(
        (loaded.config.max_concurrent, loaded.config.debug),
        (3, false)
    );
}

#[test]
fn sections_are_merged_and_arrays_replaced() {
    let (config, warnings) = parsed(
        r#"{"$schema": "x", "defaults": {"network": "filtered"}, "poolSize": {"clean": 5},
            "network": {"whitelist": ["a"]}, "remoteCode": {"blockedHosts": ["b"]}}"#,
    );
    assert!(warnings.is_empty());
    assert_eq!(config.defaults.network, NetworkMode::Filtered);
    assert_eq!(config.defaults.timeout_ms, 30_000);
    assert_eq!(
        config.pool_size,
        PoolSizeConfig::Each { clean: 5, dirty: 1 }
    );
    assert_eq!(config.network.whitelist, ["a"]);
    assert_eq!(config.remote_code.blocked_hosts, ["b"]);
    assert_eq!(config.remote_code.allowed_schemes, ["https"]);
}

#[test]
fn what_is_not_used_is_told_with_its_path() {
    let (config, warnings) = parsed(
        r#"{"timeoutMs": 1, "defaults": {"timeoutMS": 1, "cpuLimit": "2", "timeoutMs": -1},
            "security": {"seccomp": "off"}, "prebuiltImages": [{"tag": 1, "runtime": "bash"}],
            "network": [["a"]], "poolSize": {"clen": 2}, "debug": true}"#,
    );
    assert_eq!(
        config,
        Config {
            debug: true,
            ..Config::default()
        },
        "the rest of the file is used"
    );
    let paths: Vec<_> = warnings
        .iter()
        .filter_map(|text| text.split('"').nth(1))
        .collect();
    let mut sorted = paths.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        [
            "defaults.cpuLimit",
            "defaults.timeoutMS",
            "defaults.timeoutMs",
            "network",
            "poolSize",
            "prebuiltImages",
            "security.seccomp",
            "timeoutMs"
        ]
    );
    assert!(
        warnings.contains(&"f.json: unknown key \"timeoutMs\"".to_owned()),
        "{warnings:?}"
    );
    let wrong = "f.json: \"defaults.cpuLimit\" is ignored: invalid type: string \"2\", \
                 expected a number";
    assert!(warnings.contains(&wrong.to_owned()), "{warnings:?}");
}

#[test]
fn a_wrong_wall_is_an_error_that_names_it() {
    for (limits, message) in [
        (
            r#"{"files": {"maxCont": 1}}"#,
            "requestLimits.files.maxCont: unknown field",
        ),
        (
            r#"{"env": {"maxBytes": "1"}}"#,
            "requestLimits.env.maxBytes: invalid type",
        ),
        (r#""open""#, "requestLimits: unknown variant"),
        ("[]", "requestLimits: invalid type"),
    ] {
        let text = format!(r#"{{"debug": true, "requestLimits": {limits}}}"#);
        let error = parse(Path::new("f.json"), &text).unwrap_err().to_string();
        let message = format!("Invalid config f.json: {message}");
        assert!(error.starts_with(&message), "{error}");
    }
    let text = r#"{"tenants": {"all": {"maxSession": 1}}}"#;
    assert!(parse(Path::new("f.json"), text).is_err());
    for key in ["backend", "limits"] {
        let text = format!(r#"{{"{key}": "none"}}"#);
        let error = parse(Path::new("f.json"), &text).unwrap_err().to_string();
        let message = format!("Invalid config f.json: {key}: unknown variant `none`");
        assert!(error.starts_with(&message), "{error}");
    }
    let text = r#"{"installRegistries": {"pyton": []}}"#;
    assert!(parse(Path::new("f.json"), text).is_err());
}

#[test]
fn a_file_that_is_no_object_is_an_error_that_names_it() {
    for text in ["", "[]", "{\"a\": ", "null"] {
        let error = parse(Path::new("f.json"), text).unwrap_err().to_string();
        assert!(error.starts_with("Invalid config f.json: "), "{error}");
    }
    let cwd = tempfile::tempdir().unwrap();
    fs::create_dir(cwd.path().join(CONFIG_FILE)).unwrap();
    let error = load_config_from(cwd.path(), None).unwrap_err().to_string();
    assert!(error.starts_with("Failed to read config "), "{error}");
}

#[test]
fn a_file_without_end_is_not_read_to_its_end() {
    let cwd = tempfile::tempdir().unwrap();
    let file = fs::File::create(cwd.path().join(CONFIG_FILE)).unwrap();
    file.set_len(MAX_CONFIG_BYTES * 64).unwrap();
    let error = load_config_from(cwd.path(), None).unwrap_err().to_string();
    assert!(error.contains("larger than 1048576 bytes"), "{error}");
}

#[test]
fn a_password_is_not_printed() {
    let (config, _) = parsed(r#"{"auth": {"connectionString": "postgres://a:hunter2@b/c"}}"#);
    assert!(!format!("{config:?}").contains("hunter2"));
}
