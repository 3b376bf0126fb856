//! Memory that sockets hold, and that not every system counts.

use isol8_protocol::{AfterExit, ExecRequest, ExitStatus};

use crate::{
    common::{Sandbox, program, sh},
    memory_group::MemoryGroup,
};

const MIB: u64 = 1024 * 1024;

/// Opens connections within the sandbox, fills both directions of each, and prints how many bytes they
/// hold. Arguments: how many connections; whether to ask for large buffers.
const FILL: &str = r#"
import socket, sys
count, large = int(sys.argv[1]), len(sys.argv) > 2
listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
kept, held = [], 0
for _ in range(count):
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    ends = (client, server)
    for end in ends:
        end.setblocking(False)
        if large:
            for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                end.setsockopt(socket.SOL_SOCKET, option, 1 << 30)
    for _ in range(40):
        for writer, reader in (ends, ends[::-1]):
            try:
                writer.send(bytes(1 << 20))
            except BlockingIOError:
                pass
            try:
                reader.recv(1 << 20)
            except BlockingIOError:
                pass
    for end in ends:
        try:
            while True:
                held += end.send(bytes(1 << 20))
        except BlockingIOError:
            pass
    kept.extend(ends)
print(held)
"#;

#[tokio::test]
async fn connections_within_a_sandbox_hold_little() {
    let sandbox = Sandbox::start().await;
    for arguments in [&["25"][..], &["25", "large"]] {
        let mut argv = vec!["python3", "-c", FILL];
        argv.extend(arguments);
        let done = sandbox.exec(program(&argv)).await;
        let held: u64 = done.stdout().trim().parse().unwrap();
        // With the system's own sizes it is 33 MB, and 330 MB when they are asked for.
        assert!(held < 8 * MIB, "{arguments:?}: {held}");
    }
}

#[tokio::test]
async fn a_program_with_too_many_sockets_is_out_of_memory() {
    let open = |count: u32, then: &str| {
        format!(
            "import socket, time\n\
             kept = [socket.socket(type=socket.SOCK_DGRAM) for _ in range({count})]\n{then}"
        )
    };
    let group = MemoryGroup::new(64 * MIB);
    let sandbox = Sandbox::start_in(&group, "8m").await;
    let few = sandbox
        .exec(program(&["python3", "-c", &open(500, "time.sleep(0.2)")]))
        .await;
    assert_eq!(few.report().status, ExitStatus::Code(0));
    let many = sandbox
        .exec(program(&["python3", "-c", &open(700, "time.sleep(60)")]))
        .await;
    assert_eq!(many.report().status, ExitStatus::Signal(9));
    assert!(!many.report().timed_out && many.report().out_of_memory);

    let service = format!(
        "python3 -c '{}' >/dev/null 2>&1 &
        echo $!",
        open(700, "time.sleep(60)")
    );
    let started = ExecRequest {
        after_exit: AfterExit::Keep,
        ..sh(&service)
    };
    let pid = sandbox.exec(started).await.stdout();
    let gone = format!(
        "while kill -0 {} 2>/dev/null; do sleep 0.1; done",
        pid.trim()
    );
    let waited = ExecRequest {
        after_exit: AfterExit::Keep,
        ..sh(&gone)
    };
    // What has the sockets is not this program's, and this program may be ended for it.
    sandbox.exec(waited).await.report();
    let look = format!("kill -0 {} 2>&1 || echo gone", pid.trim());
    assert!(sandbox.sh(&look).await.ends_with("gone\n"));
}

#[tokio::test]
async fn the_limit_of_core_dumps_stays_what_it_is() {
    let sandbox = Sandbox::start().await;
    let script = "import resource as r\n\
                  before = r.getrlimit(r.RLIMIT_CORE)\n\
                  r.setrlimit(r.RLIMIT_CORE, (0, 0))\n\
                  r.setrlimit(r.RLIMIT_NOFILE, (100, 100))\n\
                  print(r.getrlimit(r.RLIMIT_CORE) == before, r.getrlimit(r.RLIMIT_NOFILE))";
    let done = sandbox.exec(program(&["python3", "-c", script])).await;
    assert_eq!(done.stdout(), "True (100, 100)\n");
}
