//! Resets.

use std::time::Duration;

use isol8_protocol::{
    AfterExit, ErrorKind, ExecRequest, ExitStatus, InlineFile, ParkRequest, Reply, Request,
};

use crate::common::{Sandbox, failure, program, sh};

/// Lists everything that a later run could find of an earlier one.
const TRACES: &str = "find /sandbox /tmp /dev/shm /dev/mqueue -mindepth 1
    tail -qn +2 /proc/sysvipc/shm /proc/sysvipc/sem /proc/sysvipc/msg
    stat -c '%n %a %u:%g' /sandbox /tmp /dev/shm /dev/mqueue
    set -- /proc/[0-9]*; echo $#";

fn kept(script: &str) -> ExecRequest {
    ExecRequest {
        after_exit: AfterExit::Keep,
        ..sh(script)
    }
}

#[tokio::test]
async fn a_clean_sandbox_is_reset_again_and_again() {
    let sandbox = Sandbox::start().await;
    for _ in 0..100 {
        let report = sandbox.must_reset().await;
        assert_eq!((report.processes, report.entries), (0, 0));
    }
}

#[tokio::test]
async fn a_reset_leaves_nothing_of_a_run() {
    let sandbox = Sandbox::start().await;
    let before = sandbox.sh(TRACES).await;
    let mess = r#"
        mkdir -p a/b/c /tmp/d; echo x > a/b/c/file; ln -s /etc a/etc; mkfifo a/fifo
        ln -s / /tmp/root; ln -s /etc/passwd '/tmp/line
break'
        mkdir locked locked/inner; echo x > locked/inner/file; chmod 000 locked/inner locked
        mkdir readonly; echo x > readonly/file; chmod 500 readonly
        touch a/b/immutable; chmod 000 a/b/immutable
        echo x > /dev/shm/semaphore; mkdir /dev/shm/dir
        ipcmk -M 4096 >/dev/null; ipcmk -S 3 >/dev/null; ipcmk -Q >/dev/null
        touch /dev/mqueue/queue
        for i in $(seq 200); do echo $i > "/tmp/$i"; done
        chmod 000 /sandbox
        setsid sh -c 'trap "" TERM INT; while :; do sleep 1; done' & sleep 0.1"#;
    sandbox.exec(kept(mess)).await.report();
    let report = sandbox.must_reset().await;
    assert!(report.processes >= 1, "{report:?}");
    assert!(report.entries >= 220, "{report:?}");
    assert_eq!(sandbox.sh(TRACES).await, before);
    assert_eq!(
        sandbox.sh("cat /etc/passwd | head -c 4").await,
        "root",
        "links are not followed"
    );
}

#[tokio::test]
async fn few_and_many_entries_are_removed() {
    let sandbox = Sandbox::start().await;
    let before = sandbox.sh(TRACES).await;
    for (mess, entries) in [
        ("echo x > a; ln -s /etc b; mkfifo /tmp/c; mkdir d", 4),
        ("echo x > a; chmod 000 /sandbox", 1),
        ("mkdir a; echo x > a/b; touch /dev/shm/c", 3),
        ("mkdir -p a/b/c d; ln -s /etc a/b/e; touch a/f d/g", 7),
        ("mkdir -p a/b; touch a/b/c; chmod 000 a/b a", 3),
        ("mkdir a; cd a; touch $(seq 63)", 64),
        ("mkdir a; cd a; touch $(seq 64)", 65),
        ("mkdir -p $(printf 'd/%.0s' $(seq 63))", 63),
        ("mkdir -p $(printf 'd/%.0s' $(seq 70))", 70),
        ("touch $(seq 64)", 64),
        ("touch $(seq 65)", 65),
        ("ipcmk -M 4096 >/dev/null", 1),
        ("ipcmk -S 3 >/dev/null", 1),
        ("ipcmk -Q >/dev/null; touch a", 2),
    ] {
        sandbox.sh(mess).await;
        assert_eq!(sandbox.must_reset().await.entries, entries, "{mess}");
        assert_eq!(sandbox.sh(TRACES).await, before, "{mess}");
        sandbox.must_reset().await;
    }
}

#[tokio::test]
async fn the_guest_removes_a_small_tree_without_a_helper() {
    let sandbox = Sandbox::start().await;
    let shell = async |script| sandbox.sh(script).await.trim().parse::<i32>().unwrap();
    let small = "mkdir -p a/b/c; echo $$";
    let deep = "d=$(printf 'd/%.0s' 1 2 3 4 5 6 7 8); mkdir -p $d$d$d$d$d$d$d$d$d; echo $$";
    for (script, processes) in [
        // The shell and `mkdir`.
        (small, 2),
        // One more for the substitution, and the helper.
        (deep, 4),
    ] {
        let first = shell(script).await;
        sandbox.must_reset().await;
        assert_eq!(shell("echo $$").await - first, processes, "{script}");
        sandbox.must_reset().await;
    }
}

