//! `config`: shows the configuration that is in effect.

use std::fmt::{self, Display, Write as _};

use isol8_api::{
    config::{AuditConfig, Config, ConfigSource, LoadedConfig, PoolSizeConfig, SecurityConfig},
    options::{NetworkMode, PoolStrategy, SeccompMode},
};

use crate::{
    args::ConfigArgs,
    failure::{Exit, Failure},
    output::print,
};

/// Milliseconds in a minute.
const MINUTE: u64 = 60_000;

/// What stands for nothing.
const NONE: &str = "(none)";

/// Prints the configuration.
pub(crate) fn run(args: ConfigArgs, loaded: &LoadedConfig) -> Result<Exit, Failure> {
    if args.json {
        let json = serde_json::to_string_pretty(&loaded.config);
        return print(&json.map_err(|error| Failure::Usage(error.to_string()))?);
    }
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = describe(&mut text, loaded);
    print(text.trim_end())
}

fn describe(to: &mut String, loaded: &LoadedConfig) -> fmt::Result {
    let config = &loaded.config;
    writeln!(to, "Isol8 Configuration")?;
    match &loaded.source {
        ConfigSource::File(file) => writeln!(to, "  Source: {}", file.display())?,
        ConfigSource::Defaults => writeln!(to, "  Source: defaults (no config file found)")?,
    }
    section(
        to,
        "General",
        &[
            ("Max concurrent", &config.max_concurrent),
            ("Debug", &config.debug),
        ],
    )?;
    let defaults = &config.defaults;
    section(
        to,
        "Defaults",
        &[
            ("Timeout", &format_args!("{}ms", defaults.timeout_ms)),
            ("Memory limit", &defaults.memory_limit),
            ("CPU limit", &defaults.cpu_limit),
            ("Network", &network(defaults.network)),
            ("Sandbox size", &defaults.sandbox_size),
            ("Tmp size", &defaults.tmp_size),
            ("Read-only root", &defaults.readonly_root_fs),
        ],
    )?;
    section(
        to,
        "Network Filter",
        &[
            ("Whitelist", &list(&config.network.whitelist)),
            ("Blacklist", &list(&config.network.blacklist)),
        ],
    )?;
    let remote = &config.remote_code;
    section(
        to,
        "Remote Code",
        &[
            ("Enabled", &remote.enabled),
            ("Schemes", &list(&remote.allowed_schemes)),
            ("Allowed hosts", &list(&remote.allowed_hosts)),
            ("Blocked hosts", &list(&remote.blocked_hosts)),
            (
                "Max code size",
                &format_args!("{} bytes", remote.max_code_size),
            ),
            (
                "Fetch timeout",
                &format_args!("{}ms", remote.fetch_timeout_ms),
            ),
            ("Require hash", &remote.require_hash),
            ("Cache", &remote.enable_cache),
            ("Cache TTL", &format_args!("{}s", remote.cache_ttl)),
        ],
    )?;
    security(to, &config.security)?;
    audit(to, &config.audit)?;
    let age = config.cleanup.max_container_age_ms;
    section(
        to,
        "Cleanup",
        &[
            ("Auto-prune", &config.cleanup.auto_prune),
            (
                "Max idle time",
                &format_args!("{age}ms ({}min)", age / MINUTE),
            ),
        ],
    )?;
    let (clean, dirty) = match config.pool_size {
        PoolSizeConfig::Both(size) => (size, size),
        PoolSizeConfig::Each { clean, dirty } => (clean, dirty),
    };
    section(
        to,
        "Pool Defaults (Serve)",
        &[
            ("Pool strategy", &strategy(config.pool_strategy)),
            ("Pool size", &format_args!("{clean},{dirty}")),
        ],
    )?;
    images(to, config)
}

fn security(to: &mut String, security: &SecurityConfig) -> fmt::Result {
    let profile = security.custom_profile_path.as_deref().unwrap_or(NONE);
    let runtime = security.runtime.as_deref();
    section(
        to,
        "Security",
        &[
            ("Seccomp", &seccomp(security.seccomp)),
            ("Custom profile", &profile),
            ("Own user", &security.own_user),
            ("OCI runtime", &runtime.unwrap_or("(the daemon's default)")),
        ],
    )
}

fn audit(to: &mut String, audit: &AuditConfig) -> fmt::Result {
    let directory = audit.log_dir.as_deref().unwrap_or("(the default)");
    let script = audit.post_log_script.as_deref().unwrap_or(NONE);
    section(
        to,
        "Audit",
        &[
            ("Enabled", &audit.enabled),
            ("Destination", &audit.destination),
            ("Directory", &directory),
            ("After a record", &script),
            ("Resources", &audit.track_resources),
            ("Code", &audit.include_code),
            ("Output", &audit.include_output),
            ("Kept for", &format_args!("{} days", audit.retention_days)),
        ],
    )
}

/// The images that `isol8 setup` builds.
fn images(to: &mut String, config: &Config) -> fmt::Result {
    let dependencies = config.dependencies.by_runtime();
    if !dependencies.is_empty() {
        heading(to, "Dependencies")?;
        for (runtime, packages) in dependencies {
            row(to, runtime, &packages.join(", "))?;
        }
    }
    if !config.prebuilt_images.is_empty() {
        heading(to, "Prebuilt Images")?;
        for image in &config.prebuilt_images {
            let packages = list(&image.install_packages);
            let value = format!("{}: {packages}", image.runtime);
            row(to, &image.tag, &value)?;
        }
    }
    Ok(())
}

fn section(to: &mut String, title: &str, rows: &[(&str, &dyn Display)]) -> fmt::Result {
    heading(to, title)?;
    rows.iter()
        .try_for_each(|(name, value)| row(to, name, value))
}

fn heading(to: &mut String, title: &str) -> fmt::Result {
    writeln!(to, "\n  ── {title} ──")
}

fn row(to: &mut String, name: &str, value: &dyn Display) -> fmt::Result {
    let label = format!("{name}:");
    writeln!(to, "  {label:<16} {value}")
}

fn network(mode: NetworkMode) -> &'static str {
    match mode {
        NetworkMode::None => "none",
        NetworkMode::Host => "host",
        NetworkMode::Filtered => "filtered",
    }
}

fn seccomp(mode: SeccompMode) -> &'static str {
    match mode {
        SeccompMode::Strict => "strict",
        SeccompMode::Unconfined => "unconfined",
        SeccompMode::Custom => "custom",
    }
}

fn strategy(strategy: PoolStrategy) -> &'static str {
    match strategy {
        PoolStrategy::Fast => "fast",
        PoolStrategy::Secure => "secure",
    }
}

fn list(entries: &[String]) -> String {
    if entries.is_empty() {
        NONE.to_owned()
    } else {
        entries.join(", ")
    }
}

#[cfg(test)]
mod tests;
