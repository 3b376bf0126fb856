//! What a configuration file may say about sandboxes: their limits, network, system call filter and images.

use serde::{Deserialize, Serialize};

use crate::options::{NetworkMode, SeccompMode};

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
