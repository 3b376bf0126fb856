//! Results that were wrong in version 0.20 of the package.

use crate::common::{self, *};

use isol8_api::event::EventKind;
use sha2::Digest as _;
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_calls_on_a_persistent_engine_run_their_own_programs_in_order() {
    let engine = engine(json!({ "mode": "persistent" }));
    let calls = (0..8).map(|n| {
        let code = format!("echo {n} >> /sandbox/order; sleep 0.0{}; echo {n}", 8 - n);
        let request = json!({ "runtime": "bash", "cmd": code });
        engine.execute(common::request(request), CancellationToken::new())
    });
    let results = futures::future::join_all(calls.collect::<Vec<_>>()).await;
    for (n, result) in results.iter().enumerate() {
        assert_eq!(result.as_ref().unwrap().stdout, n.to_string());
    }
    // The simultaneous first calls have made one sandbox.
    let first = results[0].as_ref().unwrap().container_id.clone();
    assert!(
        results
            .iter()
            .all(|result| result.as_ref().unwrap().container_id == first)
    );
    let order = engine.get_file("/sandbox/order").await.unwrap();
    assert_eq!(
        String::from_utf8(order).unwrap(),
        "0\n1\n2\n3\n4\n5\n6\n7\n"
    );
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_path_is_just_a_path_and_missing_folders_are_made() {
    let engine = engine(json!({}));
    let paths = [
        "/sandbox/a b/c d.txt",
        "/sandbox/it's \"quoted\"",
        "/sandbox/x;touch hacked",
        "/sandbox/$(touch hacked)",
        "/sandbox/-rf",
        "/sandbox/new\nline",
        "/sandbox/日本/ü",
        "/sandbox/deep/er/and/deeper/file",
    ];
    let files: serde_json::Map<_, _> = paths
        .iter()
        .map(|path| ((*path).to_owned(), json!(format!("in {path}"))))
        .collect();
    let request = json!({
        "runtime": "bash", "code": "[ ! -e hacked ] && find /sandbox -type f | wc -l",
        "files": files, "outputPaths": paths,
    });
    let result = run(&engine, request).await.unwrap();
    assert!(result.exit_code == 0, "{result:?}");
    let files = result.files.unwrap();
    assert_eq!(files.len(), paths.len());
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_and_long_programs_arrive_whole() {
    let engine = engine(json!({}));
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let long = format!(
        "# {}\nimport hashlib\nprint(len(open('/sandbox/b','rb').read()), \
        hashlib.sha256(open('/sandbox/b','rb').read()).hexdigest())",
        "x".repeat(200 * 1024)
    );
    let request = json!({
        "runtime": "python", "code": long,
        "files": { "/sandbox/b": { "type": "Buffer", "data": bytes } },
    });
    let digest = hex::encode(sha2::Sha256::digest(&bytes));
    assert_eq!(stdout(&engine, request).await, format!("300000 {digest}"));
    let command = format!("true {}; echo long", "y".repeat(200 * 1024));
    let request = json!({ "runtime": "bash", "cmd": command });
    assert_eq!(stdout(&engine, request).await, "long");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_extension_is_honoured() {
    let engine = engine(json!({}));
    let code = "console.log(__filename, typeof require)";
    let request = json!({ "runtime": "node", "code": code, "fileExtension": ".cjs" });
    assert_eq!(stdout(&engine, request).await, "/sandbox/main.cjs function");
    let code = "console.log(import.meta.url, typeof require)";
    let request = json!({ "runtime": "node", "code": code, "fileExtension": ".mjs" });
    assert_eq!(
        stdout(&engine, request).await,
        "file:///sandbox/main.mjs undefined"
    );
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn collecting_and_streaming_give_the_same_bytes_and_the_same_limit() {
    let engine = engine(json!({ "maxOutputSize": 1000, "secrets": { "S": "hunter2" } }));
    // é in two writes, a secret in two writes, and 5000 bytes in all.
    let code = r"
import os, time
for part in (b'\xc3', b'\xa9 hun', b'ter2\n', b'x' * 4988, b'\n'):
    os.write(1, part); time.sleep(0.05)";
    let request = json!({ "runtime": "python", "code": code });
    let result = run(&engine, request.clone()).await.unwrap();
    let total = 2 + 1 + 7 + 1 + 4988 + 1;
    let notice = format!("\n\n--- OUTPUT TRUNCATED ({total} bytes, limit: 1000) ---");
    assert!(
        result.truncated && result.stdout.ends_with(&notice),
        "{}",
        result.stdout
    );
    assert!(result.stdout.starts_with("é ***\nxxx"), "{}", result.stdout);
    let streamed: String = events(&engine, request)
        .await
        .into_iter()
        .filter(|event| event.kind == EventKind::Stdout)
        .map(|event| event.data)
        .collect();
    assert_eq!(streamed.trim_end(), result.stdout);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_is_137_everywhere_and_ends_grandchildren() {
    let code = "(trap '' TERM HUP; setsid sleep 7700 & ) ; echo begun; sleep 3000";
    for mode in ["ephemeral", "persistent"] {
        let engine = engine(json!({ "mode": mode, "timeoutMs": 2000 }));
        let request = json!({ "runtime": "bash", "cmd": code });
        let result = run(&engine, request.clone()).await.unwrap();
        assert_eq!((result.exit_code, result.stdout.as_str()), (137, "begun"));
        assert_eq!(result.stderr, "\n--- EXECUTION TIMED OUT ---");
        let told = told(&events(&engine, request).await);
        assert_eq!(
            told,
            [
                "code:stdout:begun",
                "code:error:EXECUTION TIMED OUT",
                "code:exit:137"
            ]
        );
        let request =
            json!({ "runtime": "bash", "cmd": "cat /proc/[0-9]*/cmdline | tr '\\0' ' '" });
        let left = run(&engine, request).await.unwrap().stdout;
        assert!(!left.contains("sleep 7700"), "{left}");
        engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_program_keeps_its_stream() {
    let engine = engine(json!({}));
    let request = json!({ "runtime": "bash", "code": "sleep 4; echo awake" });
    assert_eq!(
        told(&events(&engine, request).await),
        ["code:stdout:awake", "code:exit:0"]
    );
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_during_a_run_ends_it_and_a_lost_sandbox_is_no_success() {
    let engine = engine(json!({}));
    let request = json!({ "runtime": "bash", "code": "echo begun; sleep 3000" });
    let mut stream = engine.stream(common::request(request.clone()));
    assert_eq!(stream.recv().await.unwrap().data.trim(), "begun");
    engine.stop().await;
    let mut last = None;
    while let Some(event) = stream.recv().await {
        last = Some(event);
    }
    assert_eq!(
        last.map(|event| (event.kind, event.data)),
        Some((EventKind::Exit, "1".into()))
    );

    let request = json!({ "runtime": "bash", "code": "echo begun; sleep 3000" });
    let persistent = common::engine(json!({ "mode": "persistent" }));
    run(&persistent, json!({ "runtime": "bash", "cmd": "true" }))
        .await
        .unwrap();
    let id = persistent.container_id().unwrap();
    let mut stream = persistent.stream(common::request(request));
    let mut events = vec![stream.recv().await.unwrap()];
    let client = client();
    let docker = client.docker().await.unwrap();
    docker.kill_container(&id, None).await.unwrap();
    while let Some(event) = stream.recv().await {
        events.push(event);
    }
    let told = told(&events);
    assert_eq!(
        told.last().map(String::as_str),
        Some("code:exit:1"),
        "{told:?}"
    );
    assert!(
        told.iter()
            .any(|text| text.starts_with("code:error:The sandbox was lost")),
        "{told:?}"
    );
    // The engine goes on with a new sandbox.
    let request = json!({ "runtime": "bash", "cmd": "echo again" });
    assert_eq!(stdout(&persistent, request).await, "again");
    persistent.stop().await;
}

/// A program that takes memory up to the limit, minus `ROOM`, and ends.
const FULL: &str = "import mmap, os
place = '/sys/fs/cgroup/memory/memory.'
used, limit = 'usage_in_bytes', 'limit_in_bytes'
if not os.path.exists(place + used): place, used, limit = '/sys/fs/cgroup/memory.', 'current', 'max'
limit = int(open(place + limit).read())
open('/sandbox/out', 'w').write('written')
used = os.open(place + used, os.O_RDONLY)
memory, at, room = mmap.mmap(-1, 256 << 20), 0, int(os.environ['ROOM'])
while (left := limit - room - int(os.pread(used, 32, 0))) > 0:
    for _ in range(max(1, left // 8192)): memory[at] = 1; at += 4096
os._exit(3)";

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_ends_with_all_of_its_memory_in_use_has_a_result() {
    let engine = engine(json!({ "memoryLimit": "128m" }));
    for room in [8_000, 40_000, 80_000, 160_000, 1_000_000].repeat(16) {
        let request = json!({
            "runtime": "python", "code": FULL, "env": { "ROOM": room.to_string() },
            "outputPaths": ["/sandbox/out"],
        });
        let result = run(&engine, request).await.unwrap();
        assert_eq!((result.exit_code, result.stderr.as_str()), (3, ""));
        assert_eq!(result.files.unwrap().len(), 1);
    }
    engine.stop().await;
}
