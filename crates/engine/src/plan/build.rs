//! Building the plan of a checked request.

use isol8_protocol::SANDBOX_DIR;

use super::{
    ExecutionPlan, ImageChoice, MAX_ARGUMENT_BYTES, PlanError, PlannedFile, Source, Step,
    StepStdin,
    check::{agent_flags, check, given_extension},
    environment::environment,
    paths::workdir,
};
use crate::{
    options::{Options, timeout},
    request::ExecutionRequest,
    runtime::{CommandContext, Registry, normalize_packages},
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
    let env = environment(options, &request.env);
    let step = |argv| Step {
        argv,
        env: env.clone(),
        cwd: cwd.clone(),
        stdin: StepStdin::Empty,
    };

    // The runtime whose installer and custom images serve this request. A runtime registered in
    // JavaScript has one when it runs in an image of ours.
    let (image, owner) = match &request.adapter {
        Some(adapter) => (adapter.image.as_str(), registry.by_image(&adapter.image)),
        None => {
            let runtime = registry.get(&request.runtime)?;
            (runtime.image, Some(runtime))
        }
    };
    let packages = match owner {
        Some(runtime) => normalize_packages(runtime.name, &request.install_packages)?,
        None => Vec::new(),
    };
    let install = owner.filter(|_| !packages.is_empty()).map(|runtime| {
        let install = runtime.install(&packages);
        let mut step = step(install.argv);
        // Below /sandbox whatever the working directory, which may not exist yet.
        SANDBOX_DIR.clone_into(&mut step.cwd);
        for (name, value) in install.env {
            step.env.retain(|(known, _)| known != name);
            step.env.push((name.to_owned(), value.to_owned()));
        }
        step.env.sort_unstable();
        step
    });

    let (argv, program_file, main_extension) = program(request, registry, source)?;
    let mut program = step(argv);
    if let Some(stdin) = request.stdin.as_deref().filter(|stdin| !stdin.is_empty()) {
        program.stdin = StepStdin::Bytes(stdin.as_bytes().to_vec());
    }
    Ok(ExecutionPlan {
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
        main_extension,
    })
}

/// The step of an image's own setup script, which is known once the image is. It sees what the
/// request's own script sees.
pub fn image_setup_step(
    script: &str,
    options: &Options,
    request: &ExecutionRequest,
) -> Result<Step, PlanError> {
    Ok(Step {
        argv: shell(script),
        env: environment(options, &request.env),
        cwd: workdir(request.workdir.as_deref())?,
        stdin: StepStdin::Empty,
    })
}

fn shell(script: &str) -> Vec<String> {
    vec!["bash".to_owned(), "-c".to_owned(), script.to_owned()]
}

/// Command line, file and extension of the program.
fn program(
    request: &ExecutionRequest,
    registry: &Registry,
    source: Source,
) -> Result<(Vec<String>, Option<PlannedFile>, Option<String>), PlanError> {
    let code = match source {
        Source::Command(command) if command.contains('\0') => {
            return Err(PlanError::Argument {
                field: "cmd",
                limit: MAX_ARGUMENT_BYTES,
            });
        }
        Source::Command(command) if command.len() <= MAX_ARGUMENT_BYTES => {
            return Ok((shell(&command), None, None));
        }
        Source::Command(command) => {
            let file = PlannedFile {
                path: COMMAND_FILE.to_owned(),
                data: command.into_bytes(),
            };
            return Ok((
                vec!["bash".to_owned(), COMMAND_FILE.to_owned()],
                Some(file),
                None,
            ));
        }
        Source::Code(code) => code,
    };
    let given = given_extension(request);
    if let Some(adapter) = &request.adapter {
        let extension = adapter.file_extension.clone();
        let file = main_file(&extension, code);
        return Ok((adapter.command.clone(), Some(file), Some(extension)));
    }
    let runtime = registry.get(&request.runtime)?;
    let extension = given.unwrap_or(runtime.default_extension).to_owned();
    let flags = agent_flags(request)?;
    let path = main_path(&extension);
    let context = CommandContext {
        code: &code,
        path: &path,
        agent_flags: &flags,
    };
    let argv = runtime.command(&context);
    if !runtime.program_is_file(&code) {
        if code.contains('\0') {
            return Err(PlanError::Argument {
                field: "code",
                limit: MAX_ARGUMENT_BYTES,
            });
        }
        return Ok((argv, None, Some(extension)));
    }
    Ok((argv, Some(main_file(&extension, code)), Some(extension)))
}

fn main_path(extension: &str) -> String {
    format!("{SANDBOX_DIR}/main{extension}")
}

fn main_file(extension: &str, code: String) -> PlannedFile {
    PlannedFile {
        path: main_path(extension),
        data: code.into_bytes(),
    }
}
