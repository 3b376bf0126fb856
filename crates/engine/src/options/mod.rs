//! Options of an engine: complete, checked, in the engine's own units. What callers write is in
//! `isol8_api::options`.

mod bounds;
mod choices;
mod convert;
mod error;
mod install_registries;
mod number;
mod preload;
mod request_limits;
mod resolved;
mod secrets;
mod size;
mod start;

pub use error::OptionError;
pub use install_registries::InstallRegistries;
pub use number::{MAX_TIMEOUT, timeout};
pub use preload::{MAX_PRELOADED, Preload};
pub use request_limits::{FieldLimits, Names, RequestLimits};
pub use resolved::{
    AuditDestination, AuditOptions, MAX_POOL_SIZE, Mode, Options, PoolSize, RemoteCodePolicy,
    Seccomp,
};
pub use secrets::Secrets;
pub use size::{parse_size, size_text};
pub use start::StartOptions;
