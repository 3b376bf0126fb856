//! What an operator watches.

use isol8_fakes::{exited, stdout};
use reqwest::Method;

use crate::support::{TestServer, bash, events_of, in_tenants, json, open_socket, program};

async fn metrics(server: &TestServer) -> String {
    let response = server
        .request(Method::GET, "/metrics")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let kind = response.headers()["content-type"].to_str().unwrap();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    response.text().await.unwrap()
}

fn has(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|told| told == *line), "{line}: {text}");
    }
}

#[tokio::test]
async fn executions_are_counted_by_runtime_and_tenant_on_every_way_in() {
    let done = || bash(vec![program([stdout("12345"), exited(3)])]);
    let (server, _, [a, _]) = in_tenants(json!({}), [done(), done(), done()]).await;
    let body = json!({"request": {"runtime": "bash", "code": "x"}});
    assert_eq!(server.ask(&a, Method::POST, "/execute", &body).await.0, 200);
    events_of(&server, body.clone()).await;
    let received = async |server: &TestServer| {
        let text = metrics(server).await;
        let mut lines = text.lines();
        let count = lines.find_map(|line| line.strip_prefix("isol8_received_bytes_total "));
        count.unwrap().parse::<usize>().unwrap()
    };
    let before = received(&server).await;
    assert_eq!(before, 2 * body.to_string().len());
    open_socket(&server)
        .await
        .execute(body["request"].clone())
        .await;
    assert!(received(&server).await > before);
    let wrong = json!({"request": {"runtime": "ruby", "code": "x"}});
    server.post("/execute", wrong.clone()).await;
    events_of(&server, wrong).await;
    let refused =
        json!({"request": {"runtime": "bash", "code": "x"}, "options": {"persist": true}});
    assert_eq!(
        server.ask(&a, Method::POST, "/execute", &refused).await.0,
        403
    );
    let text = metrics(&server).await;
    has(
        &text,
        &[
            r#"isol8_executions_total{runtime="bash",tenant="a",outcome="ended"} 1"#,
            r#"isol8_executions_total{runtime="bash",tenant="",outcome="ended"} 2"#,
            r#"isol8_executions_total{runtime="other",tenant="",outcome="error"} 2"#,
            r#"isol8_executions_total{runtime="bash",tenant="a",outcome="error"} 1"#,
            r#"isol8_errors_total{runtime="other",code="ISOL8_UNKNOWN_RUNTIME"} 2"#,
            r#"isol8_errors_total{runtime="bash",code="ISOL8_FORBIDDEN"} 1"#,
            r#"isol8_output_bytes_total{runtime="bash"} 15"#,
            r#"isol8_execution_seconds_count{runtime="bash"} 3"#,
            "isol8_running 0",
            "isol8_waiting 0",
        ],
    );
    server.end().await;
}

#[tokio::test]
async fn the_capacity_is_that_of_queue_and_machine_until_the_server_is_drained() {
    let (server, _) = TestServer::scripted([]).await;
    let (status, capacity) = server.get("/capacity").await;
    let expected = json!({
        "available": 10, "pending": 0, "maxConcurrent": 10, "maxSize": 0, "timeoutMs": 30000,
        "sessions": 0, "idleSandboxes": 0, "freeMemory": null, "processors": null, "accepting": true,
    });
    assert_eq!((status.as_u16(), capacity), (200, expected));
    server.post("/drain", json!({})).await;
    assert_eq!(server.get("/capacity").await.1["accepting"], json!(false));
    server.end().await;
}

#[tokio::test]
async fn each_answer_has_an_id_that_no_client_chooses() {
    let (server, _) = TestServer::scripted([]).await;
    let mut ids = Vec::new();
    for path in ["/health", "/nothing"] {
        let request = server
            .bare(Method::GET, path)
            .header("x-request-id", "mine");
        let response = request.send().await.unwrap();
        ids.push(
            response.headers()["x-request-id"]
                .to_str()
                .unwrap()
                .to_owned(),
        );
    }
    assert!(ids.iter().all(|id| id.len() == 36), "{ids:?}");
    assert_ne!(ids[0], ids[1]);
    server.end().await;
}
