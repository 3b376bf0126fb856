//! The traits of a place that runs sandboxes, and what they return.

use std::{fs, thread::available_parallelism};

use futures::future::BoxFuture;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{BackendError, Need, SandboxSpec};

/// A byte stream in both directions.
pub trait DuplexStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> DuplexStream for T {}

/// A sandbox that has just been started: its guest is at the other end of `stream`.
pub struct Started {
    /// The backend's name for it, such as a container id.
    pub id: String,
    /// The byte stream to the guest. Dropping it ends the guest.
    pub stream: Box<dyn DuplexStream>,
}

/// What the machine that runs the sandboxes has to spare. `None` where it cannot be known, for example
/// because the machine is another one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capacity {
    /// Memory in bytes that programs could use without swapping.
    pub free_memory: Option<u64>,
    /// Processors that sandboxes share with this process.
    pub processors: Option<usize>,
}

impl Capacity {
    /// That of the machine that this process runs on.
    #[must_use]
    pub fn of_this_machine() -> Self {
        Self {
            free_memory: fs::read_to_string("/proc/meminfo")
                .ok()
                .and_then(|text| available_memory(&text)),
            processors: available_parallelism().ok().map(usize::from),
        }
    }
}

/// The memory in the text of `/proc/meminfo` that programs could use without swapping, in bytes. See
/// proc(5).
fn available_memory(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// What a cleanup did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CleanupReport {
    /// How many were removed.
    pub removed: u64,
    /// How many could not be removed.
    pub failed: u64,
    /// Why, one message for each failure.
    pub errors: Vec<String>,
}

/// A way to obtain sandboxes.
pub trait Backend: Send + Sync + 'static {
    /// Why this backend cannot give what a caller needs; `None` where it can, or where it does not know yet. A
    /// backend that gave sandboxes knows. Does no I/O.
    fn refuse(&self, _need: Need) -> Option<BackendError> {
        None
    }

    /// Creates and starts a sandbox.
    ///
    /// Dropping the future half way leaves no sandbox behind: what was created is removed in the
    /// background.
    fn start<'a>(&'a self, spec: &'a SandboxSpec) -> BoxFuture<'a, Result<Started, BackendError>>;

    /// Notes that this process no longer uses the sandbox `id`, which is to persist.
    fn let_go(&self, id: &str);

    /// Removes a sandbox, whatever state it is in. One that is gone already is no error.
    fn destroy(&self, id: String) -> BoxFuture<'static, Result<(), BackendError>>;

    /// Removes the sandboxes that nobody uses any more: those that processes have left behind.
    fn clean_up(&self) -> BoxFuture<'_, Result<CleanupReport, BackendError>>;

    /// Whether sandboxes can be started here, or why not. Starts none.
    fn probe(&self) -> BoxFuture<'_, Result<(), BackendError>>;

    /// What the machine that runs the sandboxes has to spare at the moment. Cheap enough to be called
    /// before each start.
    fn capacity(&self) -> Capacity;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn available_memory_is_found() {
        let text = "MemTotal:       100 kB\nMemAvailable:   23328 kB\nBuffers: 1 kB\n";
        assert_eq!(available_memory(text), Some(23_328 * 1024));
        assert_eq!(available_memory("MemTotal: 100 kB\n"), None);
    }
}
