//! What a configuration file may say about a server: where it listens, its keys, its queue, and what it removes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a server listens.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ServerConfig {
    /// File of the certificate in PEM, with those between it and its authority. Connections are encrypted with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cert: Option<String>,
    /// File of the certificate's private key in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<String>,
    /// Path of a Unix socket to listen on in place of a port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket: Option<String>,
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

impl Default for CleanupConfig {
    fn default() -> Self {
        Self {
            auto_prune: true,
            max_container_age_ms: 3_600_000,
            keep_images: false,
        }
    }
}
