//! The memory that requests may take, together and for each tenant.

use std::io;

use futures::{StreamExt as _, stream};
use isol8_fakes::{Exchange, exited, file, stdout};
use reqwest::{Body, Method, RequestBuilder, Response};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
};

use crate::support::{
    KEY, MAX_BODY, TestServer, Value, bash, done, hangs, held, json, open_socket_with, program,
    request, small, until, until_held,
};

fn begin(request: RequestBuilder) -> JoinHandle<reqwest::Result<Response>> {
    tokio::spawn(request.send())
}

/// An upload that stops after half of the largest body, without an end.
fn slow(server: &TestServer, key: &str) -> JoinHandle<reqwest::Result<Response>> {
    let piece = stream::iter([Ok::<_, io::Error>(vec![b' '; MAX_BODY / 2])]);
    let body = Body::wrap_stream(piece.chain(stream::pending()));
    let request = server.bare(Method::POST, "/execute").bearer_auth(key);
    begin(request.body(body))
}

/// The answer to a small request, which must be a 503 that names who holds the memory.
async fn refused(server: &TestServer, key: &str, who: &str) {
    let request = server.bare(Method::POST, "/execute").bearer_auth(key);
    // With a body of some length, so that it has no room where everything but a little is taken.
    let body = json!({"request": {"runtime": "bash", "code": "x".repeat(1000)}});
    let response = request.json(&body).send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
    let told: Value = response.json().await.unwrap();
    let error = format!(
        "{who} hold all the memory that there is for them. Try again later, with fewer requests at a time or smaller ones"
    );
    assert_eq!(told, json!({"error": error, "code": "ISOL8_UNAVAILABLE"}));
}

#[tokio::test]
async fn slow_uploads_fill_the_part_of_their_tenant_and_give_everything_back() {
    let (server, [a, b]) = small(MAX_BODY, vec![done(), done(), done(), done()]).await;
    let mut uploads: Vec<_> = (0..3).map(|_| slow(&server, &a)).collect();
    until_held(&server, 3 * MAX_BODY).await;
    refused(&server, &a, "The requests of this key's owner").await;
    let (status, _) = server.ask(&b, Method::POST, "/execute", &request()).await;
    assert_eq!(status, 200);
    let (status, _) = server.post("/execute", request()).await;
    assert_eq!(status, 200);

    until_held(&server, 3 * MAX_BODY).await;
    // Another one has the half of what is left, so that something stays for others.
    uploads.push(slow(&server, &b));
    until_held(&server, 4 * MAX_BODY).await;
    let second = slow(&server, &b).await.unwrap().unwrap();
    assert_eq!(second.status(), 503);
    let (status, _) = server.post("/execute", request()).await;
    assert_eq!(status, 200);
    until_held(&server, 4 * MAX_BODY).await;
    uploads.extend((0..2).map(|_| slow(&server, KEY)));
    until_held(&server, 6 * MAX_BODY).await;
    refused(&server, KEY, "The requests of all clients").await;
    for upload in uploads {
        upload.abort();
    }
    until_held(&server, 0).await;
    let (status, _) = server.ask(&a, Method::POST, "/execute", &request()).await;
    assert_eq!(status, 200);
    until_held(&server, 0).await;
    server.end().await;
}

#[tokio::test]
async fn the_largest_body_fits_and_is_held_until_its_answer_has_ended() {
    for path in ["/execute", "/execute/stream"] {
        let (server, [a, _]) = small(MAX_BODY, vec![hangs()]).await;
        let length = request().to_string().len();
        let code = "x".repeat(MAX_BODY - length + 1);
        let body = json!({"request": {"runtime": "bash", "code": code}});
        assert_eq!(body.to_string().len(), MAX_BODY);
        let call = server.bare(Method::POST, path).bearer_auth(&a);
        // The events of a program that says nothing have no end.
        let call = call.json(&body).send();
        let call = tokio::spawn(async move { call.await.unwrap().bytes().await });
        until("the program runs", async || {
            server.get("/queue/status").await.1["available"] == json!(9)
        })
        .await;
        let taken = held(&server).await;
        assert!((2 * MAX_BODY..3 * MAX_BODY).contains(&taken), "{taken}");
        call.abort();
        until_held(&server, 0).await;
        server.end().await;
    }
}

