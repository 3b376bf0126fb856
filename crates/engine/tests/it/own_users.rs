//! Sandboxes with a user of their own (`security.ownUser`): what the kernel counts by user is counted by sandbox.

use std::process::Command;

use isol8_api::event::EventKind;
use isol8_engine::{Engine, EventStream, Submission};

use crate::common::{
    Value, build_dockerfile, engine, json, remove_images, request, run, start_options, stdout,
};

/// Takes of everything as much as the kernel gives one user, and says how much that was.
const TAKE_ALL: &str = r"
import ctypes, fcntl, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
def count(take):
    taken = 0
    while taken < 300000 and take(taken) >= 0:
        taken += 1
    return taken
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGRTMIN})
def wide(number):
    try:
        read, write = os.pipe()
        return fcntl.fcntl(write, 1031, 1 << 20)
    except OSError:
        return -1
print('inotify', count(lambda n: libc.inotify_init()))
print('signals', count(lambda n: libc.sigqueue(os.getpid(), signal.SIGRTMIN, None)))
print('queues', count(lambda n: libc.mq_open(b'/q%d' % n, os.O_CREAT | os.O_RDWR, 0o600, None)))
print('pipes', count(wide))
print('taken', flush=True)
";

/// Takes one of each.
const TAKE_ONE: &str = r"
import ctypes, fcntl, os, signal
libc = ctypes.CDLL(None, use_errno=True)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGRTMIN})
assert libc.inotify_init() >= 0, 'inotify'
assert libc.sigqueue(os.getpid(), signal.SIGRTMIN, None) >= 0, 'signals'
queue = b'/isol8-test-%d' % os.getpid()
assert libc.mq_open(queue, os.O_CREAT | os.O_RDWR, 0o600, None) >= 0, 'queues'
libc.mq_unlink(queue)
fcntl.fcntl(os.pipe()[1], 1031, 1 << 20)
";

fn own(more: &Value) -> Value {
    let mut options = json!({"security": {"ownUser": true}, "poolSize": {"clean": 0, "dirty": 1}});
    let more = more.as_object().unwrap().clone();
    options.as_object_mut().unwrap().extend(more);
    options
}

fn bash(script: &str) -> Value {
    json!({"runtime": "bash", "cmd": script})
}

/// What the program of `stream` has taken, while it goes on holding that.
async fn taken(stream: &mut EventStream) -> String {
    said_until(stream, "taken\n").await
}

