//! The limits of tenants, and their turns.

use isol8_fakes::exited;
use reqwest::Method;

use crate::support::{TestServer, Value, bash, in_tenants, json, program, until};

fn request() -> Value {
    json!({"request": {"runtime": "bash", "code": "x"}})
}

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

/// A refusal with 429 that names the limit.
fn names(told: &Value, limit: &str) {
    assert_eq!(told["code"], json!("ISOL8_TOO_MANY_REQUESTS"));
    let text = format!("Too many requests — {limit} of this tenant is reached");
    assert_eq!(told["error"], json!(text));
}

#[tokio::test]
async fn many_that_wait_do_not_delay_the_first_of_another() {
    let done = || bash(vec![program([exited(0)])]);
    let hangs = || bash(vec![program([])]);
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
    let hangs = || bash(vec![program([])]);
    let starts = [hangs(), bash(vec![program([exited(0)])])];
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
async fn sessions_bytes_and_rate_of_a_tenant_are_limited() {
    let session = || {
        bash(vec![isol8_fakes::Exchange::new(
            "call /sandbox/main.sh",
            vec![exited(0)],
        )])
    };
    let given = json!({"tenants": {
        "all": {"maxSessions": 1, "maxRequestBytes": 1000},
        "byId": {"b": {"rateLimit": {"rate": 0.001, "burst": 2}, "maxSessions": 0}},
    }});
    let (server, _, [a, b]) = in_tenants(given, [session()]).await;
    let in_session = |id: &str| {
        json!({
            "request": {"runtime": "bash", "code": "x"}, "sessionId": id, "options": {"installNetwork": false},
        })
    };
    let execute =
        async |key: &str, body: &Value| server.ask(key, Method::POST, "/execute", body).await;
    assert_eq!(execute(&a, &in_session("1")).await.0, 200);
    let (status, told) = execute(&a, &in_session("2")).await;
    assert_eq!(status, 429);
    names(&told, "maxSessions (1)");

    let long = json!({"request": {"runtime": "bash", "code": "x".repeat(1000)}});
    let (status, told) = execute(&a, &long).await;
    let text = "Request body too large: at most 1000 bytes are accepted";
    assert_eq!((status.as_u16(), &told["error"]), (413, &json!(text)));

    let (status, told) = execute(&b, &in_session("1")).await;
    assert_eq!(status, 429);
    names(&told, "maxSessions (0)");
    server.ask(&b, Method::GET, "/sessions", &Value::Null).await;
    let late = server.bare(Method::GET, "/sessions").bearer_auth(&b);
    let late = late.send().await.unwrap();
    assert_eq!(late.status(), 429);
    let wait: u64 = late.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=1000).contains(&wait), "{wait}");
    names(
        &late.json().await.unwrap(),
        "rateLimit (0.001 a second, 2 at once)",
    );
    assert_eq!(
        server
            .ask(&a, Method::GET, "/sessions", &Value::Null)
            .await
            .0,
        200
    );
    server.end().await;
}

#[tokio::test]
async fn the_blacklist_of_a_tenant_is_short() {
    let (server, scripted, [a, _]) =
        in_tenants(json!({"defaults": {"network": "filtered"}}), []).await;
    // The largest list is accepted as such: what is refused is its last entry, which is no pattern.
    let mut largest = vec!["x".repeat(256); 63];
    largest.push("(".to_owned());
    let own = "Invalid networkFilter.blacklist: a tenant may have at most 64 entries of at most 256 bytes each, \
               and 8192 bytes with the repetitions of an entry written out";
    let mut many = largest.clone();
    many.insert(0, "x".to_owned());
    for (blacklist, is_too_much) in [
        (many, true),
        (vec!["x".repeat(257)], true),
        (vec!["(?:[abde]{300}){250}".to_owned()], true),
        (vec!["[a-z]{1,63}(".to_owned()], false),
        (largest, false),
    ] {
        let mut body = request();
        body["options"] = json!({"networkFilter": {"blacklist": blacklist}});
        let (status, told) = server.ask(&a, Method::POST, "/execute", &body).await;
        assert_eq!(status, 400, "{told}");
        assert_eq!(told["error"] == json!(own), is_too_much, "{told}");
        let code = if is_too_much {
            "ISOL8_INVALID_REQUEST"
        } else {
            "ISOL8_INVALID_OPTION"
        };
        assert_eq!(told["code"], json!(code));
    }
    assert_eq!(scripted.backend.started(), 0);
    server.end().await;
}

