//! Options of an engine.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    NetworkMode, RawInstallRegistries, RawPoolSize, RawRequestLimits, RawSecrets, SeccompMode,
    object::object,
};

/// `DockerIsol8Options`. Unknown keys are tolerated; `null` counts as absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RawOptions {
    /// `"ephemeral"` (default) or `"persistent"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// `"none"` (default), `"host"` or `"filtered"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<NetworkMode>)]
    pub network: Option<String>,
    /// Hosts that a filtered network lets through.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub network_filter: Option<RawNetworkFilter>,
    /// Whether the installation of packages (not the program) may reach the public registries of
    /// its runtime also when `network` is `"none"` or `"filtered"`, default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub install_network: Option<bool>,
    /// Package registries of installations in place of the public ones, by runtime.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub install_registries: Option<RawInstallRegistries>,
    /// Images whose labels about packages and setup scripts are believed, beside those that this user has
    /// built: names or ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted_images: Option<Vec<String>>,
    /// CPU cores, default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_limit: Option<f64>,
    /// Memory, default `"512m"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_limit: Option<String>,
    /// Processes and threads, default 64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pids_limit: Option<f64>,
    /// Whether the root file system is read-only, default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readonly_root_fs: Option<bool>,
    /// Bytes kept of each output stream, default 1 MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_size: Option<f64>,
    /// Bytes of all output files of a request together, default 64 MiB, at most 256 MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_files_size: Option<f64>,
    /// Environment whose values are masked in all output.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "RawSecrets::expose"
    )]
    #[schema(value_type = Option<BTreeMap<String, String>>, default = json!(null))]
    pub secrets: Option<RawSecrets>,
    /// Default time limit in milliseconds, default 30000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<f64>,
    /// Image to use instead of the runtime's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Size of `/sandbox`, default `"512m"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox_size: Option<String>,
    /// Size of `/tmp`, default `"256m"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tmp_size: Option<String>,
    /// Size of each volume that the image declares, default the size of `/sandbox`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_size: Option<String>,
    /// Whether each step is explained on standard error, default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debug: Option<bool>,
    /// Whether the container is kept after use, default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persist: Option<bool>,
    /// Whether results carry the log of the filtered network, default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_network: Option<bool>,
    /// System call filter and OCI runtime.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub security: Option<RawSecurity>,
    /// Audit log.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub audit: Option<RawAudit>,
    /// Whether and how code is fetched from URLs.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub remote_code: Option<RawRemoteCode>,
    /// `"fast"` (default) or `"secure"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool_strategy: Option<String>,
    /// Sandboxes kept ready, default 1 and 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool_size: Option<RawPoolSize>,
    /// Milliseconds without a call after which an ephemeral engine removes its sandboxes, default 60000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_ms: Option<f64>,
    /// What a request may ask for: "default" (default), "strict", or a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_limits: Option<RawRequestLimits>,
    /// Modules that parked interpreters import ahead of their programs, by runtime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preload: Option<BTreeMap<String, Vec<String>>>,
}

/// Hosts that a filtered network lets through, as ECMAScript regular expressions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RawNetworkFilter {
    /// Allowed hosts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whitelist: Option<Vec<String>>,
    /// Refused hosts; they win.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blacklist: Option<Vec<String>>,
    /// Addresses of names that are then not looked up, as with `--add-host`. The other rules hold
    /// for them too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosts: Option<BTreeMap<String, RawAddresses>>,
    /// Where private addresses may be reached though no whitelist entry says so: CIDR blocks,
    /// addresses, exact host names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_private: Option<Vec<String>>,
    /// The same for addresses of the host itself, which no whitelist entry opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_loopback: Option<Vec<String>>,
    /// The only ports that may be reached, default every port of a whitelisted host, and 80 and 443
    /// where there is no whitelist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ports: Option<Vec<f64>>,
}

/// One address or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum RawAddresses {
    /// One.
    One(String),
    /// Several; whichever answers first is used.
    Many(Vec<String>),
}

/// System call filter and OCI runtime.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RawSecurity {
    /// `"strict"` (default), `"unconfined"` or `"custom"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<SeccompMode>)]
    pub seccomp: Option<String>,
    /// Profile file for `"custom"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_profile_path: Option<String>,
    /// Whether each sandbox has a user of its own, default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_user: Option<bool>,
    /// OCI runtime that Docker is asked to use (`"runsc"`), default Docker's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
}

/// Audit log.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RawAudit {
    /// Whether executions are recorded, default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// `"filesystem"` (default; also `"file"`) or `"stdout"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// Directory of the log file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_dir: Option<String>,
    /// Program run after each record with the log file's path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_log_script: Option<String>,
    /// Whether resource usage is recorded, default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub track_resources: Option<bool>,
    /// Days after which log files are deleted, default 90.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<f64>,
    /// Whether the program's text is recorded, default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_code: Option<bool>,
    /// Whether output is recorded, default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_output: Option<bool>,
}

/// Whether and how code is fetched from URLs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RawRemoteCode {
    /// Whether it is allowed at all, default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// URL schemes, default `["https"]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_schemes: Option<Vec<String>>,
    /// Host patterns, default any host that is not blocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_hosts: Option<Vec<String>>,
    /// Host patterns that are refused, default local, private and metadata hosts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_hosts: Option<Vec<String>>,
    /// Places that are reached though their addresses are not public: CIDR blocks, addresses, exact
    /// host names. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_private: Option<Vec<String>>,
    /// Largest program in bytes, default 10 MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_code_size: Option<f64>,
    /// Time limit of a fetch in milliseconds, default 30000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fetch_timeout_ms: Option<f64>,
    /// Whether each request must carry a hash, default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_hash: Option<bool>,
    /// Whether fetched programs are kept in memory, default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_cache: Option<bool>,
    /// How long they are kept, in seconds, default 3600.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_ttl: Option<f64>,
}
