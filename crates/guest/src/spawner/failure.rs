//! What could not be done, for the host to tell.

use std::{fmt, io};

use nix::errno::Errno;

/// What could not be done, and why.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Names what was tried.
pub(crate) trait Trying<T> {
    fn trying(self, what: impl fmt::Display) -> Result<T, Failure>;
}

impl<T> Trying<T> for Result<T, Errno> {
    fn trying(self, what: impl fmt::Display) -> Result<T, Failure> {
        self.map_err(|errno| Failure(format!("{what}: {} ({errno:?})", errno.desc())))
    }
}

impl<T> Trying<T> for io::Result<T> {
    fn trying(self, what: impl fmt::Display) -> Result<T, Failure> {
        self.map_err(|error| Failure(format!("{what}: {error}")))
    }
}
