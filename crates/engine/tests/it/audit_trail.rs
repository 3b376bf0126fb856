//! Every execution leaves one line in the audit log, collected or streamed, however it ends.

use crate::common::{self, *};

use std::path::Path;

use tokio_util::sync::CancellationToken;

fn lines(directory: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(directory.join("executions.log")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_end_of_an_execution_is_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let engine = engine(json!({
        "audit": {
            "enabled": true, "logDir": directory.path(), "includeCode": true, "includeOutput": true,
        },
        "secrets": { "TOKEN": "hunter2" },
    }));
    let request = |code: &str| {
        json!({
            "runtime": "bash", "code": code,
            "metadata": { "userId": "u1", "order": "7" },
        })
    };
    let hello = request("echo hello $TOKEN; exit 3");
    let first = run(&engine, hello.clone()).await.unwrap();
    events(&engine, hello).await;
    let mut late = request("sleep 30");
    late["timeoutMs"] = json!(1000);
    run(&engine, late).await.unwrap();
    let mut setup = request("true");
    setup["setupScript"] = json!("exit 9");
    failure(&engine, setup).await;
    let cancel = CancellationToken::new();
    let endless = common::request(request("sleep 3100"));
    let cancelled = engine.execute(endless, cancel.clone());
    tokio::join!(async { assert!(cancelled.await.is_err()) }, async {
        until_runs("sleep 3100").await;
        cancel.cancel();
    });
    // A refused request runs nothing, so nothing is recorded.
    failure(&engine, json!({ "runtime": "bash" })).await;
    engine.stop().await;

    let lines = lines(directory.path());
    let exit_codes: Vec<_> = lines
        .iter()
        .map(|line| line["exitCode"].as_i64().unwrap())
        .collect();
    assert_eq!(exit_codes, [3, 3, 137, 9, 137]);
    let ends: Vec<_> = lines.iter().map(|line| &line["termination"]).collect();
    assert_eq!(ends, ["exit", "exit", "timeout", "exit", "cancelled"]);
    let [collected, streamed, ..] = &lines[..] else {
        panic!("{lines:?}")
    };
    assert_eq!(collected["executionId"], json!(first.execution_id));
    assert_eq!(collected["containerId"], json!(first.container_id));
    // A failed and a cancelled execution have a container, too.
    for line in &lines {
        assert_eq!(line["containerId"].as_str().unwrap().len(), 64, "{line}");
    }
    for line in [collected, streamed] {
        assert_eq!(line["stdout"], "hello ***");
        assert_eq!(line["code"], "echo hello $TOKEN; exit 3");
        assert_eq!(line["userId"], "u1");
        assert_eq!(line["metadata"]["order"], "7");
        assert_eq!(line["codeHash"].as_str().unwrap().len(), 64);
        assert!(line["resourceUsage"]["memoryMB"].as_f64().unwrap() > 0.0);
    }
}
