//! One line of the audit log: what it holds and what it leaves out.

use std::collections::BTreeMap;

use isol8_api::result::{
    ExecutionResult, NetworkLogEntry, ResourceUsage, SecurityEvent, Termination,
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::options::{AuditOptions, Secrets};

/// What is recorded of the request. Secrets are masked in it.
#[derive(Debug, Clone, Default)]
pub struct RecordedRequest {
    tenant: Option<String>,
    metadata: BTreeMap<String, String>,
    code_hash: String,
    code: Option<String>,
}

impl RecordedRequest {
    /// What `options` allow to be recorded of a request that runs `program`.
    #[must_use]
    pub fn new(
        options: &AuditOptions,
        secrets: &Secrets,
        metadata: BTreeMap<String, String>,
        program: &str,
    ) -> Self {
        let mask = |text: &str| secrets.masker().mask(text);
        Self {
            tenant: None,
            metadata: metadata
                .into_iter()
                .map(|(key, value)| (key, mask(&value)))
                .collect(),
            code_hash: hex::encode(Sha256::digest(program)),
            code: options.include_code.then(|| mask(program)),
        }
    }

    /// The same for this tenant.
    #[must_use]
    pub fn of_tenant(self, tenant: Option<String>) -> Self {
        Self { tenant, ..self }
    }
}

/// What a record is made from.
#[derive(Debug, Clone, Copy)]
pub struct RecordSource<'a> {
    /// What was asked for.
    pub request: &'a RecordedRequest,
    /// What came of it.
    pub result: &'a ExecutionResult,
    /// What was blocked, also when the result has no network log.
    pub security_events: &'a [SecurityEvent],
    /// How many more of them there was no room for.
    pub security_events_dropped: u64,
}

/// One line of the audit log, under its public JSON names. Secrets are masked in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditRecord {
    execution_id: String,
    user_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<String>,
    timestamp: String,
    runtime: String,
    code_hash: String,
    container_id: String,
    exit_code: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    termination: Option<Termination>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<String>,
    duration_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_usage: Option<ResourceUsage>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    security_events: Vec<SecurityEvent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    security_events_dropped: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network_logs: Option<Vec<NetworkLogEntry>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network_logs_dropped: Option<u64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr: Option<String>,
}

impl AuditRecord {
    /// The record of an execution, with what `options` allow to be recorded.
    #[must_use]
    pub fn new(options: &AuditOptions, secrets: &Secrets, from: RecordSource<'_>) -> Self {
        let RecordSource {
            request,
            result,
            security_events,
            security_events_dropped,
        } = from;
        let mask = |text: &str| secrets.masker().mask(text);
        let masked = |entry: &NetworkLogEntry| NetworkLogEntry {
            host: mask(&entry.host),
            path: entry.path.as_deref().map(mask),
            ..entry.clone()
        };
        let output = |text: &str| options.include_output.then(|| mask(text));
        Self {
            execution_id: result.execution_id.clone(),
            user_id: request.metadata.get("userId").cloned().unwrap_or_default(),
            tenant_id: request.tenant.clone(),
            timestamp: result.timestamp.clone(),
            runtime: result.runtime.clone(),
            code_hash: request.code_hash.clone(),
            container_id: result.container_id.clone().unwrap_or_default(),
            exit_code: result.exit_code,
            termination: result.termination,
            signal: result.signal.clone(),
            duration_ms: result.duration_ms,
            resource_usage: result.resource_usage.filter(|_| options.track_resources),
            security_events: security_events.to_vec(),
            security_events_dropped: Some(security_events_dropped).filter(|dropped| *dropped > 0),
            network_logs: result
                .network_logs
                .as_ref()
                .map(|entries| entries.iter().map(masked).collect()),
            network_logs_dropped: result.network_logs_dropped,
            metadata: request.metadata.clone(),
            code: request.code.clone(),
            stdout: output(&result.stdout),
            stderr: output(&result.stderr),
        }
    }