/// A request with a million empty arrays, which nobody needs.
fn arrays() -> String {
    let arrays = "[],".repeat(999_999);
    let request = &request()["request"];
    format!(r#"{{"type":"execute","request":{request},"extra":[{arrays}[]]}}"#)
}

#[tokio::test]
async fn a_million_empty_arrays_are_charged_by_their_structure() {
    let (server, _) = TestServer::scripted([hangs()]).await;
    let call = begin(server.request(Method::POST, "/execute").body(arrays()));
    until("the program runs", async || {
        server.get("/queue/status").await.1["available"] == json!(9)
    })
    .await;
    assert!(held(&server).await > 128_000_000);
    call.abort();
    until_held(&server, 0).await;
    server.end().await;

    // Where even the whole budget is too little, waiting would not help.
    let (server, [a, _]) = small(4_000_000, vec![]).await;
    let call = server.bare(Method::POST, "/execute").bearer_auth(&a);
    let response = call.body(arrays()).send().await.unwrap();
    assert_eq!(response.status(), 413);
    let told: Value = response.json().await.unwrap();
    assert_eq!(told["code"], json!("ISOL8_TOO_LARGE"));
    let mut socket = open_socket_with(&server, &a).await;
    socket.text(&arrays()).await;
    let (events, (code, _)) = socket.rest().await;
    assert_eq!(events[0]["code"], json!("ISOL8_TOO_LARGE"));
    assert_eq!((events.len(), code), (1, 1009));
    until_held(&server, 0).await;
    server.end().await;
}

#[tokio::test]
async fn a_file_whose_answer_never_fits_is_413_without_another_try() {
    let read = Exchange::new("read /sandbox/x", [file(&"x".repeat(12_000))]);
    let call = Exchange::new("call /sandbox/main.sh", [exited(0)]);
    let starts = vec![bash(vec![call, read])];
    // Of the budget of 24,000 bytes, a tenant may take half.
    let (server, [a, _]) = small(4000, starts).await;
    let mut run = request();
    run["options"] = json!({"installNetwork": false});
    run["sessionId"] = json!("s");
    let ask = async |method, path, body: &Value| {
        let request = server.bare(method, path).bearer_auth(&a);
        let response = request.json(body).send().await.unwrap();
        let tries_again = response.headers().contains_key("retry-after");
        let status = response.status().as_u16();
        let told: Value = response.json().await.unwrap();
        (status, tries_again, told)
    };
    assert_eq!(ask(Method::POST, "/execute", &run).await.0, 200);
    let path = "/file?sessionId=s&path=/sandbox/x";
    let (status, tries_again, told) = ask(Method::GET, path, &json!(null)).await;
    let text = "File too large: its answer has 16014 bytes, and 12000 bytes of memory are there for it. Split it inside the \
                sandbox";
    assert_eq!(told, json!({"error": text, "code": "ISOL8_FILE_TOO_LARGE"}));
    assert_eq!((status, tries_again), (413, false));
    server.end().await;
}

#[tokio::test]
async fn a_result_without_memory_does_not_invite_to_run_the_program_again() {
    let much = (0..8).map(|_| stdout(&"x".repeat(50_000)));
    let starts = vec![bash(vec![program(much.chain([exited(0)]))])];
    let (server, [a, _]) = small(MAX_BODY, starts).await;
    let call = server.bare(Method::POST, "/execute").bearer_auth(&a);
    let response = call.json(&request()).send().await.unwrap();
    assert_eq!(response.status(), 500);
    assert_eq!(response.headers().get("retry-after"), None);
    let told: Value = response.json().await.unwrap();
    assert_eq!(told["code"], json!("ISOL8_RESULT_LOST"));
    let text = told["error"].as_str().unwrap();
    let begin = "The program has run, and its result is lost: The requests of this key's owner";
    assert!(text.starts_with(begin), "{text}");
    until_held(&server, 0).await;
    server.end().await;
}

#[tokio::test]
async fn a_body_without_a_key_is_not_read() {
    let (server, _) = small(MAX_BODY, vec![]).await;
    // A server that reads the body asks for it first.
    for (key, status) in [
        ("", "401"),
        ("Bearer no", "403"),
        ("Bearer master-key", "100"),
    ] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let head = format!(
            "POST /execute HTTP/1.1\r\nhost: x\r\nauthorization: {key}\r\nexpect: 100-continue\r\n\
             content-length: 50000\r\n\r\n"
        );
        let head = match key {
            "" => head.replace("authorization: \r\n", ""),
            _ => head,
        };
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, format!("HTTP/1.1 {status}").as_bytes());
        if status != "100" {
            // The rest is not waited for: the connection ends.
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.unwrap();
        }
    }
    until_held(&server, 0).await;
    server.end().await;
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let (server, _) = TestServer::scripted([]).await;
    let request = |length: usize| {
        let long = server
            .bare(Method::GET, "/health")
            .header("x-long", "x".repeat(length));
        long.send()
    };
    assert_eq!(request(60_000).await.unwrap().status(), 200);
    assert_eq!(request(66_000).await.unwrap().status(), 431);
    server.end().await;
}
