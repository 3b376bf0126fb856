//! What a configuration file may say. The values of `Default` are the public defaults, the comments
//! are the descriptions in the schema, and the ranges are there for editors: limits are enforced
//! where the values are used.

use serde::{Deserialize, Serialize};

use super::{
    audit::AuditConfig,
    ready::{DependenciesConfig, PoolSizeConfig, PreloadConfig},
    remote_code::RemoteCodeConfig,
    sandboxes::{DefaultsConfig, NetworkConfig, PrebuiltImage, SecurityConfig},
    server::{AuthConfig, CleanupConfig, QueueConfig, ServerConfig},
    tenants::TenantsConfig,
};
use crate::options::{
    BackendChoice, LocalLimits, PoolStrategy, RawInstallRegistries, RawRequestLimits,
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
    /// What the local backend does where this machine offers no control groups or no overlay file system: start no
    /// sandbox ("required"), or start sandboxes all the same ("best-effort"). They have the limits that can be had, and
    /// may share inodes with the host.
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
