//! The keys of a server's tenants, in SQLite, PostgreSQL or MySQL and MariaDB, through one data layer.
//!
//! The table `api_keys` has the layout of version 0.20, so that servers of both versions can use one database. Migrations only
//! ever add columns. A key itself is nowhere in the database: its SHA-256 digest is.
#![forbid(unsafe_code)]
#![expect(
    clippy::doc_markdown,
    reason = "the names of databases are words, not code"
)]

mod address;
mod error;
mod key;
mod migrations;
mod record;
mod statements;
mod store;
mod time;
mod uses;

pub use error::KeyStoreError;
pub use key::KeyDigest;
pub use record::{IssuedKey, KeyOwner, KeyRecord, NewKey};
pub use store::KeyStore;
