//! From raw to resolved options: defaults, checks, units.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use isol8_api::options::{
    DEFAULT_BLOCKED_HOSTS, RawAddresses, RawAudit, RawNetworkFilter, RawOptions, RawPoolSize,
    RawRemoteCode, RawSecurity,
};
use isol8_egress::PolicyOptions;

use super::{
    AuditDestination, AuditOptions, MAX_POOL_SIZE, OptionError, Options, PoolSize,
    RemoteCodePolicy, Seccomp,
    bounds::{cpu_limit, memory_limit, pids_limit},
    choices::{MODES, NETWORK_MODES, POOL_STRATEGIES, choose},
    number::{integer_up_to, positive, positive_integer, timeout},
    parse_size,
};

/// What the files of `outputPaths` may have together unless the caller says otherwise: 64 MiB.
const DEFAULT_OUTPUT_FILES_BYTES: f64 = 67_108_864.0;

/// Most that they may have: 256 MiB. In base64, as results carry them, more would come near to the
/// longest string that JavaScript engines make (512 MiB).
const MAX_OUTPUT_FILES_BYTES: u64 = 256 * 1024 * 1024;

impl TryFrom<RawOptions> for Options {
    type Error = OptionError;

    fn try_from(raw: RawOptions) -> Result<Self, OptionError> {
        let secrets = raw.secrets.unwrap_or_default().try_into()?;
        let security = raw.security.unwrap_or_default();
        let size = |option, text: Option<String>, default: &str| {
            parse_size(option, text.as_deref().unwrap_or(default))
        };
        Ok(Self {
            mode: choose("mode", raw.mode, &MODES)?,
            network: choose("network", raw.network, &NETWORK_MODES)?,
            network_filter: network_policy(raw.network_filter.unwrap_or_default())?,
            install_network: raw.install_network.unwrap_or(true),
            install_registries: raw.install_registries.unwrap_or_default().try_into()?,
            trusted_images: raw.trusted_images.unwrap_or_default(),
            cpu_limit: cpu_limit(raw.cpu_limit.unwrap_or(1.0))?,
            memory_bytes: memory_limit(raw.memory_limit.as_deref().unwrap_or("512m"))?,
            pids_limit: raw.pids_limit.map(pids_limit).transpose()?,
            readonly_root: raw.readonly_root_fs.unwrap_or(true),
            max_output_bytes: positive_integer(
                "maxOutputSize",
                raw.max_output_size.unwrap_or(1_048_576.0),
            )?,
            max_output_files_bytes: integer_up_to(
                "maxOutputFilesSize",
                raw.max_output_files_size
                    .unwrap_or(DEFAULT_OUTPUT_FILES_BYTES),
                MAX_OUTPUT_FILES_BYTES,
                "a whole number of bytes, at most 268435456",
            )?,
            secrets,
            timeout: timeout("timeoutMs", raw.timeout_ms.unwrap_or(30_000.0))?,
            image: raw.image.filter(|image| !image.is_empty()),
            sandbox_bytes: raw
                .sandbox_size
                .map(|text| parse_size("sandboxSize", &text))
                .transpose()?,
            tmp_bytes: size("tmpSize", raw.tmp_size, "256m")?,
            volume_bytes: raw
                .volume_size
                .map(|text| parse_size("volumeSize", &text))
                .transpose()?,
            debug: raw.debug.unwrap_or(false),
            persist: raw.persist.unwrap_or(false),
            log_network: raw.log_network.unwrap_or(false),
            oci_runtime: security
                .runtime
                .clone()
                .filter(|runtime| !runtime.is_empty()),
            own_user: security.own_user.unwrap_or(false),
            seccomp: security.try_into()?,
            audit: raw.audit.unwrap_or_default().try_into()?,
            remote_code: raw.remote_code.unwrap_or_default().try_into()?,
            pool_strategy: choose("poolStrategy", raw.pool_strategy, &POOL_STRATEGIES)?,
            request_limits: raw.request_limits.unwrap_or_default().try_into()?,
            parking: true,
            park_secrets: true,
            preload: raw.preload.unwrap_or_default().try_into()?,
            pool_size: match raw.pool_size {
                Some(size) => size.try_into()?,
                None => PoolSize::default(),
            },
            idle: timeout("idleMs", raw.idle_ms.unwrap_or(60_000.0))?,
        })
    }
}

/// Patterns and places are compiled, and refused, when the engine is made.
fn network_policy(raw: RawNetworkFilter) -> Result<PolicyOptions, OptionError> {
    let hosts = raw.hosts.unwrap_or_default().into_iter().map(addresses);
    let port = |port: f64| {
        let rule = "a whole number from 1 to 65535";
        let number = integer_up_to("networkFilter.ports", port, u64::from(u16::MAX), rule)?;
        match u16::try_from(number) {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(OptionError::Number {
                option: "networkFilter.ports",
                value: port.to_string(),
                rule,
            }),
        }
    };
    Ok(PolicyOptions {
        whitelist: raw.whitelist.unwrap_or_default(),
        blacklist: raw.blacklist.unwrap_or_default(),
        hosts: hosts.collect::<Result<_, _>>()?,
        allow_private: raw.allow_private.unwrap_or_default(),
        allow_loopback: raw.allow_loopback.unwrap_or_default(),
        ports: raw
            .ports
            .map(|ports| ports.into_iter().map(port).collect())
            .transpose()?,
        ..PolicyOptions::default()
    })
}

