//! Results and events of programs, over scripted guests.

use isol8_fakes::{Exchange, exited, stderr, stdout};
use isol8_server::Settings;
use reqwest::Method;

use crate::support::{
    KEY, TestServer, bash, config, events_of, json, open_socket, program, request,
};

#[tokio::test]
async fn a_result_has_the_public_form() {
    let script = vec![program([stdout("out\n"), stderr("err\n"), exited(3)])];
    let (server, scripted) = TestServer::scripted([bash(script)]).await;
    let (status, result) = server.post("/execute", request()).await;
    assert_eq!(status, 200);
    for (field, expected) in [
        ("stdout", json!("out")),
        ("stderr", json!("err")),
        ("exitCode", json!(3)),
        ("truncated", json!(false)),
        ("runtime", json!("bash")),
        ("containerId", json!("box-1")),
    ] {
        assert_eq!(result[field], expected, "{field}: {result}");
    }
    assert!(
        result["resourceUsage"]["cpuPercent"].is_number(),
        "{result}"
    );
    assert!(result["executionId"].is_string() && result["timestamp"].is_string());
    server.end().await;
    assert_eq!(scripted.backend.finish().await, ["box-1"]);
}

#[tokio::test]
async fn an_engine_that_fails_is_500_and_the_next_request_is_served() {
    let dead = vec![Exchange::death(
        "exec bash /sandbox/main.sh +/sandbox/main.sh",
    )];
    let alive = vec![program([exited(0)])];
    let (server, _) = TestServer::scripted([bash(dead), bash(alive)]).await;
    let (status, answer) = server.post("/execute", request()).await;
    assert_eq!(
        (status.as_u16(), &answer["code"]),
        (500, &json!("ISOL8_SANDBOX_LOST"))
    );
    assert!(answer["error"].is_string());
    let (status, result) = server.post("/execute", request()).await;
    assert_eq!((status.as_u16(), &result["exitCode"]), (200, &json!(0)));
    server.end().await;
}

#[tokio::test]
async fn both_streams_tell_the_same_events() {
    let script = || vec![program([stdout("out\n"), stderr("err\n"), exited(3)])];
    let (server, _) = TestServer::scripted([bash(script()), bash(script())]).await;
    let expected = [
        json!({"type": "stdout", "data": "out\n", "phase": "code"}),
        json!({"type": "stderr", "data": "err\n", "phase": "code"}),
        json!({"type": "exit", "data": "3", "phase": "code"}),
    ];
    assert_eq!(events_of(&server, request()).await, expected);
    let socket = open_socket(&server).await;
    let (events, end) = socket.execute(request()["request"].clone()).await;
    assert_eq!(events, expected);
    assert_eq!(end, (1000, "Execution complete".to_owned()));
    server.end().await;
}

#[tokio::test]
async fn what_the_engine_refuses_is_one_event_without_phase_or_exit() {
    let (server, _) = TestServer::scripted([]).await;
    let refused = json!({"runtime": "ruby", "code": "x"});
    let expected = [json!({
        "type": "error",
        "data": "Unknown runtime: \"ruby\". Available: python, node, bun, bash, deno, agent",
        "code": "ISOL8_UNKNOWN_RUNTIME",
    })];
    assert_eq!(
        events_of(&server, json!({"request": refused})).await,
        expected
    );
    let (events, end) = open_socket(&server).await.execute(refused).await;
    assert_eq!(events, expected);
    assert_eq!(end, (1000, "Execution complete".to_owned()));
    let options = json!({"request": {"runtime": "bash", "code": "x"}, "options": {"cpuLimit": 0}});
    let events = events_of(&server, options).await;
    assert_eq!((events.len(), &events[0]["type"]), (1, &json!("error")));
    server.end().await;
}

#[tokio::test]
async fn an_engine_that_fails_at_a_program_is_one_event_without_phase_or_exit() {
    let dead = || {
        bash(vec![Exchange::death(
            "exec bash /sandbox/main.sh +/sandbox/main.sh",
        )])
    };
    let (server, _) = TestServer::scripted([dead(), dead()]).await;
    let expected = [json!({
        "type": "error",
        "data": "The sandbox was lost: its container ended while it was in use",
        "code": "ISOL8_SANDBOX_LOST",
    })];
    assert_eq!(events_of(&server, request()).await, expected);
    let socket = open_socket(&server).await;
    let (events, end) = socket.execute(request()["request"].clone()).await;
    assert_eq!(events, expected);
    assert_eq!(end, (1000, "Execution complete".to_owned()));
    server.end().await;
}

#[tokio::test]
async fn a_silent_stream_says_that_it_is_still_there() {
    let hanging = || bash(vec![program([])]);
    let settings = Settings {
        keep_alive: std::time::Duration::from_millis(20),
        ..Settings::new(KEY, config(json!({})))
    };
    let (server, _) = TestServer::scripted_with(&settings, [hanging(), hanging()]).await;
    let response = server
        .request(Method::POST, "/execute/stream")
        .json(&request());
    let mut response = response.send().await.unwrap();
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-cache"),
        ("connection", "keep-alive"),
    ] {
        assert_eq!(response.headers()[name], value);
    }
    let said = response.chunk().await.unwrap().unwrap();
    assert!(said.starts_with(b":"), "{said:?}");
    drop(response);
    let mut socket = open_socket(&server).await;
    socket
        .send(json!({"type": "execute", "request": request()["request"]}))
        .await;
    socket.ping().await;
    drop(socket);
    server.end().await;
}
