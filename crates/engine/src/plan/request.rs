//! A request, checked once: everything that needs neither a sandbox nor its program. Program and files are
//! moved, never copied.

use std::{collections::BTreeMap, time::Duration};

use isol8_api::{
    options::NetworkMode,
    request::{ExecutionRequest, FileContent, OutputEncoding},
};

use super::{
    PlanError, PlannedFile, RequestSource, Source, environment, limits,
    paths::{check_file, extension, in_sandbox, workdir},
};
use crate::{
    limits::MAX_ARGUMENT_BYTES,
    options::{Options, timeout},
    runtime::{Registry, RuntimeSpec, normalize_packages},
    submission::{AdapterCommand, LiveInput, LocalFile, Submission},
};

/// What runs the program of a request.
pub(super) enum Runner<'a> {
    /// A built-in runtime.
    Runtime(&'a RuntimeSpec),
    /// The adapter of a runtime that the caller registered.
    Adapter(AdapterCommand),
}

/// A request whose every field is acceptable, in the engine's own units.
pub struct CheckedRequest<'a> {
    pub(super) runtime: String,
    pub(super) runner: Runner<'a>,
    /// The runtime whose installer and custom images serve the request. An adapter has one when it runs
    /// in an image of ours.
    pub(super) owner: Option<&'a RuntimeSpec>,
    /// Packages wanted: trimmed, without duplicates, sorted.
    pub(super) packages: Vec<String>,
    pub(super) cwd: String,
    pub(super) has_workdir: bool,
    /// The request's own environment.
    pub(super) env: BTreeMap<String, String>,
    /// Extension of the program's file, where the request names one.
    pub(super) extension: Option<String>,
    pub(super) agent_flags: Vec<String>,
    pub(super) stdin: Option<String>,
    pub(super) live: Option<LiveInput>,
    pub(super) local_files: Vec<LocalFile>,
    pub(super) files: Vec<PlannedFile>,
    pub(super) output_paths: Option<Vec<String>>,
    pub(super) output_encoding: OutputEncoding,
    pub(super) setup_script: Option<String>,
    pub(super) timeout: Duration,
    metadata: BTreeMap<String, String>,
}

impl<'a> CheckedRequest<'a> {
    /// Checks everything about a request but its program, so that nothing is fetched or started for a
    /// request that cannot run. Returns the request and the source of its program.
    pub fn new(
        options: &Options,
        registry: &'a Registry,
        submission: Submission,
    ) -> Result<(Self, RequestSource), PlanError> {
        let Submission {
            request,
            adapter,
            live,
            local_files,
            tenant: _,
        } = submission;
        limits::check(&options.request_limits, &request, &local_files)?;
        if adapter.is_none() {
            check_agent(options, registry.get(&request.runtime).ok())?;
        }
        let source = source(&request)?;
        let runner = match adapter {
            Some(adapter) => Runner::Adapter(check_adapter(adapter, &request, registry)?),
            None => Runner::Runtime(registry.get(&request.runtime)?),
        };
        let owner = match &runner {
            Runner::Adapter(adapter) => registry.by_image(&adapter.image),
            Runner::Runtime(runtime) => Some(*runtime),
        };
        let packages = match owner {
            Some(owner) => normalize_packages(owner, &request.install_packages)?,
            None => Vec::new(),
        };
        let timeout = match request.timeout_ms {
            Some(limit) => timeout("timeoutMs", limit)?,
            None => options.timeout,
        };
        let extension = request
            .file_extension
            .filter(|given| !given.is_empty())
            .map(|given| extension(&given))
            .transpose()?;
        check_hash(request.code_hash.as_deref())?;
        let cwd = workdir(request.workdir.as_deref())?;
        let paths = local_files.iter().map(|file| &file.path);
        for path in request.files.keys().chain(paths) {
            check_file("files", path)?;
        }
        for path in request.output_paths.iter().flatten() {
            check_file("outputPaths", path)?;
        }
        environment::check(options, &request.env)?;
        if let Some(script) = &request.setup_script {
            check_argument("setupScript", script)?;
        }
        let agent_flags = agent_flags(request.agent_flags.as_deref())?;
        let source = source.take(request.code, request.code_url, request.cmd, |url| {
            RequestSource::Url {
                url,
                hash: request.code_hash,
                insecure: request.allow_insecure_code_url,
            }
        });
        let checked = Self {
            runtime: request.runtime,
            runner,
            owner,
            packages,
            cwd,
            has_workdir: request.workdir.is_some(),
            env: request.env,
            extension,
            agent_flags,
            stdin: request.stdin.filter(|stdin| !stdin.is_empty()),
            live,
            local_files: local_files.into_iter().map(placed).collect(),
            files: request.files.into_iter().map(planned_file).collect(),
            output_paths: request.output_paths,
            output_encoding: request.output_encoding.unwrap_or_default(),
            setup_script: request
                .setup_script
                .filter(|script| !script.trim().is_empty()),
            timeout,
            metadata: request.metadata,
        };
        Ok((checked, source))
    }

