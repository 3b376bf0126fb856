//! Servers that stop answering.

use std::time::Duration;

use futures::StreamExt as _;
use isol8_client::{CallError, RemoteClient};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle, time};
use tokio_tungstenite::accept_async;

use crate::support::{Answer, Plain, body};

/// How long a test lets what happens meanwhile really happen.
const MOMENT: Duration = Duration::from_millis(10);

/// What a call returns while time passes in steps of 15 s, and how many of them it needed.
async fn passing<T>(call: JoinHandle<T>) -> (T, u32) {
    let mut steps = 0;
    while !call.is_finished() {
        assert!(steps < 100, "the call does not end");
        time::pause();
        time::advance(Duration::from_secs(15)).await;
        time::resume();
        time::sleep(MOMENT).await;
        steps += 1;
    }
    (call.await.unwrap(), steps)
}

#[tokio::test]
async fn a_server_that_does_not_say_that_it_is_well_is_given_up() {
    let server = Plain::start([("GET /health", Answer::Silence)], None).await;
    let client = RemoteClient::new(&server.host, "k").unwrap();
    let call = tokio::spawn(async move { client.health().await });
    while server.asked().is_empty() {
        assert!(!call.is_finished(), "the server is not asked");
        time::sleep(MOMENT).await;
    }
    let (told, steps) = passing(call).await;
    assert_eq!(
        told.unwrap_err().to_string(),
        "Remote server health check failed: the server has not answered for 30 s"
    );
    assert!(steps >= 2, "it was given up after {steps} steps");
}

#[tokio::test]
async fn a_socket_that_answers_no_ping_is_an_error_of_the_stream() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("http://{}", listener.local_addr().unwrap());
    let (begun, has_begun) = oneshot::channel();
    let silent = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = accept_async(stream).await.unwrap();
        socket.next().await.unwrap().unwrap();
        begun.send(()).unwrap();
        std::future::pending::<()>().await;
    });
    let client = RemoteClient::new(&host, "k").unwrap();
    let call = tokio::spawn(async move {
        let mut stream = client.stream(&body(None), None).unwrap();
        let told: Result<_, CallError> = stream.next().await;
        told
    });
    has_begun.await.unwrap();
    time::sleep(MOMENT).await;
    let (told, steps) = passing(call).await;
    assert_eq!(
        told.unwrap_err().to_string(),
        "Stream failed: the server has not answered for 60 s"
    );
    assert!(steps >= 4, "it was given up after {steps} steps");
    silent.abort();
}
