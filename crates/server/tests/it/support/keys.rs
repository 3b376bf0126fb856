//! Keys of tenants, in a database file.

use std::{sync::Arc, time::Duration};

use isol8_fakes::Start;
use isol8_keys::{KeyStore, NewKey};
use isol8_server::Settings;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    places::Scripted,
    server::{KEY, TestServer, config},
};

/// A database of keys.
pub(crate) struct Keys {
    pub(crate) store: Arc<KeyStore>,
    _folder: TempDir,
}

impl Keys {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.db");
        let store = KeyStore::open(path.to_str().unwrap()).await.unwrap();
        Self {
            store: Arc::new(store),
            _folder: folder,
        }
    }

    /// A key of this tenant, and its id.
    pub(crate) async fn issue(&self, tenant: &str, lifetime: Duration) -> (String, String) {
        let new = NewKey {
            name: "test".to_owned(),
            tenant_id: tenant.to_owned(),
            lifetime,
        };
        let issued = self.store.create(new).await.unwrap();
        (issued.key, issued.record.id)
    }

    /// A key of this tenant that is valid during the test.
    pub(crate) async fn of(&self, tenant: &str) -> String {
        self.issue(tenant, Duration::from_hours(1)).await.0
    }

    /// Settings with this database.
    pub(crate) fn settings(&self, given: Value) -> Settings {
        Settings {
            keys: Some(Arc::clone(&self.store)),
            ..Settings::new(KEY, config(given))
        }
    }
}

/// A server over scripted sandboxes with keys of the tenants `a` and `b`.
pub(crate) async fn in_tenants(
    given: Value,
    starts: impl IntoIterator<Item = Start>,
) -> (TestServer, Arc<Scripted>, [String; 2]) {
    let keys = Keys::new().await;
    let pair = [keys.of("a").await, keys.of("b").await];
    let (server, scripted) = TestServer::scripted_with(&keys.settings(given), starts).await;
    (server.keeping(keys), scripted, pair)
}

/// A refusal with 429 that names the limit.
pub(crate) fn names(told: &Value, limit: &str) {
    assert_eq!(told["code"], json!("ISOL8_TOO_MANY_REQUESTS"));
    let text = format!("Too many requests — {limit} of this tenant is reached");
    assert_eq!(told["error"], json!(text));
}
