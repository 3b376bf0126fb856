//! What a server is configured with.

use std::{sync::Arc, time::Duration};

use isol8_api::config::Config;
use isol8_keys::KeyStore;

/// Largest body of a request unless the settings say otherwise, in bytes: 128 MiB.
const DEFAULT_MAX_BODY_BYTES: usize = 128 * 1024 * 1024;

/// Memory for the requests of all clients together unless the settings say otherwise, in bytes: 1 GiB.
const DEFAULT_MAX_HELD_BYTES: usize = 1024 * 1024 * 1024;

/// What a server is configured with. `Debug` does not show the key.
#[derive(Clone)]
pub struct Settings {
    /// The master key: who has it may do everything.
    pub master_key: String,
    /// The keys of tenants; none when only the master key is accepted. Whoever opened it closes it after the server's end.
    pub keys: Option<Arc<KeyStore>>,
    /// Defaults of requests, limits, and what is cleaned up.
    pub config: Config,
    /// Largest body of a request in bytes, default 128 MiB.
    pub max_body_bytes: usize,
    /// Memory for the bodies and messages of all clients together in bytes, default 1 GiB. At least six times
    /// `max_body_bytes` are used. A tenant has at most half of it. Beyond it the answer is 503.
    pub max_held_bytes: usize,
    /// How often a silent stream carries a sign of life, default 10 s. Proxies cut connections that carry
    /// nothing.
    pub keep_alive: Duration,
    /// How long running calls may take to end when the server stops, default 30 s.
    pub stop_grace: Duration,
}

/// Settings that no server can have.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SettingsError {
    /// Everybody would have the key.
    #[error("The API key must not be empty.")]
    EmptyKey,
    /// Nothing could run.
    #[error("Invalid maxConcurrent: {0}. It must be at least 1.")]
    MaxConcurrent(u64),
    /// Nothing could wait.
    #[error("Invalid queue.timeoutMs: 0. It must be at least 1.")]
    QueueTimeout,
    /// A tenant cannot be held to this.
    #[error("Invalid {section}: {cause}")]
    Tenant {
        /// The section of the configuration.
        section: String,
        /// What is wrong with it.
        cause: String,
    },
    /// Silent streams would do nothing else than show that they are there.
    #[error("Invalid keepAlive: 0. It must be above 0.")]
    KeepAlive,
}

impl Settings {
    /// Settings with this master key and configuration, the rest as by default.
    #[must_use]
    pub fn new(master_key: impl Into<String>, config: Config) -> Self {
        Self {
            master_key: master_key.into(),
            keys: None,
            config,
            max_body_bytes: DEFAULT_MAX_BODY_BYTES,
            max_held_bytes: DEFAULT_MAX_HELD_BYTES,
            keep_alive: Duration::from_secs(10),
            stop_grace: Duration::from_secs(30),
        }
    }

    /// How many executions may run at a time, once everything has been checked.
    pub(crate) fn checked(&self) -> Result<usize, SettingsError> {
        if self.master_key.trim().is_empty() {
            return Err(SettingsError::EmptyKey);
        }
        if self.config.queue.timeout_ms == 0 {
            return Err(SettingsError::QueueTimeout);
        }
        if self.keep_alive.is_zero() {
            return Err(SettingsError::KeepAlive);
        }
        let limit = self.config.max_concurrent;
        usize::try_from(limit)
            .ok()
            .filter(|limit| (1..=tokio::sync::Semaphore::MAX_PERMITS).contains(limit))
            .ok_or(SettingsError::MaxConcurrent(limit))
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("config", &self.config)
            .field("max_body_bytes", &self.max_body_bytes)
            .field("max_held_bytes", &self.max_held_bytes)
            .finish_non_exhaustive()
    }
}
