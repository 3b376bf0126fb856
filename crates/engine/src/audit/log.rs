//! Appending records, in order, whole, from any number of processes.

use std::{
    ffi::OsString,
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant, SystemTime},
};

use tokio::sync::{mpsc, oneshot};

use super::{
    AuditRecord,
    retention::{LOG_FILE, SWEEP_INTERVAL, day, rotate, sweep},
    script::PostLogScript,
};
use crate::options::{AuditDestination, AuditOptions};

/// Environment variable with the log directory, used when the options name none.
const DIRECTORY_VARIABLE: &str = "ISOL8_AUDIT_DIR";

/// Log directory when nothing names one, in the working directory.
const DEFAULT_DIRECTORY: &str = ".isol8_audit";

/// What a line begins with on standard output.
const STDOUT_PREFIX: &[u8] = b"AUDIT_LOG: ";

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
    #[error("Failed to write the audit log {destination}: {cause}")]
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
}

/// A place in the queue, held by an execution until it has ended.
#[derive(Debug)]
pub struct AuditSlot(mpsc::OwnedPermit<Entry>);

#[derive(Debug)]
enum Entry {
    Record(Box<AuditRecord>, oneshot::Sender<Result<(), AuditError>>),
    /// Everything before it is written.
    Flush(oneshot::Sender<()>),
}

impl AuditLog {
    /// Starts the log that `options` describe, for an engine that runs up to `max_concurrent`
    /// executions at once. Nothing is created before the first record.
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
        let appender = Appender::new(options, directory);
        thread::Builder::new()
            .name("isol8-audit".to_owned())
            .spawn(move || appender.run(entries))
            .map_err(|error| AuditError::Start {
                cause: error.to_string(),
            })?;
        Ok(Self { queue })
    }

    /// Reserves the place of an execution that is about to start. Waits only while the disk is far
    /// behind. Dropping the future or the slot gives the place back.
    pub async fn reserve(&self) -> Result<AuditSlot, AuditError> {
        let permit = self.queue.clone().reserve_owned().await;
        permit.map(AuditSlot).map_err(|_| AuditError::Closed)
    }

    /// Waits until everything recorded so far is written. Safe to drop half way.
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
    /// the same. An error is for the operator; the execution has not failed.
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

/// Owner of the file.
struct Appender {
    /// `None` for standard output.
    directory: Option<Arc<Path>>,
    retention: Duration,
    script: Option<PostLogScript>,
    swept: Option<Instant>,
    /// The day on which it was last seen whether the log is an earlier one's.
    day: Option<u64>,
    /// The last line may be incomplete, so that the next one must begin with a line break.
    torn: bool,
}

impl Appender {
    fn new(options: &AuditOptions, directory: PathBuf) -> Self {
        let directory: Option<Arc<Path>> = match options.destination {
            AuditDestination::Filesystem => Some(directory.into()),
            AuditDestination::Stdout => None,
        };
        let script = options
            .post_log_script
            .as_deref()
            .zip(directory.as_ref())
            .map(|(script, directory)| PostLogScript::new(script, &directory.join(LOG_FILE)));
        Self {
            directory,
            retention: options.retention,
            script,
            swept: None,
            day: None,
            torn: false,
        }
    }

    fn run(mut self, mut entries: mpsc::Receiver<Entry>) {
        while let Some(entry) = entries.blocking_recv() {
            match entry {
                Entry::Flush(done) => {
                    let _ = done.send(());
                }
                Entry::Record(record, done) => {
                    let result = self.append(&record).map_err(|error| self.failure(&error));
                    if let Err(error) = &result {
                        tracing::error!(%error, "an execution is missing in the audit log");
                    }
                    // Nobody listens after the grace.
                    let _ = done.send(result);
                }
            }
        }
    }

    fn append(&mut self, record: &AuditRecord) -> io::Result<()> {
        let line = record.line()?;
        let Some(directory) = self.directory.clone() else {
            let mut out = io::stdout().lock();
            out.write_all(&[STDOUT_PREFIX, &line].concat())?;
            return out.flush();
        };
        create_private(&directory)?;
        let today = day(SystemTime::now());
        if self.day.replace(today) != Some(today)
            && let Err(error) = rotate(&directory, today)
        {
            tracing::warn!(%error, "the audit log of an earlier day could not be set aside");
        }
        let file = open_private(&directory.join(LOG_FILE))?;
        self.write_line(file, line)?;
        if self
            .swept
            .is_none_or(|last| last.elapsed() >= SWEEP_INTERVAL)
        {
            self.swept = Some(Instant::now());
            if let Err(error) = sweep(&directory, self.retention) {
                tracing::warn!(%error, "old audit logs could not be deleted");
            }
        }
        if let Some(script) = &self.script
            && let Err(error) = script.start()
        {
            tracing::warn!(%error, "the audit log's script could not be started");
        }
        Ok(())
    }

    /// One `write` in append mode is one piece for every other process too. The file is opened for
    /// each line, so that it may be moved away at any time.
    fn write_line(&mut self, mut file: impl io::Write, mut line: Vec<u8>) -> io::Result<()> {
        if self.torn {
            line.insert(0, b'\n');
        }
        self.torn = true;
        file.write_all(&line)?;
        self.torn = false;
        Ok(())
    }

    fn failure(&self, error: &io::Error) -> AuditError {
        let destination = match &self.directory {
            Some(directory) => directory.join(LOG_FILE).display().to_string(),
            None => "on standard output".to_owned(),
        };
        AuditError::Write {
            destination,
            cause: error.to_string(),
        }
    }
}

/// Creates a directory that only its owner can use, unless it is there.
fn create_private(directory: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// Opens a file for appending; one that is new can only be read by its owner.
fn open_private(file: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)
}

#[cfg(test)]
mod tests;
