//! The order of an execution, and what becomes of its failures.

use std::sync::{Arc, OnceLock};

use isol8_api::{
    ErrorCode,
    event::{Phase, StreamEvent},
    result::Termination,
};
use isol8_egress::ExtraHost;
use isol8_protocol::{AfterExit, ProxyPort, SessionLoss};
use tokio_util::sync::CancellationToken;

use super::{
    files, local_files,
    outcome::{Outcome, finish},
    registries::{close_port, image_registries_of},
    report::{exit_code_of, termination_of},
    sink::Sink,
    step::{StepOptions, StepOutcome, StepRules},
};
use crate::{
    error::{EngineError, StepFailure},
    network::Network,
    options::{Options, Seccomp},
    output::trim_output,
    plan::{ExecutionPlan, Step},
    sandbox::Sandbox,
};

/// The error event of a stream when a setup script ran out of time.
const SETUP_TIMED_OUT: &str = "SETUP SCRIPT TIMED OUT";

/// What was done with files that took too long, for their error.
const WRITING: &str = "Writing files";
const COLLECTING: &str = "Collecting output files";

/// How steps before the program are run.
const PREPARATION: StepOptions = StepOptions {
    phase: Phase::Setup,
    after_exit: AfterExit::Keep,
    parked: false,
    keep_output: true,
};

/// One execution to carry out.
pub(crate) struct Run<'a> {
    pub(crate) options: &'a Options,
    pub(crate) network: &'a Network,
    /// Collects what it does on the network, installation and setup included.
    pub(crate) egress: &'a Arc<isol8_egress::Run>,
    pub(crate) sandbox: &'a Sandbox,
    pub(crate) plan: ExecutionPlan,
    /// Makes what the image has usable.
    pub(crate) prepare: Option<Step>,
    /// The setup script of the image that was chosen.
    pub(crate) image_setup: Option<Step>,
    /// Registries that the image names, where programs may have run in the sandbox already; else
    /// they are read from it before an installation.
    pub(crate) image_registries: Option<Vec<String>>,
    /// What becomes of the processes that the program leaves behind.
    pub(crate) after_exit: AfterExit,
    pub(crate) sink: &'a Sink,
    /// Cancelled when the caller gives the execution up.
    pub(crate) cancel: &'a CancellationToken,
    /// Where it is noted that the state of a session has been lost.
    pub(crate) session_loss: &'a OnceLock<SessionLoss>,
}

/// Carries out `run`. A stream gets its last exit event from here when the program has ended;
/// the caller of this function reports every failure before that.
///
/// Dropping the future kills whatever runs.
pub(crate) async fn run(run: Run<'_>) -> Result<Outcome, EngineError> {
    let Run {
        options,
        network,
        egress,
        sandbox,
        plan,
        prepare,
        image_setup,
        image_registries,
        after_exit,
        sink,
        cancel,
        session_loss,
    } = run;
    let rules = StepRules {
        sandbox,
        sink,
        secrets: &options.secrets,
        output_limit: options.max_output_bytes,
        output_encoding: plan.output_encoding,
        timeout: plan.timeout,
        cancel,
        session_loss,
    };
    let parked = plan.parked && prepare.is_none() && image_setup.is_none();
    let access = |port: ProxyPort, extra_hosts: &[ExtraHost]| match port {
        ProxyPort::Closed => Ok(None),
        _ => network.open(sandbox, extra_hosts, egress).map(Some),
    };
    if let Some(step) = prepare {
        tracing::debug!("preparing packages");
        install(&rules, step).await?;
    }
    if let Some(step) = plan.install {
        let mut hosts = plan.install_hosts;
        let of_image = match (image_registries, plan.registry_files) {
            (Some(known), _) => {
                close_port(sandbox).await?;
                known
            }
            (None, Some(files)) => image_registries_of(sandbox, files).await?,
            (None, None) => Vec::new(),
        };
        hosts.extend(of_image.into_iter().map(ExtraHost::Public));
        tracing::debug!(hosts = hosts.len(), "installing packages");
        // Dropped after the installation, so that processes that it leaves behind lose this access.
        let _access = access(step.proxy, &hosts)?;
        install(&rules, step).await?;
    }
    let access = access(plan.program.proxy, &[])?;
    for step in image_setup.into_iter().chain(plan.request_setup) {
        setup(&rules, step).await?;
    }
    let placed = plan.files.iter().chain(&plan.program_file);
    let bytes: usize = placed.clone().map(|file| file.data.len()).sum();
    let count = placed.count() + plan.local_files.len();
    tracing::debug!(files = count, bytes, "starting the program");
    // Output that a stream's consumer has is kept only for the audit log.
    let keep_output = options.audit.enabled && options.audit.include_output;
    local_files::place(sandbox, plan.local_files).await?;
    let placing = files::place(sandbox, plan.files, plan.program_file);
    let inline = files::within(plan.timeout, WRITING, placing).await?;
    let (program, proxy) = (plan.program.argv.first().cloned(), plan.program.proxy);
    let outcome = rules
        .run(
            plan.program,
            inline,
            plan.live,
            StepOptions {
                phase: Phase::Code,
                after_exit,
                parked,
                keep_output,
            },
        )
        .await
        .map_err(|error| files::as_write_error(error, program.as_deref()))
        .map_err(|error| explained(error, &options.seccomp))?;
    outcome.explain("program ended");
    let files = match &plan.output_paths {
        Some(paths) => {
            let collecting = files::collect(sandbox, paths, options.max_output_files_bytes, proxy);
            Some(files::within(plan.timeout, COLLECTING, collecting).await?)
        }
        None => None,
    };
    if let Some(access) = access {
        access.finish().await;
    }
    finish(outcome, files, options, &rules).await
}

