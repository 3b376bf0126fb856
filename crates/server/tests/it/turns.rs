//! The turns of tenants and of the operator.

use reqwest::Method;

use crate::support::{
    KEY, Keys, TestServer, Value, done, hangs, in_tenants, json, names, request, until,
};

/// A call that is under way.
fn call(
    server: &TestServer,
    key: &str,
) -> tokio::task::JoinHandle<Result<reqwest::Response, reqwest::Error>> {
    let call = server.bare(Method::POST, "/execute").bearer_auth(key);
    tokio::spawn(call.json(&request()).send())
}

async fn pending(server: &TestServer, key: &str, count: usize) {
    until("they wait", async || {
        let (_, status) = server
            .ask(key, Method::GET, "/queue/status", &Value::Null)
            .await;
        status["pending"] == json!(count)
    })
    .await;
}

#[tokio::test]
async fn four_tenants_with_long_programs_leave_turns_to_a_fifth_and_to_the_operator() {
    let keys = Keys::new().await;
    let mut tenants = Vec::new();
    for id in ["a", "b", "c", "d", "e"] {
        tenants.push(keys.of(id).await);
    }
    let settings = keys.settings(json!({"queue": {"timeoutMs": 600_000}}));
    let starts = (0..8).map(|_| hangs()).chain([done(), hangs(), done()]);
    let (server, scripted) = TestServer::scripted_with(&settings, starts).await;
    let mut calls = Vec::new();
    // The first has as many as it may before the others come.
    for (tenant, running) in tenants[..4].iter().zip([5, 6, 7, 8]) {
        calls.extend((0..7).map(|_| call(&server, tenant)));
        until("they run", async || scripted.backend.started() == running).await;
        let own = if running == 5 { 5 } else { 1 };
        pending(&server, tenant, 7 - own).await;
    }
    let fifth = &tenants[4];
    let (status, told) = server
        .ask(fifth, Method::POST, "/execute", &request())
        .await;
    assert_eq!(status, 200, "{told}");
    calls.push(call(&server, fifth));
    until("the fifth runs", async || scripted.backend.started() == 10).await;
    // The last one is the operator's.
    calls.push(call(&server, fifth));
    pending(&server, fifth, 1).await;
    let (status, told) = server.post("/execute", request()).await;
    assert_eq!(status, 200, "{told}");
    for call in calls {
        call.abort();
    }
    server.stop.at_once.cancel();
    server.ended().await;
}

#[tokio::test]
async fn many_that_wait_do_not_delay_the_first_of_another() {
    // Two calls end. The second of them is that of b, although 200 have waited for longer.
    let starts = [hangs(), done(), done(), hangs()];
    let given = json!({"maxConcurrent": 1, "queue": {"timeoutMs": 600_000}});
    let (server, scripted, [a, b]) = in_tenants(given, starts).await;
    let first = call(&server, &a);
    until("it runs", async || scripted.backend.started() == 1).await;
    let waiting: Vec<_> = (0..200).map(|_| call(&server, &a)).collect();
    pending(&server, &a, 200).await;
    let other = call(&server, &b);
    pending(&server, &b, 1).await;
    first.abort();
    assert_eq!(other.await.unwrap().unwrap().status(), 200);
    for call in waiting {
        call.abort();
    }
    server.stop.at_once.cancel();
    server.ended().await;
}

#[tokio::test]
async fn a_tenant_runs_no_more_at_once_than_it_may_and_leaves_the_rest_to_others() {
    let starts = [hangs(), done()];
    let given = json!({
        "maxConcurrent": 2, "queue": {"timeoutMs": 600_000},
        "tenants": {"all": {"maxConcurrent": 1, "maxWaiting": 1}},
    });
    let (server, scripted, [a, b]) = in_tenants(given, starts).await;
    let first = call(&server, &a);
    until("it runs", async || scripted.backend.started() == 1).await;
    let second = call(&server, &a);
    pending(&server, &a, 1).await;
    let (_, status) = server
        .ask(&a, Method::GET, "/queue/status", &Value::Null)
        .await;
    assert_eq!(
        (&status["available"], &status["maxConcurrent"]),
        (&json!(0), &json!(1))
    );
    let (status, told) = server.ask(&a, Method::POST, "/execute", &request()).await;
    assert_eq!(status, 429);
    names(&told, "maxWaiting (1)");
    assert_eq!(
        server.ask(&b, Method::POST, "/execute", &request()).await.0,
        200
    );
    first.abort();
    second.abort();
    server.stop.at_once.cancel();
    server.ended().await;
}

