//! The memory that messages of `WebSocket`s may take.

use crate::support::{
    MAX_BODY, Socket, TestServer, done, hangs, held, json, open_socket_with, request, small, until,
    until_held,
};

/// Opens a connection on which a program runs.
async fn open_with_program(server: &TestServer, key: &str) -> Socket {
    let mut socket = open_socket_with(server, key).await;
    let mut run = request();
    run["type"] = json!("execute");
    socket.send(run).await;
    until("the program runs", async || {
        server.get("/queue/status").await.1["available"] == json!(9)
    })
    .await;
    socket
}

#[tokio::test]
async fn messages_without_an_end_fill_the_part_of_their_tenant() {
    let (server, [a, b]) = small(MAX_BODY, vec![done(), done()]).await;
    let mut sockets = Vec::new();
    for number in 1..=3 {
        let mut socket = open_socket_with(&server, &a).await;
        socket.fragment(vec![b' '; MAX_BODY / 2 - 8]).await;
        sockets.push(socket);
        until_held(&server, number * MAX_BODY).await;
    }
    let mut refused = open_socket_with(&server, &a).await;
    refused.fragment(vec![b' '; 1000]).await;
    let (events, end) = refused.rest().await;
    assert_eq!(events[0]["code"], json!("ISOL8_UNAVAILABLE"));
    assert_eq!(end, (1013, "No memory for the message".to_owned()));
    let run = json!({"runtime": "bash", "code": "x"});
    let (events, _) = open_socket_with(&server, &b)
        .await
        .execute(run.clone())
        .await;
    assert_eq!(events[0]["type"], json!("exit"), "{events:?}");
    drop(sockets);
    until_held(&server, 0).await;
    let (events, _) = open_socket_with(&server, &a).await.execute(run).await;
    assert_eq!(events[0]["type"], json!("exit"), "{events:?}");
    until_held(&server, 0).await;
    server.end().await;
}

#[tokio::test]
async fn input_without_memory_ends_the_program_and_says_so() {
    let (server, [a, _]) = small(MAX_BODY, vec![hangs()]).await;
    let mut running = open_with_program(&server, &a).await;
    let mut others = Vec::new();
    for bytes in [MAX_BODY / 2, MAX_BODY / 2, MAX_BODY * 2 / 5] {
        let before = held(&server).await;
        let mut other = open_socket_with(&server, &a).await;
        other.fragment(vec![b' '; bytes]).await;
        until("it is held", async || {
            held(&server).await >= before + 2 * bytes
        })
        .await;
        others.push(other);
    }
    running.fragment(vec![b' '; MAX_BODY / 5]).await;
    let (events, end) = running.rest().await;
    assert_eq!(events[0]["code"], json!("ISOL8_STOPPED"), "{events:?}");
    assert_eq!(
        (events.len(), end),
        (1, (1011, "The program was ended".to_owned()))
    );
    drop(others);
    until_held(&server, 0).await;
    server.end().await;
}

#[tokio::test]
async fn a_message_with_too_many_values_is_refused_and_the_program_goes_on() {
    let (server, [a, _]) = small(MAX_BODY, vec![hangs()]).await;
    let mut running = open_with_program(&server, &a).await;
    let values = "[],".repeat(MAX_BODY / 4);
    let input = format!(r#"{{"type": "stdin", "data": "", "more": [{values}0]}}"#);
    running.text(&input).await;
    let told = running.event().await.unwrap();
    assert_eq!(told["code"], json!("ISOL8_TOO_LARGE"), "{told}");
    // Of a program that is ended, the connection would be closed.
    running.send(json!({"type": "cancel"})).await;
    let told = running.event().await.unwrap();
    assert_eq!(told["data"], json!("Unknown message type: cancel"));
    let status = server.get("/queue/status").await.1;
    assert_eq!(status["available"], json!(9));
    drop(running);
    until_held(&server, 0).await;
    server.end().await;
}

#[tokio::test]
async fn a_message_that_is_done_takes_nothing() {
    let (server, [a, _]) = small(MAX_BODY, vec![done()]).await;
    let mut socket = open_socket_with(&server, &a).await;
    let input = json!({"type": "stdin", "data": "x".repeat(MAX_BODY / 2)});
    for _ in 0..20 {
        socket.send(input.clone()).await;
    }
    let run = json!({"runtime": "bash", "code": "x"});
    let (events, _) = socket.execute(run).await;
    assert_eq!(events[0]["type"], json!("exit"), "{events:?}");
    server.end().await;
}