#[tokio::test]
async fn a_process_that_stops_all_others_does_not_stop_the_guest() {
    let sandbox = Sandbox::start().await;
    let stopper = "setsid python3 -c '
import os, signal
open(\"ready\", \"w\")
while os.getppid() != 1: pass
while True:
    try: os.kill(-1, signal.SIGSTOP)
    except OSError: pass' & while [ ! -e ready ]; do sleep 0.01; done";
    sandbox.exec(kept(stopper)).await.report();
    // Many files, so that the child can be stopped before it becomes the program.
    let files = (0..300).map(|number| InlineFile {
        path: format!("/sandbox/{number}"),
        data: vec![0; 100],
    });
    let victim = ExecRequest {
        files: files.collect(),
        ..kept("exit 0")
    };
    let _victim = sandbox.send(&Request::Exec(victim)).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(sandbox.must_reset().await.processes >= 1);
    assert_eq!(sandbox.sh("echo fine").await, "fine\n");
}

#[tokio::test]
async fn messages_in_attributes_modes_and_times_are_removed() {
    let sandbox = Sandbox::start().await;
    let look =
        "stat -c '%a %x %y' /sandbox; python3 -c 'import os; print(os.listxattr(\"/sandbox\"))'";
    sandbox.must_reset().await;
    let before = sandbox.sh(look).await;
    let mess = "python3 -c '
import os
try: os.setxattr(\"/sandbox\", \"user.message\", b\"secret\")
except OSError as e: print(e)
os.utime(\"/sandbox\", (12345, 67890))
os.chmod(\"/sandbox\", 0o2711)
'";
    sandbox.sh(mess).await;
    sandbox.must_reset().await;
    assert_eq!(sandbox.sh(look).await, before);
}

#[tokio::test]
async fn messages_in_inode_flags_are_removed() {
    let sandbox = Sandbox::start().await;
    // New files inherit them.
    let look = "lsattr -d /sandbox; touch f; lsattr f";
    let before = sandbox.sh(look).await;
    // No dump and no access times: flags that the owner may set.
    sandbox.sh("rm f; chattr +dA /sandbox").await;
    assert_ne!(sandbox.sh(look).await, before);
    sandbox.must_reset().await;
    assert_eq!(sandbox.sh(look).await, before);
}

/// Connects to itself, and closes the connecting end first.
const TALK: &str = r#"python3 -c '
import socket
listener = socket.create_server(("127.0.0.9", 4321))
for n in range(5):
    caller = socket.create_connection(("127.0.0.9", 4321)); called, _ = listener.accept()
    caller.close(); called.close()
left = socket.create_connection(("127.0.0.9", 4321))'"#;

#[tokio::test]
async fn a_program_cannot_list_connections_of_earlier_programs() {
    let sandbox = Sandbox::start().await;
    sandbox.sh(TALK).await;
    sandbox.must_reset().await;
    let look = "tail -qn +2 /proc/net/tcp /proc/net/tcp6 /proc/net/udp";
    assert_eq!(sandbox.sh(look).await, "");
}

#[tokio::test]
async fn a_sandbox_that_lists_connections_of_earlier_programs_is_not_clean() {
    let sandbox = Sandbox::start_with_memory_of_connections().await;
    sandbox.must_reset().await;
    sandbox.sh(TALK).await;
    let (kind, path, message) = failure(sandbox.reset().await);
    assert_eq!((kind, path.as_str()), (ErrorKind::NotClean, ""));
    assert_eq!(message, "connections are left of programs that have ended");
}

/// A shell as a parked interpreter: it reports that it waits, and reads the hand-over.
fn waiting(argv: &[&str]) -> ParkRequest {
    let launcher =
        "printf '\\6'; head -c $((0x$(head -c 8))) >/dev/null; printf '\\6'; ls /sandbox";
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    ParkRequest {
        argv: owned(argv),
        launcher_argv: owned(&["sh", "-c", launcher]),
        cwd: "/sandbox".to_owned(),
        ..ParkRequest::default()
    }
}

#[tokio::test]
async fn parking_can_be_requested_during_a_reset() {
    let sandbox = Sandbox::start().await;
    let argv = ["sh", "-c", "echo not parked"];
    let program = ExecRequest {
        parked: true,
        ..program(&argv)
    };
    for _ in 0..20 {
        // Enough entries to need a helper. The guest answers other requests meanwhile.
        let mess = "touch $(seq 200); sleep 60 >/dev/null 2>&1 &";
        sandbox.exec(kept(mess)).await.report();
        let mut reset = sandbox.send(&Request::Reset).await;
        let mut park = sandbox.send(&Request::Park(waiting(&argv))).await;
        assert_eq!(park.reply().await, Reply::Done);
        let Reply::Reset(report) = reset.reply().await else {
            panic!("not reset");
        };
        assert!(report.entries >= 200 && report.processes >= 1, "{report:?}");
        let done = sandbox.exec(program.clone()).await;
        assert!(done.report().parked);
        assert_eq!(done.stdout(), "", "nothing of the earlier program");
    }
}

#[tokio::test]
async fn nothing_is_parked_after_a_failed_reset() {
    let sandbox = Sandbox::start_with_memory_of_connections().await;
    sandbox.sh(TALK).await;
    let mut reset = sandbox.send(&Request::Reset).await;
    let mut park = sandbox.send(&Request::Park(waiting(&["sh"]))).await;
    assert_eq!(failure(reset.reply().await).0, ErrorKind::NotClean);
    assert_eq!(failure(park.reply().await).0, ErrorKind::Denied);
    let left = sandbox.sh("set -- /proc/[0-9]*; echo $#").await;
    assert_eq!(left.trim(), "2", "the guest and the shell that counts");
}

#[tokio::test]
async fn a_tree_deeper_than_any_path_is_removed() {
    let sandbox = Sandbox::start().await;
    let dig = r#"python3 -c '
import os
for root in "/sandbox", "/tmp":
    os.chdir(root)
    for n in range(5000):
        os.mkdir("d" * 50); os.chdir("d" * 50)
        if n % 1000 == 0: open("file", "w").close()
'"#;
    sandbox.sh(dig).await;
    let report = sandbox.must_reset().await;
    assert_eq!(report.entries, 2 * 5005);
    assert_eq!(sandbox.sh("find /sandbox /tmp -mindepth 1").await, "");
}

#[tokio::test]
async fn processes_that_multiply_are_all_killed() {
    let sandbox = Sandbox::start().await;
    // This sandbox has no process limit, unlike a container. Shells have different names for the option. Processes of
    // the same user elsewhere count, too, and a shell that cannot fork would end.
    let bomb = "ulimit -p 300 2>/dev/null || ulimit -u 300 || exit 1
        python3 -c '
import os, time
while True:
    try: os.fork()
    except OSError: pass
    time.sleep(0.001)' & sleep 0.5";
    let bombed = sandbox.exec(kept(bomb)).await.report();
    assert_eq!(bombed.status, ExitStatus::Code(0), "the limit is set");
    let report = sandbox.must_reset().await;
    assert!(report.processes > 10, "{report:?}");
    // The shell expands the pattern itself, before it starts anything.
    let left = sandbox.sh("set -- /proc/[0-9]*; echo $#").await;
    assert_eq!(left.trim(), "2", "the guest and the shell that counts");
}

#[tokio::test]
async fn a_running_program_ends_with_its_report() {
    let sandbox = Sandbox::start().await;
    let mut stream = sandbox
        .send(&Request::Exec(sh("echo ready; exec sleep 60")))
        .await;
    stream.next().await;
    sandbox.must_reset().await;
    let report = stream.finish().await.report();
    assert_eq!(
        (report.status, report.timed_out),
        (ExitStatus::Signal(9), false)
    );
}

#[tokio::test]
async fn a_host_that_does_not_read_does_not_delay_a_reset() {
    let sandbox = Sandbox::start().await;
    let mut stream = sandbox.send(&Request::Exec(program(&["yes"]))).await;
    stream.next().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    sandbox.must_reset().await;
    assert_eq!(sandbox.sh("echo fine").await, "fine\n");
}

#[tokio::test]
async fn many_executions_do_not_grow_the_guest() {
    let sandbox = Sandbox::start().await;
    for _ in 0..50 {
        sandbox.write("/sandbox/file", &vec![1; 300_000]).await;
        sandbox.sh("head -c 300000 /dev/zero").await;
        sandbox.must_reset().await;
    }
    let memory = sandbox.sh("grep VmRSS /proc/1/status | tr -dc 0-9").await;
    let memory: u32 = memory.parse().unwrap();
    assert!(memory < 16 * 1024, "{memory} KiB, in a debug build");
    let threads = sandbox.sh("grep Threads /proc/1/status | tr -dc 0-9").await;
    assert_eq!(threads, "1");
}

#[tokio::test]
async fn a_sandbox_with_a_mount_that_the_guest_does_not_know_is_not_clean() {
    let sandbox = Sandbox::start_with_unknown_mount("/data").await;
    sandbox.sh("echo kept >/data/file").await;
    let (kind, path, _) = failure(sandbox.reset().await);
    assert_eq!((kind, path.as_str()), (ErrorKind::NotClean, "/data"));
}
