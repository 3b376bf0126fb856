//! Running programs.

use std::time::Duration;

use isol8_protocol::{
    AfterExit, ErrorKind, ExecControl, ExecRequest, ExitStatus, FrameKind, InlineFile, Request,
    Stdin,
};

use crate::common::{Sandbox, program, sh, until, within};

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
async fn standard_input_empty_inline_and_streamed() {
    let sandbox = Sandbox::start().await;
    assert_eq!(sandbox.exec(program(&["cat"])).await.stdout(), "");

    let data = vec![b'x'; 200 * 1024];
    let request = ExecRequest {
        stdin: Stdin::Inline(data.clone()),
        ..program(&["cat"])
    };
    assert_eq!(sandbox.exec(request).await.out, data);

    // A program that does not read its input.
    let request = ExecRequest {
        stdin: Stdin::Inline(data),
        ..program(&["true"])
    };
    assert_eq!(
        sandbox.exec(request).await.report().status,
        ExitStatus::Code(0)
    );

    let request = ExecRequest {
        stdin: Stdin::Stream,
        ..program(&["cat"])
    };
    let mut stream = sandbox.send(&Request::Exec(request)).await;
    for word in ["first", "second"] {
        stream.frame(FrameKind::Data, word.as_bytes()).await;
        assert_eq!(
            stream.next().await.unwrap(),
            (FrameKind::Stdout, word.into()),
            "a dialogue"
        );
    }
    stream.frame(FrameKind::Data, &[]).await;
    assert_eq!(stream.finish().await.report().status, ExitStatus::Code(0));
}

#[tokio::test]
async fn streamed_input_waits_for_a_slow_program_and_is_complete() {
    let sandbox = Sandbox::start().await;
    let request = ExecRequest {
        stdin: Stdin::Stream,
        ..sh("sleep 0.5; wc -c")
    };
    let mut stream = sandbox.send(&Request::Exec(request)).await;
    let chunk = vec![b'x'; 1024 * 1024];
    for _ in 0..8 {
        stream.frame(FrameKind::Data, &chunk).await;
    }
    stream.frame(FrameKind::Data, &[]).await;
    assert_eq!(
        stream.finish().await.stdout().trim(),
        (8 * 1024 * 1024).to_string()
    );
}

#[tokio::test]
async fn a_program_may_open_its_own_streams_by_name() {
    let sandbox = Sandbox::start().await;
    let mut request = sh("cat /dev/stdin > /proc/self/fd/1; echo err > /dev/stderr");
    request.stdin = Stdin::Inline(b"in\n".to_vec());
    let done = sandbox.exec(request).await;
    assert_eq!(
        (done.out.as_slice(), done.err.as_slice()),
        (&b"in\n"[..], &b"err\n"[..])
    );
}

#[tokio::test]
async fn signals_from_the_host() {
    let sandbox = Sandbox::start().await;
    let mut stream = sandbox
        .send(&Request::Exec(sh("echo ready; exec sleep 60")))
        .await;
    stream.next().await;
    stream.message(&ExecControl::Signal(0)).await;
    stream.message(&ExecControl::Signal(-9)).await;
    stream.message(&ExecControl::Signal(15)).await;
    let report = stream.finish().await.report();
    assert_eq!(
        (report.status, report.timed_out),
        (ExitStatus::Signal(15), false)
    );

    let ignoring = "trap 'echo caught' INT; echo ready; while :; do sleep 0.05; done";
    let mut stream = sandbox.send(&Request::Exec(sh(ignoring))).await;
    stream.next().await;
    stream.message(&ExecControl::Signal(2)).await;
    assert_eq!(
        stream.next().await.unwrap(),
        (FrameKind::Stdout, b"caught\n".to_vec())
    );
    stream.message(&ExecControl::Kill).await;
    let report = stream.finish().await.report();
    assert_eq!(
        (report.status, report.timed_out),
        (ExitStatus::Signal(9), false)
    );
}

#[tokio::test]
async fn a_timeout_kills_the_whole_tree_including_a_daemon() {
    let script = "echo before
        setsid sh -c '(sleep 6100 &) ; sleep 6200' &
        sleep 6300 & sleep 6400";
    for after_exit in [AfterExit::KillAll, AfterExit::Keep] {
        let sandbox = Sandbox::start().await;
        let service = ExecRequest {
            after_exit: AfterExit::Keep,
            ..sh("sleep 7000 & echo $!")
        };
        let service = sandbox.exec(service).await.stdout();
        let done = sandbox
            .exec(ExecRequest {
                timeout_ms: 300,
                after_exit,
                ..sh(script)
            })
            .await;
        let report = done.report();
        assert_eq!(
            (report.status, report.timed_out),
            (ExitStatus::Signal(9), true)
        );
        assert_eq!(done.stdout(), "before\n");
        assert!(report.wall_us >= 290_000, "{report:?}");
        let check = ExecRequest {
            after_exit: AfterExit::Keep,
            ..sh("pgrep sleep; true")
        };
        let left = sandbox.exec(check).await.stdout();
        let expected = if after_exit == AfterExit::Keep {
            service
        } else {
            String::new()
        };
        assert_eq!(
            left, expected,
            "{after_exit:?}: only what ran before may be left"
        );
    }
}

