//! Building the plan of a checked request.

use std::collections::BTreeMap;

use isol8_protocol::{ProxyPort, SANDBOX_DIR};

use super::{
    ExecutionPlan, ImageChoice, MAX_ARGUMENT_BYTES, PlanError, PlannedFile, SessionCall, Source,
    Step, StepStdin,
    check::{agent_flags, check, given_extension},
    environment::{environment, proxy_environment},
    parking::why_plain,
    paths::workdir,
};
use crate::{
    options::{Mode, NetworkMode, Options, timeout},
    request::ExecutionRequest,
    runtime::{
        CommandContext, InstallCommand, Registry, RuntimeSpec, any_shell, normalize_packages,
        registry_hosts,
    },
};

/// Where a command goes that is too long for a command line.
const COMMAND_FILE: &str = "/sandbox/.isol8-cmd.sh";

/// The plan of a request whose program (`source`) is at hand.
pub fn plan(
    options: &Options,
    request: &ExecutionRequest,
    registry: &Registry,
    source: Source,
) -> Result<ExecutionPlan, PlanError> {
    check(options, request, registry)?;
    let cwd = workdir(request.workdir.as_deref())?;
    let Place { image, owner } = place(request, registry)?;
    let env = environment(options, &request.env, owner);
    let step = |argv| Step {
        argv: match options.image {
            Some(_) => any_shell(argv),
            None => argv,
        },
        env: env.clone(),
        cwd: cwd.clone(),
        stdin: StepStdin::Empty,
        session: None,
        proxy: proxy_port(options),
    };
    let packages = match owner {
        Some(runtime) => normalize_packages(runtime.name, &request.install_packages)?,
        None => Vec::new(),
    };
    let install = owner.filter(|_| !packages.is_empty()).map(|runtime| {
        let mut install = install_step(step(Vec::new()), runtime.install(&packages));
        if reaches_registries(options) {
            give_proxy(&mut install);
        }
        if install.proxy == ProxyPort::Open {
            // Nothing that an earlier program left behind takes part in what an installation may.
            install.proxy = ProxyPort::Program;
        }
        install
    });
    let reaching = owner.filter(|_| reaches_registries(options));
    let install_hosts = match (reaching, &install) {
        (Some(runtime), Some(install)) => registry_hosts(runtime.registries, &install.env),
        _ => Vec::new(),
    };

    let Program {
        argv,
        file: program_file,
        extension: main_extension,
    } = program(options, request, registry, source)?;
    let mut program = step(argv);
    program.session = session_call(
        options,
        request,
        registry,
        main_extension.as_deref(),
        &program,
    );
    if let Some(stdin) = request.stdin.as_deref().filter(|stdin| !stdin.is_empty()) {
        program.stdin = StepStdin::Bytes(stdin.as_bytes().to_vec());
    }
    let mut plan = ExecutionPlan {
        runtime: request.runtime.clone(),
        image: match &options.image {
            Some(image) => ImageChoice::Explicit(image.clone()),
            None if owner.is_none() => ImageChoice::Explicit(image.to_owned()),
            None => ImageChoice::Runtime {
                image: image.to_owned(),
                packages,
            },
        },
        install,
        install_hosts,
        registry_files: reaching.map(|runtime| runtime.registry_files),
        request_setup: request
            .setup_script
            .as_deref()
            .filter(|script| !script.trim().is_empty())
            .map(|script| step(shell(script))),
        files: request
            .files
            .iter()
            .map(|(path, content)| PlannedFile {
                path: path.clone(),
                data: content.as_bytes().to_vec(),
            })
            .collect(),
        program_file,
        program,
        output_paths: request.output_paths.clone(),
        timeout: match request.timeout_ms {
            Some(limit) => timeout("timeoutMs", limit)?,
            None => options.timeout,
        },
        parked: false,
        main_extension,
    };
    let parking = owner
        .filter(|_| request.adapter.is_none())
        .and_then(|runtime| runtime.parking);
    let reason = why_plain(request, &plan, parking);
    plan.parked = reason.is_none();
    if let Some(why) = reason {
        tracing::debug!(why, "plain start");
    }
    Ok(plan)
}

/// The step of an image's own setup script, which is known once the image is. It sees what the
/// request's own script sees.
pub fn image_setup_step(
    script: &str,
    options: &Options,
    request: &ExecutionRequest,
    registry: &Registry,
) -> Result<Step, PlanError> {
    Ok(Step {
        argv: shell(script),
        env: environment(options, &request.env, place(request, registry)?.owner),
        cwd: workdir(request.workdir.as_deref())?,
        stdin: StepStdin::Empty,
        session: None,
        proxy: proxy_port(options),
    })
}

/// Who finds the proxy while anything but an installation runs.
fn proxy_port(options: &Options) -> ProxyPort {
    match options.network {
        NetworkMode::Filtered => ProxyPort::Open,
        NetworkMode::None | NetworkMode::Host => ProxyPort::Closed,
    }
}

