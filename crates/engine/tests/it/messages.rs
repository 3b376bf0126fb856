//! The public error messages, each from the call that returns it.

use crate::common::{self, *};

/// Checks the error of an engine with these options for each request.
async fn refused(options: Value, requests: &[(Value, &str)]) {
    let engine = engine(options);
    for (request, message) in requests {
        assert_eq!(failure(&engine, request.clone()).await, *message);
        // A stream returns the error without an event, because nothing was started.
        let mut stream = engine.stream(common::request(request.clone()));
        assert_eq!(stream.recv().await, None);
        assert_eq!(
            stream
                .take_refusal()
                .map(|error| error.to_string())
                .as_deref(),
            Some(*message)
        );
    }
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_runtimes_and_folders() {
    let several = "ExecutionRequest.code, ExecutionRequest.codeUrl, and ExecutionRequest.cmd are \
        mutually exclusive — provide exactly one.";
    let none = "ExecutionRequest must include exactly one of: code, codeUrl, or cmd.";
    refused(
        json!({}),
        &[
            (json!({ "runtime": "bash", "code": "1", "cmd": "2" }), several),
            (json!({ "runtime": "bash", "codeUrl": "https://a.test", "cmd": "2" }), several),
            (json!({ "runtime": "bash" }), none),
            (json!({ "runtime": "bash", "code": " \n", "cmd": "" }), none),
            (
                json!({ "runtime": "ruby", "code": "1" }),
                "Unknown runtime: \"ruby\". Available: python, node, bun, bash, deno, agent",
            ),
            (
                json!({ "runtime": "bash", "code": "1", "workdir": "../etc" }),
                "Working directory must be inside /sandbox",
            ),
            (
                json!({ "runtime": "python", "code": "1", "installPackages": ["a; rm -rf /"] }),
                "Invalid package name: \"a; rm -rf /\". Only alphanumeric, -, _, ., /, @, and = are \
                 allowed.",
            ),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_need_a_network_before_anything_else() {
    // The error is not the missing source, because the network is checked first.
    let request = json!({ "runtime": "agent" });
    refused(
        json!({}),
        &[(
            request.clone(),
            "Agent runtime requires network access. The AI coding agent needs to reach its LLM \
             provider API. Use --net host, or --net filtered --allow \"api.anthropic.com\" (or your \
             provider's domain).",
        )],
    )
    .await;
    refused(
        json!({ "network": "filtered" }),
        &[(
            request,
            "Agent runtime requires at least one network whitelist entry. The AI coding agent needs \
             to reach its LLM provider API. Use --allow \"api.anthropic.com\" (or your provider's \
             domain).",
        )],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn remote_code_that_may_not_be_fetched() {
    let url = |url: &str| json!({ "runtime": "bash", "codeUrl": url });
    refused(
        json!({}),
        &[(
            url("https://code.test/x"),
            "Remote code fetching is disabled. Set remoteCode.enabled=true to allow it.",
        )],
    )
    .await;
    refused(
        json!({ "remoteCode": { "enabled": true, "requireHash": true } }),
        &[
            (
                url("http://code.test/x"),
                "Insecure code URL blocked. Use allowInsecureCodeUrl=true to allow HTTP.",
            ),
            (url("ftp://code.test/x"), "URL scheme not allowed: ftp"),
            (
                url("https://127.0.0.1/x"),
                "Blocked code URL host: 127.0.0.1",
            ),
            (
                url("https://code.test/x"),
                "Hash verification required: provide codeHash for remote code execution.",
            ),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_from_a_url_is_run() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await.unwrap();
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\necho fetched";
        stream.write_all(answer).await.unwrap();
    });
    let remote_code = json!({
        "enabled": true, "allowedSchemes": ["http"], "allowPrivate": ["127.0.0.1"],
    });
    let engine = engine(json!({ "remoteCode": remote_code }));
    let request = json!({
        "runtime": "bash", "codeUrl": format!("http://127.0.0.1:{port}/main.sh"),
        "allowInsecureCodeUrl": true,
    });
    // The second time it comes from the cache: the server answers once.
    for _ in 0..2 {
        assert_eq!(stdout(&engine, request.clone()).await, "fetched");
    }
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn options_that_cannot_be() {
    for (options, message) in [
        (
            json!({ "memoryLimit": "lots" }),
            "Invalid memory limit format: \"lots\". Use e.g. \"512m\", \"1g\".",
        ),
        (
            json!({ "audit": { "destination": "s3" } }),
            "Unsupported audit destination: s3",
        ),
    ] {
        assert_eq!(try_engine(options).err().unwrap().to_string(), message);
    }
    for (options, named) in [
        (json!({ "timeoutMs": 0 }), "timeoutMs"),
        (json!({ "cpuLimit": -1 }), "cpuLimit"),
        (json!({ "pidsLimit": 0 }), "pidsLimit"),
        (json!({ "maxOutputSize": 0 }), "maxOutputSize"),
        (
            json!({ "remoteCode": { "enabled": true, "allowedHosts": ["(oops"] } }),
            "(oops",
        ),
    ] {
        let message = try_engine(options).err().unwrap().to_string();
        assert!(message.contains(named), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn persistent_engines_have_one_runtime_and_files_only_once_started() {
    let engine = engine(json!({ "mode": "persistent" }));
    let none = "No active container. Call execute() first in persistent mode.";
    assert_eq!(
        engine.get_file("/sandbox/a").await.unwrap_err().to_string(),
        none
    );
    assert_eq!(
        engine
            .put_file("/sandbox/a", b"x")
            .await
            .unwrap_err()
            .to_string(),
        none
    );
    run(&engine, json!({ "runtime": "bash", "code": "true" }))
        .await
        .unwrap();
    assert_eq!(
        failure(&engine, json!({ "runtime": "python", "code": "1" })).await,
        "Cannot switch runtime from \"bash\" to \"python\". Each persistent container supports a \
         single runtime. Create a new Isol8 instance for a different runtime. A command runs in this \
         one: { runtime: \"bash\", cmd: \"...\" }."
    );
    let error = engine
        .get_file("/sandbox/missing")
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("Failed to read file /sandbox/missing in container: "),
        "{error}"
    );
    assert!(error.ends_with("(exit code 1)"), "{error}");
    let error = engine
        .put_file("/etc/passwd", b"x")
        .await
        .unwrap_err()
        .to_string();
    let start = "Failed to write file /etc/passwd in container (exit code 1)";
    assert!(error.starts_with(start), "{error}");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_written_is_named() {
    let engine = engine(json!({}));
    let request =
        json!({ "runtime": "bash", "code": "echo ran", "files": { "/proc/isol8/x": "1" } });
    let error = failure(&engine, request).await;
    let start = "Failed to write file /proc/isol8/x in container (exit code 1)";
    assert!(error.starts_with(start), "{error}");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_image_is_named_with_what_to_do() {
    let engine = engine(json!({ "image": "isol8-test:nowhere" }));
    let error = failure(&engine, json!({ "runtime": "bash", "code": "true" })).await;
    assert!(
        error.starts_with("Image not found: isol8-test:nowhere."),
        "{error}"
    );
    engine.stop().await;
}
