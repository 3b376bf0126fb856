//! What an execution gives back, under its public JSON names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Exit code of whatever a time limit ended: what a shell reports for `SIGKILL`.
pub const TIMEOUT_EXIT_CODE: i32 = 137;

/// A finished execution.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionResult {
    /// What the program wrote to standard output: masked, limited, without trailing white space.
    pub stdout: String,
    /// What the program wrote to standard error, treated alike.
    pub stderr: String,
    /// The program's exit code; 128 plus the number of the signal that ended it;
    /// [`TIMEOUT_EXIT_CODE`] after a timeout.
    pub exit_code: i32,
    /// How the program ended. Servers of version 0.20 do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub termination: Option<Termination>,
    /// Name of the signal that ended the program, such as `SIGSEGV`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
    /// How long the main program ran, in milliseconds.
    pub duration_ms: u64,
    /// Whether either stream was cut at the output limit.
    pub truncated: bool,
    /// UUID of this execution.
    pub execution_id: String,
    /// Name of the runtime, as requested.
    pub runtime: String,
    /// When the execution began, in ISO 8601.
    pub timestamp: String,
    /// The container that ran it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_id: Option<String>,
    /// Contents of the requested output files in base64, by path. What was missing is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<BTreeMap<String, String>>,
    /// What the program used, when that is tracked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_usage: Option<ResourceUsage>,
    /// The requests that went through the proxy, when `logNetwork` is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_logs: Option<Vec<NetworkLogEntry>>,
    /// How many entries the network log had no room for, when there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_logs_dropped: Option<u64>,
    /// Why the session's state was lost since its last result; only in persistent engines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_reset: Option<SessionReset>,
}

/// How a program ended. The first that applies counts, from [`Self::Lost`] up to [`Self::Exit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Termination {
    /// By itself, with its exit code.
    Exit,
    /// A signal ended it. Isol8 did not send it for one of the other reasons.
    Signal,
    /// The sandbox ran out of memory: the system killed the program or one of its processes.
    Oom,
    /// Its time limit ended it.
    Timeout,
    /// Its caller gave it up, or the engine was stopped. Only in the audit log: the call fails.
    Cancelled,
    /// Its sandbox ended or stopped answering. Only in the audit log: the call fails.
    Lost,
}

/// What has ended the interpreter of a session, and with it the session's variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SessionReset {
    /// A program ran out of time, and the interpreter could not be interrupted.
    Timeout,
    /// An execution was cancelled, and the interpreter could not be interrupted.
    Cancelled,
    /// A program ended the interpreter.
    Exit,
    /// A signal ended the interpreter.
    Crash,
    /// The system killed the interpreter, because the sandbox was out of memory.
    Oom,
    /// The sandbox was removed from outside. Its files are lost, too.
    SandboxLost,
}

/// What a program used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceUsage {
    /// CPU time over wall time, in percent of one core.
    pub cpu_percent: f64,
    /// Memory of the sandbox at the end of the program, in MiB.
    #[serde(rename = "memoryMB")]
    pub memory_mb: f64,
    /// Highest memory of the sandbox while the program ran, in MiB.
    #[serde(
        rename = "peakMemoryMB",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub peak_memory_mb: Option<f64>,
    /// Bytes received from the network.
    pub network_bytes_in: u64,
    /// Bytes sent to the network.
    pub network_bytes_out: u64,
}

/// One request that a program made through the proxy, or several equal ones that were blocked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkLogEntry {
    /// When the request arrived, in ISO 8601.
    pub timestamp: String,
    /// HTTP method.
    pub method: String,
    /// Host name without port.
    pub host: String,
    /// Path without query; `null` for CONNECT, whose content is encrypted.
    pub path: Option<String>,
    /// What the filter decided.
    pub action: NetworkAction,
    /// How long the request or tunnel lasted, in milliseconds. Of several, the first.
    pub duration_ms: u64,
    /// How many equal requests were blocked, when there is more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

/// Decision of the network filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum NetworkAction {
    /// The request was forwarded.
    Allow,
    /// The request was refused.
    Block,
}

