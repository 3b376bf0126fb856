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

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_mebibytes_go_in_and_out_unchanged() {
    let engine = engine(json!({ "mode": "persistent" }));
    run(&engine, json!({ "runtime": "bash", "cmd": "true" }))
        .await
        .unwrap();
    let mut state = 1_u64;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    })
    .take(100 * 1024 * 1024)
    .collect();
    engine.put_file("/sandbox/new/big", &bytes).await.unwrap();
    let back = engine.get_file("/sandbox/new/big").await.unwrap();
    assert!(back == bytes);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_folder_stands_for_the_files_in_it() {
    for mode in ["ephemeral", "persistent"] {
        let engine = engine(json!({ "maxOutputFilesSize": 1000, "mode": mode }));
        let request = json!({
            "runtime": "bash",
            "code": "mkdir -p out/deep empty; echo 1 > out/a; echo 2 > out/deep/b; truncate -s 2000 out/huge; \
                ln -s /etc/passwd out/link; ln -s out other; mkfifo out/fifo",
            "outputPaths": ["/sandbox/out/a", "/sandbox/out", "/sandbox/empty", "/sandbox/other"],
        });
        let result = run(&engine, request).await.unwrap();
        let files = result.files.unwrap();
        let names: Vec<_> = files.keys().map(String::as_str).collect();
        assert_eq!(names, ["/sandbox/out/a", "/sandbox/out/deep/b"]);
        assert!(
            result.stderr.contains("LEFT OUT (/sandbox/out/huge"),
            "{}",
            result.stderr
        );
        engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn output_files_that_are_too_large_leave_the_result_whole_and_are_told() {
    let engine = engine(json!({ "maxOutputFilesSize": 1000, "timeoutMs": 10_000 }));
    let request = json!({
        "runtime": "bash",
        "code": "truncate -s 100G huge; head -c 600 /dev/zero > a; cp a b; printf 0123 > c; echo done",
        "outputPaths": ["/sandbox/a", "/sandbox/a", "/sandbox/huge", "/sandbox/b", "/sandbox/c", "/sandbox/no"],
    });
    let result = run(&engine, request.clone()).await.unwrap();
    assert_eq!((result.stdout.as_str(), result.exit_code), ("done", 0));
    assert!(result.truncated, "{result:?}");
    let notice = |path: &str| {
        format!("\n\n--- OUTPUT FILE LEFT OUT ({path}, limit of all files: 1000 bytes) ---")
    };
    let expected = notice("/sandbox/huge") + &notice("/sandbox/b");
    assert_eq!(result.stderr, expected);
    let files = result.files.unwrap();
    assert_eq!(
        files.keys().collect::<Vec<_>>(),
        ["/sandbox/a", "/sandbox/c"]
    );
    assert_eq!(files["/sandbox/c"], "MDEyMw==");
    let streamed: String = events(&engine, request)
        .await
        .into_iter()
        .filter(|event| event.kind == EventKind::Stderr)
        .map(|event| event.data)
        .collect();
    assert_eq!(streamed, expected);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_a_program_gives_its_output_files_count_and_are_masked() {
    let secrets = json!({ "KEY": "hunter2-secret-value" });
    let engine = engine(json!({ "maxOutputFilesSize": 10_000, "secrets": secrets }));
    let spellings: Vec<_> = (0..50).map(|count| "./".repeat(count) + "d").collect();
    let request = json!({
        "runtime": "bash",
        "code": "mkdir d; cd d; for i in {10..59}; do : > \"$(printf '%0100d' 0)$i\"; done; truncate -s 20000 \"$KEY\"",
        "outputPaths": spellings,
    });
    let result = run(&engine, request).await.unwrap();
    let files = result.files.unwrap();
    let bytes: usize = files.keys().map(String::len).sum();
    assert!((5000..=10_000).contains(&bytes), "{bytes}");
    assert!(result.truncated);
    let stderr = result.stderr;
    assert!(
        stderr.starts_with("\n\n--- OUTPUT FILE LEFT OUT (d/***, limit of"),
        "{stderr}"
    );
    assert_eq!(stderr.matches("--- OUTPUT FILE LEFT OUT (").count(), 20);
    let rest = 50 * 51 - files.len() - 20;
    let last =
        format!("\n\n--- {rest} MORE OUTPUT FILES LEFT OUT (limit of all files: 10000 bytes) ---");
    assert!(stderr.ends_with(&last), "{last:?} in {stderr}");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_asked_for_may_be_large_but_not_endless() {
    let engine = engine(json!({ "mode": "persistent" }));
    let code = "head -c 120000000 /dev/zero > large; truncate -s 100G sparse";
    stdout(&engine, json!({ "runtime": "bash", "code": code })).await;
    let large = engine.get_file("/sandbox/large").await.unwrap();
    assert_eq!(large.len(), 120_000_000);
    let error = engine.get_file("/sandbox/sparse").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Failed to read file /sandbox/sparse in container: it has 107374182400 bytes, the limit is \
         536870912 (exit code 1)"
    );
    engine.stop().await;
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
