//! The guest reports the end of a program when the program has ended, before the kernel has taken it apart.

use std::{fs, time::Duration};

use isol8_protocol::{AfterExit, ExecRequest, ExitStatus, Request};
use nix::{
    sys::{
        ptrace,
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

use crate::common::{Sandbox, program, sh, within};

/// The first kernel whose listeners show the end of a program.
const FIRST: (u32, u32) = (6, 11);

fn kernel_tells() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(['.', '-']).map(|text| text.parse().unwrap());
    let release = (numbers.next().unwrap(), numbers.next().unwrap());
    release >= FIRST
}

fn python(code: &str) -> ExecRequest {
    program(&["python3", "-c", code])
}

/// Returns the process id, outside the sandbox, of the process `pid` inside it.
fn outside(sandbox: &Sandbox, pid: &str) -> Pid {
    let guest = children(sandbox.process.id().unwrap().cast_signed());
    let inside = |process: &i32| {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let names = status.lines().find(|line| line.starts_with("NSpid:"));
        names.unwrap().split_whitespace().last() == Some(pid)
    };
    let found = children(guest[0]).into_iter().find(inside);
    Pid::from_raw(found.expect("the program"))
}

fn children(parent: i32) -> Vec<i32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_child = |process: &i32| {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        after_name.split_whitespace().nth(1) == Some(&parent.to_string())
    };
    numbers.filter(is_child).collect()
}

/// Waits for the next state of a traced process. Only the tracing thread may call it.
async fn changed(pid: Pid) -> WaitStatus {
    within(async {
        loop {
            match waitpid(pid, Some(WaitPidFlag::WNOHANG)).unwrap() {
                WaitStatus::StillAlive => tokio::time::sleep(Duration::from_millis(5)).await,
                changed => return changed,
            }
        }
    })
    .await
}

#[tokio::test]
async fn the_end_is_reported_before_the_program_can_be_collected() {
    if !kernel_tells() {
        isol8_testing::not_run("before Linux 6.11 the end of a program is its collection");
        return;
    }
    let sandbox = Sandbox::start().await;
    for (script, status) in [
        ("exit 7", ExitStatus::Code(7)),
        ("kill -USR1 $$", ExitStatus::Signal(10)),
    ] {
        let script = format!("echo $$; read go; echo out; echo err >&2; {script}");
        let request = ExecRequest {
            stdin: isol8_protocol::Stdin::Stream,
            ..sh(&script)
        };
        let mut stream = sandbox.send(&Request::Exec(request)).await;
        let (_, pid) = stream.next().await.unwrap();
        let pid = outside(&sandbox, String::from_utf8(pid).unwrap().trim());
        // Only the tracer of a process may collect it first.
        ptrace::seize(pid, ptrace::Options::empty()).unwrap();
        stream.frame(isol8_protocol::FrameKind::Data, b"go\n").await;
        // The process stops for its tracer when a signal arrives.
        if let ExitStatus::Signal(_) = status {
            let stopped = changed(pid).await;
            let WaitStatus::Stopped(_, signal) = stopped else {
                panic!("{stopped:?}");
            };
            ptrace::cont(pid, signal).unwrap();
        }
        let done = stream.finish().await;
        assert_eq!(done.report().status, status);
        assert_eq!(
            (done.stdout().as_str(), &*done.err),
            ("out\n", &b"err\n"[..])
        );
        let collected = changed(pid).await;
        assert!(
            matches!(collected, WaitStatus::Exited(..) | WaitStatus::Signaled(..)),
            "{collected:?}"
        );
        sandbox.must_reset().await;
    }
}

#[tokio::test]
async fn a_reset_waits_for_ending_processes() {
    let sandbox = Sandbox::start().await;
    let large = "import os; kept = b'x' * 300_000_000; os.write(1, b'end'); os._exit(0)";
    let done = sandbox.exec(python(large)).await;
    assert_eq!(done.stdout(), "end");
    sandbox.must_reset().await;
    // The shell expands the pattern itself, before it starts anything.
    let left = sandbox.sh("set -- /proc/[0-9]*; echo $#").await;
    assert_eq!(left.trim(), "2", "the guest and the shell that counts");
}

