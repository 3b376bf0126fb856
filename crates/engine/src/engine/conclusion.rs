//! The result of an execution, from what its program came to.

use isol8_api::{
    options::NetworkMode,
    result::{ExecutionResult, ResourceUsage},
};

use crate::{
    execution::{Outcome, signal_of, termination_of, usage_of},
    network::NetworkRecord,
    options::Options,
};

/// The result of a program that has ended: `bare` with what it came to.
pub(super) fn conclude(
    options: &Options,
    bare: ExecutionResult,
    container_id: String,
    outcome: Outcome,
    network: &NetworkRecord,
) -> ExecutionResult {
    let usage = ResourceUsage {
        network_bytes_in: network.bytes_in,
        network_bytes_out: network.bytes_out,
        ..usage_of(&outcome.report)
    };
    let logs_network = options.log_network && options.network == NetworkMode::Filtered;
    ExecutionResult {
        stdout: outcome.stdout,
        stderr: outcome.stderr,
        exit_code: outcome.exit_code,
        termination: Some(termination_of(&outcome.report)),
        signal: signal_of(&outcome.report),
        duration_ms: outcome.report.wall_us.div_ceil(1000),
        truncated: outcome.truncated,
        container_id: Some(container_id),
        files: outcome.files,
        resource_usage: options.audit.track_resources.then_some(usage),
        network_logs: logs_network.then(|| network.entries.clone()),
        session_reset: outcome.session_reset,
        network_logs_dropped: Some(network.dropped()).filter(|n| logs_network && *n > 0),
        ..bare
    }
}

/// Logs how the program ended, without its output.
pub(super) fn explain_end(result: &ExecutionResult) {
    tracing::debug!(
        exit_code = result.exit_code,
        ms = result.duration_ms,
        stdout_bytes = result.stdout.len(),
        stderr_bytes = result.stderr.len(),
        truncated = result.truncated,
        output_files = result.files.as_ref().map(std::collections::BTreeMap::len),
        "execution ended"
    );
}
