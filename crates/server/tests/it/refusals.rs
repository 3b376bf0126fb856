//! What is refused, in which order, and with which words.

use isol8_server::{Server, Settings, SettingsError};
use reqwest::{Method, StatusCode};

use crate::support::{KEY, Scripted, TestServer, Value, config, json};

async fn told(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or_default())
}

#[tokio::test]
async fn a_key_is_wanted_before_a_path_is_looked_up() {
    let (server, _) = TestServer::scripted([]).await;
    let paths = [
        (Method::POST, "/execute"),
        (Method::POST, "/execute/stream"),
        (Method::GET, "/execute/ws"),
        (Method::POST, "/file"),
        (Method::GET, "/file?sessionId=a&path=b"),
        (Method::GET, "/sessions"),
        (Method::DELETE, "/session/a"),
        (Method::POST, "/cleanup"),
        (Method::GET, "/nothing"),
        (Method::GET, "/health/"),
    ];
    for (method, path) in paths {
        let request = || server.bare(method.clone(), path);
        let missing =
            json!({"error": "Missing Authorization header", "code": "ISOL8_UNAUTHORIZED"});
        assert_eq!(told(request()).await, (401, missing), "{path}");
        let wrong = json!({"error": "Invalid API key", "code": "ISOL8_FORBIDDEN"});
        for header in ["Bearer no", "Basic master-key", "master-key", "Bearer"] {
            let refused = told(request().header("authorization", header)).await;
            assert_eq!(refused, (403, wrong.clone()), "{path} {header}");
        }
    }
    let (status, health) = told(server.bare(Method::GET, "/health")).await;
    assert_eq!((status, &health["status"]), (200, &json!("ok")));
    assert!(health["version"].is_string());
    assert_eq!(told(server.bare(Method::GET, "/ready")).await.0, 200);
    let shouted = server
        .bare(Method::GET, "/sessions")
        .header("authorization", format!("BEARER {KEY}"));
    assert_eq!(told(shouted).await, (200, json!({"sessions": []})));
    server.end().await;
}

#[tokio::test]
async fn unknown_routes_and_methods_are_json_errors() {
    let (server, _) = TestServer::scripted([]).await;
    for (method, path, status) in [
        (Method::GET, "/nothing", 404),
        (Method::GET, "/execute/ws", 404),
        (Method::GET, "/execute", 405),
        (Method::PUT, "/file", 405),
    ] {
        let (got, body) = told(server.request(method, path)).await;
        assert_eq!(
            (got, &body["code"]),
            (status, &json!("ISOL8_NOT_FOUND")),
            "{path}"
        );
    }
    server.end().await;
}

#[tokio::test]
async fn a_body_that_is_wrong_by_itself_is_400_and_starts_nothing() {
    let (server, _) = TestServer::scripted([]).await;
    let send = async |path: &str, body: &str| {
        told(server.request(Method::POST, path).body(body.to_owned())).await
    };
    for (body, message) in [
        (
            "{",
            "Invalid JSON: EOF while parsing an object at line 1 column 1",
        ),
        ("[]", "Invalid request: it must be a JSON object"),
        (
            r#"{"request": {"runtime": "bash", "cmd": 1}}"#,
            "Invalid request: request.cmd: invalid type: integer `1`, expected a string",
        ),
        ("", "Invalid request: missing field `request`"),
        (
            r#"{"request": {"runtime": "ruby", "cmd": "x"}}"#,
            "Unknown runtime: \"ruby\". Available: python, node, bun, bash, deno, agent",
        ),
        (
            r#"{"request": {"runtime": "bash", "cmd": "x"}, "options": {"memoryLimit": "lots"}}"#,
            "Invalid memory limit format: \"lots\". Use e.g. \"512m\", \"1g\".",
        ),
        (
            r#"{"request": {"runtime": "bash", "cmd": "x"}, "sessionId": ""}"#,
            "Invalid sessionId: it must have 1 to 256 bytes and no control characters",
        ),
    ] {
        let (status, answer) = send("/execute", body).await;
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(error.starts_with(message), "{body}: {answer}");
        assert_eq!(status, 400, "{body}");
        assert!(
            answer["code"].as_str().unwrap().starts_with("ISOL8_"),
            "{answer}"
        );
    }
    let (status, _) = send("/execute/stream", "{").await;
    assert_eq!(status, 400);
    server.end().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413_announced_or_not() {
    let settings = Settings {
        max_body_bytes: 1000,
        ..Settings::new(KEY, config(json!({})))
    };
    let (server, _) = TestServer::scripted_with(&settings, []).await;
    let large = "x".repeat(1001);
    let announced = server.request(Method::POST, "/execute").body(large.clone());
    let chunks = large
        .into_bytes()
        .chunks(100)
        .map(|part| Ok::<_, std::io::Error>(part.to_vec()))
        .collect::<Vec<_>>();
    let body = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
    let streamed = server.request(Method::POST, "/execute").body(body);
    for request in [announced, streamed] {
        let (status, answer) = told(request).await;
        let error = "Request body too large: at most 1000 bytes are accepted";
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE.as_u16());
        assert_eq!(answer, json!({"error": error, "code": "ISOL8_TOO_LARGE"}));
    }
    server.end().await;
}

#[tokio::test]
async fn a_server_without_a_key_or_without_room_is_none() {
    let refused = |settings: Settings| {
        let place = crate::support::ScriptedPlace(Scripted::new([]));
        Server::new(&settings, std::sync::Arc::new(place)).err()
    };
    let make = |key: &str, value| refused(Settings::new(key, config(value)));
    assert_eq!(make(" ", json!({})), Some(SettingsError::EmptyKey));
    let none = make("k", json!({"maxConcurrent": 0}));
    assert_eq!(none, Some(SettingsError::MaxConcurrent(0)));
    let silent = Settings {
        keep_alive: std::time::Duration::ZERO,
        ..Settings::new("k", config(json!({})))
    };
    assert_eq!(refused(silent), Some(SettingsError::KeepAlive));
}
