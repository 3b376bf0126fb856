//! The memory that a server counts for what clients send.

use isol8_fakes::Start;
use isol8_server::Settings;
use reqwest::Method;

use super::{Keys, TestServer, json, until};

/// Largest body in tests of the memory for requests. The budget is six of them, and a tenant's part three.
pub(crate) const MAX_BODY: usize = 100_000;

/// A server with the least budget for bodies of this size, and keys of the tenants `a` and `b`.
pub(crate) async fn small(max_body_bytes: usize, starts: Vec<Start>) -> (TestServer, [String; 2]) {
    let keys = Keys::new().await;
    let pair = [keys.of("a").await, keys.of("b").await];
    let settings = Settings {
        max_body_bytes,
        max_held_bytes: 0,
        ..keys.settings(json!({}))
    };
    let (server, _) = TestServer::scripted_with(&settings, starts).await;
    (server.keeping(keys), pair)
}

/// How much memory the server counts at the moment, in bytes.
pub(crate) async fn held(server: &TestServer) -> usize {
    gauge(server, "held_bytes").await
}

/// Waits until that is `bytes`.
pub(crate) async fn until_held(server: &TestServer, bytes: usize) {
    until(&format!("{bytes} are held"), async || {
        held(server).await == bytes
    })
    .await;
}

/// A gauge of the server.
pub(crate) async fn gauge(server: &TestServer, name: &str) -> usize {
    let metrics = server.request(Method::GET, "/metrics").send().await;
    let text = metrics.unwrap().text().await.unwrap();
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(&format!("isol8_{name} ")));
    value.unwrap().parse().unwrap()
}
