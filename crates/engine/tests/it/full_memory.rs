//! Sandboxes whose memory is full, and what else a container limits.

use crate::common::*;

use isol8_engine::Engine;

/// Fills both places with files. They may have far more than the memory.
const FILL: &str =
    "head -c 300m /dev/zero >/sandbox/a; head -c 300m /dev/zero >/tmp/b; echo survived";

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
