//! What a configuration file may say. The values of `Default` are the public defaults, the comments
//! are the descriptions in the schema, and the ranges are there for editors: limits are enforced
//! where the values are used.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    ready::{DependenciesConfig, PoolSizeConfig, PreloadConfig},
    server::ServerConfig,
    tenants::TenantsConfig,
};
use crate::options::{
    BackendChoice, DEFAULT_BLOCKED_HOSTS, LocalLimits, NetworkMode, PoolStrategy,
    RawInstallRegistries, RawRequestLimits,
};

/// Configuration of isol8: `isol8.config.json` in the working directory, or
/// `~/.isol8/config.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase", default)]
pub struct Config {
    /// Schema of this file, for editors.
    #[serde(rename = "$schema", skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// What runs sandboxes: a Docker daemon ("docker"), Linux namespaces of this machine ("local"), or Docker where a
    /// daemon answers and this machine otherwise ("auto").
    pub backend: BackendChoice,
    /// What the local backend does where this machine offers no control groups: refuse ("required"), or start
    /// sandboxes with the limits that can be had ("best-effort").
    pub limits: LocalLimits,
    /// Executions that may run at once.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub max_concurrent: u64,
    /// Limits of an execution that names none.
    pub defaults: DefaultsConfig,
    /// What a filtered network lets through.
    pub network: NetworkConfig,
    /// Package registries of installations in place of the public ones, by runtime.
    pub install_registries: RawInstallRegistries,
    /// Removal of what is left over.
    pub cleanup: CleanupConfig,
    /// Requests of a server that wait for their turn.
    pub queue: QueueConfig,
    /// When a used sandbox is cleaned: after use ("fast"), or when it is handed out ("secure").
    pub pool_strategy: PoolStrategy,
    /// Sandboxes kept ready.
    pub pool_size: PoolSizeConfig,
    /// What a request may ask for: "default", "strict", or limits by the field of the request.
    pub request_limits: RawRequestLimits,
    /// Modules that interpreters import ahead of their programs.
    pub preload: PreloadConfig,
    /// System call filter and OCI runtime.
    pub security: SecurityConfig,
    /// Programs fetched from URLs.
    pub remote_code: RemoteCodeConfig,
    /// Audit log.
    pub audit: AuditConfig,
    /// Keys of the server.
    pub auth: AuthConfig,
    /// Where the server listens.
    pub server: ServerConfig,
    /// What those may do who have a key of the server's database.
    pub tenants: TenantsConfig,
    /// Images that `isol8 setup` builds.
    pub prebuilt_images: Vec<PrebuiltImage>,
    /// Images whose labels about packages and setup scripts are believed, beside `prebuiltImages` and those
    /// that this user has built: names or ids.
    pub trusted_images: Vec<String>,
    /// Packages of the image that `isol8 setup` builds for each runtime.
    pub dependencies: DependenciesConfig,
    /// Whether each step is explained on standard error.
    pub debug: bool,
}

/// Limits of an execution that names none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase", default)]
pub struct DefaultsConfig {
    /// Time limit in milliseconds.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub timeout_ms: u64,
    /// Memory, such as "512m" or "1g".
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9]+(\.[0-9]+)?[bkmgBKMG]?$")))]
    pub memory_limit: String,
    /// CPU cores.
    #[cfg_attr(test, schemars(extend("exclusiveMinimum" = 0)))]
    pub cpu_limit: f64,
    /// Network of a sandbox.
    pub network: NetworkMode,
    /// Size of /sandbox.
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9]+(\.[0-9]+)?[bkmgBKMG]?$")))]
    pub sandbox_size: String,
    /// Size of /tmp.
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9]+(\.[0-9]+)?[bkmgBKMG]?$")))]
    pub tmp_size: String,
    /// Size of each volume that an image declares; that of /sandbox when it is left out.
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9]+(\.[0-9]+)?[bkmgBKMG]?$")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_size: Option<String>,
    /// Whether the root file system is read-only.
    pub readonly_root_fs: bool,
}

/// What a filtered network lets through.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkConfig {
    /// Allowed hosts, as regular expressions.
    pub whitelist: Vec<String>,
    /// Refused hosts, as regular expressions; they win.
    pub blacklist: Vec<String>,
}

/// Removal of what is left over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase", default)]
pub struct CleanupConfig {
    /// Whether idle sessions of the server are removed.
    pub auto_prune: bool,
    /// Age at which they are, in milliseconds.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub max_container_age_ms: u64,
    /// Whether a server leaves the images in place at its end.
    pub keep_images: bool,
}

/// Requests of a server that wait for their turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase", default)]
pub struct QueueConfig {
    /// Most that wait; 0 for any number.
    pub max_size: u64,
    /// Longest that one waits, in milliseconds.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub timeout_ms: u64,
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self {
            max_size: 0,
            timeout_ms: 30_000,
        }
    }
}

