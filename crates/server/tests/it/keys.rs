//! The endpoints of keys.

use std::time::Duration;

use reqwest::Method;

use crate::support::{KEY, Keys, TestServer, Value, json};

#[tokio::test]
async fn a_key_is_made_used_listed_and_revoked() {
    let keys = Keys::new().await;
    let (server, _) = TestServer::scripted_with(&keys.settings(json!({})), []).await;
    let body = json!({"name": "ci", "tenantId": "acme", "ttlMs": 60_000});
    let (status, created) = server.post("/auth/keys", body).await;
    assert_eq!(status, 201);
    let key = created["key"].as_str().unwrap();
    assert_eq!((key.len(), &key[..6]), (70, "isol8_"));
    let shown = format!("{}...", &key[..10]);
    assert_eq!(created["keyPrefix"], json!(shown));
    let id = created["id"].as_str().unwrap();

    assert_eq!(
        server
            .ask(key, Method::GET, "/sessions", &Value::Null)
            .await
            .0,
        200
    );
    let (_, list) = server.get("/auth/keys?tenantId=acme").await;
    let listed = &list["keys"][0];
    assert!(
        listed["lastUsedAt"].is_string() && listed["createdAt"].is_string(),
        "{listed}"
    );
    for (field, value) in [
        ("id", json!(id)),
        ("name", json!("ci")),
        ("keyPrefix", json!(shown)),
        ("tenantId", json!("acme")),
        ("expiresAt", created["expiresAt"].clone()),
        ("revoked", json!(false)),
    ] {
        assert_eq!((field, &listed[field]), (field, &value));
    }
    assert!(!list.to_string().contains(key));
    assert_eq!(
        server.get("/auth/keys?tenantId=other").await.1,
        json!({"keys": []})
    );

    for _ in 0..2 {
        let revoked = server.delete(&format!("/auth/keys/{id}")).await;
        assert_eq!(revoked.1, json!({"ok": true, "id": id}));
        assert_eq!(
            server
                .ask(key, Method::GET, "/sessions", &Value::Null)
                .await
                .0,
            403
        );
    }
    let (status, missing) = server.delete("/auth/keys/none").await;
    assert_eq!(
        (status.as_u16(), &missing["error"]),
        (404, &json!("Key not found"))
    );
    server.end().await;
}

#[tokio::test]
async fn a_login_is_a_key_with_a_name_of_its_own() {
    let keys = Keys::new().await;
    let settings = keys.settings(json!({"auth": {"defaultTtlMs": 5000}}));
    let (server, _) = TestServer::scripted_with(&settings, []).await;
    let (status, login) = server.post("/auth/login", json!({})).await;
    assert_eq!(status, 200);
    let token = login["token"].as_str().unwrap();
    assert_eq!(
        server
            .ask(token, Method::GET, "/sessions", &Value::Null)
            .await
            .0,
        200
    );
    let (_, list) = server.get("/auth/keys").await;
    let listed = &list["keys"][0];
    assert!(
        listed["name"].as_str().unwrap().starts_with("login-20"),
        "{listed}"
    );
    assert_eq!(
        (&listed["id"], &listed["tenantId"]),
        (&login["keyId"], &json!("default"))
    );
    assert_eq!(listed["expiresAt"], login["expiresAt"]);
    server.end().await;
}

#[tokio::test]
async fn what_is_wrong_is_refused_by_name() {
    let keys = Keys::new().await;
    let (server, _) = TestServer::scripted_with(&keys.settings(json!({})), []).await;
    for (body, error) in [
        (json!({}), "name is required"),
        (json!({"name": " "}), "name is required"),
        (
            json!({"name": "x", "ttlMs": 0}),
            "Invalid ttlMs: 0. It must be above 0.",
        ),
        (json!({"name": "x", "ttlMs": 1e300}), "Invalid ttlMs"),
        (
            json!({"name": "x".repeat(256)}),
            "Invalid name: at most 255 characters are accepted",
        ),
        (
            json!({"name": "x", "tenantId": "x".repeat(256)}),
            "Invalid tenantId",
        ),
        (json!({"name": 1}), "Invalid request: name: invalid type"),
    ] {
        let (status, answer) = server.post("/auth/keys", body.clone()).await;
        assert_eq!(status, 400, "{body}");
        assert!(
            answer["error"].as_str().unwrap().starts_with(error),
            "{answer}"
        );
        assert_eq!(answer["code"], json!("ISOL8_INVALID_REQUEST"));
    }
    assert_eq!(server.get("/auth/keys").await.1, json!({"keys": []}));
    server.end().await;
}

#[tokio::test]
async fn without_a_database_there_are_no_keys() {
    let (server, _) = TestServer::scripted([]).await;
    let text = json!({"error": "DB-backed auth is not enabled", "code": "ISOL8_INVALID_REQUEST"});
    for (method, path) in [
        (Method::POST, "/auth/keys"),
        (Method::GET, "/auth/keys"),
        (Method::DELETE, "/auth/keys/x"),
        (Method::POST, "/auth/login"),
    ] {
        let (status, answer) = server.ask(KEY, method, path, &json!({"name": "x"})).await;
        assert_eq!((status.as_u16(), &answer), (400, &text), "{path}");
    }
    server.end().await;
}

#[tokio::test]
async fn a_database_that_fails_lets_nobody_in_but_the_operator() {
    let keys = Keys::new().await;
    let tenant = keys.issue("a", Duration::from_hours(1)).await.0;
    let (server, _) = TestServer::scripted_with(&keys.settings(json!({})), []).await;
    keys.store.close().await.unwrap();
    let (status, answer) = server
        .ask(&tenant, Method::GET, "/sessions", &Value::Null)
        .await;
    let text = "The key database cannot be used at the moment";
    assert_eq!(status, 503);
    assert_eq!(answer, json!({"error": text, "code": "ISOL8_UNAVAILABLE"}));
    assert_eq!(server.get("/sessions").await.0, 200);
    server.end().await;
}
