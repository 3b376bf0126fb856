//! Input and output of programs.

use std::time::Duration;

use isol8_protocol::{ErrorKind, ExecRequest, ExitStatus, FrameKind, Request, Stdin};

use crate::common::{Sandbox, failure, program, sh};

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
async fn a_slow_reader_slows_the_program_and_gets_every_byte() {
    let sandbox = Sandbox::start().await;
    let script = "head -c 20000000 /dev/zero; echo done > /sandbox/done";
    let mut stream = sandbox.send(&Request::Exec(sh(script))).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (kind, ..) = failure(sandbox.read("/sandbox/done").await.unwrap_err());
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
async fn a_daemon_that_holds_the_output_does_not_delay_the_end() {
    let sandbox = Sandbox::start().await;
    let done = sandbox
        .exec(sh("sleep 6000 & setsid sleep 6000 & echo ok"))
        .await;
    assert_eq!(done.stdout(), "ok\n");
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
