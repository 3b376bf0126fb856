//! The `OpenAPI` document: where it is, and what needs a key.

use reqwest::{Method, StatusCode};

use crate::support::{TestServer, answer, assert_described, operations};

#[tokio::test]
async fn the_document_needs_a_key_and_is_the_committed_one() {
    let (server, _) = TestServer::scripted([]).await;
    let refused = answer(server.bare(Method::GET, "/openapi.json")).await;
    assert_eq!(refused.0, StatusCode::UNAUTHORIZED);
    let response = server.request(Method::GET, "/openapi.json").send().await;
    let response = response.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    let text = response.text().await.unwrap();
    assert_eq!(text, include_str!("../../../../schema/openapi.json"));
    server.end().await;
}

#[tokio::test]
async fn without_a_key_only_health_and_readiness_answer() {
    let (server, _) = TestServer::scripted([]).await;
    let operations = operations();
    assert!(operations.len() > 15);
    for (method, path) in operations {
        let verb = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let path = path.replace("{id}", "x");
        let response = server.bare(verb.clone(), &path).send().await.unwrap();
        let status = response.status();
        assert_described(&verb, &path, status);
        let is_open = ["/health", "/ready"].contains(&path.as_str());
        assert_eq!(
            status == StatusCode::UNAUTHORIZED,
            !is_open,
            "{method} {path}"
        );
    }
    server.end().await;
}
