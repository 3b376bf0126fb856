//! Programs that get input and signals while they run.

use isol8_api::event::{EventKind, StreamEvent};
use isol8_engine::{EventStream, ProgramInput, ProgramSignal, Submission, live_input};
use tokio::sync::mpsc;

use crate::common::{Value, engine, json, request};

fn start(options: Value, value: Value, open: bool) -> (EventStream, mpsc::Sender<ProgramInput>) {
    let (sender, live) = live_input(open);
    let submission = Submission {
        request: request(value),
        live: Some(live),
        ..Submission::default()
    };
    (engine(options).stream(submission), sender)
}

/// Waits for this text in the output.
async fn until_says(stream: &mut EventStream, expected: &str) {
    let mut said = String::new();
    while !said.contains(expected) {
        let event = stream.recv().await.expect("the program is over");
        said.push_str(&event.data);
    }
}

/// The rest of the output and the exit code.
async fn rest(mut stream: EventStream) -> (String, String) {
    let mut said = String::new();
    while let Some(StreamEvent { kind, data, .. }) = stream.recv().await {
        if kind == EventKind::Exit {
            return (said, data);
        }
        said.push_str(&data);
    }
    panic!("no exit");
}

#[tokio::test(flavor = "multi_thread")]
async fn input_follows_that_of_the_request_until_its_end() {
    for mode in ["ephemeral", "persistent"] {
        let cat = json!({"runtime": "bash", "cmd": "cat", "stdin": "first\n"});
        let (mut stream, input) = start(json!({"mode": mode}), cat, true);
        until_says(&mut stream, "first").await;
        input
            .send(ProgramInput::Data("second\n".into()))
            .await
            .unwrap();
        until_says(&mut stream, "second").await;
        input
            .send(ProgramInput::Data("third\n".into()))
            .await
            .unwrap();
        input.send(ProgramInput::End).await.unwrap();
        input
            .send(ProgramInput::Data("lost\n".into()))
            .await
            .unwrap();
        let told = rest(stream).await;
        assert_eq!(told, ("third\n".into(), "0".into()), "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_is_dropped_ends_the_input() {
    let cat = json!({"runtime": "bash", "code": "cat; echo over"});
    let (stream, input) = start(json!({}), cat, true);
    drop(input);
    assert_eq!(rest(stream).await, ("over\n".into(), "0".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_reach_a_program_whose_input_is_closed() {
    for (signal, name) in [
        (ProgramSignal::Interrupt, "INT"),
        (ProgramSignal::Terminate, "TERM"),
    ] {
        // Bash may report that the signal has killed `sleep`, too.
        let code = format!(
            "exec 2>/dev/null; trap 'echo caught; exit 7' {name}; cat; echo ready; while :; do sleep 0.05; done"
        );
        let (mut stream, input) = start(json!({}), json!({"runtime": "bash", "code": code}), false);
        until_says(&mut stream, "ready").await;
        input
            .send(ProgramInput::Data("unread".into()))
            .await
            .unwrap();
        input.send(ProgramInput::Signal(signal)).await.unwrap();
        assert_eq!(
            rest(stream).await,
            ("caught\n".into(), "7".into()),
            "{name}"
        );
    }
}
