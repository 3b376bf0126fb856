//! Appending records, in order, whole, from any number of processes.

use std::{
    collections::VecDeque,
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use tokio::sync::mpsc;

use super::{AuditError, Entry, Writable};
use crate::{
    audit::{
        AuditRecord,
        retention::{LOG_FILE, SWEEP_INTERVAL, day, rotate, sweep},
        script::PostLogScript,
    },
    notice::NOTICE,
    options::{AuditDestination, AuditOptions},
};

/// What a line begins with on standard output.
const STDOUT_PREFIX: &[u8] = b"AUDIT_LOG: ";

/// Owner of the file.
pub(super) struct Appender {
    /// `None` for standard output.
    directory: Option<Arc<Path>>,
    retention: Duration,
    script: Option<PostLogScript>,
    swept: Option<Instant>,
    /// The day on which it was last seen whether the log is an earlier one's.
    day: Option<u64>,
    /// The last line may be incomplete, so that the next one must begin with a line break.
    torn: bool,
    /// Lines that could not be written yet. No execution begins while there are some, so they are never more than the
    /// queue has places.
    missing: VecDeque<Vec<u8>>,
    writable: Writable,
}

impl Appender {
    pub(super) fn new(options: &AuditOptions, directory: PathBuf, writable: Writable) -> Self {
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
            missing: VecDeque::new(),
            writable,
        }
    }

    pub(super) fn run(mut self, mut entries: mpsc::Receiver<Entry>) {
        while let Some(entry) = entries.blocking_recv() {
            // Nobody may listen any more to what is answered.
            match entry {
                Entry::Flush(done) => {
                    let _ = done.send(());
                }
                Entry::Check(done) => {
                    let _ = done.send(self.write_missing());
                }
                Entry::Record(record, done) => {
                    let _ = done.send(self.append(&record));
                }
            }
        }
        if !self.missing.is_empty()
            && let Err(error) = self.write_missing()
        {
            tracing::warn!(
                target: NOTICE,
                "{} executions are missing in the audit log for good: {error}",
                self.missing.len()
            );
        }
    }

    /// Writes the line of an execution. One that cannot be written is kept, and reported to the operator.
    fn append(&mut self, record: &AuditRecord) -> Result<(), AuditError> {
        match record.line() {
            Ok(line) => self.missing.push_back(line),
            Err(error) => return Err(self.failure(&error.into())),
        }
        self.write_missing().inspect_err(|error| {
            tracing::warn!(
                target: NOTICE,
                "The record of an execution is not in the audit log yet. It is written as soon as that is possible. {error}"
            );
        })
    }

    /// Writes every line that is not in the log yet, and remembers whether the log can be written.
    fn write_missing(&mut self) -> Result<(), AuditError> {
        let result = self.try_missing().map_err(|error| self.failure(&error));
        self.writable.set(result.is_ok());
        result
    }

    fn try_missing(&mut self) -> io::Result<()> {
        let Some(directory) = self.directory.clone() else {
            let mut out = io::stdout().lock();
            while let Some(line) = self.missing.front() {
                out.write_all(&[STDOUT_PREFIX, line].concat())?;
                self.missing.pop_front();
            }
            return out.flush();
        };
        create_private(&directory)?;
        let today = day(SystemTime::now());
        if self.day.replace(today) != Some(today)
            && let Err(error) = rotate(&directory, today)
        {
            tracing::warn!(%error, "the audit log of an earlier day could not be set aside");
        }
        // Opened in any case, so that the attempt shows whether it can be.
        let mut file = open_private(&directory.join(LOG_FILE))?;
        let told = !self.missing.is_empty();
        self.write_lines(&mut file)?;
        if self
            .swept
            .is_none_or(|last| last.elapsed() >= SWEEP_INTERVAL)
        {
            self.swept = Some(Instant::now());
            if let Err(error) = sweep(&directory, self.retention) {
                tracing::warn!(%error, "old audit logs could not be deleted");
            }
        }
        if told
            && let Some(script) = &self.script
            && let Err(error) = script.start()
        {
            tracing::warn!(%error, "the audit log's script could not be started");
        }
        Ok(())
    }

    /// Writes each line that is missing. One `write` in append mode is one piece for every other process too. The file is
    /// opened for each execution, so that it may be moved away at any time.
    fn write_lines(&mut self, file: &mut impl io::Write) -> io::Result<()> {
        while let Some(line) = self.missing.front() {
            let before: &[u8] = if self.torn { b"\n" } else { b"" };
            self.torn = true;
            file.write_all(&[before, line].concat())?;
            self.torn = false;
            self.missing.pop_front();
        }
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
mod tests {
    use isol8_api::options::RawOptions;

    use super::*;
    use crate::options::Options;

    /// Takes a few bytes, then is full.
    struct Full(Vec<u8>);

    impl io::Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if !self.0.is_empty() {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.0.extend_from_slice(&bytes[..3]);
            Ok(3)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_after_a_torn_one_stands_alone_and_the_torn_one_is_written_again() {
        let options = Options::try_from(RawOptions::default()).unwrap().audit;
        let mut appender = Appender::new(&options, "unused".into(), Writable::default());
        let mut disk = Full(Vec::new());
        appender.missing.push_back(b"first\n".to_vec());
        assert!(appender.write_lines(&mut disk).is_err());
        for line in ["second\n", "third\n"] {
            appender.missing.push_back(line.into());
        }
        appender.write_lines(&mut disk.0).unwrap();
        assert_eq!(disk.0, b"fir\nfirst\nsecond\nthird\n");
        assert!(appender.missing.is_empty());
    }
}
