//! Deleting log files that are too old.

use std::{
    fs, io,
    path::Path,
    time::{Duration, SystemTime},
};

/// Extension of the files that are looked at. Others in the directory are not the log's.
const LOG_EXTENSION: &str = "log";

/// How often a long-running engine looks for old files.
pub(super) const SWEEP_INTERVAL: Duration = Duration::from_hours(24);

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
    fn only_old_log_files_go() {
        let directory = tempfile::tempdir().unwrap();
        let day = Duration::from_hours(24);
        for (name, age) in [("old.log", 3), ("new.log", 1), ("old.txt", 3), ("log", 3)] {
            let file = fs::File::create(directory.path().join(name)).unwrap();
            file.set_modified(SystemTime::now() - age * day).unwrap();
        }
        fs::create_dir(directory.path().join("dir.log")).unwrap();
        assert_eq!(sweep(directory.path(), 2 * day).unwrap(), 1);
        assert!(!directory.path().join("old.log").exists());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 4);
        assert_eq!(sweep(directory.path(), Duration::MAX).unwrap(), 0);
    }
}