    /// What the caller wants in the audit log. It is gone from the request afterwards.
    pub fn take_metadata(&mut self) -> BTreeMap<String, String> {
        std::mem::take(&mut self.metadata)
    }

    /// The image that the program runs in unless the options or its packages name another.
    pub(super) fn image(&self) -> &str {
        match &self.runner {
            Runner::Runtime(runtime) => runtime.image,
            Runner::Adapter(adapter) => &adapter.image,
        }
    }
}

/// Which field of a request has the program.
#[derive(Clone, Copy)]
enum SourceField {
    Code,
    Url,
    Command,
}

impl SourceField {
    /// What the field holds. Only one of the three is not blank.
    fn take(
        self,
        code: Option<String>,
        url: Option<String>,
        command: Option<String>,
        at_url: impl FnOnce(String) -> RequestSource,
    ) -> RequestSource {
        match self {
            Self::Code => RequestSource::Ready(Source::Code(code.unwrap_or_default())),
            Self::Command => RequestSource::Ready(Source::Command(command.unwrap_or_default())),
            Self::Url => at_url(url.unwrap_or_default()),
        }
    }
}

/// Exactly one of `code`, `codeUrl` and `cmd`; blank ones do not count.
fn source(request: &ExecutionRequest) -> Result<SourceField, PlanError> {
    let fields = [
        (SourceField::Code, &request.code),
        (SourceField::Url, &request.code_url),
        (SourceField::Command, &request.cmd),
    ];
    let mut given = fields
        .into_iter()
        .filter(|(_, text)| text.as_ref().is_some_and(|text| !text.trim().is_empty()))
        .map(|(field, _)| field);
    match (given.next(), given.next()) {
        (Some(field), None) => Ok(field),
        (None, _) => Err(PlanError::NoSource),
        (Some(_), Some(_)) => Err(PlanError::SeveralSources),
    }
}

/// A runtime that is of no use without a network is refused where it would have none.
fn check_agent(options: &Options, runtime: Option<&RuntimeSpec>) -> Result<(), PlanError> {
    if !runtime.is_some_and(|runtime| runtime.needs_network) {
        return Ok(());
    }
    match options.network {
        NetworkMode::None => Err(PlanError::AgentNeedsNetwork),
        NetworkMode::Filtered if options.network_filter.whitelist.is_empty() => {
            Err(PlanError::AgentNeedsWhitelist)
        }
        NetworkMode::Filtered | NetworkMode::Host => Ok(()),
    }
}

fn check_adapter(
    adapter: AdapterCommand,
    request: &ExecutionRequest,
    registry: &Registry,
) -> Result<AdapterCommand, PlanError> {
    let adapter = AdapterCommand {
        file_extension: extension(&adapter.file_extension)?,
        ..adapter
    };
    for word in &adapter.command {
        check_argument("command", word)?;
    }
    if adapter.command.is_empty() {
        return Err(PlanError::EmptyCommand {
            runtime: request.runtime.clone(),
        });
    }
    if registry.by_image(&adapter.image).is_none() && !request.install_packages.is_empty() {
        return Err(PlanError::NoInstaller {
            runtime: request.runtime.clone(),
            image: adapter.image,
        });
    }
    Ok(adapter)
}

fn check_hash(hash: Option<&str>) -> Result<(), PlanError> {
    match hash.filter(|hash| !hash.trim().is_empty()) {
        Some(hash) if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            Err(PlanError::CodeHash {
                hash: hash.to_owned(),
            })
        }
        _ => Ok(()),
    }
}

/// The agent's flags, split as a shell would.
fn agent_flags(flags: Option<&str>) -> Result<Vec<String>, PlanError> {
    let Some(flags) = flags else {
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

fn placed(file: LocalFile) -> LocalFile {
    LocalFile {
        path: in_sandbox(&file.path).into_owned(),
        ..file
    }
}

fn planned_file((path, content): (String, FileContent)) -> PlannedFile {
    PlannedFile {
        path: in_sandbox(&path).into_owned(),
        data: match content {
            FileContent::Text(text) => text.into_bytes(),
            FileContent::Bytes(bytes) => bytes,
        },
    }
}
