//! Large files, output folders, and output files that are too large.

use isol8_api::event::EventKind;

use crate::common::*;

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
    let engine = engine(json!({ "maxOutputFilesSize": 20_000, "secrets": secrets }));
    let spellings: Vec<_> = (0..50).map(|count| "./".repeat(count) + "d").collect();
    let request = json!({
        "runtime": "bash",
        "code": "mkdir d; cd d; for i in {10..59}; do : > \"$(printf '%0100d' 0)$i\"; done; truncate -s 40000 \"$KEY\"",
        "outputPaths": spellings,
    });
    let result = run(&engine, request).await.unwrap();
    let files = result.files.unwrap();
    // Each takes 128 bytes beside its name.
    let bytes: usize = files.keys().map(|name| name.len() + 128).sum();
    assert!((15_000..=20_000).contains(&bytes), "{bytes}");
    assert!(result.truncated);
    let stderr = result.stderr;
    assert!(
        stderr.starts_with("\n\n--- OUTPUT FILE LEFT OUT (d/***, limit of"),
        "{stderr}"
    );
    assert_eq!(stderr.matches("--- OUTPUT FILE LEFT OUT (").count(), 20);
    let rest = 50 * 51 - files.len() - 20;
    let last =
        format!("\n\n--- {rest} MORE OUTPUT FILES LEFT OUT (limit of all files: 20000 bytes) ---");
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
