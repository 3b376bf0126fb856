//! Options as the engine uses them: complete, checked, in the engine's own units.

use std::{path::PathBuf, time::Duration};

use super::{
    OptionError, RawAudit, RawNetworkFilter, RawOptions, RawPoolSize, RawRemoteCode, RawSecurity,
    Secrets,
    number::{integer_up_to, positive, positive_integer, timeout},
    parse_size,
};

/// Most sandboxes that a pool keeps of each kind.
pub const MAX_POOL_SIZE: usize = 1000;

/// Host patterns from which code is never fetched unless the caller says otherwise: this machine,
/// private networks and cloud metadata. ECMAScript regular expressions, matched ignoring case.
pub(crate) const DEFAULT_BLOCKED_HOSTS: [&str; 13] = [
    r"^localhost$",
    r"\.localhost$",
    r"^127\.",
    r"^0\.",
    r"^10\.",
    r"^172\.(1[6-9]|2[0-9]|3[01])\.",
    r"^192\.168\.",
    r"^169\.254\.",
    r"^\[?::1\]?$",
    r"^\[?f[cd][0-9a-f]{2}:",
    r"^\[?fe[89ab][0-9a-f]:",
    r"^metadata\.google\.internal$",
    r"^metadata\.azure\.internal$",
];

/// Everything that an engine is configured with.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// One sandbox per execution, or one for all.
    pub mode: Mode,
    /// What network a sandbox has.
    pub network: NetworkMode,
    /// What a filtered network lets through.
    pub network_filter: NetworkFilter,
    /// CPU cores; finite and above 0.
    pub cpu_limit: f64,
    /// Memory without swap, in bytes.
    pub memory_bytes: u64,
    /// Processes and threads.
    pub pids_limit: u32,
    /// Whether the root file system is read-only.
    pub readonly_root: bool,
    /// Bytes of text kept of each output stream.
    pub max_output_bytes: u64,
    /// Environment whose values are masked.
    pub secrets: Secrets,
    /// Time limit of an execution that names none.
    pub timeout: Duration,
    /// Image to use instead of the runtime's own.
    pub image: Option<String>,
    /// Size of `/sandbox` in bytes.
    pub sandbox_bytes: u64,
    /// Size of `/tmp` in bytes.
    pub tmp_bytes: u64,
    /// Whether each step is explained on standard error.
    pub debug: bool,
    /// Whether the container is kept after use.
    pub persist: bool,
    /// Whether results carry the network log.
    pub log_network: bool,
    /// System call filter.
    pub seccomp: Seccomp,
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

/// Network of a sandbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum NetworkMode {
    /// Loopback only.
    #[default]
    None,
    /// The host's own.
    Host,
    /// Loopback, and a filtering proxy on it.
    Filtered,
}

/// What a filtered network lets through, as ECMAScript regular expressions for host names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkFilter {
    /// Allowed hosts.
    pub whitelist: Vec<String>,
    /// Refused hosts; they win.
    pub blacklist: Vec<String>,
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

/// When a used sandbox is cleaned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum PoolStrategy {
    /// In the background after use.
    #[default]
    Fast,
    /// When it is handed out again.
    Secure,
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

impl TryFrom<RawOptions> for Options {
    type Error = OptionError;

    fn try_from(raw: RawOptions) -> Result<Self, OptionError> {
        let secrets = raw.secrets.unwrap_or_default();
        secrets.check()?;
        let security = raw.security.unwrap_or_default();
        let size = |option, text: Option<String>, default: &str| {
            parse_size(option, text.as_deref().unwrap_or(default))
        };
        let pids_limit = positive_integer("pidsLimit", raw.pids_limit.unwrap_or(64.0))?;
        Ok(Self {
            mode: choose("mode", raw.mode, &MODES)?,
            network: choose("network", raw.network, &NETWORK_MODES)?,
            network_filter: raw.network_filter.unwrap_or_default().into(),
            cpu_limit: positive("cpuLimit", raw.cpu_limit.unwrap_or(1.0))?,
            memory_bytes: size("memoryLimit", raw.memory_limit, "512m")?,
            pids_limit: u32::try_from(pids_limit).unwrap_or(u32::MAX),
            readonly_root: raw.readonly_root_fs.unwrap_or(true),
            max_output_bytes: positive_integer(
                "maxOutputSize",
                raw.max_output_size.unwrap_or(1_048_576.0),
            )?,
            secrets,
            timeout: timeout("timeoutMs", raw.timeout_ms.unwrap_or(30_000.0))?,
            image: raw.image.filter(|image| !image.is_empty()),
            sandbox_bytes: size("sandboxSize", raw.sandbox_size, "512m")?,
            tmp_bytes: size("tmpSize", raw.tmp_size, "256m")?,
            debug: raw.debug.unwrap_or(false),
            persist: raw.persist.unwrap_or(false),
            log_network: raw.log_network.unwrap_or(false),
            oci_runtime: security
                .runtime
                .clone()
                .filter(|runtime| !runtime.is_empty()),
            seccomp: security.try_into()?,
            audit: raw.audit.unwrap_or_default().try_into()?,
            remote_code: raw.remote_code.unwrap_or_default().try_into()?,
            pool_strategy: choose("poolStrategy", raw.pool_strategy, &POOL_STRATEGIES)?,
            pool_size: match raw.pool_size {
                Some(size) => size.try_into()?,
                None => PoolSize::default(),
            },
        })
    }
}

/// The words of an option, as shown in its error, and their meanings.
struct Choices<T: 'static>(&'static str, &'static [(&'static str, T)]);

