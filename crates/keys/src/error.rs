//! What can go wrong with a key database.

use std::{io, time::Duration};

/// Why keys cannot be read or written. No text has the address of the database, which may have a password.
#[derive(Debug, thiserror::Error)]
pub enum KeyStoreError {
    /// The address is neither a path nor a URL of a known kind.
    #[error(
        "Invalid address of the key database: it must be a path (SQLite), or a postgres://, postgresql:// or mysql:// URL"
    )]
    Address,
    /// The file of a SQLite database cannot be made.
    #[error("Cannot open the key database {path}: {cause}")]
    File {
        /// As the operator wrote it.
        path: String,
        /// The cause.
        #[source]
        cause: io::Error,
    },
    /// The table cannot be made.
    #[error("Cannot prepare the key database: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A name or a tenant is too long.
    #[error("Invalid {field}: at most {limit} characters are accepted")]
    TooLong {
        /// The field.
        field: &'static str,
        /// Most characters.
        limit: usize,
    },
    /// A key cannot be valid for this long.
    #[error("Invalid ttlMs: {0:?} is more than a date can hold")]
    Lifetime(Duration),
    /// There is no randomness for a new key.
    #[error("Cannot make a key: {0}")]
    Randomness(#[from] getrandom::Error),
    /// The database failed.
    #[error("The key database failed: {0}")]
    Database(#[from] sqlx::Error),
}

impl KeyStoreError {
    /// Whether the caller's own values are at fault.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::TooLong { .. } | Self::Lifetime(_))
    }
}
