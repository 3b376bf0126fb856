//! Streams that are cut: at any byte it is an error, never an exit code.

use isol8_api::event::EventKind;
use isol8_client::RemoteClient;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy},
    net::{TcpListener, TcpStream},
};

use crate::support::{Answer, Plain, body, stream};

const EVENTS: [&str; 4] = [
    r#"{"type":"stdout","data":"é out","phase":"code"}"#,
    r#"{"type":"exit","data":"0","phase":"setup"}"#,
    r#"{"type":"error","data":"odd","phase":"code"}"#,
    r#"{"type":"exit","data":"7","phase":"code","result":{"exitCode":7}}"#,
];

/// A proxy that passes on this many bytes of each answer. Returns its address.
async fn cutting(host: &str, bytes: u64) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let target = host.strip_prefix("http://").unwrap().to_owned();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&target).await.unwrap();
            tokio::spawn(async move {
                let (mut from_client, mut to_client) = client.into_split();
                let (from_server, mut to_server) = server.into_split();
                let sending = tokio::spawn(async move {
                    let _ = copy(&mut from_client, &mut to_server).await;
                });
                let _ = copy(&mut from_server.take(bytes), &mut to_client).await;
                let _ = to_client.shutdown().await;
                sending.abort();
            });
        }
    });
    address
}

/// Cuts the stream at every byte up to `longest`. Returns how many of them were whole.
async fn cut_everywhere(server: &Plain, longest: u64) -> usize {
    let mut whole = 0;
    for bytes in 0..=longest {
        let client = RemoteClient::new(&cutting(&server.host, bytes).await, "k").unwrap();
        let told = stream(&client, &body(None)).await;
        let expected: Vec<isol8_api::event::StreamEvent> = EVENTS
            .map(|event| serde_json::from_str(event).unwrap())
            .into();
        assert!(
            expected.starts_with(&told.events),
            "{bytes}: {:?}",
            told.events
        );
        let has_ended = told.events.len() == EVENTS.len();
        assert_eq!(told.end.is_ok(), has_ended, "{bytes}: {:?}", told.events);
        assert_eq!(told.result.is_some(), has_ended, "{bytes}");
        let exit = told
            .events
            .iter()
            .rfind(|event| event.kind == EventKind::Exit);
        assert_eq!(exit.is_some_and(|event| event.data == "7"), has_ended);
        whole += usize::from(has_ended);
    }
    whole
}

#[tokio::test]
async fn events_over_sse_are_cut_at_every_byte() {
    let mut answer = "HTTP/1.1 200 x\r\nContent-Type: text/event-stream\r\n\r\n".to_owned();
    answer.extend(EVENTS.map(|event| format!("data: {event}\n\n")));
    let longest = answer.len() as u64;
    let answers = [("POST /execute/stream", Answer::Bytes(answer.into()))];
    let server = Plain::start(answers, None).await;
    assert_eq!(cut_everywhere(&server, longest).await, 1);
}

#[tokio::test]
async fn events_over_a_websocket_are_cut_at_every_byte() {
    let events = EVENTS.map(str::to_owned).to_vec();
    let server = Plain::start([], Some(events)).await;
    // The head of the answer, two bytes in front of each event (four in front of a longer one), and the end.
    let longest = 129 + EVENTS.map(str::len).iter().sum::<usize>() as u64 + 2 * 4 + 2;
    let whole = cut_everywhere(&server, longest).await;
    // The end of the connection is one byte after the other, and makes no difference.
    assert!((1..=4).contains(&whole), "{whole}");
}

#[tokio::test]
async fn a_socket_that_is_closed_early_is_an_error() {
    for events in [&EVENTS[..1], &EVENTS[1..2], &EVENTS[2..3], &[]] {
        let events = events.iter().map(|&event| event.to_owned()).collect();
        let server = Plain::start([], Some(events)).await;
        let client = RemoteClient::new(&server.host, "k").unwrap();
        assert!(stream(&client, &body(None)).await.end.is_err());
    }
}
