//! Record locks, which no control group counts.

use isol8_protocol::{AfterExit, ExecRequest, ExitStatus};

use crate::common::{Sandbox, program, sh};

/// Makes record locks in 64 files, on bytes that do not touch. Arguments: how many locks; what runs then.
const LOCK: &str = r"
import fcntl, os, sys, threading, time
def lock(count):
    files = [open(f'/tmp/{os.getpid()}-{i}', 'w') for i in range(64)]
    for i in range(count):
        fcntl.lockf(files[i % 64], fcntl.LOCK_EX, 1, i * 2)
    return files
";

fn locking(then: &str) -> ExecRequest {
    program(&["python3", "-c", &format!("{LOCK}\n{then}")])
}

#[tokio::test]
async fn a_program_with_too_many_record_locks_is_killed() {
    let sandbox = Sandbox::start().await;
    let few =
        "kept = lock(3000); end = time.process_time() + 0.3\nwhile time.process_time() < end: pass";
    let few = sandbox.exec(locking(few)).await;
    assert_eq!(few.report().status, ExitStatus::Code(0), "{few:?}");
    let in_turns = "for _ in range(20): kept = lock(1000); kept = None";
    let in_turns = sandbox.exec(locking(in_turns)).await;
    assert_eq!(in_turns.report().status, ExitStatus::Code(0));

    let many = [
        "kept = lock(300_000); print('made'); time.sleep(60)",
        // The first thread ends.
        "import ctypes\n\
         threading.Thread(target=lambda: (lock(300_000), time.sleep(60))).start()\n\
         ctypes.CDLL(None).pthread_exit(None)",
        // In many processes.
        "for _ in range(8):\n    if os.fork() == 0: kept = lock(2000); time.sleep(60)\ntime.sleep(60)",
    ];
    for script in many {
        let many = sandbox.exec(locking(script)).await;
        assert_eq!(many.report().status, ExitStatus::Signal(9), "{script}");
        assert!(!many.report().timed_out && many.report().out_of_memory);
        assert_eq!(sandbox.sh("echo next").await, "next\n");
    }
}

#[tokio::test]
async fn what_a_session_leaves_running_has_the_same_limit() {
    let sandbox = Sandbox::start().await;
    let keep = |script: &str| ExecRequest {
        after_exit: AfterExit::Keep,
        ..sh(script)
    };
    let script = format!("{LOCK}\nkept = lock(6000); time.sleep(60)");
    let service = format!("python3 -c \"{script}\" >/dev/null 2>&1 & echo $!");
    let pid = sandbox.exec(keep(&service)).await.stdout();
    let gone = format!(
        "while kill -0 {} 2>/dev/null; do sleep 0.1; done",
        pid.trim()
    );
    // What has the locks is not this program's, and this program may be ended for it.
    sandbox.exec(keep(&gone)).await.report();
    let look = format!("kill -0 {} 2>&1 || echo gone", pid.trim());
    assert!(sandbox.sh(&look).await.ends_with("gone\n"));
}

#[tokio::test]
async fn a_program_that_cannot_be_looked_at_is_killed_once_it_has_worked() {
    let sandbox = Sandbox::start().await;
    sandbox
        .sh("cp $(command -v dash || command -v bash) own && chmod 0111 own")
        .await;
    let short = sandbox
        .exec(program(&["/sandbox/own", "-c", "echo short"]))
        .await;
    assert_eq!(short.stdout(), "short\n");
    let long = sandbox
        .exec(program(&["/sandbox/own", "-c", "while :; do :; done"]))
        .await;
    assert_eq!(long.report().status, ExitStatus::Signal(9));
    assert!(!long.report().timed_out);
}

#[tokio::test]
async fn no_lock_outlives_the_descriptors_that_a_process_shows() {
    let sandbox = Sandbox::start().await;
    let script = r"
import ctypes, errno, fcntl, struct
libc = ctypes.CDLL(None, use_errno=True)
def refused(done):
    return done < 0 and ctypes.get_errno() == errno.EINVAL
file = open('/tmp/file', 'w')
lock = struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 0, 1, 0)
for command in (fcntl.F_OFD_SETLK, fcntl.F_OFD_SETLKW):
    try:
        fcntl.fcntl(file, command, lock)
        print('made')
    except OSError as error:
        print(error.errno == errno.EINVAL)
print(struct.unpack('hhqqi4x', fcntl.fcntl(file, fcntl.F_OFD_GETLK, lock))[0] == fcntl.F_UNLCK)
FILES, THREAD, VM, SIGHAND = 0x400, 0x10000, 0x100, 0x800
clone = {'x86_64': 56, 'aarch64': 220}[__import__('platform').machine()]
print(refused(libc.syscall(clone, FILES | 17, 0, 0, 0, 0)))
print(refused(libc.syscall(clone, THREAD | VM | SIGHAND, 0, 0, 0, 0)))
print(refused(libc.syscall(436, 1000, 1001, 2)), libc.syscall(436, 1000, 1001, 0))
print(libc.prctl(4, 0, 0, 0, 0), libc.prctl(3, 0, 0, 0, 0))
fcntl.flock(file, fcntl.LOCK_EX)
import sqlite3, subprocess, threading
database = sqlite3.connect('/sandbox/data.db')
database.execute('pragma journal_mode=wal')
database.execute('create table t (n)')
with database:
    database.executemany('insert into t values (?)', [(n,) for n in range(1000)])
print(database.execute('select count(*) from t').fetchone()[0])
thread = threading.Thread(target=lambda: print('thread'))
thread.start(), thread.join()
print(subprocess.run(['echo', 'child'], capture_output=True, text=True, close_fds=True).stdout.strip())
";
    let done = sandbox.exec(program(&["python3", "-c", script])).await;
    let expected = "True\nTrue\nTrue\nTrue\nTrue\nTrue 0\n0 1\n1000\nthread\nchild\n";
    assert_eq!(done.stdout(), expected, "{done:?}");
}
