//! The layout of the table. A later version adds a migration to the list, which may only add columns that older servers can
//! leave out.

use std::borrow::Cow;

use sqlx::{
    AnyPool, SqlStr,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use crate::statements::Statements;

/// Brings the table to the layout of this version. Servers that start at the same time wait for each other. A database that a
/// later version has been at stays as it is.
pub(crate) async fn migrate(pool: &AnyPool, statements: &Statements) -> Result<(), MigrateError> {
    let first = Migration::new(
        1,
        Cow::Borrowed("keys"),
        MigrationType::Simple,
        SqlStr::from_static(statements.create_table),
        false,
    );
    let mut migrator = Migrator::with_migrations(vec![first]);
    migrator.set_ignore_missing(true);
    migrator.run(pool).await
}
