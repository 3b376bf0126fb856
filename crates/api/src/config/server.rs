//! What a configuration file may say about where a server listens.

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
