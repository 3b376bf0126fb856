//! How programs are started, and what they find.

use isol8_protocol::{AfterExit, ErrorKind, ExecRequest, ExitStatus, InlineFile};

use crate::common::{Sandbox, program, sh};

#[tokio::test]
async fn output_exit_code_and_usage() {
    let sandbox = Sandbox::start().await;
    let done = sandbox.exec(sh("echo out; echo err >&2; exit 7")).await;
    assert_eq!(
        (done.out.as_slice(), done.err.as_slice()),
        (&b"out\n"[..], &b"err\n"[..])
    );
    let report = done.report();
    assert_eq!(report.status, ExitStatus::Code(7));
    assert_eq!((report.stdout_bytes, report.stderr_bytes), (4, 4));
    assert!(!report.timed_out && report.wall_us > 0 && report.peak_memory_bytes > 0);

    let busy = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done";
    let report = sandbox
        .exec(sh(&format!("({busy}); sleep 0.2")))
        .await
        .report();
    assert!(
        report.cpu_us > 10_000,
        "the subshell's time counts: {report:?}"
    );
    assert!(report.wall_us > 200_000, "{report:?}");
}

#[tokio::test]
async fn a_program_is_the_sandbox_user_and_nothing_more() {
    let sandbox = Sandbox::start().await;
    let status = sandbox.sh("cat /proc/self/status").await;
    for line in [
        "Uid:\t100\t100\t100\t100",
        "Gid:\t101\t101\t101\t101",
        "Groups:\t ",
        "CapInh:\t0000000000000000",
        "CapPrm:\t0000000000000000",
        "CapEff:\t0000000000000000",
        "CapAmb:\t0000000000000000",
        "SigBlk:\t0000000000000000",
        "SigIgn:\t0000000000000000",
    ] {
        assert!(
            status.lines().any(|found| found == line),
            "{line:?} in {status}"
        );
    }
    let expected = "0 1 2 3\n1000\n0022\n";
    let script = "ls /proc/self/fd | tr '\\n' ' ' | sed 's/ $/\\n/'
        cat /proc/self/oom_score_adj; umask";
    assert_eq!(
        sandbox.sh(script).await,
        expected,
        "descriptors (3 is ls's own), score, umask"
    );
    assert_eq!(
        sandbox.sh("cat /proc/1/environ || echo denied").await,
        "denied\n"
    );
    let ids = sandbox
        .sh("echo $$; ps -o pgid=,sid= -p $$ | tr -s ' ' '\\n' | grep . ")
        .await;
    let ids: Vec<_> = ids.lines().collect();
    assert!(
        ids[0] == ids[1] && ids[1] == ids[2],
        "leader of its group and session: {ids:?}"
    );
}

#[tokio::test]
async fn environment_and_working_directory() {
    let sandbox = Sandbox::start().await;
    let mut request = sh("echo $IMAGE $OWN; pwd");
    request.env = vec![
        ("OWN".into(), "täglich".into()),
        ("IMAGE".into(), "over".into()),
    ];
    request.cwd = "/sandbox/a b/ü".into();
    assert_eq!(
        sandbox.exec(request).await.stdout(),
        "over täglich\n/sandbox/a b/ü\n"
    );
    assert_eq!(
        sandbox
            .sh("echo $IMAGE; stat -c %u:%g '/sandbox/a b'")
            .await,
        "defined\n100:101\n"
    );
}

#[tokio::test]
async fn programs_that_cannot_be_started() {
    let sandbox = Sandbox::start().await;
    let (kind, path, message) = sandbox.exec(program(&["no-such-program"])).await.failure();
    assert_eq!(
        (kind, path.as_str()),
        (ErrorKind::NotFound, "no-such-program")
    );
    assert!(message.contains("no-such-program"), "{message}");

    sandbox.sh("echo text > /sandbox/text").await;
    let (kind, ..) = sandbox.exec(program(&["/sandbox/text"])).await.failure();
    assert_eq!(kind, ErrorKind::Denied);

    let long = "x".repeat(200 * 1024);
    let (kind, _, message) = sandbox.exec(program(&["echo", &long])).await.failure();
    assert_eq!(kind, ErrorKind::System);
    assert!(
        message.contains("longer than the system allows"),
        "{message}"
    );

    let (kind, ..) = sandbox.exec(ExecRequest::default()).await.failure();
    assert_eq!(kind, ErrorKind::Invalid);

    let request = ExecRequest {
        cwd: "/sandbox/text".into(),
        ..sh("true")
    };
    let (kind, path, _) = sandbox.exec(request).await.failure();
    assert_eq!(
        (kind, path.as_str()),
        (ErrorKind::NotAFile, "/sandbox/text")
    );

    let request = ExecRequest {
        cwd: "/secret/new".into(),
        ..sh("true")
    };
    let (kind, ..) = sandbox.exec(request).await.failure();
    assert_eq!(kind, ErrorKind::Denied);
}

#[tokio::test]
async fn a_script_without_an_interpreter_line_runs_in_the_shell() {
    let sandbox = Sandbox::start().await;
    sandbox
        .sh("echo 'echo ran $1' > /sandbox/script; chmod +x /sandbox/script")
        .await;
    assert_eq!(
        sandbox.exec(program(&["./script", "it"])).await.stdout(),
        "ran it\n"
    );
}

#[tokio::test]
async fn inline_files_exist_before_the_program_starts() {
    let sandbox = Sandbox::start().await;
    let mut request = sh("cat 'deep/er/a b' -- -x; stat -c %a:%u -- -x; ls -A");
    let file = |path: &str, data: &[u8]| InlineFile {
        path: path.into(),
        data: data.into(),
    };
    request.files = vec![
        file("/sandbox/deep/er/a b", b"one\n"),
        file("/sandbox/-x", b"two\n"),
    ];
    let done = sandbox.exec(request).await;
    assert_eq!(done.stdout(), "one\ntwo\n644:100\n-x\ndeep\n");

    let mut request = sh("echo ran");
    request.files = vec![file("/secret/file", b"x")];
    let done = sandbox.exec(request).await;
    assert_eq!(done.failure().0, ErrorKind::Denied);
    assert!(done.out.is_empty());
}

#[tokio::test]
async fn programs_that_run_together_use_their_own_streams() {
    let sandbox = Sandbox::start().await;
    let run = |n: u32| {
        let script = format!("for i in 1 2 3 4 5; do echo {n}; sleep 0.01; done");
        let request = ExecRequest {
            after_exit: AfterExit::Keep,
            ..sh(&script)
        };
        let sandbox = &sandbox;
        async move {
            assert_eq!(
                sandbox.exec(request).await.stdout(),
                format!("{n}\n").repeat(5)
            );
        }
    };
    futures::future::join_all((0..20).map(run)).await;
}
