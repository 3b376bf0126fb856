//! The statements of each kind of database. The layout is that of version 0.20: SQLite has names of its own.

/// Everything that is asked of a database. Parameters are in the order of the table's columns where no comment says
/// otherwise.
pub(crate) struct Statements {
    /// Makes the table. Where it exists it is left as it is.
    pub(crate) create_table: &'static str,
    /// All columns but `revoked` and `lastUsedAt`.
    pub(crate) insert: &'static str,
    /// By digest: id, digest, tenant, end, whether it is revoked.
    pub(crate) find: &'static str,
    /// All records, oldest first.
    pub(crate) list: &'static str,
    /// The same of one tenant.
    pub(crate) list_of_tenant: &'static str,
    /// By id: how many there are.
    pub(crate) count: &'static str,
    /// By id.
    pub(crate) revoke: &'static str,
    /// The moment, then the id.
    pub(crate) touch: &'static str,
    /// Everything that has ended before the moment.
    pub(crate) remove_expired: &'static str,
}

macro_rules! statements {
    (
        types: $id:literal, $digest:literal, $prefix:literal, $name:literal, $time:literal, $bool:literal,
        columns: $hash:literal, $shown:literal, $tenant:literal, $created:literal, $expires:literal, $used:literal,
        parameters: $one:literal, $two:literal, [$($parameter:literal),*] $last:literal,
    ) => {
        Statements {
            create_table: concat!(
                "CREATE TABLE IF NOT EXISTS api_keys (id ", $id, " PRIMARY KEY, name ", $name, " NOT NULL, ",
                $hash, " ", $digest, " NOT NULL UNIQUE, ", $shown, " ", $prefix, " NOT NULL, ",
                $tenant, " ", $name, " NOT NULL, ", $created, " ", $time, " NOT NULL, ",
                $expires, " ", $time, " NOT NULL, ", $used, " ", $time, ", revoked ", $bool, ")"
            ),
            insert: concat!(
                "INSERT INTO api_keys (id, name, ", $hash, ", ", $shown, ", ", $tenant, ", ", $created, ", ",
                $expires, ", revoked) VALUES (", $($parameter, ", ",)* $last, ", FALSE)"
            ),
            find: concat!(
                "SELECT id, ", $hash, ", ", $tenant, ", ", $expires, ", CASE WHEN revoked THEN 1 ELSE 0 END ",
                "FROM api_keys WHERE ", $hash, " = ", $one
            ),
            list: statements!(@list $shown, $tenant, $created, $expires, $used, ""),
            list_of_tenant: statements!(
                @list $shown, $tenant, $created, $expires, $used, concat!("WHERE ", $tenant, " = ", $one, " ")
            ),
            count: concat!("SELECT COUNT(*) FROM api_keys WHERE id = ", $one),
            revoke: concat!("UPDATE api_keys SET revoked = TRUE WHERE id = ", $one),
            touch: concat!("UPDATE api_keys SET ", $used, " = ", $one, " WHERE id = ", $two),
            remove_expired: concat!("DELETE FROM api_keys WHERE ", $expires, " < ", $one),
        }
    };
    (@list $shown:literal, $tenant:literal, $created:literal, $expires:literal, $used:literal, $which:expr) => {
        concat!(
            "SELECT id, name, ", $shown, ", ", $tenant, ", ", $created, ", ", $expires, ", ", $used,
            ", CASE WHEN revoked THEN 1 ELSE 0 END FROM api_keys ", $which, "ORDER BY ", $created, ", id"
        )
    };
}

impl Statements {
    /// Of SQLite.
    pub(crate) const SQLITE: Self = statements! {
        types: "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "INTEGER NOT NULL DEFAULT 0",
        columns: "keyHash", "keyPrefix", "tenantId", "createdAt", "expiresAt", "lastUsedAt",
        parameters: "?", "?", ["?", "?", "?", "?", "?", "?"] "?",
    };
    /// Of PostgreSQL.
    pub(crate) const POSTGRES: Self = statements! {
        types: "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "BOOLEAN NOT NULL DEFAULT FALSE",
        columns: "key_hash", "key_prefix", "tenant_id", "created_at", "expires_at", "last_used_at",
        parameters: "$1", "$2", ["$1", "$2", "$3", "$4", "$5", "$6"] "$7",
    };
    /// Of MySQL and MariaDB.
    pub(crate) const MYSQL: Self = statements! {
        types: "VARCHAR(36)", "VARCHAR(64)", "VARCHAR(20)", "VARCHAR(255)", "VARCHAR(30)",
            "BOOLEAN NOT NULL DEFAULT FALSE",
        columns: "key_hash", "key_prefix", "tenant_id", "created_at", "expires_at", "last_used_at",
        parameters: "?", "?", ["?", "?", "?", "?", "?", "?"] "?",
    };
}
