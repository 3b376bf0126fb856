//! The limits of tenants.

use isol8_fakes::exited;
use reqwest::Method;

use crate::support::{Value, bash, in_tenants, json, names, program, request};

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
async fn the_secrets_of_a_tenant_are_short() {
    let (server, scripted, [a, _]) = in_tenants(json!({}), []).await;
    let secrets: serde_json::Map<_, _> = (0..65).map(|n| (format!("S{n}"), json!("x"))).collect();
    for secrets in [json!(secrets), json!({"S": "x".repeat(64 * 1024)})] {
        for session in [Value::Null, json!("s")] {
            let mut body = request();
            body["sessionId"] = session;
            body["options"] = json!({"secrets": secrets});
            let (status, told) = server.ask(&a, Method::POST, "/execute", &body).await;
            assert_eq!(status, 400, "{told}");
            let text = "Invalid secrets: a tenant may have at most 64 of them, with at most 65536 bytes in all names and values";
            assert_eq!(told["error"], json!(text));
        }
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
    // Nor do limits below those that another runtime has by itself.
    let between = json!({"pidsLimit": 150, "sandboxSize": "1g"});
    for given in [
        json!({"tenants": {"all": own}}),
        json!({"tenants": {"all": between}}),
        json!({}),
    ] {
        assert_eq!(limits_with(&given, json!({})).await, by_itself);
    }
}
