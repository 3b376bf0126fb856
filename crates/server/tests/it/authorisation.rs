//! Who may do what: every kind of key, on every endpoint, and every option and limit that a tenant must not pass.

use std::time::Duration;

use isol8_fakes::{Exchange, exited, stdout};
use reqwest::Method;

use crate::support::{
    KEY, Keys, TestServer, Value, answer, bash, events_of, in_tenants, json, open_socket_with,
};

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

#[tokio::test]
async fn options_that_let_a_tenant_out_are_refused_by_name() {
    let (server, scripted, [a, _]) =
        in_tenants(json!({"defaults": {"network": "filtered"}}), []).await;
    for (options, name) in [
        (json!({"network": "host"}), "network \"host\""),
        (json!({"persist": true}), "persist"),
        (json!({"image": "alpine"}), "image"),
        (json!({"readonlyRootFs": false}), "readonlyRootFs false"),
        (
            json!({"security": {"seccomp": "unconfined"}}),
            "security.seccomp",
        ),
        (
            json!({"security": {"seccomp": "custom", "customProfilePath": "/etc/passwd"}}),
            "security.seccomp",
        ),
        (
            json!({"security": {"customProfilePath": "/etc/passwd"}}),
            "security.customProfilePath",
        ),
        (json!({"security": {"runtime": "runc"}}), "security.runtime"),
        (json!({"remoteCode": {"enabled": true}}), "remoteCode"),
        (
            json!({"remoteCode": {"allowPrivate": ["10.0.0.0/8"]}}),
            "remoteCode",
        ),
        (
            json!({"installRegistries": {"python": ["http://10.0.0.1"]}}),
            "installRegistries",
        ),
        (
            json!({"networkFilter": {"whitelist": ["^10\\.0\\.0\\.1$"]}}),
            "networkFilter.whitelist",
        ),
        (
            json!({"networkFilter": {"allowPrivate": ["10.0.0.0/8"]}}),
            "networkFilter.allowPrivate",
        ),
        (
            json!({"networkFilter": {"allowLoopback": ["127.0.0.1"]}}),
            "networkFilter.allowLoopback",
        ),
        (
            json!({"networkFilter": {"hosts": {"a": "10.0.0.1"}}}),
            "networkFilter.hosts",
        ),
        (
            json!({"networkFilter": {"ports": [22]}}),
            "networkFilter.ports",
        ),
    ] {
        let text = format!("This key may not set {name}: the server's configuration decides it");
        for session in [Value::Null, json!("s")] {
            let body = json!({
                "request": {"runtime": "bash", "code": "x"}, "options": options, "sessionId": session,
            });
            for path in ["/execute", "/execute/stream"] {
                let (status, told) = server.ask(&a, Method::POST, path, &body).await;
                assert_eq!(
                    (status.as_u16(), &told["error"]),
                    (403, &json!(text)),
                    "{body}"
                );
                assert_eq!(told["code"], json!("ISOL8_FORBIDDEN"));
            }
            let mut message = body;
            message["type"] = json!("execute");
            let mut socket = open_socket_with(&server, &a).await;
            socket.send(message).await;
            let (events, _) = socket.rest().await;
            assert_eq!(
                events,
                [json!({"type": "error", "data": text, "code": "ISOL8_FORBIDDEN"})]
            );
        }
    }
    let (_, list) = server.get("/sessions").await;
    assert_eq!(list, json!({"sessions": []}));
    assert_eq!(scripted.backend.started(), 0);
    server.end().await;
}

#[tokio::test]
async fn requests_of_tenants_have_the_strict_limits() {
    let (server, scripted, [a, _]) = in_tenants(json!({"remoteCode": {"enabled": true}}), []).await;
    let files: serde_json::Map<_, _> = (0..1001)
        .map(|n| (format!("/sandbox/{n}"), json!("")))
        .collect();
    let env: serde_json::Map<_, _> = (0..65).map(|n| (format!("V{n}"), json!(""))).collect();
    let mut forbidden = vec![
        (
            "codeUrl",
            json!({"codeUrl": "https://example.com/a.sh", "code": null}),
        ),
        (
            "allowInsecureCodeUrl",
            json!({"allowInsecureCodeUrl": true}),
        ),
        ("installPackages", json!({"installPackages": ["curl"]})),
        ("setupScript", json!({"setupScript": "true"})),
        ("agentFlags", json!({"agentFlags": "--x"})),
        ("timeoutMs", json!({"timeoutMs": 60_001})),
        ("files", json!({"files": files})),
        ("env", json!({"env": env})),
    ];
    for (field, bytes) in [
        ("code", 1024 * 1024),
        ("stdin", 1024 * 1024),
        ("workdir", 1024),
        ("fileExtension", 32),
    ] {
        forbidden.push((field, json!({field: "x".repeat(bytes + 1)})));
    }
    for (field, change) in forbidden {
        let mut request = json!({"runtime": "bash", "code": "x"});
        request
            .as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        let body = json!({"request": request});
        let (status, told) = server.ask(&a, Method::POST, "/execute", &body).await;
        assert_eq!(
            (status.as_u16(), &told["code"]),
            (400, &json!("ISOL8_REQUEST_LIMIT")),
            "{field} {told}"
        );
        assert!(
            told["error"]
                .as_str()
                .unwrap()
                .contains(&format!("requestLimits.{field}")),
            "{told}"
        );
    }
    // A time limit among the options is the request's own.
    for session in [Value::Null, json!("s")] {
        let body = json!({
            "request": {"runtime": "bash", "code": "x"}, "options": {"timeoutMs": 60_001}, "sessionId": session,
        });
        let (_, told) = server.ask(&a, Method::POST, "/execute", &body).await;
        assert_eq!(told["code"], json!("ISOL8_REQUEST_LIMIT"), "{told}");
    }
    assert_eq!(scripted.backend.started(), 0);
    server.end().await;
}

#[tokio::test]
async fn the_configuration_widens_limits_for_one_tenant() {
    let given = json!({
        "tenants": {"byId": {"a": {"requestLimits": {"preset": "strict", "env": {"maxCount": 65}}}}},
    });
    let done = || {
        bash(vec![Exchange::new(
            "exec bash /sandbox/main.sh +/sandbox/main.sh",
            vec![exited(0)],
        )])
    };
    let (server, _, [a, b]) = in_tenants(given, [done(), done()]).await;
    let env: serde_json::Map<_, _> = (0..65).map(|n| (format!("V{n}"), json!(""))).collect();
    let body = json!({"request": {"runtime": "bash", "code": "x", "env": env}});
    assert_eq!(server.ask(&a, Method::POST, "/execute", &body).await.0, 200);
    assert_eq!(server.ask(&b, Method::POST, "/execute", &body).await.0, 400);
    // Nothing of this holds for the operator.
    let events = events_of(&server, body).await;
    assert_eq!(
        events,
        [json!({"type": "exit", "data": "0", "phase": "code"})]
    );
    server.end().await;
}
