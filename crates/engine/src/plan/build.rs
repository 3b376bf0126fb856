//! Building the plan of a checked request.

use std::collections::BTreeMap;

use isol8_api::options::NetworkMode;
use isol8_protocol::{ProxyPort, SANDBOX_DIR};

use super::{
    CheckedRequest, ExecutionPlan, ImageChoice, PlanError, Source, Step, StepStdin,
    environment::{environment, proxy_environment},
    limits,
    parking::why_plain,
    program::{program, session_call},
    request::Runner,
    types::shell,
};
use crate::{
    options::Options,
    runtime::{
        InstallCommand, PackageRegistry, RuntimeSpec, any_shell, registry_environment,
        registry_hosts,
    },
};

/// The plan of a request whose program (`source`) is at hand.
pub fn plan(
    options: &Options,
    mut request: CheckedRequest<'_>,
    source: Source,
) -> Result<ExecutionPlan, PlanError> {
    if let Source::Code(code) = &source {
        limits::check_fetched(&options.request_limits, code)?;
    }
    let owner = request.owner;
    let env = environment(options, &request.env, owner);
    let step = |argv| Step {
        argv: match options.image {
            Some(_) => any_shell(argv),
            None => argv,
        },
        env: env.clone(),
        cwd: request.cwd.clone(),
        stdin: StepStdin::Empty,
        session: None,
        proxy: proxy_port(options),
    };
    let installing = owner.filter(|_| !request.packages.is_empty());
    let install = installing
        .map(|runtime| install_step(options, runtime, step(Vec::new()), &request.packages));
    let reaching = owner.filter(|_| reaches_registries(options));
    let install_hosts = match (reaching, &install) {
        (Some(runtime), Some(_)) => registry_hosts(runtime, registries_of(options, runtime)),
        _ => Vec::new(),
    };
    let code = program(options, &request, source)?;
    let mut program = step(code.argv);
    program.session = session_call(options, &request, code.extension.as_deref(), &program);
    let request_setup = request
        .setup_script
        .take()
        .map(|script| step(shell(&script)));
    if let Some(stdin) = request.stdin.take() {
        program.stdin = StepStdin::Bytes(stdin.into_bytes());
    }
    let mut plan = ExecutionPlan {
        image: image(options, &request),
        install,
        install_hosts,
        registry_files: reaching.map(|runtime| runtime.registry_files),
        request_setup,
        program_file: code.file,
        program,
        output_paths: request.output_paths.take(),
        output_encoding: request.output_encoding,
        live: request.live.take(),
        local_files: std::mem::take(&mut request.local_files),
        files: std::mem::take(&mut request.files),
        timeout: request.timeout,
        parked: false,
        main_extension: code.extension,
        packages: std::mem::take(&mut request.packages),
        runtime: std::mem::take(&mut request.runtime),
    };
    let parking = match &request.runner {
        Runner::Runtime(runtime) => runtime.parking,
        Runner::Adapter(_) => None,
    };
    let secrets = options.secrets.iter().map(|(name, _)| name);
    let secrets = secrets.filter(|_| !options.park_secrets);
    let names = request.env.keys().map(String::as_str).chain(secrets);
    let reason = why_plain(names, &plan, parking);
    plan.parked = reason.is_none();
    if let Some(why) = reason {
        tracing::debug!(why, "plain start");
    }
    Ok(plan)
}

fn image(options: &Options, request: &CheckedRequest<'_>) -> ImageChoice {
    match &options.image {
        Some(image) => ImageChoice::Explicit(image.clone()),
        None if request.owner.is_none() => ImageChoice::Explicit(request.image().to_owned()),
        None => ImageChoice::Runtime {
            image: request.image().to_owned(),
            packages: request.packages.clone(),
        },
    }
}

/// Who finds the proxy while anything but an installation runs.
fn proxy_port(options: &Options) -> ProxyPort {
    match options.network {
        NetworkMode::Filtered => ProxyPort::Open,
        NetworkMode::None | NetworkMode::Host => ProxyPort::Closed,
    }
}

/// Gives an empty step its installer. It runs in `/sandbox` whatever the working directory is.
fn install_step(
    options: &Options,
    runtime: &RuntimeSpec,
    mut step: Step,
    packages: &[String],
) -> Step {
    let InstallCommand { argv, env } = runtime.install(packages);
    step.argv = argv;
    SANDBOX_DIR.clone_into(&mut step.cwd);
    if reaches_registries(options) {
        // It may reach more than the program, so the request chooses neither its registries nor what it
        // loads at its start.
        step.env = environment(options, &BTreeMap::new(), Some(runtime));
        for (name, value) in registry_environment(runtime, registries_of(options, runtime)) {
            set(&mut step.env, name, value);
        }
        // Nothing that an earlier program left behind takes part in what an installation may.
        step.proxy = ProxyPort::Program;
        for (name, value) in proxy_environment() {
            if !step.env.iter().any(|(known, _)| known == name) {
                step.env.push((name.to_owned(), value));
            }
        }
    } else if step.proxy == ProxyPort::Open {
        step.proxy = ProxyPort::Program;
    }
    for (name, value) in env {
        set(&mut step.env, name, value.to_owned());
    }
    step.env.sort_unstable();
    step
}

fn set(env: &mut Vec<(String, String)>, name: &str, value: String) {
    env.retain(|(known, _)| known != name);
    env.push((name.to_owned(), value));
}

/// The registries that the operator names for `runtime`.
fn registries_of<'a>(options: &'a Options, runtime: &RuntimeSpec) -> &'a [PackageRegistry] {
    options.install_registries.of(runtime.name)
}

/// Whether installations reach the package registries through the proxy. With the host's network
/// they need none.
pub(crate) fn reaches_registries(options: &Options) -> bool {
    options.install_network && options.network != NetworkMode::Host
}
