//! Options as the engine uses them: complete, checked, in the engine's own units.

use std::{path::PathBuf, time::Duration};

use isol8_api::options::{NetworkMode, PoolStrategy};
use isol8_egress::PolicyOptions;

use super::{InstallRegistries, Preload, RequestLimits, Secrets};

/// Most sandboxes that a pool keeps of each kind.
pub const MAX_POOL_SIZE: usize = 1000;

/// Everything that an engine is configured with.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "options are independent switches"
)]
pub struct Options {
    /// One sandbox per execution, or one for all.
    pub mode: Mode,
    /// What network a sandbox has.
    pub network: NetworkMode,
    /// What a filtered network lets through.
    pub network_filter: PolicyOptions,
    /// Whether installations may reach the public registries though the program may not.
    pub install_network: bool,
    /// Package registries of installations in place of the public ones.
    pub install_registries: InstallRegistries,
    /// Images whose labels are believed though they were not built here: names or ids.
    pub trusted_images: Vec<String>,
    /// CPU cores; finite and above 0.
    pub cpu_limit: f64,
    /// Memory without swap, in bytes.
    pub memory_bytes: u64,
    /// Processes and threads; the runtime's own default when it is `None`.
    pub pids_limit: Option<u32>,
    /// Whether the root file system is read-only.
    pub readonly_root: bool,
    /// Bytes of text kept of each output stream.
    pub max_output_bytes: u64,
    /// Bytes of all output files of an execution together.
    pub max_output_files_bytes: u64,
    /// Environment whose values are masked.
    pub secrets: Secrets,
    /// Time limit of an execution that names none.
    pub timeout: Duration,
    /// Image to use instead of the runtime's own.
    pub image: Option<String>,
    /// Size of `/sandbox` in bytes; the runtime's own default when it is `None`.
    pub sandbox_bytes: Option<u64>,
    /// Size of `/tmp` in bytes.
    pub tmp_bytes: u64,
    /// Size of each volume of the image in bytes; that of `/sandbox` when it is `None`.
    pub volume_bytes: Option<u64>,
    /// Whether each step is explained on standard error.
    pub debug: bool,
    /// Whether the container is kept after use.
    pub persist: bool,
    /// Whether results carry the network log.
    pub log_network: bool,
    /// System call filter.
    pub seccomp: Seccomp,
    /// Whether each sandbox has a user of its own.
    pub own_user: bool,
    /// OCI runtime, when not the default one.
    pub oci_runtime: Option<String>,
    /// Audit log.
    pub audit: AuditOptions,
    /// Whether and how code is fetched.
    pub remote_code: RemoteCodePolicy,
    /// When a used sandbox is cleaned.
    pub pool_strategy: PoolStrategy,
    /// How many sandboxes are kept.
    pub pool_size: PoolSize,
    /// Time without a call after which an ephemeral engine removes its sandboxes.
    pub idle: Duration,
    /// What a request may ask for.
    pub request_limits: RequestLimits,
    /// Modules that parked interpreters import ahead of their programs.
    pub preload: Preload,
    /// Whether interpreters are started ahead of their programs, default true. Callers have no
    /// reason to change it; tests compare both.
    pub parking: bool,
    /// Whether interpreters that are started ahead have the secrets, default true. Where callers with other
    /// secrets share sandboxes, only the program itself gets them.
    pub park_secrets: bool,
}

/// Life cycle of sandboxes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Each execution has a sandbox to itself.
    #[default]
    Ephemeral,
    /// All executions of the engine share one, in order.
    Persistent,
}

/// System call filter of a sandbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Seccomp {
    /// The allowlist of isol8.
    #[default]
    Strict,
    /// None.
    Unconfined,
    /// The profile in this file.
    Custom(PathBuf),
}

/// How many sandboxes a pool keeps of one kind; each at most [`MAX_POOL_SIZE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSize {
    /// Ready for use.
    pub clean: usize,
    /// Used and waiting to be cleaned.
    pub dirty: usize,
}

impl Default for PoolSize {
    fn default() -> Self {
        Self { clean: 1, dirty: 1 }
    }
}

/// Audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "options are independent switches"
)]
pub struct AuditOptions {
    /// Whether executions are recorded.
    pub enabled: bool,
    /// Where to.
    pub destination: AuditDestination,
    /// Directory of the log file, when configured.
    pub log_dir: Option<PathBuf>,
    /// Program run after each record with the log file's path.
    pub post_log_script: Option<String>,
    /// Whether resource usage is recorded.
    pub track_resources: bool,
    /// Age at which log files are deleted.
    pub retention: Duration,
    /// Whether the program's text is recorded.
    pub include_code: bool,
    /// Whether output is recorded.
    pub include_output: bool,
}

/// Where audit records go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AuditDestination {
    /// `executions.log` in the log directory.
    #[default]
    Filesystem,
    /// Standard output.
    Stdout,
}

/// Whether and how code is fetched from URLs. Hosts are ECMAScript regular expressions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteCodePolicy {
    /// Whether it is allowed at all.
    pub enabled: bool,
    /// URL schemes, in lower case and without a colon.
    pub allowed_schemes: Vec<String>,
    /// Allowed hosts; empty means any that is not blocked.
    pub allowed_hosts: Vec<String>,
    /// Refused hosts; they win.
    pub blocked_hosts: Vec<String>,
    /// Places that are reached though their addresses are not public: CIDR blocks, addresses, exact
    /// host names.
    pub allow_private: Vec<String>,
    /// Largest program in bytes.
    pub max_code_bytes: u64,
    /// Time limit of a fetch.
    pub fetch_timeout: Duration,
    /// Whether each request must carry a hash.
    pub require_hash: bool,
    /// Whether fetched programs are kept in memory.
    pub enable_cache: bool,
    /// How long they are kept.
    pub cache_ttl: Duration,
}
