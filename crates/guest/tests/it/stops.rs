//! What ends programs and the processes that they leave behind.

use std::time::Duration;

use isol8_protocol::{AfterExit, ExecControl, ExecRequest, ExitStatus, FrameKind, Request};

use crate::common::{Sandbox, program, sh, until, within};

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
