//! The program of a plan: its command line, its file, its place in a session.

use std::collections::BTreeMap;

use super::{
    CheckedRequest, PlanError, PlannedFile, SessionCall, Source, Step, environment::environment,
    paths::main_path, request::Runner, types::shell,
};
use crate::{
    limits::MAX_ARGUMENT_BYTES,
    options::{Mode, Options},
    runtime::{CommandContext, with_provider},
};

/// Where a command goes that is too long for a command line.
const COMMAND_FILE: &str = "/sandbox/.isol8-cmd.sh";

/// A program, ready to run.
pub(super) struct Program {
    pub(super) argv: Vec<String>,
    /// The file that it is in, unless it is in the command line.
    pub(super) file: Option<PlannedFile>,
    /// Extension of that file; `None` for a command.
    pub(super) extension: Option<String>,
}

/// The program of `request`, whose text is `source`.
pub(super) fn program(
    options: &Options,
    request: &CheckedRequest<'_>,
    source: Source,
) -> Result<Program, PlanError> {
    let code = match source {
        Source::Command(command) => return command_program(command),
        Source::Code(code) => code,
    };
    let runtime = match &request.runner {
        Runner::Runtime(runtime) => runtime,
        Runner::Adapter(adapter) => {
            return Ok(Program {
                argv: adapter.command.clone(),
                file: Some(main_file(&adapter.file_extension, code)),
                extension: Some(adapter.file_extension.clone()),
            });
        }
    };
    let extension = request.extension.as_deref();
    let extension = extension.unwrap_or(runtime.default_extension);
    let has_variable = |name: &str| {
        let secret = options.secrets.iter().find(|(own, _)| *own == name);
        let value = request.env.get(name).map(String::as_str);
        value
            .or(secret.map(|(_, value)| value))
            .is_some_and(|value| !value.is_empty())
    };
    let argv = runtime.command(&CommandContext {
        code: &code,
        path: &main_path(extension),
        agent_flags: &with_provider(&request.agent_flags, has_variable),
        own_image: options.image.is_none(),
    });
    let file = if runtime.program_is_file(&code) {
        Some(main_file(extension, code))
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
        extension: Some(extension.to_owned()),
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
    Ok(Program {
        argv: vec!["bash".to_owned(), COMMAND_FILE.to_owned()],
        file: Some(PlannedFile {
            path: COMMAND_FILE.to_owned(),
            data: command.into_bytes(),
        }),
        extension: None,
    })
}

/// How `program` runs in the resident interpreter of a persistent engine. Commands, the agent,
/// adapters, and programs with another extension than their runtime's own are processes of their
/// own: an interpreter can go on with none of them.
pub(super) fn session_call(
    options: &Options,
    request: &CheckedRequest<'_>,
    extension: Option<&str>,
    program: &Step,
) -> Option<SessionCall> {
    let Runner::Runtime(runtime) = &request.runner else {
        return None;
    };
    if options.mode != Mode::Persistent {
        return None;
    }
    let launcher = runtime.session?;
    let extension = extension.filter(|extension| *extension == runtime.default_extension)?;
    let env = environment(options, &BTreeMap::new(), Some(runtime));
    let mut argv = launcher.argv.to_vec();
    if options.image.is_none() {
        let last = argv.len().saturating_sub(1);
        argv.splice(last..last, launcher.own_image_flags.iter().copied());
    }
    Some(SessionCall {
        argv,
        call_env: program
            .env
            .iter()
            .filter(|pair| !env.contains(pair))
            .cloned()
            .collect(),
        env,
        program: main_path(extension),
        cwd: request.has_workdir.then(|| program.cwd.clone()),
        script: launcher.script,
        interrupts: launcher.interrupts,
    })
}

fn main_file(extension: &str, code: String) -> PlannedFile {
    PlannedFile {
        path: main_path(extension),
        data: code.into_bytes(),
    }
}