/// Something that the audit log calls out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityEvent {
    /// What happened.
    #[serde(rename = "type")]
    pub kind: SecurityEventKind,
    /// The same for people.
    pub message: String,
    /// What it concerned.
    pub details: SecurityEventDetails,
    /// When, in ISO 8601. Of several, the first.
    pub timestamp: String,
}

impl SecurityEvent {
    /// The event for a blocked request. `reason` is its stable name, `explanation` says it in words.
    #[must_use]
    pub fn network_blocked(entry: &NetworkLogEntry, reason: &str, explanation: &str) -> Self {
        let NetworkLogEntry { method, host, .. } = entry;
        let mut message = format!("{method} to {host} blocked by network filter");
        if reason != FILTER_MISMATCH {
            message.push_str(": ");
            message.push_str(explanation);
        }
        Self {
            kind: SecurityEventKind::NetworkBlocked,
            message,
            details: SecurityEventDetails {
                method: method.clone(),
                host: host.clone(),
                reason: reason.to_owned(),
                count: entry.count,
            },
            timestamp: entry.timestamp.clone(),
        }
    }
}

/// The reason of a request that the whitelist or the blacklist has blocked.
const FILTER_MISMATCH: &str = "filter_mismatch";

/// Kinds of [`SecurityEvent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecurityEventKind {
    /// The network filter refused a request.
    NetworkBlocked,
}

/// What a blocked request was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityEventDetails {
    /// HTTP method.
    pub method: String,
    /// Host name without port.
    pub host: String,
    /// Why it was refused, a stable name: `filter_mismatch` if the whitelist or the blacklist says so.
    pub reason: String,
    /// How many equal requests were refused, when there is more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn public_names_are_written() {
        let result = ExecutionResult {
            exit_code: 1,
            termination: Some(Termination::Signal),
            signal: Some("SIGHUP".into()),
            resource_usage: Some(ResourceUsage {
                peak_memory_mb: Some(2.5),
                ..Default::default()
            }),
            files: Some(BTreeMap::new()),
            ..Default::default()
        };
        assert_eq!(
            serde_json::to_value(&result).unwrap(),
            json!({
                "stdout": "", "stderr": "", "exitCode": 1, "termination": "signal",
                "signal": "SIGHUP", "durationMs": 0, "truncated": false,
                "executionId": "", "runtime": "", "timestamp": "", "files": {},
                "resourceUsage": {"cpuPercent": 0.0, "memoryMB": 0.0, "peakMemoryMB": 2.5,
                    "networkBytesIn": 0, "networkBytesOut": 0},
            })
        );
    }

    #[test]
    fn a_blocked_request_is_a_security_event() {
        let mut entry = NetworkLogEntry {
            timestamp: "2026-01-01T00:00:00.000Z".into(),
            method: "CONNECT".into(),
            host: "a.test".into(),
            path: None,
            action: NetworkAction::Block,
            duration_ms: 3,
            count: None,
        };
        assert_eq!(
            serde_json::to_value(&entry).unwrap(),
            json!({"timestamp": "2026-01-01T00:00:00.000Z", "method": "CONNECT", "host": "a.test",
                "path": null, "action": "BLOCK", "durationMs": 3})
        );
        let event = SecurityEvent::network_blocked(&entry, "filter_mismatch", "no entry matches");
        assert_eq!(
            serde_json::to_value(event).unwrap(),
            json!({"type": "network_blocked",
                "message": "CONNECT to a.test blocked by network filter",
                "details": {"method": "CONNECT", "host": "a.test", "reason": "filter_mismatch"},
                "timestamp": "2026-01-01T00:00:00.000Z"})
        );
        entry.count = Some(7);
        let event = SecurityEvent::network_blocked(&entry, "private_address", "it is private");
        assert_eq!(
            serde_json::to_value(event).unwrap(),
            json!({"type": "network_blocked",
                "message": "CONNECT to a.test blocked by network filter: it is private",
                "details": {"method": "CONNECT", "host": "a.test", "reason": "private_address",
                    "count": 7},
                "timestamp": "2026-01-01T00:00:00.000Z"})
        );
    }
}
