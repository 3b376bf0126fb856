//! Files of the kernel that take a value, and are never made.

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    path::Path,
};

use super::failure::{Failure, Trying};

/// Writes a value. The failure names the file and the value.
pub(crate) fn write(path: &Path, value: &str) -> Result<(), Failure> {
    try_write(path, value).trying(format_args!("write {value} to {}", path.display()))
}

/// The same for callers that look at the system's error.
pub(crate) fn try_write(path: &Path, value: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.write_all(value.as_bytes())
}
