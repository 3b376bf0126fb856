//! Sandboxes whose memory is full, and what else a container limits.

use crate::common::{self, *};

use isol8_api::result::{ExecutionResult, SessionReset, Termination};
use isol8_engine::Engine;

/// Fills both writable directories with files. Their size limits are far above the memory limit.
const FILL: &str =
    "head -c 300m /dev/zero >/sandbox/a; head -c 300m /dev/zero >/tmp/b; echo survived";

/// A program that takes all memory, by runtime. After it one that starts such a program and lives on.
const HUNGRY: [(&str, &str, &str); 5] = [
    (
        "python",
        "x = bytearray(1 << 30)",
        "import subprocess, sys
hungry = subprocess.run([sys.executable, '-c', 'x = bytearray(1 << 30)'])
print('lives')",
    ),
    (
        "node",
        "Buffer.alloc(1 << 30, 1)",
        "require('child_process').spawnSync('tail', ['/dev/zero']); console.log('lives')",
    ),
    (
        "bun",
        "Buffer.alloc(1 << 30, 1)",
        "Bun.spawnSync(['tail', '/dev/zero']); console.log('lives')",
    ),
    ("deno", "new Uint8Array(1 << 30).fill(1)", ""),
    ("bash", "exec tail /dev/zero", "tail /dev/zero; echo lives"),
];

fn assert_is_out_of_memory(result: &ExecutionResult, limit: &str) {
    assert_eq!(result.termination, Some(Termination::Oom), "{result:?}");
    let notice = format!("\n--- OUT OF MEMORY (limit {limit}) ---");
    assert!(result.stderr.ends_with(&notice), "{result:?}");
}