fn addresses(
    (name, addresses): (String, RawAddresses),
) -> Result<(String, Vec<IpAddr>), OptionError> {
    let addresses = match addresses {
        RawAddresses::One(address) => vec![address],
        RawAddresses::Many(addresses) => addresses,
    };
    let parsed = addresses.into_iter().map(|address| {
        let bare = address.trim_start_matches('[').trim_end_matches(']');
        bare.parse().map_err(|_| OptionError::Address {
            host: name.clone(),
            value: address.clone(),
        })
    });
    let parsed = parsed.collect::<Result<Vec<_>, _>>()?;
    Ok((name, parsed))
}

impl TryFrom<RawSecurity> for Seccomp {
    type Error = OptionError;

    fn try_from(raw: RawSecurity) -> Result<Self, OptionError> {
        match raw.seccomp.as_deref() {
            None | Some("strict") => Ok(Self::Strict),
            Some("unconfined") => Ok(Self::Unconfined),
            Some("custom") => match raw.custom_profile_path {
                Some(path) if !path.is_empty() => Ok(Self::Custom(path.into())),
                _ => Err(OptionError::MissingSeccompProfile),
            },
            Some(other) => Err(OptionError::Choice {
                option: "security.seccomp",
                value: other.to_owned(),
                expected: "strict, unconfined, custom",
            }),
        }
    }
}

impl TryFrom<RawAudit> for AuditOptions {
    type Error = OptionError;

    fn try_from(raw: RawAudit) -> Result<Self, OptionError> {
        let days = positive("audit.retentionDays", raw.retention_days.unwrap_or(90.0))?;
        Ok(Self {
            enabled: raw.enabled.unwrap_or(false),
            destination: match raw.destination.as_deref() {
                None | Some("filesystem" | "file") => AuditDestination::Filesystem,
                Some("stdout") => AuditDestination::Stdout,
                Some(other) => {
                    return Err(OptionError::AuditDestination {
                        value: other.to_owned(),
                    });
                }
            },
            log_dir: raw
                .log_dir
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
            post_log_script: raw.post_log_script.filter(|script| !script.is_empty()),
            track_resources: raw.track_resources.unwrap_or(true),
            retention: Duration::try_from_secs_f64(days * 86_400.0).unwrap_or(Duration::MAX),
            include_code: raw.include_code.unwrap_or(false),
            include_output: raw.include_output.unwrap_or(false),
        })
    }
}

impl TryFrom<RawRemoteCode> for RemoteCodePolicy {
    type Error = OptionError;

    fn try_from(raw: RawRemoteCode) -> Result<Self, OptionError> {
        let schemes = raw
            .allowed_schemes
            .unwrap_or_else(|| vec!["https".to_owned()]);
        let ttl = raw.cache_ttl.unwrap_or(3600.0);
        let max_ttl = u64::from(u32::MAX);
        let ttl_rule = "a whole number of seconds";
        Ok(Self {
            enabled: raw.enabled.unwrap_or(false),
            allowed_schemes: schemes
                .iter()
                .map(|scheme| scheme.trim_end_matches(':').to_ascii_lowercase())
                .collect(),
            allowed_hosts: raw.allowed_hosts.unwrap_or_default(),
            blocked_hosts: raw
                .blocked_hosts
                .unwrap_or_else(|| DEFAULT_BLOCKED_HOSTS.map(str::to_owned).to_vec()),
            allow_private: raw.allow_private.unwrap_or_default(),
            max_code_bytes: positive_integer(
                "remoteCode.maxCodeSize",
                raw.max_code_size.unwrap_or(10_485_760.0),
            )?,
            fetch_timeout: timeout(
                "remoteCode.fetchTimeoutMs",
                raw.fetch_timeout_ms.unwrap_or(30_000.0),
            )?,
            require_hash: raw.require_hash.unwrap_or(false),
            enable_cache: raw.enable_cache.unwrap_or(true),
            cache_ttl: Duration::from_secs(integer_up_to(
                "remoteCode.cacheTtl",
                ttl,
                max_ttl,
                ttl_rule,
            )?),
        })
    }
}

impl TryFrom<RawPoolSize> for PoolSize {
    type Error = OptionError;

    fn try_from(raw: RawPoolSize) -> Result<Self, OptionError> {
        let count = |option, value: f64| {
            let rule = "a whole number from 0 to 1000";
            let count = integer_up_to(option, value, MAX_POOL_SIZE as u64, rule)?;
            Ok(usize::try_from(count).unwrap_or(MAX_POOL_SIZE))
        };
        match raw {
            RawPoolSize::Both(size) => {
                let size = count("poolSize", size)?;
                Ok(Self {
                    clean: size,
                    dirty: size,
                })
            }
            RawPoolSize::Each { clean, dirty } => Ok(Self {
                clean: count("poolSize.clean", clean.unwrap_or(1.0))?,
                dirty: count("poolSize.dirty", dirty.unwrap_or(1.0))?,
            }),
        }
    }
}

#[cfg(test)]
mod tests;
