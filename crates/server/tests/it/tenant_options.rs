//! Every option and limit that a tenant must not pass.

use isol8_fakes::{Exchange, exited};
use reqwest::Method;

use crate::support::{Value, bash, events_of, in_tenants, json, open_socket_with};

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
