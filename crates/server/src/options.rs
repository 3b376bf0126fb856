//! The options of an execution: those of the request, over those of the server's configuration.

pub(crate) mod tenant;

use isol8_api::options::RawOptions;

/// What a caller with the master key chooses, over the server's own `defaults`. Mode, audit log, pools,
/// request limits, trusted images and the debug log are the server's.
pub(crate) fn over(defaults: RawOptions, request: RawOptions) -> RawOptions {
    // Every field is named, so that a new option is a decision here.
    let RawOptions {
        mode: _,
        network,
        network_filter,
        install_network,
        install_registries,
        cpu_limit,
        memory_limit,
        pids_limit,
        readonly_root_fs,
        max_output_size,
        max_output_files_size,
        secrets,
        timeout_ms,
        image,
        sandbox_size,
        tmp_size,
        volume_size,
        debug: _,
        persist,
        log_network,
        security,
        audit: _,
        remote_code,
        pool_strategy: _,
        pool_size: _,
        idle_ms: _,
        preload,
        request_limits: _,
        // Whose labels are believed is the server's.
        trusted_images: _,
    } = request;
    RawOptions {
        network: network.or(defaults.network),
        network_filter: network_filter.or(defaults.network_filter),
        install_network: install_network.or(defaults.install_network),
        install_registries: install_registries.or(defaults.install_registries),
        cpu_limit: cpu_limit.or(defaults.cpu_limit),
        memory_limit: memory_limit.or(defaults.memory_limit),
        pids_limit: pids_limit.or(defaults.pids_limit),
        readonly_root_fs: readonly_root_fs.or(defaults.readonly_root_fs),
        max_output_size: max_output_size.or(defaults.max_output_size),
        max_output_files_size: max_output_files_size.or(defaults.max_output_files_size),
        secrets: secrets.or(defaults.secrets),
        timeout_ms: timeout_ms.or(defaults.timeout_ms),
        image: image.or(defaults.image),
        sandbox_size: sandbox_size.or(defaults.sandbox_size),
        tmp_size: tmp_size.or(defaults.tmp_size),
        volume_size: volume_size.or(defaults.volume_size),
        persist: persist.or(defaults.persist),
        log_network: log_network.or(defaults.log_network),
        security: security.or(defaults.security),
        remote_code: remote_code.or(defaults.remote_code),
        preload: preload.or(defaults.preload),
        ..defaults
    }
}

#[cfg(test)]
mod tests {
    use isol8_api::config::Config;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_goes_over_the_configuration_but_for_what_is_the_servers() {
        let config: Config = serde_json::from_value(json!({
            "defaults": {"memoryLimit": "1g", "timeoutMs": 5},
            "network": {"whitelist": ["^a$"]},
            "poolStrategy": "secure",
        }))
        .unwrap();
        let request: RawOptions = serde_json::from_value(json!({
            "mode": "persistent", "timeoutMs": 7, "pidsLimit": 9, "poolSize": 8, "debug": true,
            "poolStrategy": "fast", "audit": {"enabled": true}, "requestLimits": "default",
            "remoteCode": {"enabled": true}, "secrets": {"A": "b"},
        }))
        .unwrap();
        let remote_code = request.remote_code.clone();
        let defaults = config.raw_options();
        let expected = RawOptions {
            timeout_ms: Some(7.0),
            pids_limit: Some(9.0),
            remote_code,
            secrets: request.secrets.clone(),
            ..defaults.clone()
        };
        assert_eq!(over(defaults, request), expected);
        assert_eq!(expected.memory_limit.as_deref(), Some("1g"));
        assert_eq!(expected.mode, None);
    }
}
