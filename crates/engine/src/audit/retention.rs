//! Setting each day's log aside, and deleting those that are too old.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::time;

/// Name of the log file. Those of earlier days are `executions.DATE.log`.
pub const LOG_FILE: &str = "executions.log";

/// Extension of the files that are looked at. Others in the directory are not the log's.
const LOG_EXTENSION: &str = "log";

/// How often a long-running engine looks for old files.
pub(super) const SWEEP_INTERVAL: Duration = Duration::from_hours(24);

/// Days since the epoch, in UTC.
pub(super) fn day(time: SystemTime) -> u64 {
    const SECONDS: u64 = 24 * 60 * 60;
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs() / SECONDS
}

/// Renames the log of `directory` to `executions.DATE.log` when it was last written to before `today`,
/// on that date (UTC). A log that is always written to would never be old. Safe with any number of
/// processes: one of them renames, and a line that another is about to write follows the file.
pub(super) fn rotate(directory: &Path, today: u64) -> io::Result<Option<PathBuf>> {
    let log = directory.join(LOG_FILE);
    let written = |path: &Path| match fs::metadata(path).and_then(|found| found.modified()) {
        Ok(written) if day(written) < today => Ok(Some(written)),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    if written(&log)?.is_none() {
        return Ok(None);
    }
    let lock = File::open(directory)?;
    if lock.try_lock().is_err() {
        return Ok(None); // Another process is at it.
    }
    // It may have been, a moment ago.
    let Some(written) = written(&log)? else {
        return Ok(None);
    };
    let since = written.duration_since(UNIX_EPOCH).unwrap_or_default();
    let date = time::iso8601(u64::try_from(since.as_millis()).unwrap_or(0));
    let date = date.split_once('T').map_or(&*date, |(date, _)| date);
    let aside = directory.join(format!("executions.{date}.log"));
    // Nothing is ever overwritten: then the two days share a file.
    if aside.try_exists()? {
        return Ok(None);
    }
    fs::rename(&log, &aside)?;
    Ok(Some(aside))
}

/// Deletes the log files of `directory` that nothing was written to for longer than `retention`.
/// Only regular files that are in it directly; links are left alone. Returns how many went.
pub(super) fn sweep(directory: &Path, retention: Duration) -> io::Result<usize> {
    let Some(oldest) = SystemTime::now().checked_sub(retention) else {
        return Ok(0);
    };
    let mut deleted = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        // Not following links.
        let metadata = entry.metadata()?;
        let path = entry.path();
        let is_log = path
            .extension()
            .is_some_and(|extension| extension == LOG_EXTENSION);
        if is_log && metadata.is_file() && metadata.modified()? < oldest {
            // Another process may have been faster.
            match fs::remove_file(&path) {
                Ok(()) => deleted += 1,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(deleted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_of_an_earlier_day_is_set_aside_once() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join(LOG_FILE);
        let today = day(SystemTime::now());
        let rotate = || rotate(directory.path(), today).unwrap();
        assert_eq!(rotate(), None, "there is none");
        fs::write(&log, "today").unwrap();
        assert_eq!(rotate(), None);
        let written = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let age = || {
            let file = File::options().append(true).open(&log).unwrap();
            file.set_modified(written).unwrap();
        };
        age();
        let aside = directory.path().join("executions.2023-11-14.log");
        assert_eq!(rotate(), Some(aside.clone()));
        assert_eq!(rotate(), None);
        assert_eq!(fs::read_to_string(&aside).unwrap(), "today");
        // Not over one that is there.
        fs::write(&log, "again").unwrap();
        age();
        assert_eq!(rotate(), None);
        assert_eq!(fs::read_to_string(&aside).unwrap(), "today");
        // Not while another process does it.
        fs::remove_file(&aside).unwrap();
        let other = File::open(directory.path()).unwrap();
        other.lock().unwrap();
        assert_eq!(rotate(), None);
        other.unlock().unwrap();
        assert_eq!(rotate(), Some(aside));
    }

    #[test]
    fn only_old_log_files_go() {
        let directory = tempfile::tempdir().unwrap();
        let day = Duration::from_hours(24);
        for (name, age) in [("old.log", 3), ("new.log", 1), ("old.txt", 3), ("log", 3)] {
            let file = File::create(directory.path().join(name)).unwrap();
            file.set_modified(SystemTime::now() - age * day).unwrap();
        }
        fs::create_dir(directory.path().join("dir.log")).unwrap();
        assert_eq!(sweep(directory.path(), 2 * day).unwrap(), 1);
        assert!(!directory.path().join("old.log").exists());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 4);
        assert_eq!(sweep(directory.path(), Duration::MAX).unwrap(), 0);
    }
}
