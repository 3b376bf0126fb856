//! Files of the system in local sandboxes are not the host's own inodes, nor those of another sandbox.

use std::process::Command;

use isol8_api::event::StreamEvent;
use isol8_engine::{EventStream, ProgramInput, Submission, live_input};

use super::support::{engine, is_root};
use crate::common::{json, request, stdout};

/// Watches files and locks them, waits for a line of input, and says which of them anybody has opened.
const WATCH: &str = "
import ctypes, fcntl, os, sys
libc = ctypes.CDLL(None, use_errno=True)
names = ['/usr/bin/true', '/usr/bin/flock', '/etc/ld.so.cache', '/etc/ssl/certs/ca-certificates.crt']
names = [name for name in names if os.path.exists(name)]
held = [open(name, 'rb') for name in names]
for file in held: fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
watch = libc.inotify_init1(os.O_NONBLOCK)
for name in names: assert libc.inotify_add_watch(watch, name.encode(), 0x20) > 0, name
print('watching', len(names), flush=True)
sys.stdin.readline()
try: print('seen', len(os.read(watch, 4096)), flush=True)
except BlockingIOError: print('seen nothing', flush=True)
open('/usr/bin/true').close()
print('own', len(os.read(watch, 4096)), flush=True)";

/// Reads until the output has this text, and returns the output.
async fn until_says(stream: &mut EventStream, expected: &str) -> String {
    let mut said = String::new();
    while !said.contains(expected) {
        let Some(StreamEvent { data, .. }) = stream.recv().await else {
            panic!("the program is over: {said}");
        };
        said.push_str(&data);
    }
    said
}

/// Opens what a program watches, and takes a lock that it holds.
const USE: &str =
    "/usr/bin/true && cat /etc/ld.so.cache >/dev/null && flock -n /usr/bin/true echo free";

#[tokio::test(flavor = "multi_thread")]
async fn a_program_neither_sees_nor_locks_what_the_host_and_other_sandboxes_open() {
    let engine = engine(json!({}));
    let (input, live) = live_input(true);
    let mut stream = engine.stream(Submission {
        request: request(json!({"runtime": "python", "code": WATCH})),
        live: Some(live),
        ..Submission::default()
    });
    let watching = until_says(&mut stream, "\n").await;
    assert!(watching.contains("watching"), "{watching}");
    let host = Command::new("timeout")
        .args(["-s", "KILL", "30", "sh", "-c", USE])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&host.stdout), "free\n", "{host:?}");
    let other =
        json!({"runtime": "bash", "code": "/usr/bin/true && flock -n /usr/bin/true echo free"});
    assert_eq!(stdout(&engine, other).await, "free");
    input.send(ProgramInput::Data("\n".into())).await.unwrap();
    let seen = until_says(&mut stream, "own").await;
    assert!(seen.contains("seen nothing"), "{seen}");
    assert!(!seen.contains("own 0"), "{seen}");
    drop((stream, input));
    engine.stop().await;
}

/// Locks each device, and waits for a line of input.
const LOCK_DEVICES: &str = "
import fcntl, sys
held = [open('/dev/' + name, 'rb') for name in ['null', 'zero', 'full', 'random', 'urandom']]
for file in held: fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
print('locked', flush=True)
sys.stdin.readline()
print(held[1].read(2), open('/dev/null', 'w').write('x'), len(held[4].read(3)), flush=True)
try: open('/dev/full', 'w', buffering=1).write('x\\n')
except OSError as error: print(error.strerror, flush=True)";

#[tokio::test(flavor = "multi_thread")]
async fn as_root_the_devices_of_a_program_are_not_those_of_the_host() {
    if !is_root() {
        isol8_testing::not_run("only root can make devices");
        return;
    }
    let engine = engine(json!({}));
    let (input, live) = live_input(true);
    let mut stream = engine.stream(Submission {
        request: request(json!({"runtime": "python", "code": LOCK_DEVICES})),
        live: Some(live),
        ..Submission::default()
    });
    until_says(&mut stream, "locked").await;
    let host = Command::new("timeout")
        .args(["-s", "KILL", "30", "sh", "-c"])
        .arg(
            "for device in null zero full random urandom; do flock -n /dev/$device echo free; done",
        )
        .output()
        .unwrap();
    assert_eq!(host.stdout, b"free\n".repeat(5), "{host:?}");
    input.send(ProgramInput::Data("\n".into())).await.unwrap();
    let said = until_says(&mut stream, "device").await;
    assert!(
        said.contains("b'\\x00\\x00' 1 3\nNo space left on device"),
        "{said}"
    );
    drop((stream, input));
    engine.stop().await;
}