#[tokio::test]
async fn what_a_tenant_may_have_wait_is_the_least_of_both_limits() {
    for (of_server, of_tenant, shown) in [(0, 5, 5), (3, 5, 2), (3, 0, 0), (0, 0, 0)] {
        let given = json!({
            "maxConcurrent": 1, "queue": {"maxSize": of_server},
            "tenants": {"all": {"maxWaiting": of_tenant}},
        });
        let (server, scripted, [a, _]) = in_tenants(given, [hangs()]).await;
        let (_, status) = server
            .ask(&a, Method::GET, "/queue/status", &Value::Null)
            .await;
        assert_eq!(status["maxSize"], json!(shown));
        let status = server.get("/queue/status").await.1;
        assert_eq!(status["maxSize"], json!(of_server));
        if of_tenant == 0 {
            let running = call(&server, &a);
            until("it runs", async || scripted.backend.started() == 1).await;
            let (status, told) = server.ask(&a, Method::POST, "/execute", &request()).await;
            assert_eq!(status, 429);
            names(&told, "maxWaiting (0)");
            running.abort();
        }
        server.stop.at_once.cancel();
        server.ended().await;
    }
}

#[tokio::test]
async fn a_tenant_does_not_fill_the_queue() {
    let given = json!({"maxConcurrent": 1, "queue": {"maxSize": 4, "timeoutMs": 600_000}});
    let (server, scripted, [a, b]) = in_tenants(given, [hangs()]).await;
    let mut calls = vec![call(&server, &a)];
    until("it runs", async || scripted.backend.started() == 1).await;
    calls.extend((0..2).map(|_| call(&server, &a)));
    pending(&server, &a, 2).await;
    let (status, told) = server.ask(&a, Method::POST, "/execute", &request()).await;
    assert_eq!(status, 429);
    assert_eq!(told["error"], json!("Too many requests — queue is full"));
    calls.push(call(&server, &b));
    pending(&server, &b, 1).await;
    calls.push(call(&server, KEY));
    pending(&server, KEY, 4).await;
    for call in calls {
        call.abort();
    }
    server.stop.at_once.cancel();
    server.ended().await;
}

#[tokio::test]
async fn a_tenant_leaves_turns_to_others_by_default() {
    let shown = async |given: Value| {
        let (server, _, [a, _]) = in_tenants(given, []).await;
        let (_, status) = server
            .ask(&a, Method::GET, "/queue/status", &Value::Null)
            .await;
        server.end().await;
        status["maxConcurrent"].clone()
    };
    for (of_server, of_tenant) in [(1, 1), (2, 1), (4, 2), (10, 5)] {
        let given = json!({"maxConcurrent": of_server});
        assert_eq!(shown(given).await, json!(of_tenant));
    }
    let all = json!({"maxConcurrent": 2, "tenants": {"all": {"maxConcurrent": 2}}});
    assert_eq!(shown(all).await, json!(2));

    let starts = [hangs(), done()];
    let given = json!({"maxConcurrent": 2, "queue": {"timeoutMs": 600_000}});
    let (server, scripted, [a, b]) = in_tenants(given, starts).await;
    let calls = [call(&server, &a), call(&server, &a)];
    until("one runs", async || scripted.backend.started() == 1).await;
    pending(&server, &a, 1).await;
    let (status, _) = server.ask(&b, Method::POST, "/execute", &request()).await;
    assert_eq!(status, 200);
    for call in calls {
        call.abort();
    }
    server.stop.at_once.cancel();
    server.ended().await;
}
