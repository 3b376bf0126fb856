//! What a configuration file may say about programs that are given by URL.

use serde::{Deserialize, Serialize};

use crate::options::DEFAULT_BLOCKED_HOSTS;

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
