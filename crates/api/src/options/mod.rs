//! Options as callers write them: everything optional, sizes as strings, numbers as JavaScript has them.

mod engine;
mod install_registries;
mod number;
mod object;
mod pool_size;
mod request_limits;
mod secrets;
mod start;
mod words;

pub use engine::{
    RawAddresses, RawAudit, RawNetworkFilter, RawOptions, RawRemoteCode, RawSecurity,
};
pub use install_registries::RawInstallRegistries;
pub use number::number;
pub(crate) use object::{object, present_object};
pub use pool_size::RawPoolSize;
pub(crate) use pool_size::pool_size;
pub use request_limits::{
    RawLimitTable, RawListLimits, RawRequestLimits, RawSwitchLimits, RawTextLimits, RequestPreset,
};
pub use secrets::RawSecrets;
pub use start::{RawPrewarm, RawPrewarmDetails, RawStartOptions};
pub use words::{
    BackendChoice, DEFAULT_BLOCKED_HOSTS, LocalLimits, NetworkMode, PoolStrategy, SeccompMode,
};