/// Returns the output of the program of `stream` as soon as it ends with `end`. The program is still running.
async fn said_until(stream: &mut EventStream, end: &str) -> String {
    let mut said = String::new();
    while !said.ends_with(end) {
        let event = stream.recv().await.expect("the program is over");
        assert_eq!(event.kind, EventKind::Stdout, "{}", event.data);
        said.push_str(&event.data);
    }
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_at_the_limits_of_its_user_takes_nothing_from_others() {
    takes_nothing_from_others(engine(own(&json!({})))).await;
}

/// Runs a program that takes all that one user gets, twice, and then one of the host's user.
pub(crate) async fn takes_nothing_from_others(engine: Engine) {
    let submission = || {
        let program = json!({"runtime": "python", "code": format!("{TAKE_ALL}\nsys.stdin.read()\nsignal.pause()")});
        Submission::from(request(program))
    };
    let mut first = engine.stream(submission());
    let of_first = taken(&mut first).await;
    let counts: Vec<u32> = of_first
        .lines()
        .filter_map(|line| line.split_once(' ')?.1.parse().ok())
        .collect();
    assert!(
        counts.len() == 4 && counts.iter().all(|count| *count > 0),
        "{of_first}"
    );
    // The first program still has all of it, and the second gets as much.
    let mut second = engine.stream(submission());
    assert_eq!(taken(&mut second).await, of_first);
    let root = Command::new("python3")
        .args(["-c", TAKE_ONE])
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&root.stderr);
    assert!(root.status.success(), "{complaint}");
    drop((first, second));
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_sandbox_has_a_user_that_stays_its_own() {
    let engine = engine(own(&json!({})));
    // On a busy machine another sandbox may take the place of one that is not clean yet.
    let (mut container, mut users) = (None, Vec::new());
    for _ in 0..50 {
        let script = "echo $EUID $(id -g) $(stat -c %u . new-file 2>/dev/null | uniq); ls -A; touch new-file";
        let result = run(&engine, bash(script)).await.unwrap();
        if container != result.container_id {
            users.clear();
        }
        container = result.container_id;
        users.push(result.stdout);
        if users.len() == 3 {
            break;
        }
    }
    assert_eq!(users.len(), 3, "no sandbox is used again");
    users.dedup();
    assert_eq!(users.len(), 1, "and empty: {users:?}");
    let fields: Vec<u32> = users[0].split(' ').map(|id| id.parse().unwrap()).collect();
    let [user, group, owner] = fields[..] else {
        panic!("{users:?}");
    };
    assert!(user > 1000 && owner == user && group == 101, "{users:?}");
    // Both are running at the same time.
    let begin = || engine.stream(Submission::from(request(bash("id -u; sleep 60"))));
    let (mut first, mut second) = (begin(), begin());
    let one = said_until(&mut first, "\n").await;
    assert_ne!(said_until(&mut second, "\n").await, one);
    drop((first, second));
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_start_a_program_makes_it_that_user() {
    let print = [
        (
            "python",
            "import os; print(os.getuid(), os.geteuid(), os.stat('/sandbox').st_uid)",
        ),
        (
            "node",
            "console.log(process.getuid(), process.geteuid(), fs.statSync('/sandbox').uid)",
        ),
        ("bash", "echo $UID $EUID $(stat -c %u /sandbox)"),
    ];
    for mode in ["ephemeral", "persistent"] {
        let preload = json!({"python": ["json"]});
        let engine = engine(own(
            &json!({"mode": mode, "preload": preload, "memoryLimit": "512m"}),
        ));
        engine
            .start(&start_options(json!({"prewarm": {"runtimes": ["python"]}})))
            .await
            .unwrap();
        for (runtime, code) in print {
            let code = match runtime {
                "node" => format!("const fs = require('fs'); {code}"),
                _ => code.to_owned(),
            };
            let program = json!({"runtime": runtime, "code": code, "files": {"/sandbox/f": "x"}, "outputPaths": ["/sandbox/f"]});
            let result = run(&engine, program).await.unwrap();
            let ids: Vec<&str> = result.stdout.split_whitespace().collect();
            assert_eq!(
                ids.len(),
                3,
                "{runtime}: {} {}",
                result.stdout,
                result.stderr
            );
            assert!(
                ids[0] != "100" && ids.iter().all(|id| *id == ids[0]),
                "{runtime} {mode}: {ids:?}"
            );
            assert!(
                result.files.is_some_and(|files| files.len() == 1),
                "{runtime} {mode}"
            );
            if mode == "persistent" {
                break;
            }
        }
        if mode == "persistent" {
            engine.put_file("/sandbox/put", b"content").await.unwrap();
            assert_eq!(engine.get_file("/sandbox/put").await.unwrap(), b"content");
            let program = json!({"runtime": "python", "code": "print(open('put').read(), open('put', 'a').write('x'))"});
            assert_eq!(stdout(&engine, program).await, "content 1");
        }
        engine.stop().await;
    }
}

/// A private folder of user 100 in a volume, and one outside of volumes.
const CONTENT: &str = r"FROM isol8:bash
RUN mkdir -p /data/own /plain && echo mine >/data/own/file && chmod 700 /data/own && chown -R 100:101 /data /plain \
    && chmod 700 /plain
VOLUME /data
";

#[tokio::test(flavor = "multi_thread")]
async fn files_of_user_100_in_a_volume_belong_to_the_own_user_and_others_do_not() {
    build_dockerfile("own-user", CONTENT).await;
    let engine = engine(own(&json!({"image": "isol8-test:own-user"})));
    for _ in 0..2 {
        let script = "cat /data/own/file; [ -O /data/own ] && echo own; ls /plain 2>/dev/null || echo closed; \
                      echo changed >/data/own/file; echo new >/data/new && [ -O /data ] && cat /data/new";
        assert_eq!(
            stdout(&engine, bash(script)).await,
            "mine\nown\nclosed\nnew"
        );
    }
    engine.stop().await;
    remove_images(&["own-user"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_are_user_100_without_the_option() {
    let engine = engine(json!({}));
    assert_eq!(stdout(&engine, bash("id -u; id -g")).await, "100\n101");
    engine.stop().await;
}
