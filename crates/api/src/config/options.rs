//! The options that a configuration gives to every engine.

use super::{Config, PoolSizeConfig};
use crate::options::{
    NetworkMode, PoolStrategy, RawAudit, RawNetworkFilter, RawOptions, RawPoolSize, RawRemoteCode,
    RawSecurity, SeccompMode, number,
};

impl Config {
    /// The options of an engine that is made by this configuration alone; a request's or a command
    /// line's own options go over them.
    #[must_use]
    pub fn raw_options(&self) -> RawOptions {
        let defaults = &self.defaults;
        RawOptions {
            network: Some(
                match defaults.network {
                    NetworkMode::None => "none",
                    NetworkMode::Host => "host",
                    NetworkMode::Filtered => "filtered",
                }
                .to_owned(),
            ),
            network_filter: Some(RawNetworkFilter {
                whitelist: Some(self.network.whitelist.clone()),
                blacklist: Some(self.network.blacklist.clone()),
                ..RawNetworkFilter::default()
            }),
            cpu_limit: Some(defaults.cpu_limit),
            memory_limit: Some(defaults.memory_limit.clone()),
            readonly_root_fs: Some(defaults.readonly_root_fs),
            timeout_ms: Some(number(defaults.timeout_ms)),
            // What is not configured is left open: the agent's own default is larger.
            sandbox_size: Some(defaults.sandbox_size.clone())
                .filter(|size| *size != Config::default().defaults.sandbox_size),
            tmp_size: Some(defaults.tmp_size.clone()),
            volume_size: defaults.volume_size.clone(),
            debug: Some(self.debug),
            security: Some(self.raw_security()),
            audit: Some(self.raw_audit()),
            remote_code: Some(self.raw_remote_code()),
            pool_strategy: Some(
                match self.pool_strategy {
                    PoolStrategy::Fast => "fast",
                    PoolStrategy::Secure => "secure",
                }
                .to_owned(),
            ),
            pool_size: Some(match self.pool_size {
                PoolSizeConfig::Both(size) => RawPoolSize::Both(number(size)),
                PoolSizeConfig::Each { clean, dirty } => RawPoolSize::Each {
                    clean: Some(number(clean)),
                    dirty: Some(number(dirty)),
                },
            }),
            install_registries: Some(self.install_registries.clone()),
            trusted_images: Some(self.believed_images()),
            request_limits: Some(self.request_limits.clone()),
            preload: Some(self.preload.by_runtime()),
            ..RawOptions::default()
        }
    }

    /// The images that the configuration names: those to trust, and those to build.
    fn believed_images(&self) -> Vec<String> {
        let built = self.prebuilt_images.iter().map(|image| &image.tag);
        self.trusted_images.iter().chain(built).cloned().collect()
    }

    fn raw_security(&self) -> RawSecurity {
        RawSecurity {
            seccomp: Some(
                match self.security.seccomp {
                    SeccompMode::Strict => "strict",
                    SeccompMode::Unconfined => "unconfined",
                    SeccompMode::Custom => "custom",
                }
                .to_owned(),
            ),
            custom_profile_path: self.security.custom_profile_path.clone(),
            own_user: Some(self.security.own_user),
            runtime: self.security.runtime.clone(),
        }
    }

    fn raw_audit(&self) -> RawAudit {
        let audit = self.audit.clone();
        RawAudit {
            enabled: Some(audit.enabled),
            destination: Some(audit.destination),
            log_dir: audit.log_dir,
            post_log_script: audit.post_log_script,
            track_resources: Some(audit.track_resources),
            retention_days: Some(number(audit.retention_days)),
            include_code: Some(audit.include_code),
            include_output: Some(audit.include_output),
        }
    }

    fn raw_remote_code(&self) -> RawRemoteCode {
        let remote = self.remote_code.clone();
        RawRemoteCode {
            enabled: Some(remote.enabled),
            allowed_schemes: Some(remote.allowed_schemes),
            allowed_hosts: Some(remote.allowed_hosts),
            blocked_hosts: Some(remote.blocked_hosts),
            allow_private: Some(remote.allow_private),
            max_code_size: Some(number(remote.max_code_size)),
            fetch_timeout_ms: Some(number(remote.fetch_timeout_ms)),
            require_hash: Some(remote.require_hash),
            enable_cache: Some(remote.enable_cache),
            cache_ttl: Some(number(remote.cache_ttl)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{RawInstallRegistries, RawRequestLimits, RequestPreset};

    #[test]
    fn every_section_reaches_the_options() {
        let config: Config = serde_json::from_str(
            r#"{"defaults": {"network": "host", "timeoutMs": 5, "volumeSize": "3m"}, "network": {"blacklist": ["b"]},
                "security": {"seccomp": "unconfined", "runtime": "runsc"}, "poolSize": 4,
                "poolStrategy": "secure", "audit": {"enabled": true, "destination": "stdout"},
                "remoteCode": {"enabled": true, "cacheTtl": 7, "allowPrivate": ["10.0.0.0/8"]}, "debug": true,
                "preload": {"python": ["json"]}, "requestLimits": "strict",
                "installRegistries": {"deno": ["https://a.test"]}}"#,
        )
        .unwrap();
        let mut expected = RawOptions {
            network: Some("host".into()),
            timeout_ms: Some(5.0),
            volume_size: Some("3m".into()),
            pool_size: Some(RawPoolSize::Both(4.0)),
            pool_strategy: Some("secure".into()),
            debug: Some(true),
            request_limits: Some(RawRequestLimits::Preset(RequestPreset::Strict)),
            install_registries: Some(RawInstallRegistries {
                deno: Some(vec!["https://a.test".into()]),
                ..RawInstallRegistries::default()
            }),
            preload: Some([("python".into(), vec!["json".into()])].into()),
            ..Config::default().raw_options()
        };
        expected.network_filter.as_mut().unwrap().blacklist = Some(vec!["b".into()]);
        let security = expected.security.as_mut().unwrap();
        security.seccomp = Some("unconfined".into());
        security.runtime = Some("runsc".into());
        let audit = expected.audit.as_mut().unwrap();
        (audit.enabled, audit.destination) = (Some(true), Some("stdout".into()));
        let remote = expected.remote_code.as_mut().unwrap();
        (remote.enabled, remote.cache_ttl) = (Some(true), Some(7.0));
        remote.allow_private = Some(vec!["10.0.0.0/8".into()]);
        assert_eq!(config.raw_options(), expected);
    }
}
