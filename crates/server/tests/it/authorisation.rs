//! Who may do what: every kind of key, on every endpoint, and every option and limit that a tenant must not pass.

use std::time::Duration;

use isol8_fakes::{Exchange, exited, stdout};
use reqwest::Method;

use crate::support::{KEY, Keys, TestServer, Value, answer, bash, in_tenants, json};

/// Every endpoint that needs a key.
fn endpoints() -> Vec<(Method, &'static str, Value)> {
    let file = json!({"sessionId": "s", "path": "/x", "content": ""});
    vec![
        (Method::POST, "/execute", json!({})),
        (Method::POST, "/execute/stream", json!({})),
        (Method::GET, "/execute/ws", Value::Null),
        (Method::POST, "/file", file),
        (Method::GET, "/file?sessionId=s&path=/x", Value::Null),
        (Method::GET, "/sessions", Value::Null),
        (Method::DELETE, "/session/s", Value::Null),
        (Method::POST, "/cleanup", json!({})),
        (Method::GET, "/queue/status", Value::Null),
        (Method::POST, "/drain", json!({})),
        (Method::GET, "/metrics", Value::Null),
        (Method::GET, "/capacity", Value::Null),
        (Method::POST, "/auth/keys", json!({"name": "x"})),
        (Method::GET, "/auth/keys", Value::Null),
        (Method::DELETE, "/auth/keys/x", Value::Null),
        (Method::POST, "/auth/login", json!({})),
        (Method::GET, "/nothing", Value::Null),
    ]
}

#[tokio::test]
async fn only_a_valid_key_comes_in() {
    let keys = Keys::new().await;
    let (expired, _) = keys.issue("a", Duration::ZERO).await;
    let (revoked, id) = keys.issue("a", Duration::from_hours(1)).await;
    keys.store.revoke(&id).await.unwrap();
    let (server, _) = TestServer::scripted_with(&keys.settings(json!({})), []).await;
    let unknown = format!("isol8_{}", "0".repeat(64));
    for (method, path, body) in endpoints() {
        let missing =
            json!({"error": "Missing Authorization header", "code": "ISOL8_UNAUTHORIZED"});
        let told = answer(server.bare(method.clone(), path)).await;
        assert_eq!((told.0.as_u16(), told.1), (401, missing), "{path}");
        for key in ["wrong", &unknown, &expired, &revoked] {
            let wrong = json!({"error": "Invalid API key", "code": "ISOL8_FORBIDDEN"});
            let told = server.ask(key, method.clone(), path, &body).await;
            assert_eq!((told.0.as_u16(), told.1), (403, wrong), "{path} {key}");
        }
    }
    server.end().await;
}

#[tokio::test]
async fn a_tenant_has_neither_keys_nor_the_server() {
    let (server, _, [a, _]) = in_tenants(json!({}), []).await;
    let refusal =
        json!({"error": "Master key required for this operation", "code": "ISOL8_FORBIDDEN"});
    for (method, path, body) in endpoints() {
        if ["/drain", "/metrics", "/capacity"].contains(&path) || path.starts_with("/auth/") {
            let told = server.ask(&a, method, path, &body).await;
            assert_eq!((told.0.as_u16(), &told.1), (403, &refusal), "{path}");
        }
    }
    let told = server
        .ask(&a, Method::DELETE, "/session/s?tenantId=b", &Value::Null)
        .await;
    assert_eq!((told.0.as_u16(), told.1), (403, refusal));
    assert_eq!(
        server.get("/ready").await.0,
        200,
        "the server is not drained"
    );
    server.end().await;
}

#[tokio::test]
async fn a_tenant_neither_reaches_nor_notices_the_sessions_of_another() {
    let call = |output| Exchange::new("call /sandbox/main.sh", vec![stdout(output), exited(0)]);
    let starts = [
        bash(vec![call("of a"), call("a again")]),
        bash(vec![call("of b")]),
    ];
    let (server, scripted, [a, b]) = in_tenants(json!({}), starts).await;
    let body = json!({
        "request": {"runtime": "bash", "code": "x"}, "sessionId": "s", "options": {"installNetwork": false},
    });
    let execute = async |key: &str| server.ask(key, Method::POST, "/execute", &body).await.1;
    assert_eq!(execute(&a).await["stdout"], json!("of a"));

    let file = json!({"sessionId": "s", "path": "/x", "content": ""});
    for key in [&b, KEY] {
        for (method, path, body) in [
            (Method::POST, "/file", &file),
            (Method::GET, "/file?sessionId=s&path=/x", &Value::Null),
        ] {
            let (status, told) = server.ask(key, method, path, body).await;
            assert_eq!(
                (status.as_u16(), &told["error"]),
                (404, &json!("Session not found"))
            );
        }
        let removed = server
            .ask(key, Method::DELETE, "/session/s", &Value::Null)
            .await;
        assert_eq!(removed.1, json!({"ok": true}));
    }
    let list = async |key: &str| {
        server
            .ask(key, Method::GET, "/sessions", &Value::Null)
            .await
            .1
    };
    assert_eq!(list(&b).await, json!({"sessions": []}));
    let none = json!({"removed": 0, "failed": 0, "errors": []});
    let cleaned = json!({"ok": true, "sessions": none, "containers": none});
    let told = server.ask(&b, Method::POST, "/cleanup", &json!({})).await;
    assert_eq!(told.1, cleaned);
    assert_eq!(scripted.backend.destroyed(), Vec::<String>::new());

    assert_eq!(execute(&b).await["stdout"], json!("of b"));
    assert_eq!(execute(&a).await["stdout"], json!("a again"));
    let own = list(&a).await;
    assert_eq!(
        (
            own["sessions"].as_array().unwrap().len(),
            &own["sessions"][0]["id"]
        ),
        (1, &json!("s"))
    );
    assert_eq!(own["sessions"][0]["tenantId"], Value::Null);
    let all = list(KEY).await;
    let tenants: Vec<_> = all["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["tenantId"])
        .collect();
    assert_eq!(tenants, ["a", "b"]);

    let told = server.ask(&b, Method::POST, "/cleanup", &json!({})).await;
    assert_eq!(told.1["sessions"]["removed"], json!(1));
    assert_eq!(scripted.backend.destroyed(), ["box-2"]);
    server.delete("/session/s?tenantId=a").await;
    assert_eq!(scripted.backend.destroyed(), ["box-2", "box-1"]);
    server.end().await;
}