/// Where a request runs.
struct Place<'a> {
    image: &'a str,
    /// The runtime whose installer and custom images serve the request. One registered in
    /// JavaScript has one when it runs in an image of ours.
    owner: Option<&'a RuntimeSpec>,
}

fn place<'a>(
    request: &'a ExecutionRequest,
    registry: &'a Registry,
) -> Result<Place<'a>, PlanError> {
    if let Some(adapter) = &request.adapter {
        return Ok(Place {
            image: &adapter.image,
            owner: registry.by_image(&adapter.image),
        });
    }
    let runtime = registry.get(&request.runtime)?;
    Ok(Place {
        image: runtime.image,
        owner: Some(runtime),
    })
}

fn shell(script: &str) -> Vec<String> {
    vec!["bash".to_owned(), "-c".to_owned(), script.to_owned()]
}

/// Gives an empty step its installer. It runs in `/sandbox` whatever the working directory is.
fn install_step(mut step: Step, install: InstallCommand) -> Step {
    step.argv = install.argv;
    SANDBOX_DIR.clone_into(&mut step.cwd);
    for (name, value) in install.env {
        step.env.retain(|(known, _)| known != name);
        step.env.push((name.to_owned(), value.to_owned()));
    }
    step.env.sort_unstable();
    step
}

/// Whether installations reach the package registries through the proxy. With the host's network
/// they need none.
fn reaches_registries(options: &Options) -> bool {
    options.install_network && options.network != NetworkMode::Host
}

fn give_proxy(step: &mut Step) {
    step.proxy = ProxyPort::Open;
    for (name, value) in proxy_environment() {
        if !step.env.iter().any(|(known, _)| known == name) {
            step.env.push((name.to_owned(), value));
        }
    }
    step.env.sort_unstable();
}

struct Program {
    argv: Vec<String>,
    file: Option<PlannedFile>,
    extension: Option<String>,
}

fn program(
    options: &Options,
    request: &ExecutionRequest,
    registry: &Registry,
    source: Source,
) -> Result<Program, PlanError> {
    let code = match source {
        Source::Command(command) => return command_program(command),
        Source::Code(code) => code,
    };
    if let Some(adapter) = &request.adapter {
        let extension = adapter.file_extension.clone();
        let file = Some(main_file(&extension, code));
        return Ok(Program {
            argv: adapter.command.clone(),
            file,
            extension: Some(extension),
        });
    }
    let runtime = registry.get(&request.runtime)?;
    let extension = given_extension(request)
        .unwrap_or(runtime.default_extension)
        .to_owned();
    let agent_flags = &agent_flags(request)?;
    let path = &main_path(&extension);
    let argv = runtime.command(&CommandContext {
        code: &code,
        path,
        agent_flags,
        own_image: options.image.is_none(),
    });
    let file = if runtime.program_is_file(&code) {
        Some(main_file(&extension, code))
    } else if code.contains('\0') {
        return Err(PlanError::Argument {
            field: "code",
            limit: MAX_ARGUMENT_BYTES,
        });
    } else {
        None
    };
    Ok(Program {
        argv,
        file,
        extension: Some(extension),
    })
}

fn command_program(command: String) -> Result<Program, PlanError> {
    if command.contains('\0') {
        return Err(PlanError::Argument {
            field: "cmd",
            limit: MAX_ARGUMENT_BYTES,
        });
    }
    if command.len() <= MAX_ARGUMENT_BYTES {
        return Ok(Program {
            argv: shell(&command),
            file: None,
            extension: None,
        });
    }
    let argv = vec!["bash".to_owned(), COMMAND_FILE.to_owned()];
    let file = PlannedFile {
        path: COMMAND_FILE.to_owned(),
        data: command.into_bytes(),
    };
    Ok(Program {
        argv,
        file: Some(file),
        extension: None,
    })
}

/// How `program` runs in the resident interpreter of a persistent engine. Commands, the agent,
/// adapters, and programs with another extension than their runtime's own are processes of their
/// own: none of them says something that an interpreter could go on with.
fn session_call(
    options: &Options,
    request: &ExecutionRequest,
    registry: &Registry,
    extension: Option<&str>,
    program: &Step,
) -> Option<SessionCall> {
    if options.mode != Mode::Persistent || request.adapter.is_some() {
        return None;
    }
    let runtime = registry.get(&request.runtime).ok()?;
    let launcher = runtime.session?;
    let extension = extension.filter(|extension| *extension == runtime.default_extension)?;
    let env = environment(options, &BTreeMap::new(), Some(runtime));
    Some(SessionCall {
        argv: launcher.argv,
        call_env: program
            .env
            .iter()
            .filter(|pair| !env.contains(pair))
            .cloned()
            .collect(),
        env,
        program: main_path(extension),
        cwd: request.workdir.as_ref().map(|_| program.cwd.clone()),
        lead: launcher.lead,
        interrupts: launcher.interrupts,
    })
}

pub(super) fn main_path(extension: &str) -> String {
    format!("{SANDBOX_DIR}/main{extension}")
}

fn main_file(extension: &str, code: String) -> PlannedFile {
    PlannedFile {
        path: main_path(extension),
        data: code.into_bytes(),
    }
}
