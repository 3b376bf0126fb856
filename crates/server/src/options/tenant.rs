//! The options of a tenant's request. What would let a tenant out of its limits is refused by name, and sizes are capped.

mod sizes;

use isol8_api::options::{
    RawInstallRegistries, RawNetworkFilter, RawOptions, RawRemoteCode, RawSecurity, number,
};
use isol8_engine::options::{OptionError, parse_size, size_text};

use self::sizes::{check_blacklist, check_preload, check_secrets};
use crate::{
    callers::{Maxima, TenantRules},
    error::ApiError,
    options,
};

/// The options of a tenant's request for `runtime`, over the server's own `defaults`.
pub(crate) fn over(
    mut defaults: RawOptions,
    request: RawOptions,
    rules: &TenantRules,
    runtime: &str,
) -> Result<RawOptions, ApiError> {
    let held = held(&defaults, request, rules)?;
    // What the server does for its operator is more than a tenant gets.
    let is_open = |network: Option<&str>| match network {
        Some("host") => true,
        Some("filtered") => !rules.allows_network,
        _ => false,
    };
    if is_open(defaults.network.as_deref()) {
        defaults.network = Some("none".to_owned());
    }
    if !rules.allows_network {
        defaults.install_network = Some(false);
    }
    if let Some(security) = &mut defaults.security
        && security.seccomp.as_deref() == Some("unconfined")
    {
        security.seccomp = Some("strict".to_owned());
    }
    let options = RawOptions {
        request_limits: Some(rules.request_limits.clone()),
        ..options::over(defaults, held)
    };
    capped(options, &rules.maxima, runtime)
}

/// Options with the largest values of a tenant where they are more, whoever has said them.
fn capped(mut options: RawOptions, maxima: &Maxima, runtime: &str) -> Result<RawOptions, ApiError> {
    let (pids, sandbox) = (maxima.pids(runtime), maxima.sandbox(runtime));
    options.cpu_limit = options.cpu_limit.map(|cores| cores.min(maxima.cpu));
    options.pids_limit = match options.pids_limit {
        Some(count) => Some(count.min(number(pids.most))),
        None => pids.left_out.map(number),
    };
    for (option, size, most) in [
        ("memoryLimit", &mut options.memory_limit, maxima.memory),
        ("sandboxSize", &mut options.sandbox_size, sandbox.most),
        ("volumeSize", &mut options.volume_size, sandbox.most),
        ("tmpSize", &mut options.tmp_size, maxima.tmp),
    ] {
        cap(option, size, most)?;
    }
    if options.sandbox_size.is_none() {
        options.sandbox_size = sandbox.left_out.map(size_text);
    }
    for (bytes, most) in [
        (&mut options.max_output_size, MAX_OUTPUT_BYTES),
        (&mut options.max_output_files_size, MAX_OUTPUT_FILES_BYTES),
    ] {
        *bytes = bytes.map(|bytes| bytes.min(most));
    }
    Ok(options)
}

/// Refuses options that are not a tenant's to choose. Those that say what holds anyway are left out.
fn held(
    defaults: &RawOptions,
    mut request: RawOptions,
    rules: &TenantRules,
) -> Result<RawOptions, ApiError> {
    let network = request.network.as_deref();
    refuse("network \"host\"", network == Some("host"))?;
    if !rules.allows_network {
        refuse("network \"filtered\"", network == Some("filtered"))?;
        refuse("installNetwork true", request.install_network == Some(true))?;
    }
    refuse("persist", request.persist == Some(true))?;
    let registries = request.install_registries.take();
    let own_registries = registries.is_some_and(|own| {
        own != RawInstallRegistries::default() && Some(&own) != defaults.install_registries.as_ref()
    });
    refuse("installRegistries", own_registries)?;
    let writable = request.readonly_root_fs == Some(false);
    refuse(
        "readonlyRootFs false",
        writable && defaults.readonly_root_fs != Some(false),
    )?;
    check_secrets(request.secrets.as_ref())?;
    check_preload(request.preload.as_ref())?;
    if let Some(image) = &request.image {
        refuse("image", !rules.images.contains(image))?;
    }
    if let Some(security) = request.security.take() {
        check_security(defaults.security.as_ref(), &security)?;
    }
    if let Some(policy) = request.remote_code.take() {
        let RawRemoteCode {
            enabled,
            allow_private,
            ..
        } = &policy;
        let opens =
            *enabled == Some(true) || allow_private.as_ref().is_some_and(|all| !all.is_empty());
        refuse(
            "remoteCode",
            opens && Some(&policy) != defaults.remote_code.as_ref(),
        )?;
    }
    if let Some(filter) = request.network_filter.take() {
        request.network_filter = Some(filter_over(defaults.network_filter.clone(), filter)?);
    }
    Ok(request)
}

/// Largest `maxOutputSize` of a tenant in bytes: the default of engines.
const MAX_OUTPUT_BYTES: f64 = 1_048_576.0;

/// Largest `maxOutputFilesSize` of a tenant in bytes: the default of engines.
const MAX_OUTPUT_FILES_BYTES: f64 = 67_108_864.0;

fn refuse(option: &'static str, is_more: bool) -> Result<(), ApiError> {
    if is_more {
        return Err(ApiError::NotAllowed { option });
    }
    Ok(())
}

