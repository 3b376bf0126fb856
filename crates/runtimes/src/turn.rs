//! One installation at a time in a folder, by the lock of a file in it.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::Path,
    time::Duration,
};

use crate::InstallError;

/// Name of the file.
const LOCK_FILE: &str = ".lock";

/// How often the lock is tried while another process has it.
const PAUSE: Duration = Duration::from_millis(100);

/// The right to install in a folder. Dropping it gives the right back, and so does the end of the process.
pub(crate) struct Turn(#[expect(dead_code, reason = "its lock is what counts")] File);

impl Turn {
    /// Waits until no other process installs in `folder`. Calls `waiting` once when one does.
    ///
    /// Dropping the future gives up.
    pub(crate) async fn take(folder: &Path, waiting: impl Fn()) -> Result<Self, InstallError> {
        let path = folder.join(LOCK_FILE);
        let failed = |cause| InstallError::write(&path, cause);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(cause)) => return Err(failed(cause)),
            }
            if !told {
                waiting();
                told = true;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
