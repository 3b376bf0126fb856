//! The audit log of an engine. Executions reserve a place in its queue; one thread owns the file.

mod appender;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::sync::{mpsc, oneshot};

use super::AuditRecord;
use crate::options::AuditOptions;
use appender::Appender;

/// Environment variable with the log directory, used when the options name none.
const DIRECTORY_VARIABLE: &str = "ISOL8_AUDIT_DIR";

/// Log directory when nothing names one, in the working directory.
const DEFAULT_DIRECTORY: &str = ".isol8_audit";

/// Smallest number of executions that may be under way or unwritten at once.
pub const MIN_QUEUE: usize = 1024;

/// How long the end of an execution waits for its line to be written, so that a program that exits
/// right after its result loses none. A slower disk delays no result further.
pub const WRITE_GRACE: Duration = Duration::from_millis(100);

/// A record that is not in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// The thread that writes could not be started.
    #[error("Failed to start the audit log: {cause}")]
    Start {
        /// The cause.
        cause: String,
    },
    /// A line could not be written.
    #[error(
        "Failed to write the audit log {destination}: {cause}. No program runs without it. Make its folder \
         (audit.logDir or ISOL8_AUDIT_DIR) writable with room on its disk, or set audit.enabled to false."
    )]
    Write {
        /// File, or standard output.
        destination: String,
        /// The cause.
        cause: String,
    },
    /// The log was closed.
    #[error("The audit log is closed")]
    Closed,
}

/// The audit log of one engine. Clones share it; it ends with the last one, after everything that
/// was recorded is written.
#[derive(Debug, Clone)]
pub struct AuditLog {
    queue: mpsc::Sender<Entry>,
    writable: Writable,
}

/// Whether the log could be written when it was last tried. It is not known before the first execution.
#[derive(Debug, Clone, Default)]
struct Writable(Arc<AtomicBool>);

impl Writable {
    fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    fn set(&self, writable: bool) {
        self.0.store(writable, Ordering::Release);
    }
}

/// A place in the queue, held by an execution until it has ended.
#[derive(Debug)]
pub struct AuditSlot(mpsc::OwnedPermit<Entry>);

#[derive(Debug)]
enum Entry {
    Record(Box<AuditRecord>, oneshot::Sender<Result<(), AuditError>>),
    /// Everything before it is written, as far as that is possible.
    Flush(oneshot::Sender<()>),
    /// Whether the log can be written, which is tried.
    Check(oneshot::Sender<Result<(), AuditError>>),
}

impl AuditLog {
    /// Starts the log that `options` describe, for an engine that runs up to `max_concurrent`
    /// executions at once. Nothing is created before the first execution.
    pub fn start(options: &AuditOptions, max_concurrent: usize) -> Result<Self, AuditError> {
        let directory = directory(
            options.log_dir.as_deref(),
            std::env::var_os(DIRECTORY_VARIABLE),
        );
        Self::start_in(options, directory, max_concurrent)
    }

    fn start_in(
        options: &AuditOptions,
        directory: PathBuf,
        max_concurrent: usize,
    ) -> Result<Self, AuditError> {
        let (queue, entries) = mpsc::channel(MIN_QUEUE.max(max_concurrent.saturating_mul(2)));
        let writable = Writable::default();
        let appender = Appender::new(options, directory, writable.clone());
        thread::Builder::new()
            .name("isol8-audit".to_owned())
            .spawn(move || appender.run(entries))
            .map_err(|error| AuditError::Start {
                cause: error.to_string(),
            })?;
        Ok(Self { queue, writable })
    }

    /// Reserves the place of an execution that is about to start. Waits only while the disk is far
    /// behind. Fails while the log cannot be written: no execution may lack its record. Dropping the future or
    /// the slot gives the place back.
    pub async fn reserve(&self) -> Result<AuditSlot, AuditError> {
        if !self.writable.get() {
            self.check().await?;
        }
        let permit = self.queue.clone().reserve_owned().await;
        permit.map(AuditSlot).map_err(|_| AuditError::Closed)
    }

    /// Tries whether the log can be written, together with the lines that are still missing in it.
    async fn check(&self) -> Result<(), AuditError> {
        let (done, checked) = oneshot::channel();
        let sent = self.queue.send(Entry::Check(done)).await;
        sent.map_err(|_| AuditError::Closed)?;
        checked.await.unwrap_or(Err(AuditError::Closed))
    }

    /// Waits until everything recorded so far is written, as far as that is possible. Safe to drop half way.
    pub async fn flush(&self) {
        let (done, written) = oneshot::channel();
        if self.queue.send(Entry::Flush(done)).await.is_ok() {
            let _ = written.await;
        }
    }
}

impl AuditSlot {
    /// Records the execution, and waits for its line for at most [`WRITE_GRACE`]. The record is in
    /// the queue before anything is awaited: when the future is dropped later, it is written all
    /// the same. An error has been reported to the operator; the execution has not failed.
    pub async fn record(self, record: AuditRecord) -> Result<(), AuditError> {
        let (done, written) = oneshot::channel();
        self.0.send(Entry::Record(Box::new(record), done));
        match tokio::time::timeout(WRITE_GRACE, written).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(AuditError::Closed),
            // It is still in the queue. The appender reports a failure.
            Err(_) => Ok(()),
        }
    }
}

/// The log directory: as configured, else as in the environment, else in the working directory.
fn directory(configured: Option<&Path>, environment: Option<OsString>) -> PathBuf {
    configured
        .map(Path::to_owned)
        .or_else(|| {
            environment
                .filter(|path| !path.is_empty())
                .map(PathBuf::from)
        })
        .unwrap_or_else(|| DEFAULT_DIRECTORY.into())
}

#[cfg(test)]
mod tests;
