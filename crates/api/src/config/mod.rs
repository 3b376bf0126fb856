//! The configuration file: its types, its defaults, finding and merging it.
//!
//! `schema/isol8.config.schema.json` is generated from these types; a test keeps it current.

mod as_options;
mod audit;
mod load;
mod options;
mod ready;
mod remote_code;
mod sandboxes;
#[cfg(test)]
mod schema;
mod server;
mod tenants;
mod types;

pub use as_options::{options_over, take_configuration};
pub use audit::AuditConfig;
pub use load::{
    CONFIG_FILE, ConfigError, ConfigProblem, ConfigSource, ConfigWarning, LoadedConfig,
    MAX_CONFIG_BYTES, load_config, load_config_from,
};
pub use ready::{DependenciesConfig, PoolSizeConfig, PreloadConfig};
pub use remote_code::RemoteCodeConfig;
pub use sandboxes::{DefaultsConfig, NetworkConfig, PrebuiltImage, SecurityConfig};
pub use server::{AuthConfig, CleanupConfig, QueueConfig, ServerConfig};
pub use tenants::{RateLimit, TenantConfig, TenantNetwork, TenantsConfig};
pub use types::Config;