/// Why a program did not start. A seccomp profile of the caller can deny what that takes.
fn explained(error: EngineError, seccomp: &Seccomp) -> EngineError {
    match (&error, seccomp) {
        (EngineError::Refused { message, .. }, Seccomp::Custom(_))
            if message.starts_with("cannot start the program") =>
        {
            EngineError::denied_by_profile("A program cannot start", error)
        }
        _ => error,
    }
}

/// Installs packages. Only a failed installation shows its output. A stream gets the failure and its exit.
async fn install(rules: &StepRules<'_>, step: Step) -> Result<(), EngineError> {
    let quiet = StepRules {
        sink: &Sink::Collect,
        ..*rules
    };
    let outcome = quiet.run(step, Vec::new(), None, PREPARATION).await?;
    outcome.explain("packages prepared");
    if exit_code_of(&outcome.report) == 0 {
        return Ok(());
    }
    let failure = failure_of(&outcome);
    let code = failure.code;
    let error = EngineError::Install(failure);
    let events = [
        StreamEvent::failure(Phase::Setup, error.code(), error.to_string()),
        StreamEvent::exit(Phase::Setup, code),
    ];
    for event in events {
        rules.sink.send(event).await?;
    }
    Err(error)
}

/// Runs a setup script. A stream gets its output and its exit.
async fn setup(rules: &StepRules<'_>, step: Step) -> Result<(), EngineError> {
    tracing::debug!("running a setup script");
    let outcome = rules.run(step, Vec::new(), None, PREPARATION).await?;
    outcome.explain("setup script ended");
    let code = exit_code_of(&outcome.report);
    if code != 0 {
        let error = if outcome.report.timed_out {
            SETUP_TIMED_OUT.to_owned()
        } else {
            format!("Setup script failed (exit code {code})")
        };
        rules
            .sink
            .send(StreamEvent::failure(Phase::Setup, ErrorCode::Setup, error))
            .await?;
    }
    rules
        .sink
        .send(StreamEvent::exit(Phase::Setup, code))
        .await?;
    if code == 0 {
        return Ok(());
    }
    Err(EngineError::Setup(failure_of(&outcome)))
}

/// How a step failed: its error output, and whether it ran out of time or memory.
fn failure_of(outcome: &StepOutcome) -> StepFailure {
    let [stdout, stderr] =
        [&outcome.stdout, &outcome.stderr].map(|output| String::from_utf8_lossy(output));
    // Some package managers complain on standard output.
    let said = match trim_output(&stderr) {
        "" => trim_output(&stdout),
        said => said,
    };
    let termination = termination_of(&outcome.report);
    let reason = match termination {
        Termination::Timeout => "timed out",
        Termination::Oom => "out of memory",
        _ => "",
    };
    StepFailure {
        code: exit_code_of(&outcome.report),
        stderr: match (said, reason) {
            (said, "") => said.to_owned(),
            ("", reason) => reason.to_owned(),
            (said, reason) => format!("{said} ({reason})"),
        },
        termination,
    }
}
