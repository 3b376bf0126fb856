//! What holds for every kind of database.

use std::{fs, time::Duration};

use isol8_keys::{KeyOwner, KeyStore, KeyStoreError, NewKey};

use crate::databases::{Database, mariadb, postgres, sqlite};

fn new_key(tenant: &str, lifetime: Duration) -> NewKey {
    NewKey {
        name: "né's; \"key\"".to_owned(),
        tenant_id: tenant.to_owned(),
        lifetime,
    }
}

/// A connection may be refused while a server starts.
async fn open(database: &Database) -> KeyStore {
    let mut tries = 0;
    loop {
        match KeyStore::open(&database.address).await {
            Ok(store) => return store,
            Err(error) => assert!(tries < 200, "{error}"),
        }
        tries += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn holds(database: &Database) {
    let store = open(database).await;
    keys_are_made_found_and_revoked(&store).await;
    keys_end(&store).await;
    uses_are_written_later(&store, database).await;
    servers_start_at_the_same_time(database).await;
    what_does_not_fit_is_refused(&store).await;
    store.close().await.unwrap();
}

async fn keys_are_made_found_and_revoked(store: &KeyStore) {
    let hour = Duration::from_hours(1);
    let a = store.create(new_key("a", hour)).await.unwrap();
    let b = store.create(new_key("B", hour)).await.unwrap();
    let owner = KeyOwner {
        key_id: a.record.id.clone(),
        tenant_id: "a".to_owned(),
    };
    assert_eq!(store.owner(&a.key).await.unwrap(), Some(owner));
    let mut listed = store.list(None).await.unwrap();
    assert!(listed[0].last_used_at.take().unwrap().ends_with('Z'));
    assert_eq!(store.list(Some("B")).await.unwrap(), listed[1..]);
    assert_eq!(listed, [a.record.clone(), b.record.clone()]);
    assert_eq!(store.list(Some("b")).await.unwrap(), []);
    for wrong in [
        "",
        "isol8_",
        &b.key[1..],
        &b.key.to_uppercase(),
        &format!("{} ", b.key),
    ] {
        assert_eq!(store.owner(wrong).await.unwrap(), None, "{wrong}");
    }
    let unknown = format!("isol8_{}", "0".repeat(64));
    assert_eq!(store.owner(&unknown).await.unwrap(), None);
    for _ in 0..2 {
        assert!(store.revoke(&a.record.id).await.unwrap());
        assert_eq!(store.owner(&a.key).await.unwrap(), None);
    }
    assert!(!store.revoke("nobody").await.unwrap());
    assert!(!store.revoke("' OR '1' = '1").await.unwrap());
    assert!(store.owner(&b.key).await.unwrap().is_some());
    let revoked: Vec<_> = store
        .list(None)
        .await
        .unwrap()
        .iter()
        .map(|key| key.revoked)
        .collect();
    assert_eq!(revoked, [true, false]);
}

async fn keys_end(store: &KeyStore) {
    let ended = store
        .create(new_key("ended", Duration::ZERO))
        .await
        .unwrap();
    assert_eq!(store.owner(&ended.key).await.unwrap(), None);
    // The key has ended within this millisecond.
    tokio::time::sleep(Duration::from_millis(2)).await;
    assert_eq!(store.remove_expired().await.unwrap(), 1);
    assert_eq!(store.remove_expired().await.unwrap(), 0);
    assert_eq!(store.list(None).await.unwrap().len(), 2);
}

async fn uses_are_written_later(store: &KeyStore, database: &Database) {
    let hour = Duration::from_hours(1);
    let key = store.create(new_key("used", hour)).await.unwrap();
    let last_use = async |store: &KeyStore| {
        store
            .list(Some("used"))
            .await
            .unwrap()
            .remove(0)
            .last_used_at
    };
    let other = KeyStore::open(&database.address).await.unwrap();
    assert!(store.owner(&key.key).await.unwrap().is_some());
    assert!(last_use(store).await.is_some());
    assert_eq!(last_use(&other).await, None, "a request does not write");
    store.write_uses().await.unwrap();
    assert_eq!(last_use(&other).await, last_use(store).await);
    assert!(last_use(&other).await.is_some());
    other.close().await.unwrap();
}

async fn servers_start_at_the_same_time(database: &Database) {
    let open = || KeyStore::open(&database.address);
    let (first, second, third) = tokio::join!(open(), open(), open());
    for store in [first, second, third] {
        let store = store.unwrap();
        assert_eq!(store.list(None).await.unwrap().len(), 3);
        store.close().await.unwrap();
    }
}

async fn what_does_not_fit_is_refused(store: &KeyStore) {
    let hour = Duration::from_hours(1);
    let fits = "ü".repeat(255);
    let key = store.create(new_key(&fits, hour)).await.unwrap();
    assert_eq!(
        store.owner(&key.key).await.unwrap().unwrap().tenant_id,
        fits
    );
    let long = store.create(new_key(&"x".repeat(256), hour)).await.err();
    let refused = KeyStoreError::TooLong {
        field: "tenantId",
        limit: 255,
    };
    assert_eq!(long.unwrap().to_string(), refused.to_string());
    let endless = store
        .create(new_key("x", Duration::MAX))
        .await
        .err()
        .unwrap();
    assert!(endless.is_refusal(), "{endless}");
}

#[tokio::test]
async fn on_sqlite() {
    use std::os::unix::fs::PermissionsExt as _;
    let database = sqlite();
    let file = database.folder().join("folder/keys.db");
    holds(&database).await;
    assert_eq!(
        fs::metadata(file).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[tokio::test]
async fn on_postgres() {
    match postgres() {
        Ok(database) => holds(&database).await,
        Err(why) => isol8_testing::not_run(why),
    }
}

#[tokio::test]
async fn on_mariadb() {
    match mariadb() {
        Ok(database) => holds(&database).await,
        Err(why) => isol8_testing::not_run(why),
    }
}