#[tokio::test]
async fn a_timeout_holds_while_the_host_does_not_read() {
    let sandbox = Sandbox::start().await;
    let request = ExecRequest {
        timeout_ms: 300,
        ..program(&["yes"])
    };
    let mut stream = sandbox.send(&Request::Exec(request)).await;
    sandbox.until_none_runs("yes").await;
    let report = stream.finish().await.report();
    assert!(report.timed_out, "{report:?}");
}

#[tokio::test]
async fn a_slow_reader_slows_the_program_and_gets_every_byte() {
    let sandbox = Sandbox::start().await;
    let script = "head -c 20000000 /dev/zero; echo done > /sandbox/done";
    let mut stream = sandbox.send(&Request::Exec(sh(script))).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (kind, ..) = crate::common::failure(sandbox.read("/sandbox/done").await.unwrap_err());
    assert_eq!(
        kind,
        ErrorKind::NotFound,
        "the program must not get ahead of its reader"
    );
    let done = stream.finish().await;
    assert_eq!(
        (done.out.len(), done.report().stdout_bytes),
        (20_000_000, 20_000_000)
    );
}

#[tokio::test]
async fn output_beyond_the_limit_is_counted_and_not_sent() {
    let sandbox = Sandbox::start().await;
    let script = "head -c 3000000 /dev/zero; head -c 500 /dev/zero >&2";
    let done = sandbox
        .exec(ExecRequest {
            output_limit: 1000,
            ..sh(script)
        })
        .await;
    let report = done.report();
    assert_eq!((done.out.len(), done.err.len()), (1000, 500));
    assert_eq!((report.stdout_bytes, report.stderr_bytes), (3_000_000, 500));
    let done = sandbox
        .exec(ExecRequest {
            output_limit: 0,
            ..sh("echo x")
        })
        .await;
    assert_eq!((done.out.len(), done.report().stdout_bytes), (0, 2));
}

#[tokio::test]
async fn a_program_without_outputs_still_runs() {
    let sandbox = Sandbox::start().await;
    let report = sandbox
        .exec(sh("exec >&- 2>&-; sleep 0.3; exit 3"))
        .await
        .report();
    assert_eq!(report.status, ExitStatus::Code(3));
    assert!(report.wall_us >= 300_000, "{report:?}");
}

#[tokio::test]
async fn processes_that_a_program_leaves_behind_are_killed_or_kept() {
    let sandbox = Sandbox::start().await;
    let daemon =
        "setsid sh -c 'while :; do echo alive; date +%s%N > /sandbox/beat; sleep 0.02; done' &
        while [ ! -e /sandbox/beat ]; do sleep 0.01; done; echo started >&2";
    let keep = ExecRequest {
        after_exit: AfterExit::Keep,
        ..sh(daemon)
    };
    let done = within(sandbox.exec(keep)).await;
    assert_eq!(
        done.err, b"started\n",
        "a process that writes for ever does not delay the end"
    );
    let beat = sandbox.read("/sandbox/beat").await.unwrap();
    until("it lives on, though nobody reads its output", async || {
        sandbox.read("/sandbox/beat").await.unwrap() != beat
    })
    .await;

    sandbox.exec(sh("true")).await.report();
    let beat = sandbox.read("/sandbox/beat").await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(
        sandbox.read("/sandbox/beat").await.unwrap(),
        beat,
        "killed with the last program"
    );
}

#[tokio::test]
async fn a_daemon_that_holds_the_output_does_not_delay_the_end() {
    let sandbox = Sandbox::start().await;
    let done = sandbox
        .exec(sh("sleep 6000 & setsid sleep 6000 & echo ok"))
        .await;
    assert_eq!(done.stdout(), "ok\n");
}

#[tokio::test]
async fn a_host_that_closes_the_stream_ends_the_program() {
    let sandbox = Sandbox::start().await;
    for reset in [true, false] {
        let beating = "echo ready; while :; do date +%s%N > /sandbox/beat; sleep 0.02; done";
        let mut stream = sandbox.send(&Request::Exec(sh(beating))).await;
        stream.next().await;
        until("it beats", async || {
            sandbox.read("/sandbox/beat").await.is_ok()
        })
        .await;
        if !reset {
            use futures::AsyncWriteExt;
            stream.0.close().await.unwrap();
        }
        drop(stream);
        until(&format!("it ends; reset: {reset}"), async || {
            let beat = sandbox.read("/sandbox/beat").await.unwrap();
            tokio::time::sleep(Duration::from_millis(500)).await;
            sandbox.read("/sandbox/beat").await.unwrap() == beat
        })
        .await;
        sandbox.must_reset().await;
    }
}

#[tokio::test]
async fn a_stream_full_of_unread_input_can_still_be_reset() {
    let sandbox = Sandbox::start().await;
    let request = ExecRequest {
        stdin: Stdin::Stream,
        ..sh("echo ready; exec sleep 6100")
    };
    let mut stream = sandbox.send(&Request::Exec(request)).await;
    stream.next().await;
    let chunk = vec![0; 1024 * 1024];
    let filling = async {
        loop {
            stream.frame(FrameKind::Data, &chunk).await;
        }
    };
    tokio::time::timeout(Duration::from_millis(500), filling)
        .await
        .unwrap_err();
    drop(stream);
    sandbox.until_none_runs("sleep").await;
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
