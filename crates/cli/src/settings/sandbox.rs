//! Settings of the sandbox, for every command that runs programs in one.

use std::collections::BTreeMap;

use isol8_api::options::{RawNetworkFilter, RawOptions, RawSecrets};
use isol8_engine::runtime::RuntimeSpec;

use super::build::names;
use crate::args::{NetworkArg, Pair, SandboxArgs};

/// The options of the engine: `options`, such as those of the configuration, and over them the flags.
pub(super) fn options(
    args: &SandboxArgs,
    mut options: RawOptions,
    runtime: &RuntimeSpec,
    debug: bool,
) -> RawOptions {
    let installs = !packages(args, runtime).is_empty();
    let network = match args.net {
        Some(mode) => Some(mode),
        // The program would find its packages' registries closed.
        None if installs => Some(NetworkArg::Filtered),
        None => None,
    };
    if let Some(mode) = network {
        options.network = Some(
            match mode {
                NetworkArg::None => "none",
                NetworkArg::Host => "host",
                NetworkArg::Filtered => "filtered",
            }
            .to_owned(),
        );
    }
    let filter = options.network_filter.get_or_insert_default();
    set_filter(filter, args, runtime, installs);
    if args.writable {
        options.readonly_root_fs = Some(false);
    }
    if !args.secret.is_empty() {
        let secrets = args.secret.iter();
        options.secrets = Some(RawSecrets(
            secrets
                .map(|pair| (pair.key.clone(), pair.value.clone()))
                .collect(),
        ));
    }
    set(&mut options.timeout_ms, args.timeout.map(f64::from));
    set(&mut options.memory_limit, args.memory.clone());
    set(&mut options.cpu_limit, args.cpu);
    set(&mut options.pids_limit, args.pids_limit.map(f64::from));
    set(&mut options.max_output_size, args.max_output.map(f64::from));
    set(&mut options.sandbox_size, args.sandbox_size.clone());
    set(&mut options.tmp_size, args.tmp_size.clone());
    set(&mut options.image, args.image.clone());
    set(&mut options.persist, args.persist.then_some(true));
    set(&mut options.log_network, args.log_network.then_some(true));
    set(&mut options.debug, debug.then_some(true));
    options
}

/// Flags take the place of the configuration's lists. The registries of packages are added to them.
fn set_filter(
    filter: &mut RawNetworkFilter,
    args: &SandboxArgs,
    runtime: &RuntimeSpec,
    installs: bool,
) {
    if !args.allow.is_empty() {
        filter.whitelist = Some(args.allow.clone());
    }
    if !args.deny.is_empty() {
        filter.blacklist = Some(args.deny.clone());
    }
    if installs {
        let registries = runtime.registries.iter().map(|host| exactly(host));
        filter.whitelist.get_or_insert_default().extend(registries);
    }
}

/// A pattern for this host and no other.
fn exactly(host: &str) -> String {
    format!("^{}$", host.replace('.', r"\."))
}

fn set<T>(option: &mut Option<T>, flag: Option<T>) {
    if flag.is_some() {
        *option = flag;
    }
}

/// The packages to install, one by one: a flag may name several, with commas.
pub(super) fn packages(args: &SandboxArgs, runtime: &RuntimeSpec) -> Vec<String> {
    let given: Vec<_> = args
        .install
        .iter()
        .flat_map(|flag| flag.split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    // Another image may have the packages of another distribution.
    if args.image.is_some() {
        return given;
    }
    names(runtime.name, &given)
}

/// The environment of a request.
pub(super) fn environment(pairs: Vec<Pair>) -> BTreeMap<String, String> {
    pairs
        .into_iter()
        .map(|pair| (pair.key, pair.value))
        .collect()
}