/// System call filter and OCI runtime.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase", default)]
pub struct SecurityConfig {
    /// Which system call filter a sandbox has.
    pub seccomp: SeccompMode,
    /// Profile file for "custom".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_profile_path: Option<String>,
    /// Whether each sandbox has a user of its own, for what the kernel counts by user.
    pub own_user: bool,
    /// OCI runtime that Docker is asked to use, such as "runsc".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
}

/// Which system call filter a sandbox has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum SeccompMode {
    /// The allowlist of isol8.
    #[default]
    Strict,
    /// None.
    Unconfined,
    /// The profile in the file `customProfilePath`.
    Custom,
}

/// Programs fetched from URLs. Hosts are regular expressions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase", default)]
pub struct RemoteCodeConfig {
    /// Whether fetching is allowed at all.
    pub enabled: bool,
    /// URL schemes.
    pub allowed_schemes: Vec<String>,
    /// Allowed hosts; none means any that is not blocked.
    pub allowed_hosts: Vec<String>,
    /// Refused hosts; they win.
    pub blocked_hosts: Vec<String>,
    /// Places that are reached though their addresses are not public: CIDR blocks, addresses, exact host
    /// names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_private: Vec<String>,
    /// Largest program in bytes.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub max_code_size: u64,
    /// Time limit of a fetch in milliseconds.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub fetch_timeout_ms: u64,
    /// Whether each request must carry the hash of its program.
    pub require_hash: bool,
    /// Whether fetched programs are kept in memory.
    pub enable_cache: bool,
    /// How long they are kept, in seconds.
    pub cache_ttl: u64,
}

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

/// Keys of the server.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase", default)]
pub struct AuthConfig {
    /// Whether keys are kept in a database.
    pub enabled: bool,
    /// Path of a database file, or a postgres:// or mysql:// URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_string: Option<String>,
    /// How long a key is valid that is made without a time, in milliseconds.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub default_ttl_ms: u64,
    /// How often expired keys are removed, in milliseconds.
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub cleanup_interval_ms: u64,
}

/// An image that `isol8 setup` builds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct PrebuiltImage {
    /// Tag of the image.
    pub tag: String,
    /// Runtime that it is based on.
    #[cfg_attr(test, schemars(extend("enum" = crate::runtimes::RUNTIMES)))]
    pub runtime: String,
    /// Packages that it has.
    #[serde(default)]
    pub install_packages: Vec<String>,
    /// Script that runs before each program in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup_script: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            schema: None,
            backend: BackendChoice::default(),
            limits: LocalLimits::default(),
            max_concurrent: 10,
            defaults: DefaultsConfig::default(),
            network: NetworkConfig::default(),
            install_registries: RawInstallRegistries::default(),
            cleanup: CleanupConfig::default(),
            queue: QueueConfig::default(),
            pool_strategy: PoolStrategy::default(),
            pool_size: PoolSizeConfig::default(),
            request_limits: RawRequestLimits::default(),
            preload: PreloadConfig::default(),
            security: SecurityConfig::default(),
            remote_code: RemoteCodeConfig::default(),
            audit: AuditConfig::default(),
            auth: AuthConfig::default(),
            server: ServerConfig::default(),
            tenants: TenantsConfig::default(),
            prebuilt_images: Vec::new(),
            trusted_images: Vec::new(),
            dependencies: DependenciesConfig::default(),
            debug: false,
        }
    }
}

impl Default for DefaultsConfig {
    fn default() -> Self {
        Self {
            timeout_ms: 30_000,
            memory_limit: "512m".to_owned(),
            cpu_limit: 1.0,
            network: NetworkMode::None,
            sandbox_size: "512m".to_owned(),
            tmp_size: "256m".to_owned(),
            volume_size: None,
            readonly_root_fs: true,
        }
    }
}

impl Default for CleanupConfig {
    fn default() -> Self {
        Self {
            auto_prune: true,
            max_container_age_ms: 3_600_000,
            keep_images: false,
        }
    }
}

impl Default for RemoteCodeConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            allowed_schemes: vec!["https".to_owned()],
            allowed_hosts: Vec::new(),
            blocked_hosts: DEFAULT_BLOCKED_HOSTS.map(str::to_owned).to_vec(),
            allow_private: Vec::new(),
            max_code_size: 10_485_760,
            fetch_timeout_ms: 30_000,
            require_hash: false,
            enable_cache: true,
            cache_ttl: 3600,
        }
    }
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

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            connection_string: None,
            default_ttl_ms: 86_400_000,
            cleanup_interval_ms: 3_600_000,
        }
    }
}

impl fmt::Debug for AuthConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A connection string may hold a password.
        let connection = self.connection_string.as_ref().map(|_| "***");
        f.debug_struct("AuthConfig")
            .field("enabled", &self.enabled)
            .field("connection_string", &connection)
            .field("default_ttl_ms", &self.default_ttl_ms)
            .field("cleanup_interval_ms", &self.cleanup_interval_ms)
            .finish()
    }
}
