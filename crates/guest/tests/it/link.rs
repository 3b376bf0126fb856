//! The link: handshake, malformed bytes, and its end.

use futures::AsyncWriteExt as _;
use isol8_protocol::{ErrorKind, FrameKind, Request, preamble};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::common::{Sandbox, failure, program, sh, start_raw, start_with_link, until, within};

#[tokio::test]
async fn another_version_is_refused() {
    let (mut process, mut input, mut output, _root) = start_raw();
    let mut wrong = preamble();
    wrong[6] ^= 0xff;
    input.write_all(&wrong).await.unwrap();
    let mut answer = Vec::new();
    within(output.read_to_end(&mut answer)).await.unwrap();
    assert_eq!(
        answer,
        preamble(),
        "its own version, so that the host can say what is wrong"
    );
    assert!(!within(process.wait()).await.unwrap().success());
}

#[tokio::test]
async fn every_process_ends_with_the_link() {
    for (number, (socket, hang_up)) in (0..).zip([(false, true), (false, false), (true, true)]) {
        let sandbox = if socket {
            Sandbox::start_with_socket().await
        } else {
            Sandbox::start().await
        };
        let marker = format!("6{:08}", std::process::id() % 100_000_000 + number);
        let mut stream = sandbox
            .send(&Request::Exec(sh(&format!(
                "trap '' TERM; echo ready; setsid sleep {marker} & wait"
            ))))
            .await;
        stream.next().await;
        until("it runs", async || runs(&marker).await).await;
        let mut process = if hang_up {
            sandbox.hang_up().await
        } else {
            let Sandbox { process, .. } = sandbox;
            let pid = process.id().unwrap();
            let told = tokio::process::Command::new("pkill")
                .args(["-TERM", "-P", &pid.to_string()])
                .status();
            assert!(told.await.unwrap().success());
            process
        };
        within(process.wait()).await.unwrap();
        assert!(!runs(&marker).await);
    }
}

async fn runs(marker: &str) -> bool {
    let command = format!("sleep {marker}");
    let mut found = tokio::process::Command::new("pgrep");
    found.args(["-fx", &command]);
    found.output().await.unwrap().status.success()
}

#[tokio::test]
async fn a_socket_that_refuses_makes_the_guest_use_its_standard_streams() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("link");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let (mut process, mut input, mut output, _root) = start_with_link(&path);
    input.write_all(&preamble()).await.unwrap();
    let mut answer = preamble();
    answer.fill(0);
    within(output.read_exact(&mut answer)).await.unwrap();
    assert_eq!(answer, preamble());
    drop(input);
    assert!(within(process.wait()).await.unwrap().success());
}

#[tokio::test]
async fn programs_cannot_connect_to_the_socket_of_the_link() {
    let sandbox = Sandbox::start_with_socket().await;
    let connect = "import socket\nsocket.socket(socket.AF_UNIX).connect('/.isol8-link')";
    let done = sandbox
        .exec(program(&["/usr/bin/python3", "-c", connect]))
        .await;
    let error = String::from_utf8(done.err.clone()).unwrap();
    assert!(error.contains("ConnectionRefusedError"), "{done:?}");
    let script = "id -u; rm -f /.isol8-link || chmod 700 /.isol8-link || echo kept";
    assert_eq!(sandbox.sh(script).await, "100\nkept\n");
}

#[tokio::test]
async fn garbage_instead_of_yamux_ends_the_guest() {
    let (mut process, mut input, _output, _root) = start_raw();
    input.write_all(&preamble()).await.unwrap();
    input.write_all(&[0xff; 64]).await.unwrap();
    assert!(!within(process.wait()).await.unwrap().success());
}

#[tokio::test]
async fn malformed_requests_are_answered_and_the_link_lives_on() {
    let sandbox = Sandbox::start().await;
    for bytes in [
        &[0xff, 0xff, 0xff, 0xff, 0][..], // a length beyond every limit
        &[0, 0, 0, 0, 9],                 // an unknown kind
        &[1, 0, 0, 0, 0, 99],             // an unknown request
        &[1, 0, 0, 0, 1, 0],              // data instead of a request
        &[6, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f], // 2^32 arguments
    ] {
        let mut stream = sandbox.open().await;
        stream.0.write_all(bytes).await.unwrap();
        assert_eq!(
            failure(stream.reply().await).0,
            ErrorKind::Invalid,
            "{bytes:?}"
        );
        assert_eq!(stream.next().await, None);
    }
    assert_eq!(sandbox.sh("echo fine").await, "fine\n");
}

#[tokio::test]
async fn a_program_is_killed_when_the_host_breaks_the_protocol() {
    let sandbox = Sandbox::start().await;
    let mut stream = sandbox
        .send(&Request::Exec(sh("echo ready; sleep 60")))
        .await;
    stream.next().await;
    stream.frame(FrameKind::Stdout, b"wrong way").await;
    assert_eq!(stream.next().await, None);
    assert_eq!(sandbox.sh("pgrep sleep || echo none").await, "none\n");
}

#[tokio::test]
async fn the_guest_does_not_start_outside_a_sandbox() {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_isol8-guest"))
        .stdin(std::process::Stdio::null())
        .output()
        .await
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("process 1"));
}