#[tokio::test]
async fn every_kind_of_end_has_its_status_and_all_output() {
    let sandbox = Sandbox::start().await;
    let threaded = "import os, threading, time\n\
        def end(): time.sleep(0.05); os.write(1, b'x' * 1_000_000); os._exit(7)\n\
        threading.Thread(target=end).start()\n";
    let waits = format!("{threaded}time.sleep(30)");
    let leaves = format!("{threaded}import ctypes; ctypes.CDLL(None).pthread_exit(None)");
    let hides = "import ctypes, os; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\n\
        os.write(1, b'x' * 1_000_000); os._exit(7)";
    let by_hand = "import ctypes, os; os.write(1, b'x' * 1_000_000)\n\
        ctypes.CDLL(None).syscall(93 if os.uname().machine == 'aarch64' else 60, 7)";
    for code in [&*waits, &*leaves, hides, by_hand] {
        let done = sandbox.exec(python(code)).await;
        assert_eq!(done.report().status, ExitStatus::Code(7), "{code}");
        assert_eq!(done.out.len(), 1_000_000, "{code}");
        sandbox.must_reset().await;
    }
    let killed = sandbox.exec(sh("echo out; kill -9 $$")).await;
    assert_eq!(killed.report().status, ExitStatus::Signal(9));
    assert_eq!(killed.stdout(), "out\n");
}

#[tokio::test]
async fn child_processes_do_not_change_the_end_of_a_program() {
    let sandbox = Sandbox::start().await;
    let left = sandbox
        .exec(sh("(sleep 6000; echo late) & echo now; exit 3"))
        .await;
    assert_eq!(
        (left.stdout().as_str(), left.report().status),
        ("now\n", ExitStatus::Code(3))
    );
    sandbox.must_reset().await;

    let service = ExecRequest {
        after_exit: AfterExit::Keep,
        ..sh("sleep 60 & echo $! > /sandbox/service")
    };
    within(sandbox.exec(service)).await.report();
    sandbox.sh("kill -0 $(cat /sandbox/service)").await;
    let ended = "for n in $(seq 500); do kill -0 $(cat /sandbox/service) || exit 0; sleep 0.01; done; exit 1";
    sandbox.sh(ended).await;
}

#[tokio::test]
async fn usage_includes_processes_that_are_not_collected_yet() {
    let sandbox = Sandbox::start().await;
    let code = "import time; kept = b'x' * 200_000_000\n\
        until = time.process_time() + 0.2\n\
        while time.process_time() < until: pass\n\
        time.sleep(0.2)";
    for _ in 0..2 {
        let report = sandbox.exec(python(code)).await.report();
        assert!(report.cpu_us >= 200_000, "{report:?}");
        assert!(report.wall_us >= 400_000, "{report:?}");
        assert!(report.peak_memory_bytes >= 200_000_000, "{report:?}");
        sandbox.must_reset().await;
    }
}

#[tokio::test]
async fn programs_can_install_no_filter() {
    let sandbox = Sandbox::start().await;
    let code = "import ctypes, os\n\
        libc = ctypes.CDLL(None, use_errno=True)\n\
        number = 277 if os.uname().machine == 'aarch64' else 317\n\
        for operation, flags in (0, 0), (1, 0), (1, 8), (2, 0), (3, 0), (99, 0):\n\
        \x20   print(libc.syscall(number, operation, flags, None), ctypes.get_errno())\n\
        allow = (ctypes.c_uint64 * 1)(0x7fff000000000006)\n\
        class Program(ctypes.Structure):\n\
        \x20   _fields_ = [('length', ctypes.c_ushort), ('code', ctypes.c_void_p)]\n\
        program = Program(1, ctypes.addressof(allow))\n\
        print(libc.prctl(22, 2, ctypes.byref(program)), ctypes.get_errno())\n\
        print([line for line in open('/proc/self/status') if line.startswith('Seccomp_f')])";
    let done = sandbox.exec(python(code)).await;
    let expected = "-1 1\n".repeat(6) + "-1 22\n['Seccomp_filters:\\t1\\n']\n";
    assert_eq!(done.stdout(), expected);
}