const MODES: Choices<Mode> = Choices(
    "ephemeral, persistent",
    &[
        ("ephemeral", Mode::Ephemeral),
        ("persistent", Mode::Persistent),
    ],
);

const NETWORK_MODES: Choices<NetworkMode> = Choices(
    "none, host, filtered",
    &[
        ("none", NetworkMode::None),
        ("host", NetworkMode::Host),
        ("filtered", NetworkMode::Filtered),
    ],
);

const POOL_STRATEGIES: Choices<PoolStrategy> = Choices(
    "fast, secure",
    &[
        ("fast", PoolStrategy::Fast),
        ("secure", PoolStrategy::Secure),
    ],
);

fn choose<T: Copy + Default>(
    option: &'static str,
    word: Option<String>,
    choices: &Choices<T>,
) -> Result<T, OptionError> {
    let Some(value) = word else {
        return Ok(T::default());
    };
    let found = choices.1.iter().find(|(name, _)| *name == value);
    found
        .map(|(_, meaning)| *meaning)
        .ok_or(OptionError::Choice {
            option,
            value,
            expected: choices.0,
        })
}

impl From<RawNetworkFilter> for NetworkFilter {
    fn from(raw: RawNetworkFilter) -> Self {
        Self {
            whitelist: raw.whitelist.unwrap_or_default(),
            blacklist: raw.blacklist.unwrap_or_default(),
        }
    }
}

impl TryFrom<RawSecurity> for Seccomp {
    type Error = OptionError;

    fn try_from(raw: RawSecurity) -> Result<Self, OptionError> {
        match raw.seccomp.as_deref() {
            None | Some("strict") => Ok(Self::Strict),
            Some("unconfined") => Ok(Self::Unconfined),
            Some("custom") => match raw.custom_profile_path {
                Some(path) if !path.is_empty() => Ok(Self::Custom(path.into())),
                _ => Err(OptionError::MissingSeccompProfile),
            },
            Some(other) => Err(OptionError::Choice {
                option: "security.seccomp",
                value: other.to_owned(),
                expected: "strict, unconfined, custom",
            }),
        }
    }
}

impl TryFrom<RawAudit> for AuditOptions {
    type Error = OptionError;

    fn try_from(raw: RawAudit) -> Result<Self, OptionError> {
        let days = positive("audit.retentionDays", raw.retention_days.unwrap_or(90.0))?;
        Ok(Self {
            enabled: raw.enabled.unwrap_or(false),
            destination: match raw.destination.as_deref() {
                None | Some("filesystem" | "file") => AuditDestination::Filesystem,
                Some("stdout") => AuditDestination::Stdout,
                Some(other) => {
                    return Err(OptionError::AuditDestination {
                        value: other.to_owned(),
                    });
                }
            },
            log_dir: raw
                .log_dir
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
            post_log_script: raw.post_log_script.filter(|script| !script.is_empty()),
            track_resources: raw.track_resources.unwrap_or(true),
            retention: Duration::try_from_secs_f64(days * 86_400.0).unwrap_or(Duration::MAX),
            include_code: raw.include_code.unwrap_or(false),
            include_output: raw.include_output.unwrap_or(false),
        })
    }
}

impl TryFrom<RawRemoteCode> for RemoteCodePolicy {
    type Error = OptionError;

    fn try_from(raw: RawRemoteCode) -> Result<Self, OptionError> {
        let schemes = raw
            .allowed_schemes
            .unwrap_or_else(|| vec!["https".to_owned()]);
        let ttl = raw.cache_ttl.unwrap_or(3600.0);
        let max_ttl = u64::from(u32::MAX);
        let ttl_rule = "a whole number of seconds";
        Ok(Self {
            enabled: raw.enabled.unwrap_or(false),
            allowed_schemes: schemes
                .iter()
                .map(|scheme| scheme.trim_end_matches(':').to_ascii_lowercase())
                .collect(),
            allowed_hosts: raw.allowed_hosts.unwrap_or_default(),
            blocked_hosts: raw
                .blocked_hosts
                .unwrap_or_else(|| DEFAULT_BLOCKED_HOSTS.map(str::to_owned).to_vec()),
            max_code_bytes: positive_integer(
                "remoteCode.maxCodeSize",
                raw.max_code_size.unwrap_or(10_485_760.0),
            )?,
            fetch_timeout: timeout(
                "remoteCode.fetchTimeoutMs",
                raw.fetch_timeout_ms.unwrap_or(30_000.0),
            )?,
            require_hash: raw.require_hash.unwrap_or(false),
            enable_cache: raw.enable_cache.unwrap_or(true),
            cache_ttl: Duration::from_secs(integer_up_to(
                "remoteCode.cacheTtl",
                ttl,
                max_ttl,
                ttl_rule,
            )?),
        })
    }
}

impl TryFrom<RawPoolSize> for PoolSize {
    type Error = OptionError;

    fn try_from(raw: RawPoolSize) -> Result<Self, OptionError> {
        let count = |option, value: f64| {
            let rule = "a whole number from 0 to 1000";
            let count = integer_up_to(option, value, MAX_POOL_SIZE as u64, rule)?;
            Ok(usize::try_from(count).unwrap_or(MAX_POOL_SIZE))
        };
        match raw {
            RawPoolSize::Both(size) => {
                let size = count("poolSize", size)?;
                Ok(Self {
                    clean: size,
                    dirty: size,
                })
            }
            RawPoolSize::Each { clean, dirty } => Ok(Self {
                clean: count("poolSize.clean", clean.unwrap_or(1.0))?,
                dirty: count("poolSize.dirty", dirty.unwrap_or(1.0))?,
            }),
        }
    }
}
