//! What is refused, by which name, and what the defaults are.

use isol8_api::options::{NetworkMode, PoolStrategy};

use super::{super::Mode, *};

fn resolve(json: &str) -> Result<Options, OptionError> {
    Options::try_from(serde_json::from_str::<RawOptions>(json).unwrap())
}

#[test]
fn defaults_are_the_public_ones() {
    let options = resolve("{}").unwrap();
    assert_eq!(options.mode, Mode::Ephemeral);
    assert_eq!(options.network, NetworkMode::None);
    assert_eq!(options.cpu_limit.to_bits(), 1f64.to_bits());
    assert_eq!(
        (options.memory_bytes, options.tmp_bytes),
        (512 << 20, 256 << 20)
    );
    // These are the runtime's to say.
    assert_eq!((options.pids_limit, options.sandbox_bytes), (None, None));
    let given = resolve(r#"{"pidsLimit": 10, "sandboxSize": "1m"}"#).unwrap();
    assert_eq!(
        (given.pids_limit, given.sandbox_bytes),
        (Some(10), Some(1 << 20))
    );
    assert_eq!(options.max_output_bytes, 1 << 20);
    assert_eq!(options.max_output_files_bytes, 64 << 20);
    assert_eq!(options.timeout, Duration::from_secs(30));
    assert!(options.readonly_root && !options.debug && !options.persist);
    assert!(!options.log_network && options.image.is_none() && options.secrets.is_empty());
    assert_eq!(
        (options.seccomp, options.oci_runtime),
        (Seccomp::Strict, None)
    );
    assert_eq!(options.pool_strategy, PoolStrategy::Fast);
    assert_eq!(options.pool_size, PoolSize { clean: 1, dirty: 1 });
    assert_eq!(options.audit.retention, Duration::from_hours(90 * 24));
    assert!(!options.audit.enabled && options.audit.track_resources);
    assert!(!options.audit.include_code && !options.audit.include_output);
    let remote = options.remote_code;
    assert!(!remote.enabled && !remote.require_hash && remote.enable_cache);
    assert_eq!(remote.allowed_schemes, ["https"]);
    assert_eq!(remote.blocked_hosts.len(), DEFAULT_BLOCKED_HOSTS.len());
    assert_eq!(remote.max_code_bytes, 10 << 20);
    assert_eq!(remote.fetch_timeout, Duration::from_secs(30));
    assert_eq!(remote.cache_ttl, Duration::from_hours(1));
}

#[test]
fn null_and_unknown_keys_are_as_if_absent() {
    let options = resolve(r#"{"mode": null, "cpuLimit": null, "poolSize": null, "x": 1}"#);
    assert_eq!(options, resolve("{}"));
}

#[test]
fn given_values_are_used() {
    let options = resolve(
        r#"{"mode": "persistent", "network": "filtered", "cpuLimit": 0.5, "tmpSize": "1g",
            "networkFilter": {"whitelist": ["a"]}, "poolSize": 3, "poolStrategy": "secure",
            "security": {"seccomp": "custom", "customProfilePath": "/p", "runtime": "runsc"},
            "audit": {"destination": "file", "retentionDays": 0.5},
            "remoteCode": {"allowedSchemes": ["HTTP:"], "cacheTtl": 0, "allowPrivate": ["::1"]}}"#,
    )
    .unwrap();
    assert_eq!(
        (options.mode, options.network),
        (Mode::Persistent, NetworkMode::Filtered)
    );
    assert_eq!(
        (options.tmp_bytes, options.pool_strategy),
        (1 << 30, PoolStrategy::Secure)
    );
    assert_eq!(options.network_filter.whitelist, ["a"]);
    assert_eq!(options.pool_size, PoolSize { clean: 3, dirty: 3 });
    assert_eq!(options.seccomp, Seccomp::Custom("/p".into()));
    assert_eq!(options.oci_runtime.as_deref(), Some("runsc"));
    assert_eq!(options.audit.retention, Duration::from_hours(12));
    assert_eq!(options.remote_code.allowed_schemes, ["http"]);
    assert_eq!(options.remote_code.allow_private, ["::1"]);
    assert_eq!(options.remote_code.cache_ttl, Duration::ZERO);
    let size = resolve(r#"{"poolSize": {"clean": 0}}"#).unwrap().pool_size;
    assert_eq!(size, PoolSize { clean: 0, dirty: 1 });
}

#[test]
fn a_refused_option_is_named_with_its_value() {
    for (json, message) in [
        (
            r#"{"cpuLimit": 0}"#,
            "Invalid cpuLimit: 0. It must be a finite number above 0.",
        ),
        (
            r#"{"pidsLimit": 1.5}"#,
            "Invalid pidsLimit: 1.5. It must be a whole number from 1 to 4194000.",
        ),
        (
            r#"{"pidsLimit": -1}"#,
            "Invalid pidsLimit: -1. It must be a whole number from 1 to 4194000.",
        ),
        (
            r#"{"maxOutputSize": 0}"#,
            "Invalid maxOutputSize: 0. It must be a whole number above 0.",
        ),
        (
            r#"{"maxOutputFilesSize": 268435457}"#,
            "Invalid maxOutputFilesSize: 268435457. It must be a whole number of bytes, at most \
             268435456.",
        ),
        (
            r#"{"timeoutMs": -5}"#,
            "Invalid timeoutMs: -5. It must be a finite number above 0.",
        ),
        (
            r#"{"memoryLimit": "0m"}"#,
            "Invalid memoryLimit: 0m. It must be a size above 0.",
        ),
        (
            r#"{"memoryLimit": "4m"}"#,
            "Invalid memoryLimit: 4m. It must be at least 6m.",
        ),
        (
            r#"{"cpuLimit": 0.001}"#,
            "Invalid cpuLimit: 0.001. It must be at least 0.01.",
        ),
        (
            r#"{"sandboxSize": "big"}"#,
            "Invalid memory limit format: \"big\". Use e.g. \"512m\", \"1g\".",
        ),
        (
            r#"{"mode": "x"}"#,
            "Invalid mode: \"x\". Expected one of: ephemeral, persistent.",
        ),
        (
            r#"{"network": "None"}"#,
            "Invalid network: \"None\". Expected one of: none, host, filtered.",
        ),
        (
            r#"{"poolStrategy": ""}"#,
            "Invalid poolStrategy: \"\". Expected one of: fast, secure.",
        ),
        (
            r#"{"poolSize": {"dirty": -1}}"#,
            "Invalid poolSize.dirty: -1. It must be a whole number from 0 to 1000.",
        ),
        (
            r#"{"poolSize": 1001}"#,
            "Invalid poolSize: 1001. It must be a whole number from 0 to 1000.",
        ),
        (
            r#"{"preload": {"python": ["a-b"]}}"#,
            "Invalid preload.python: \"a-b\". It must be the name of a module, such as \"pandas\" \
             or \"concurrent.futures\".",
        ),
        (
            r#"{"security": {"seccomp": "off"}}"#,
            "Invalid security.seccomp: \"off\". Expected one of: strict, unconfined, custom.",
        ),
        (
            r#"{"security": {"seccomp": "custom"}}"#,
            "security.seccomp is \"custom\", but security.customProfilePath is missing.",
        ),
        (
            r#"{"audit": {"destination": "s3"}}"#,
            "Unsupported audit destination: s3",
        ),
        (
            r#"{"audit": {"retentionDays": 0}}"#,
            "Invalid audit.retentionDays: 0. It must be a finite number above 0.",
        ),
        (
            r#"{"remoteCode": {"maxCodeSize": 0}}"#,
            "Invalid remoteCode.maxCodeSize: 0. It must be a whole number above 0.",
        ),
    ] {
        assert_eq!(resolve(json).unwrap_err().to_string(), message);
    }
    let raw = RawOptions {
        cpu_limit: Some(f64::NAN),
        ..Default::default()
    };
    assert_eq!(
        Options::try_from(raw).unwrap_err().to_string(),
        "Invalid cpuLimit: NaN. It must be a finite number above 0."
    );
}

#[test]
fn a_pool_size_of_another_type_is_told_what_it_may_be() {
    for wrong in [r#""2""#, "[1]", "true", r#"{"clean": "2"}"#] {
        let raw = serde_json::from_str::<RawOptions>(&format!(r#"{{"poolSize": {wrong}}}"#));
        let error = raw.unwrap_err().to_string();
        let expected = "it must be a whole number or an object such as";
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn secrets_are_not_printed_with_the_options() {
    let raw: RawOptions = serde_json::from_str(r#"{"secrets": {"KEY": "hunter2"}}"#).unwrap();
    assert!(!format!("{raw:?}").contains("hunter2"));
    assert!(!format!("{:?}", Options::try_from(raw).unwrap()).contains("hunter2"));
}

#[test]
fn raw_options_survive_the_way_to_a_remote_engine() {
    let json = r#"{"cpuLimit":2.0,"secrets":{"KEY":"hunter2"},"poolSize":{"clean":2.0}}"#;
    let raw: RawOptions = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_string(&raw).unwrap(), json);
}

#[test]
fn the_default_configuration_is_the_default_options() {
    let from_config = Options::try_from(isol8_api::config::Config::default().raw_options());
    assert_eq!(from_config, Options::try_from(RawOptions::default()));
    assert!(from_config.is_ok());
}
