//! Sandboxes without control groups (`limits: "best-effort"`).

use std::process::{Command, Stdio};

use isol8_api::result::Termination;
use isol8_engine::Engine;
use isol8_local::{Limits, LocalOptions};

use super::support::{engine_on, is_root};
use crate::common::{Value, json, run, stdout};

/// Runs one of the tests below once more in a mount namespace without control groups.
fn run_without_groups(test: &str) {
    if !is_root() {
        isol8_testing::not_run("control groups are hidden as root");
        return;
    }
    let name = format!("local::best_effort::{test}");
    let script =
        format!("umount -l /sys/fs/cgroup; exec \"$0\" --ignored --exact {name} --nocapture");
    let output = Command::new("timeout")
        .args(["-s", "KILL", "120"])
        .args(["unshare", "--mount", "--propagation", "private"])
        .args(["sh", "-c", &script])
        .arg(std::env::current_exe().unwrap())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    isol8_testing::assert_ran(&output, &name);
}

fn engine(options: Value) -> Engine {
    let local = LocalOptions {
        limits: Limits::BestEffort,
        ..LocalOptions::default()
    };
    engine_on(options, local).unwrap()
}

/// Tries each way to memory that belongs to no process and no file.
const WAYS: &str = "
import ctypes, errno, mmap, os
libc = ctypes.CDLL(None, use_errno=True)
def tried(what, call):
    try: call(); print(what, 'worked')
    except OSError as error: print(what, errno.errorcode[error.errno])
tried('memfd', lambda: os.memfd_create('x'))
tried('anonymous', lambda: mmap.mmap(-1, 4096))
tried('private', lambda: mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
tried('zero', lambda: mmap.mmap(os.open('/dev/zero', os.O_RDWR), 4096))
print(open('/dev/zero', 'rb').read(3))
print('segment', libc.shmget(0, 65 << 20, 0o600), errno.errorcode[ctypes.get_errno()])
print('semaphores', [libc.semget(0, 32000, 0o600) >= 0 for _ in range(2)], errno.errorcode[ctypes.get_errno()])
print('queues', sum(libc.msgget(0, 0o600) >= 0 for _ in range(100)), errno.errorcode[ctypes.get_errno()])";

#[tokio::test]
#[ignore = "runs in surroundings that another test makes"]
async fn shared_memory_that_nobody_counts() {
    let engine = engine(json!({"memoryLimit": "64m"}));
    let said = stdout(&engine, json!({"runtime": "python", "code": WAYS})).await;
    let expected = "memfd ENOSYS\nanonymous EPERM\nprivate worked\nzero ENODEV\nb'\\x00\\x00\\x00'\nsegment -1 ENOSPC\n\
                    semaphores [True, False] ENOSPC\nqueues 8 ENOSPC";
    assert_eq!(said, expected);
    engine.stop().await;
}

#[test]
fn programs_get_no_shared_memory_that_nobody_counts() {
    run_without_groups("shared_memory_that_nobody_counts");
}

/// Half of what it uses is a segment that it has let go of.
const SEGMENT_AND_HEAP: &str = "
import ctypes, time
libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_void_p
place = libc.shmat(libc.shmget(0, 40 << 20, 0o600), None, 0)
ctypes.memset(place, 1, 40 << 20)
libc.shmdt(ctypes.c_void_p(place))
print('filled', flush=True)
heap = bytearray(40 << 20)
time.sleep(60)";

#[tokio::test]
#[ignore = "runs in surroundings that another test makes"]
async fn a_segment_and_a_heap() {
    let engine = engine(json!({"memoryLimit": "64m"}));
    let program = json!({"runtime": "python", "code": SEGMENT_AND_HEAP});
    let result = run(&engine, program).await.unwrap();
    assert_eq!(
        (result.exit_code, &*result.stdout),
        (137, "filled"),
        "{result:?}"
    );
    assert_ne!(result.termination, Some(Termination::Timeout), "{result:?}");
    engine.stop().await;
}

#[test]
fn segments_count_as_memory() {
    run_without_groups("a_segment_and_a_heap");
}

/// Files without content: the kernel keeps about 60 MB for them.
const EMPTY_FILES: &str = "
import os, time
for number in range(80_000): os.close(os.open(f'/tmp/{number}', os.O_CREAT))
time.sleep(60)";

#[tokio::test]
#[ignore = "runs in surroundings that another test makes"]
async fn empty_files() {
    let engine = engine(json!({"memoryLimit": "64m"}));
    let program = json!({"runtime": "python", "code": EMPTY_FILES});
    let result = run(&engine, program).await.unwrap();
    assert_eq!(result.exit_code, 137, "{result:?}");
    assert_ne!(result.termination, Some(Termination::Timeout), "{result:?}");
    engine.stop().await;
}

#[test]
fn empty_files_count_as_memory() {
    run_without_groups("empty_files");
}
