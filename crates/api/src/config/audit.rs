//! What a configuration file may say about the audit log.

use serde::{Deserialize, Serialize};

/// Audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase", default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "settings are independent switches"
)]
pub struct AuditConfig {
    /// Whether executions are recorded.
    pub enabled: bool,
    /// Where to: "filesystem" (also called "file") or "stdout".
    #[cfg_attr(test, schemars(extend("enum" = ["filesystem", "file", "stdout"])))]
    pub destination: String,
    /// Directory of executions.log. Everything there that ends in .log and is older than
    /// retentionDays is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_dir: Option<String>,
    /// Program that is run after each record, with the path of the log file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_log_script: Option<String>,
    /// Whether resource usage is recorded.
    pub track_resources: bool,
    /// Days after which log files are deleted.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub retention_days: u64,
    /// Whether the program's text is recorded.
    pub include_code: bool,
    /// Whether output is recorded.
    pub include_output: bool,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            destination: "filesystem".to_owned(),
            log_dir: None,
            post_log_script: None,
            track_resources: true,
            retention_days: 90,
            include_code: false,
            include_output: false,
        }
    }
}
