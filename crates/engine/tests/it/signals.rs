//! What the host may send to a running program: signals, input, the end.

use std::sync::Arc;

use isol8_backend::Backend;
use isol8_docker::DockerBackend;
use isol8_engine::sandbox::{Exec, ExecEvent, Sandbox};
use isol8_protocol::{ExecControl, ExecRequest, ExitReport, ExitStatus, Stdin};

use crate::common::{bash_sandbox, client};

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

async fn sandbox() -> Sandbox {
    let backend: Arc<dyn Backend> = Arc::new(DockerBackend::new(client(), None));
    Sandbox::start(&backend, &bash_sandbox()).await.unwrap()
}

async fn start(sandbox: &Sandbox, script: &str) -> Exec {
    let request = ExecRequest {
        argv: ["bash", "-c", script].map(str::to_owned).to_vec(),
        cwd: "/sandbox".to_owned(),
        stdin: Stdin::Stream,
        output_limit: 1 << 20,
        ..ExecRequest::default()
    };
    sandbox.exec(request).await.unwrap()
}

/// Waits until the output of the program has `text`.
async fn until_written(exec: &mut Exec, text: &str) {
    let mut output = String::new();
    while !output.contains(text) {
        match exec.next().await.unwrap() {
            ExecEvent::Stdout(bytes) => output += std::str::from_utf8(&bytes).unwrap(),
            other => panic!("{other:?} after {output:?}"),
        }
    }
}

/// The rest of the output of the program, and how it ended.
async fn end(exec: &mut Exec) -> (String, ExitReport) {
    let mut output = String::new();
    loop {
        match exec.next().await.unwrap() {
            ExecEvent::Stdout(bytes) => output += std::str::from_utf8(&bytes).unwrap(),
            ExecEvent::Stderr(_) => {}
            ExecEvent::Exited(report) => return (output, report),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_receives_signals() {
    let sandbox = sandbox().await;
    let wait = "echo ready; while :; do sleep 0.05; done";
    for (signal, name) in [(SIGINT, "INT"), (SIGTERM, "TERM")] {
        let script = format!("trap 'echo caught {name}; exit 7' {name}; {wait}");
        let mut exec = start(&sandbox, &script).await;
        until_written(&mut exec, "ready").await;
        exec.input().control(ExecControl::Signal(signal)).await;
        let (output, report) = end(&mut exec).await;
        assert_eq!(output, format!("caught {name}\n"));
        assert_eq!(report.status, ExitStatus::Code(7));
    }
    // The signal ends a program that does not handle it.
    let mut exec = start(&sandbox, wait).await;
    until_written(&mut exec, "ready").await;
    exec.input().control(ExecControl::Signal(SIGTERM)).await;
    let (_, report) = end(&mut exec).await;
    assert_eq!(report.status, ExitStatus::Signal(SIGTERM));
    sandbox.destroy().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_arrives_after_earlier_input_and_a_kill_ends_the_tree() {
    let sandbox = sandbox().await;
    let script = "trap 'echo $line; exit 0' TERM; echo ready; read -r line
        echo got; while :; do sleep 0.05; done";
    let mut exec = start(&sandbox, script).await;
    until_written(&mut exec, "ready").await;
    exec.input().write("words\n".into()).await;
    until_written(&mut exec, "got").await;
    exec.input().control(ExecControl::Signal(SIGTERM)).await;
    assert_eq!(end(&mut exec).await.0, "words\n");

    let script = "trap '' TERM INT; setsid sleep 600 & echo ready; wait";
    let mut exec = start(&sandbox, script).await;
    until_written(&mut exec, "ready").await;
    exec.input().control(ExecControl::Kill).await;
    let (_, report) = end(&mut exec).await;
    assert_eq!(report.status, ExitStatus::Signal(9));
    let count = "set -- /proc/[0-9]*; echo $#";
    let (processes, _) = end(&mut start(&sandbox, count).await).await;
    assert_eq!(processes, "2\n", "the guest and the shell that counts");
    sandbox.destroy().await.unwrap();
}