#[tokio::test]
async fn a_list_that_holds_anyway_may_be_long() {
    let done = bash(vec![program([exited(0)])]);
    let long = vec!["x"; 65];
    let given = json!({"network": {"blacklist": long}});
    let (server, _, [a, _]) = in_tenants(given, [done]).await;
    let mut body = request();
    body["options"] = json!({"networkFilter": {"blacklist": long}});
    let (status, told) = server.ask(&a, Method::POST, "/execute", &body).await;
    assert_eq!(status, 200, "{told}");
    server.end().await;
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
    for (of_server, of_tenant) in [(1, 1), (2, 1), (4, 2), (10, 7)] {
        let given = json!({"maxConcurrent": of_server});
        assert_eq!(shown(given).await, json!(of_tenant));
    }
    let all = json!({"maxConcurrent": 2, "tenants": {"all": {"maxConcurrent": 2}}});
    assert_eq!(shown(all).await, json!(2));

    let starts = [bash(vec![program([])]), bash(vec![program([exited(0)])])];
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

/// The limits of the sandbox that a tenant gets with these options: memory, processors, processes, and the sizes of `/sandbox`,
/// `/tmp` and volumes.
async fn limits_with(given: &Value, options: Value) -> (u64, f64, u32, u64, u64, u64) {
    let starts = [bash(vec![program([exited(0)])])];
    let (server, scripted, [a, _]) = in_tenants(given.clone(), starts).await;
    let mut body = request();
    body["options"] = options;
    let (status, told) = server.ask(&a, Method::POST, "/execute", &body).await;
    assert_eq!(status, 200, "{told}");
    server.end().await;
    let specs = scripted.backend.specs();
    let of = &specs[0];
    let sizes = (of.sandbox_bytes, of.tmp_bytes, of.volume_bytes);
    (of.memory_bytes, of.cpus, of.pids, sizes.0, sizes.1, sizes.2)
}

#[tokio::test]
async fn no_sandbox_of_a_tenant_has_more_than_its_limits() {
    const M: u64 = 1 << 20;
    let most = (32 * M, 0.5, 16, 8 * M, 4 * M, 8 * M);
    let own = json!({
        "memoryLimit": "32m", "cpuLimit": 0.5, "pidsLimit": 16, "sandboxSize": "8m", "tmpSize": "4m",
    });
    let more = json!({
        "memoryLimit": "1g", "cpuLimit": 2, "pidsLimit": 99, "sandboxSize": "1g", "tmpSize": "1g",
        "volumeSize": "1g",
    });
    let less = json!({
        "memoryLimit": "16m", "cpuLimit": 0.25, "pidsLimit": 8, "sandboxSize": "4m", "tmpSize": "2m",
        "volumeSize": "1m",
    });
    let defaults = json!({
        "memoryLimit": "1g", "cpuLimit": 2, "sandboxSize": "1g", "tmpSize": "1g", "volumeSize": "1g",
    });
    for defaults in [defaults, json!({})] {
        let given = json!({"defaults": defaults, "tenants": {"all": own}});
        assert_eq!(limits_with(&given, json!({})).await, most);
        assert_eq!(limits_with(&given, more.clone()).await, most);
        // Each of them by itself, with the others left out.
        for (option, value) in more.as_object().unwrap() {
            assert_eq!(limits_with(&given, json!({option: value})).await, most);
        }
        let lower = (16 * M, 0.25, 8, 4 * M, 2 * M, M);
        assert_eq!(limits_with(&given, less.clone()).await, lower);
    }
    // Limits above the defaults raise nothing.
    let own = json!({
        "memoryLimit": "4g", "cpuLimit": 4, "pidsLimit": 500, "sandboxSize": "4g", "tmpSize": "4g",
    });
    let by_itself = (512 * M, 1.0, 64, 512 * M, 256 * M, 512 * M);
    for given in [json!({"tenants": {"all": own}}), json!({})] {
        assert_eq!(limits_with(&given, json!({})).await, by_itself);
    }
}
