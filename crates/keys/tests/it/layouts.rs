//! Databases that a server of version 0.20 has made: ours reads and writes them, and that server goes on with them.

use std::{fs, time::Duration};

use isol8_keys::{KeyOwner, KeyStore, NewKey};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Row as _};

use crate::databases::{Database, mariadb, postgres, sqlite};

/// A key that version 0.20 has made.
const KEY: &str = "isol8_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// The digest that version 0.20 has of it.
const DIGEST: &str = "92abd957f3cba9f7185fc0e72774cea43431da5248897da7eabbfd028fd90f46";

/// A kind of database as version 0.20 uses it.
struct Layout {
    table: &'static str,
    /// Its columns after `id` and `name`, and before `revoked`.
    columns: [&'static str; 6],
    is_false: &'static str,
}

const SQLITE: Layout = Layout {
    table: "id TEXT PRIMARY KEY, name TEXT NOT NULL, keyHash TEXT NOT NULL UNIQUE, keyPrefix TEXT NOT NULL, \
            tenantId TEXT NOT NULL, createdAt TEXT NOT NULL, expiresAt TEXT NOT NULL, lastUsedAt TEXT, \
            revoked INTEGER NOT NULL DEFAULT 0",
    columns: [
        "keyHash",
        "keyPrefix",
        "tenantId",
        "createdAt",
        "expiresAt",
        "lastUsedAt",
    ],
    is_false: "0",
};

const SERVERS_COLUMNS: [&str; 6] = [
    "key_hash",
    "key_prefix",
    "tenant_id",
    "created_at",
    "expires_at",
    "last_used_at",
];

const POSTGRES: Layout = Layout {
    table: "id TEXT PRIMARY KEY, name TEXT NOT NULL, key_hash TEXT NOT NULL UNIQUE, key_prefix TEXT NOT NULL, \
            tenant_id TEXT NOT NULL, created_at TEXT NOT NULL, expires_at TEXT NOT NULL, last_used_at TEXT, \
            revoked BOOLEAN NOT NULL DEFAULT FALSE",
    columns: SERVERS_COLUMNS,
    is_false: "FALSE",
};

const MYSQL: Layout = Layout {
    table: "id VARCHAR(36) PRIMARY KEY, name VARCHAR(255) NOT NULL, key_hash VARCHAR(64) NOT NULL UNIQUE, \
            key_prefix VARCHAR(20) NOT NULL, tenant_id VARCHAR(255) NOT NULL, created_at VARCHAR(30) NOT NULL, \
            expires_at VARCHAR(30) NOT NULL, last_used_at VARCHAR(30), revoked BOOLEAN NOT NULL DEFAULT FALSE",
    columns: SERVERS_COLUMNS,
    is_false: "FALSE",
};

/// A connection of version 0.20. It may be refused while a server starts.
async fn connect(url: &str) -> AnyConnection {
    sqlx::any::install_default_drivers();
    let mut tries = 0;
    loop {
        match AnyConnection::connect(url).await {
            Ok(connection) => return connection,
            Err(error) => assert!(tries < 200, "{error}"),
        }
        tries += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn run(old: &mut AnyConnection, statement: String) {
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(old)
        .await
        .unwrap();
}

impl Layout {
    /// Adds a key as version 0.20 does.
    async fn insert(&self, old: &mut AnyConnection, id: &str, digest: &str) {
        let (columns, is_false) = (self.columns.join(", "), self.is_false);
        let statement = format!(
            "INSERT INTO api_keys (id, name, {columns}, revoked) VALUES ('{id}', 'old', '{digest}', 'isol8_aaaa...', \
             't', '2026-01-01T00:00:00.000Z', '2999-01-01T00:00:00.000Z', NULL, {is_false})"
        );
        run(old, statement).await;
    }

    async fn is_shared(&self, database: &Database, url: &str) {
        let mut old = connect(url).await;
        run(&mut old, format!("CREATE TABLE api_keys ({})", self.table)).await;
        self.insert(&mut old, "1", DIGEST).await;
        let store = KeyStore::open(&database.address).await.unwrap();
        let owner = KeyOwner {
            key_id: "1".to_owned(),
            tenant_id: "t".to_owned(),
        };
        assert_eq!(store.owner(KEY).await.unwrap(), Some(owner));
        let new = store
            .create(NewKey {
                name: "new".to_owned(),
                tenant_id: "t".to_owned(),
                lifetime: Duration::from_hours(1),
            })
            .await
            .unwrap();
        store.write_uses().await.unwrap();
        assert!(store.revoke("1").await.unwrap());

        let columns = self.columns.join(", ");
        let statement = format!(
            "SELECT id, name, {columns}, CASE WHEN revoked = {} THEN 0 ELSE 1 END FROM api_keys ORDER BY name",
            self.is_false
        );
        let rows = sqlx::query(AssertSqlSafe(statement))
            .fetch_all(&mut old)
            .await
            .unwrap();
        let [first, second] = &rows[..] else {
            panic!("{} rows", rows.len())
        };
        let text = |column: usize| first.get::<String, _>(column);
        assert_eq!((text(0), text(3)), (new.record.id, new.record.key_prefix));
        assert_eq!((text(2).len(), first.get::<i64, _>(8)), (64, 0));
        assert_eq!(
            (text(5), text(6)),
            (new.record.created_at, new.record.expires_at)
        );
        assert_eq!(first.get::<Option<String>, _>(7), None);
        assert!(second.get::<Option<String>, _>(7).is_some());
        assert_eq!(second.get::<i64, _>(8), 1);

        self.insert(&mut old, "2", &"0".repeat(64)).await;
        assert_eq!(store.list(Some("t")).await.unwrap().len(), 3);
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn of_sqlite() {
    let database = sqlite();
    let file = database.folder().join("folder/keys.db");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let url = format!("sqlite://{}?mode=rwc", file.display());
    SQLITE.is_shared(&database, &url).await;
}

#[tokio::test]
async fn of_postgres() {
    match postgres() {
        Ok(database) => POSTGRES.is_shared(&database, &database.address).await,
        Err(why) => isol8_testing::not_run(why),
    }
}

#[tokio::test]
async fn of_mariadb() {
    match mariadb() {
        Ok(database) => MYSQL.is_shared(&database, &database.address).await,
        Err(why) => isol8_testing::not_run(why),
    }
}
