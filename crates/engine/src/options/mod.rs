//! Options of an engine: [`RawOptions`] as callers write them, [`Options`] complete and checked.

mod convert;
mod error;
mod number;
mod object;
mod preload;
mod raw;
mod resolved;
mod secrets;
mod size;
mod start;

pub use error::OptionError;
pub use number::{MAX_TIMEOUT, timeout};
pub use preload::{MAX_PRELOADED, Preload};
pub(crate) use raw::POOL_SIZE_FORMS;
pub use raw::{
    RawAddresses, RawAudit, RawNetworkFilter, RawOptions, RawPoolSize, RawRemoteCode, RawSecurity,
};
pub(crate) use resolved::DEFAULT_BLOCKED_HOSTS;
pub use resolved::{
    AuditDestination, AuditOptions, MAX_POOL_SIZE, Mode, NetworkMode, Options, PoolSize,
    PoolStrategy, RemoteCodePolicy, Seccomp,
};
pub use secrets::Secrets;
pub use size::parse_size;
pub use start::{Prewarm, PrewarmOptions, StartOptions};