fn check_security(own: Option<&RawSecurity>, wanted: &RawSecurity) -> Result<(), ApiError> {
    let differs = |wanted: &Option<String>, own: Option<&String>| {
        wanted.as_ref().is_some_and(|wanted| Some(wanted) != own)
    };
    let is_strict = wanted.seccomp.as_deref() == Some("strict");
    let own_seccomp = own
        .and_then(|own| own.seccomp.as_ref())
        .filter(|own| *own != "unconfined");
    refuse(
        "security.seccomp",
        !is_strict && differs(&wanted.seccomp, own_seccomp),
    )?;
    let own_path = own.and_then(|own| own.custom_profile_path.as_ref());
    refuse(
        "security.customProfilePath",
        differs(&wanted.custom_profile_path, own_path),
    )?;
    let own_runtime = own.and_then(|own| own.runtime.as_ref());
    refuse("security.runtime", differs(&wanted.runtime, own_runtime))
}

/// The server's own rules of the network, with the hosts that the tenant refuses beside them. A whitelist of a tenant could open
/// private addresses of the operator.
fn filter_over(
    own: Option<RawNetworkFilter>,
    wanted: RawNetworkFilter,
) -> Result<RawNetworkFilter, ApiError> {
    let mut own = own.unwrap_or_default();
    let RawNetworkFilter {
        whitelist,
        blacklist,
        hosts,
        allow_private,
        allow_loopback,
        ports,
    } = wanted;
    let adds = |wanted: &Option<Vec<String>>, own: &Option<Vec<String>>| {
        wanted
            .as_ref()
            .is_some_and(|wanted| !wanted.is_empty() && Some(wanted) != own.as_ref())
    };
    refuse("networkFilter.whitelist", adds(&whitelist, &own.whitelist))?;
    refuse(
        "networkFilter.allowPrivate",
        adds(&allow_private, &own.allow_private),
    )?;
    refuse(
        "networkFilter.allowLoopback",
        adds(&allow_loopback, &own.allow_loopback),
    )?;
    refuse(
        "networkFilter.hosts",
        hosts.is_some_and(|hosts| !hosts.is_empty()),
    )?;
    refuse(
        "networkFilter.ports",
        ports.is_some_and(|ports| !ports.is_empty()),
    )?;
    if let Some(blacklist) = blacklist
        && Some(&blacklist) != own.blacklist.as_ref()
    {
        check_blacklist(&blacklist)?;
        own.blacklist.get_or_insert_default().extend(blacklist);
    }
    Ok(own)
}

fn cap(option: &'static str, size: &mut Option<String>, most: u64) -> Result<(), ApiError> {
    if let Some(text) = size {
        let bytes = parse_size(option, text).map_err(|error: OptionError| {
            ApiError::Engine(isol8_engine::EngineError::from(error))
        })?;
        // In its shortest form: a size can have any number of zeros, and engines keep their options.
        *text = size_text(bytes.min(most));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use isol8_api::config::Config;
    use serde_json::json;

    use super::*;
    use crate::callers::{Owner, Policies};

    #[test]
    fn a_size_is_kept_in_its_shortest_form() {
        let policies = Policies::new(&Config::default(), 2, 1).unwrap();
        let policy = policies.of(&Owner::Tenant("a".into()));
        let rules = policy.tenant.as_ref().unwrap();
        let long = format!("{}64m", "0".repeat(1_000_000));
        let options =
            json!({"memoryLimit": long, "sandboxSize": long, "tmpSize": long, "volumeSize": long});
        let request = serde_json::from_value(options).unwrap();
        let options = over(Config::default().raw_options(), request, rules, "bash").unwrap();
        for size in [
            options.memory_limit,
            options.sandbox_size,
            options.tmp_size,
            options.volume_size,
        ] {
            assert_eq!(size.as_deref(), Some("64m"));
        }
    }

    #[test]
    fn where_tenants_may_have_no_network_they_have_none() {
        let merged = |network: &str, options: serde_json::Value| {
            let config = json!({
                "defaults": {"network": "filtered"}, "tenants": {"all": {"network": network}},
            });
            let config: Config = serde_json::from_value(config).unwrap();
            let policy = Policies::new(&config, 2, 1).unwrap();
            let policy = policy.of(&Owner::Tenant("a".into()));
            let request = serde_json::from_value(options).unwrap();
            let rules = policy.tenant.as_ref().unwrap();
            over(config.raw_options(), request, rules, "bash")
                .map(|options| (options.network.unwrap(), options.install_network))
                .map_err(|error| error.to_string())
        };
        let refused = |option: &str| {
            let text =
                format!("This key may not set {option}: the server's configuration decides it");
            Err(text)
        };
        let (none, filtered) = ("none".to_owned(), "filtered".to_owned());
        assert_eq!(merged("none", json!({})), Ok((none.clone(), Some(false))));
        let own = json!({"network": "none", "installNetwork": false});
        assert_eq!(merged("none", own), Ok((none, Some(false))));
        let own = json!({"network": "filtered"});
        assert_eq!(merged("none", own.clone()), refused("network \"filtered\""));
        assert_eq!(merged("filtered", own), Ok((filtered, None)));
        let own = json!({"installNetwork": true});
        assert_eq!(merged("none", own), refused("installNetwork true"));
    }
}
