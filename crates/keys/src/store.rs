//! A database of keys.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use sqlx::{AnyPool, Row as _, any::AnyRow, pool::PoolOptions};
use uuid::Uuid;

use crate::{
    address::Address,
    error::KeyStoreError,
    key::{KeyDigest, generate, is_well_formed, shown},
    migrations::migrate,
    record::{IssuedKey, KeyOwner, KeyRecord, NewKey},
    statements::Statements,
    time::{after, is_over, iso8601},
    uses::Uses,
};

/// Most connections to a database.
const MAX_CONNECTIONS: u32 = 8;

/// Longest that a request waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longest name of a key or tenant in characters: the width of the column in MySQL.
const MAX_NAME_CHARS: usize = 255;

/// A database of keys. Cheap to share; every method is safe to call at any time.
pub struct KeyStore {
    pool: AnyPool,
    statements: &'static Statements,
    uses: Uses,
}

impl KeyStore {
    /// Opens the database at `address`: a path is SQLite, `postgres://` or `postgresql://` is PostgreSQL, `mysql://` is MySQL or
    /// MariaDB. Makes its table when there is none.
    pub async fn open(address: &str) -> Result<Self, KeyStoreError> {
        sqlx::any::install_default_drivers();
        let Address { url, statements } = Address::prepare(address)?;
        let pool = PoolOptions::new()
            .max_connections(MAX_CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .connect(&url)
            .await?;
        migrate(&pool, statements).await?;
        Ok(Self {
            pool,
            statements,
            uses: Uses::default(),
        })
    }

    /// Makes a key.
    pub async fn create(&self, new: NewKey) -> Result<IssuedKey, KeyStoreError> {
        for (field, text) in [("name", &new.name), ("tenantId", &new.tenant_id)] {
            if text.chars().count() > MAX_NAME_CHARS {
                let limit = MAX_NAME_CHARS;
                return Err(KeyStoreError::TooLong { field, limit });
            }
        }
        let now = Timestamp::now();
        let end = after(now, new.lifetime).ok_or(KeyStoreError::Lifetime(new.lifetime))?;
        let key = generate()?;
        let record = KeyRecord {
            id: Uuid::new_v4().to_string(),
            name: new.name,
            key_prefix: shown(&key),
            tenant_id: new.tenant_id,
            created_at: iso8601(now),
            expires_at: iso8601(end),
            last_used_at: None,
            revoked: false,
        };
        sqlx::query(self.statements.insert)
            .bind(&record.id)
            .bind(&record.name)
            .bind(KeyDigest::of(&key).to_hex())
            .bind(&record.key_prefix)
            .bind(&record.tenant_id)
            .bind(&record.created_at)
            .bind(&record.expires_at)
            .execute(&self.pool)
            .await?;
        Ok(IssuedKey { key, record })
    }

    /// Who has shown `key`; none when it is unknown, has ended or was revoked.
    pub async fn owner(&self, key: &str) -> Result<Option<KeyOwner>, KeyStoreError> {
        if !is_well_formed(key) {
            return Ok(None);
        }
        let digest = KeyDigest::of(key).to_hex();
        let found = sqlx::query(self.statements.find)
            .bind(&digest)
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = found else { return Ok(None) };
        let now = Timestamp::now();
        let is_same: bool = subtle::ConstantTimeEq::ct_eq(
            row.try_get::<String, _>(1)?.as_bytes(),
            digest.as_bytes(),
        )
        .into();
        let is_revoked = row.try_get::<i64, _>(4)? != 0;
        if !is_same || is_revoked || is_over(&row.try_get::<String, _>(3)?, now) {
            return Ok(None);
        }
        let key_id: String = row.try_get(0)?;
        self.uses.note(&key_id, now);
        Ok(Some(KeyOwner {
            key_id,
            tenant_id: row.try_get(2)?,
        }))
    }

    /// All keys, or those of one tenant, oldest first.
    pub async fn list(&self, tenant_id: Option<&str>) -> Result<Vec<KeyRecord>, KeyStoreError> {
        let query = match tenant_id {
            None => sqlx::query(self.statements.list),
            Some(tenant_id) => sqlx::query(self.statements.list_of_tenant).bind(tenant_id),
        };
        let rows = query.fetch_all(&self.pool).await?;
        let mut records = rows
            .iter()
            .map(|row| self.record(row))
            .collect::<Result<Vec<_>, _>>()?;
        // MySQL compares texts without regard to case.
        records.retain(|record| tenant_id.is_none_or(|tenant_id| record.tenant_id == tenant_id));
        Ok(records)
    }

    fn record(&self, row: &AnyRow) -> Result<KeyRecord, KeyStoreError> {
        let id: String = row.try_get(0)?;
        let last_used_at = match self.uses.of(&id) {
            Some(moment) => Some(iso8601(moment)),
            None => row.try_get(6)?,
        };
        Ok(KeyRecord {
            id,
            name: row.try_get(1)?,
            key_prefix: row.try_get(2)?,
            tenant_id: row.try_get(3)?,
            created_at: row.try_get(4)?,
            expires_at: row.try_get(5)?,
            last_used_at,
            revoked: row.try_get::<i64, _>(7)? != 0,
        })
    }

    /// Revokes the key `id`. Returns whether there is one; revoking it twice is no error.
    pub async fn revoke(&self, id: &str) -> Result<bool, KeyStoreError> {
        sqlx::query(self.statements.revoke)
            .bind(id)
            .execute(&self.pool)
            .await?;
        // MySQL counts changed rows, and a key that is revoked already does not change.
        let row = sqlx::query(self.statements.count)
            .bind(id)
            .fetch_one(&self.pool)
            .await?;
        Ok(row.try_get::<i64, _>(0)? > 0)
    }

    /// Removes the keys that have ended. Returns how many there were.
    pub async fn remove_expired(&self) -> Result<u64, KeyStoreError> {
        let removed = sqlx::query(self.statements.remove_expired)
            .bind(iso8601(Timestamp::now()))
            .execute(&self.pool)
            .await?;
        Ok(removed.rows_affected())
    }

    /// Writes when keys were last shown. What cannot be written is kept for the next time.
    pub async fn write_uses(&self) -> Result<(), KeyStoreError> {
        let mut unwritten: HashMap<_, _> = self.uses.take();
        for (id, moment) in unwritten.clone() {
            let written = sqlx::query(self.statements.touch)
                .bind(iso8601(moment))
                .bind(&id)
                .execute(&self.pool)
                .await;
            if let Err(error) = written {
                self.uses.give_back(unwritten);
                return Err(error.into());
            }
            unwritten.remove(&id);
        }
        Ok(())
    }

    /// Writes when keys were last shown, and ends all connections.
    pub async fn close(&self) -> Result<(), KeyStoreError> {
        let written = self.write_uses().await;
        self.pool.close().await;
        written
    }
}