    /// The record as a line with its end. JSON has no line breaks of its own.
    pub(super) fn line(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        Ok(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isol8_api::{options::RawOptions, result::NetworkAction};

    use crate::options::Options;
    use serde_json::{Value, json};

    fn audit(json: &Value) -> AuditOptions {
        let raw: RawOptions = serde_json::from_value(json!({"audit": json})).unwrap();
        Options::try_from(raw).unwrap().audit
    }

    fn entry(action: NetworkAction) -> NetworkLogEntry {
        NetworkLogEntry {
            timestamp: "t1".into(),
            method: "GET".into(),
            host: "a.test".into(),
            path: Some("/?key=hunter2".into()),
            action,
            duration_ms: 1,
            count: None,
        }
    }

    fn record(options: &Value) -> Value {
        let (options, secrets) = (
            audit(options),
            Secrets::new([("KEY".to_owned(), "hunter2".to_owned())].into()),
        );
        let metadata = [("userId", "u"), ("note", "hunter2")];
        let metadata = metadata.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let request = RecordedRequest::new(&options, &secrets, metadata.into(), "echo hunter2")
            .of_tenant(Some("t".to_owned()));
        let result = ExecutionResult {
            stdout: "out".into(),
            stderr: "err".into(),
            exit_code: 3,
            termination: Some(Termination::Exit),
            duration_ms: 12,
            execution_id: "id".into(),
            runtime: "bash".into(),
            timestamp: "t0".into(),
            resource_usage: Some(ResourceUsage::default()),
            network_logs: Some(vec![entry(NetworkAction::Allow)]),
            ..Default::default()
        };
        let from = RecordSource {
            request: &request,
            result: &result,
            security_events: &[SecurityEvent::network_blocked(
                &entry(NetworkAction::Block),
                "filter_mismatch",
                "",
            )],
            security_events_dropped: 2,
        };
        let line = AuditRecord::new(&options, &secrets, from).line().unwrap();
        assert_eq!(
            line.iter().position(|byte| *byte == b'\n'),
            Some(line.len() - 1)
        );
        assert!(!String::from_utf8_lossy(&line).contains("hunter2"));
        serde_json::from_slice(&line).unwrap()
    }

    #[test]
    fn by_default_neither_code_nor_output_is_recorded() {
        assert_eq!(
            record(&json!({})),
            json!({
                "executionId": "id", "userId": "u", "tenantId": "t", "timestamp": "t0", "runtime": "bash",
                // printf 'echo hunter2' | sha256sum
                "codeHash": "d319538e7dc2c3a000ebce3e274826dffbfef8725c5250cfea43233368051bc3",
                "containerId": "", "exitCode": 3, "termination": "exit", "durationMs": 12,
                "resourceUsage": {"cpuPercent": 0.0, "memoryMB": 0.0, "networkBytesIn": 0,
                    "networkBytesOut": 0},
                "securityEvents": [{"type": "network_blocked",
                    "message": "GET to a.test blocked by network filter",
                    "details": {"method": "GET", "host": "a.test", "reason": "filter_mismatch"},
                    "timestamp": "t1"}],
                "securityEventsDropped": 2,
                "networkLogs": [{"timestamp": "t1", "method": "GET", "host": "a.test",
                    "path": "/?key=***", "action": "ALLOW", "durationMs": 1}],
                "metadata": {"userId": "u", "note": "***"},
            })
        );
    }

    #[test]
    fn the_switches_decide_what_is_recorded() {
        let all = record(&json!({"includeCode": true, "includeOutput": true}));
        assert_eq!(
            (&all["code"], &all["stdout"], &all["stderr"]),
            (&json!("echo ***"), &json!("out"), &json!("err"))
        );
        let untracked = record(&json!({"trackResources": false}));
        assert_eq!(untracked.get("resourceUsage"), None);
    }
}
