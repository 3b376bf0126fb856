//! The key database on real SQLite, PostgreSQL and MariaDB.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(
    clippy::doc_markdown,
    reason = "the names of databases are words, not code"
)]

mod databases;
mod layouts;
mod suite;
