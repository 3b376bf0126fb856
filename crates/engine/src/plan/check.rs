//! The checks of a request that need neither a sandbox nor its program.

use super::{
    MAX_ARGUMENT_BYTES, PlanError, RequestSource, Source, environment,
    paths::{check_extension, check_file, workdir},
};
use crate::{
    options::{NetworkMode, Options, timeout},
    request::{AdapterCommand, ExecutionRequest},
    runtime::{Registry, normalize_packages},
};

/// What a request says to run; exactly one of `code`, `codeUrl` and `cmd`, blank ones not counted.
pub fn source(request: &ExecutionRequest) -> Result<RequestSource, PlanError> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    match (
        given(&request.code),
        given(&request.code_url),
        given(&request.cmd),
    ) {
        (Some(code), None, None) => Ok(RequestSource::Ready(Source::Code(code))),
        (None, Some(url), None) => Ok(RequestSource::Url(url)),
        (None, None, Some(command)) => Ok(RequestSource::Ready(Source::Command(command))),
        (None, None, None) => Err(PlanError::NoSource),
        _ => Err(PlanError::SeveralSources),
    }
}

/// Checks everything about a request but its program, so that nothing is fetched or started for a
/// request that cannot run. [`plan`](super::plan) checks it all again.
pub fn check(
    options: &Options,
    request: &ExecutionRequest,
    registry: &Registry,
) -> Result<RequestSource, PlanError> {
    if request.runtime == "agent" && request.adapter.is_none() {
        match options.network {
            NetworkMode::None => return Err(PlanError::AgentNeedsNetwork),
            NetworkMode::Filtered if options.network_filter.whitelist.is_empty() => {
                return Err(PlanError::AgentNeedsWhitelist);
            }
            NetworkMode::Filtered | NetworkMode::Host => {}
        }
    }
    let source = source(request)?;
    if let Some(adapter) = &request.adapter {
        check_adapter(adapter, request, registry)?;
    } else {
        let runtime = registry.get(&request.runtime)?;
        normalize_packages(runtime.name, &request.install_packages)?;
    }
    if let Some(limit) = request.timeout_ms {
        timeout("timeoutMs", limit)?;
    }
    if let Some(extension) = given_extension(request) {
        check_extension(extension)?;
    }
    if let Some(hash) = request
        .code_hash
        .as_deref()
        .filter(|hash| !hash.trim().is_empty())
        && (hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
    {
        return Err(PlanError::CodeHash {
            hash: hash.to_owned(),
        });
    }
    workdir(request.workdir.as_deref())?;
    for path in request.files.keys() {
        check_file("files", path)?;
    }
    for path in request.output_paths.iter().flatten() {
        check_file("outputPaths", path)?;
    }
    environment::check(options, &request.env)?;
    if let Some(script) = &request.setup_script {
        check_argument("setupScript", script)?;
    }
    agent_flags(request)?;
    Ok(source)
}

fn check_adapter(
    adapter: &AdapterCommand,
    request: &ExecutionRequest,
    registry: &Registry,
) -> Result<(), PlanError> {
    check_extension(&adapter.file_extension)?;
    for word in &adapter.command {
        check_argument("command", word)?;
    }
    if adapter.command.is_empty() {
        return Err(PlanError::EmptyCommand {
            runtime: request.runtime.clone(),
        });
    }
    if let Some(runtime) = registry.by_image(&adapter.image) {
        normalize_packages(runtime.name, &request.install_packages)?;
    } else if !request.install_packages.is_empty() {
        let (runtime, image) = (request.runtime.clone(), adapter.image.clone());
        return Err(PlanError::NoInstaller { runtime, image });
    }
    Ok(())
}

/// The extension that the request names, if any.
pub(super) fn given_extension(request: &ExecutionRequest) -> Option<&str> {
    request
        .file_extension
        .as_deref()
        .filter(|extension| !extension.is_empty())
}

/// The agent's flags, split as a shell would.
pub(super) fn agent_flags(request: &ExecutionRequest) -> Result<Vec<String>, PlanError> {
    let Some(flags) = &request.agent_flags else {
        return Ok(Vec::new());
    };
    check_argument("agentFlags", flags)?;
    shlex::split(flags).ok_or(PlanError::AgentFlags)
}

fn check_argument(field: &'static str, text: &str) -> Result<(), PlanError> {
    if text.contains('\0') || text.len() > MAX_ARGUMENT_BYTES {
        return Err(PlanError::Argument {
            field,
            limit: MAX_ARGUMENT_BYTES,
        });
    }
    Ok(())
}
