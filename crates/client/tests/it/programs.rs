//! Results and events of programs, with the real server.

use isol8_api::{
    event::{Phase, StreamEvent},
    result::ExecutionResult,
    websocket::{ClientMessage, Signal},
};
use isol8_client::{RemoteClient, input_queue};
use isol8_fakes::{exited, stderr, stdout};

use crate::support::{Scripted, body, program, stream, told};

fn answer() -> Vec<isol8_fakes::Exchange> {
    vec![program([stdout("out\n"), stderr("err\n"), exited(3)])]
}

#[tokio::test]
async fn a_result_is_that_of_the_program() {
    let server = Scripted::start([answer()]).await;
    let client = server.client();
    client.health().await.unwrap();
    let result: ExecutionResult = client.execute(&body(None)).await.unwrap().read().unwrap();
    assert_eq!((&*result.stdout, &*result.stderr), ("out", "err"));
    assert_eq!(result.exit_code, 3);
    server.end().await;
}

#[tokio::test]
async fn both_transports_carry_the_same_events_and_the_result() {
    let server = Scripted::start([answer(), answer()]).await;
    for client in [server.client(), server.client().without_websocket()] {
        let told = stream(&client, &body(None)).await;
        told.end.unwrap();
        let expected = [
            StreamEvent::stdout(Phase::Code, "out\n".to_owned()),
            StreamEvent::stderr(Phase::Code, "err\n".to_owned()),
            StreamEvent::exit(Phase::Code, 3),
        ];
        assert_eq!(told.events, expected);
        let result: ExecutionResult = serde_json::from_str(&told.result.unwrap()).unwrap();
        assert_eq!((result.exit_code, &*result.stdout), (3, ""));
        assert!(result.resource_usage.is_some());
    }
    server.end().await;
}

#[tokio::test]
async fn a_unix_socket_carries_the_same() {
    let folder = std::env::temp_dir().join(format!("isol8-client-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("s");
    let server = Scripted::start_on_socket(&path, [answer(), answer(), answer()]).await;
    let client = server.client();
    client.health().await.unwrap();
    let result: ExecutionResult = client.execute(&body(None)).await.unwrap().read().unwrap();
    assert_eq!((&*result.stdout, result.exit_code), ("out", 3));
    for client in [client, server.client().without_websocket()] {
        let told = stream(&client, &body(None)).await;
        told.end.unwrap();
        assert_eq!(told.events.len(), 3);
    }
    server.end().await;
    std::fs::remove_dir(&folder).unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_ask_for_the_result_gets_none() {
    let server = Scripted::start([answer(), answer()]).await;
    let mut body = body(None);
    body.result = false;
    for client in [server.client(), server.client().without_websocket()] {
        let told = stream(&client, &body).await;
        told.end.unwrap();
        assert_eq!((told.events.len(), told.result), (3, None));
    }
    server.end().await;
}

#[tokio::test]
async fn what_the_engine_refuses_is_one_event_and_the_end() {
    let server = Scripted::start([]).await;
    let mut body = body(None);
    body.request.runtime = "ruby".to_owned();
    for client in [server.client(), server.client().without_websocket()] {
        let told = stream(&client, &body).await;
        told.end.unwrap();
        let [event] = &told.events[..] else {
            panic!("{:?}", told.events);
        };
        assert!(
            event.data.starts_with("Unknown runtime: \"ruby\""),
            "{event:?}"
        );
        assert_eq!(event.code.as_deref(), Some("ISOL8_UNKNOWN_RUNTIME"));
        let error = client.execute(&body).await.unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("Execution failed: Unknown runtime")
        );
        assert_eq!(error.code(), "ISOL8_UNKNOWN_RUNTIME");
    }
    server.end().await;
}

#[tokio::test]
async fn dropping_a_stream_or_a_call_ends_the_program() {
    let silent = || vec![program([stdout("ready\n")])];
    let server = Scripted::start([silent(), silent(), silent()]).await;
    for client in [server.client(), server.client().without_websocket()] {
        let mut stream = client.stream(&body(None), None).unwrap();
        let first = stream.next().await.unwrap().unwrap();
        assert_eq!(first.data, "ready\n");
        drop(stream);
    }
    server.until_destroyed(2).await;
    let client = server.client();
    let call = tokio::spawn(async move { client.execute(&body(None)).await });
    while server.started() < 3 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    call.abort();
    server.until_destroyed(3).await;
    server.end().await;
}

#[tokio::test]
async fn input_and_signals_need_a_websocket() {
    let server = Scripted::start([answer()]).await;
    let (sender, input) = input_queue();
    for message in [
        ClientMessage::Stdin {
            data: "x".to_owned(),
            end: true,
        },
        ClientMessage::Signal {
            signal: Signal::Interrupt,
        },
    ] {
        sender.send(message).await.unwrap();
    }
    let client = server.client();
    let told_all = told(client.stream(&body(None), Some(input)).unwrap()).await;
    told_all.end.unwrap();
    server.end().await;

    let none = crate::support::Plain::start([], None).await;
    let client = RemoteClient::new(&none.host, "k").unwrap();
    let (_sender, input) = input_queue();
    let refused = told(client.stream(&body(None), Some(input)).unwrap()).await;
    assert_eq!(
        refused.end.unwrap_err().to_string(),
        "Stream failed: input while the program runs needs a WebSocket, and the server has opened none"
    );
}