fn small(mode: &str, strategy: &str) -> Engine {
    engine(json!({
        "mode": mode,
        "poolStrategy": strategy,
        "memoryLimit": "48m",
        "sandboxSize": "200m",
        "tmpSize": "200m",
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_fills_memory_with_files_is_out_of_memory() {
    for strategy in ["fast", "secure"] {
        let engine = small("ephemeral", strategy);
        for _ in 0..3 {
            let filled = run(&engine, json!({ "runtime": "bash", "code": FILL })).await;
            let filled = filled.unwrap();
            assert_eq!((filled.exit_code, filled.stdout.as_str()), (137, ""));
            assert_is_out_of_memory(&filled, "48m");
            let next = json!({ "runtime": "bash", "code": "ls -A /sandbox /tmp" });
            assert_eq!(stdout(&engine, next).await, "/sandbox:\nmain.sh\n\n/tmp:");
        }
        engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_fills_memory_with_files_lives_on() {
    let engine = small("persistent", "fast");
    let bash = |code: &str| json!({ "runtime": "bash", "code": code });
    assert_eq!(stdout(&engine, bash("echo kept >/sandbox/kept")).await, "");
    for _ in 0..3 {
        let filled = run(&engine, bash(FILL)).await.unwrap();
        assert_eq!((filled.exit_code, filled.stdout.as_str()), (137, ""));
        let removal = json!({ "runtime": "bash", "cmd": "rm -f /sandbox/a /tmp/b; echo removed" });
        assert_eq!(stdout(&engine, removal).await, "removed");
        assert_eq!(stdout(&engine, bash("cat /sandbox/kept")).await, "kept");
    }
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_tells_that_memory_ran_out_for_a_program_and_for_its_child() {
    for mode in ["ephemeral", "persistent"] {
        for (runtime, itself, child) in HUNGRY {
            let engine = engine(json!({ "mode": mode, "memoryLimit": "160m" }));
            let program = |code: &str| json!({ "runtime": runtime, "code": code });
            let killed = run(&engine, program(itself)).await.unwrap();
            assert_is_out_of_memory(&killed, "160m");
            assert_eq!(killed.exit_code, 137, "{killed:?}");
            assert_eq!(killed.signal.as_deref(), Some("SIGKILL"), "{killed:?}");
            if !child.is_empty() {
                let lives = run(&engine, program(child)).await.unwrap();
                assert_is_out_of_memory(&lives, "160m");
                assert_eq!((lives.exit_code, lives.stdout.as_str()), (0, "lives"));
                let reset = (mode == "persistent").then_some(SessionReset::Oom);
                assert_eq!(lives.session_reset, reset, "{lives:?}");
            }
            let next = run(&engine, json!({ "runtime": runtime, "cmd": "true" })).await;
            let next = next.unwrap();
            let end = (next.exit_code, next.termination, next.stderr.as_str());
            assert_eq!(end, (0, Some(Termination::Exit), ""), "{next:?}");
            engine.stop().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interpreter_that_does_not_fit_is_out_of_memory() {
    // The least that Docker allows, and a little more.
    for (mode, limit) in [
        ("ephemeral", "6m"),
        ("ephemeral", "8m"),
        ("persistent", "8m"),
    ] {
        let engine = engine(json!({ "mode": mode, "memoryLimit": limit }));
        let request = json!({ "runtime": "node", "code": "console.log(1)" });
        let result = run(&engine, request).await.unwrap();
        assert_is_out_of_memory(&result, limit);
        assert_eq!(result.exit_code, 137, "{result:?}");
        engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_that_memory_ran_out() {
    let engine = engine(json!({ "memoryLimit": "64m" }));
    let request = json!({ "runtime": "bash", "code": "echo begun; exec tail /dev/zero" });
    let told = told(&events(&engine, request).await);
    let end = [
        "code:stdout:begun",
        "code:error:OUT OF MEMORY (limit 64m)",
        "code:exit:137",
    ];
    assert_eq!(told, end);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_tells_how_its_program_ended() {
    let engine = engine(json!({}));
    for (code, exit_code, termination, signal) in [
        ("exit 9", 9, Termination::Exit, None),
        ("exit 137", 137, Termination::Exit, None),
        ("kill -SEGV $$", 139, Termination::Signal, Some("SIGSEGV")),
        ("kill -KILL $$", 137, Termination::Signal, Some("SIGKILL")),
        ("kill -36 $$", 164, Termination::Signal, Some("SIGRTMIN+2")),
        ("exec sleep 60", 137, Termination::Timeout, Some("SIGKILL")),
    ] {
        let request = json!({ "runtime": "bash", "code": code, "timeoutMs": 2000 });
        let result = run(&engine, request.clone()).await.unwrap();
        let end = (
            result.exit_code,
            result.termination,
            result.signal.as_deref(),
        );
        assert_eq!(end, (exit_code, Some(termination), signal), "{code}");
        let mut stream = engine.stream(common::request(request));
        while stream.recv().await.is_some() {}
        let streamed = stream.take_result().unwrap();
        let end = (
            streamed.exit_code,
            streamed.termination,
            streamed.signal.as_deref(),
        );
        assert_eq!(end, (exit_code, Some(termination), signal), "{code}");
    }
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_beyond_memory_is_a_file_error() {
    for mode in ["ephemeral", "persistent"] {
        let engine = small(mode, "fast");
        let large = "x".repeat(100 << 20);
        let files = json!({ "/sandbox/large": large });
        let request = json!({ "runtime": "bash", "code": "true", "files": files });
        let error = failure(&engine, request).await;
        let start = "Failed to write file /sandbox/large in container";
        assert!(error.starts_with(start), "{error}");
        let next = json!({ "runtime": "bash", "code": "ls -A /sandbox" });
        assert_eq!(stdout(&engine, next).await, "main.sh");
        engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_that_protect_the_host() {
    let engine = engine(json!({}));
    let code = "import os, resource, socket
print(resource.getrlimit(resource.RLIMIT_CORE))
for name in 'rmem', 'wmem':
    print(*open(f'/proc/sys/net/ipv4/tcp_{name}').read().split())
end = socket.socket()
before = end.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
print(end.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == before)";
    let request = json!({ "runtime": "python", "code": code });
    let sizes = "4096 65536 131072";
    assert_eq!(
        stdout(&engine, request).await,
        format!("(1, 1)\n{sizes}\n{sizes}\nTrue")
    );
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_unix_sockets_names_no_directory_of_the_host() {
    let engine = engine(json!({}));
    let code = "import re
paths = [line.split()[7] for line in open('/proc/net/unix').readlines()[1:] if len(line.split()) > 7]
print([path for path in paths if not re.fullmatch(r'/proc/self/fd/\\d+/link', path)])";
    let request = json!({ "runtime": "python", "code": code });
    assert_eq!(stdout(&engine, request).await, "[]");
    engine.stop().await;
}
