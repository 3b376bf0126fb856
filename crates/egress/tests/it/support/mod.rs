//! Helpers that the tests of the proxy share.

pub(crate) mod client;
pub(crate) mod fuzz;
pub(crate) mod hello;
pub(crate) mod recorder;
pub(crate) mod resolver;
pub(crate) mod strict;
pub(crate) mod tunnel;
pub(crate) mod witness;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use isol8_egress::{Limits, NetworkLog, Policy, PolicyOptions, Proxy};

pub(crate) use client::Client;
pub(crate) use recorder::{Play, Recorder};
pub(crate) use resolver::Scripted;

/// Longer than any step of a test takes, so that a hang fails the test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

/// The answer of a usual server.
pub(crate) fn ok(body: &str) -> Play {
    Play::Http(
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into(),
    )
}

pub(crate) fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|&entry| entry.to_owned()).collect()
}

/// Allows every loopback address with the name `allowed.test` or `also.test`.
pub(crate) fn lenient() -> PolicyOptions {
    PolicyOptions {
        whitelist: strings(&["^allowed\\.test$", "^also\\.test$"]),
        allow_loopback: strings(&["127.0.0.0/8", "::1"]),
        ..PolicyOptions::default()
    }
}

pub(crate) fn local_names() -> Arc<Scripted> {
    Scripted::new(&[
        ("allowed.test", &["127.0.0.1"]),
        ("also.test", &["127.0.0.1"]),
        ("denied.test", &["127.0.0.1"]),
    ])
}

pub(crate) fn proxy(options: PolicyOptions, resolver: Arc<Scripted>) -> Proxy {
    let limits = Limits {
        connect_timeout: Duration::from_secs(5),
        ..Limits::default()
    };
    Proxy::new(Arc::new(Policy::new(options).unwrap()), resolver, limits)
}

/// Waits until `holds`, or fails.
pub(crate) async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !holds() {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Sends one request for `{port}`. Returns what the server received, and the answer.
pub(crate) async fn exchange(request: &str) -> (String, String) {
    let recorder = Recorder::start(ok("hello")).await;
    let proxy = proxy(lenient(), local_names());
    let mut client = Client::connect(&proxy);
    client
        .send(request.replace("{port}", &recorder.port().to_string()))
        .await;
    let answer = client.answer().await;
    client.done().await;
    let seen = recorder
        .text()
        .replace(&recorder.port().to_string(), "{port}");
    (seen, answer)
}

/// Sends `request`, in which `{port}` stands for the recorder's port. Returns the status line of the
/// answer, and the rest.
pub(crate) async fn ask(options: PolicyOptions, request: &str) -> (String, Recorder, NetworkLog) {
    let recorder = Recorder::start(ok("leaked")).await;
    let proxy = proxy(options, local_names());
    let mut client = Client::connect(&proxy);
    let request = request.replace("{port}", &recorder.port().to_string());
    client.send(request.as_bytes()).await;
    let answer = client.answer().await;
    let log = client.run.snapshot();
    client.done().await;
    (answer, recorder, log)
}

pub(crate) fn assert_untouched(recorder: &Recorder, case: &str) {
    assert_eq!(recorder.text(), "", "bytes leaked: {case}");
    assert_eq!(recorder.connections(), 0, "connected: {case}");
}

/// A message with its fields in a canonical order and spelling.
pub(crate) fn sorted(message: &str) -> (String, Vec<String>, String) {
    let (head, body) = message
        .split_once("\r\n\r\n")
        .unwrap_or((message, "(no end)"));
    let mut lines = head.split("\r\n").map(str::to_owned);
    let first = lines.next().unwrap_or_default();
    let mut fields: Vec<String> = lines
        .map(|line| match line.split_once(": ") {
            Some((name, value)) => format!("{}: {value}", name.to_lowercase()),
            None => line,
        })
        .collect();
    fields.sort();
    (first, fields, body.to_owned())
}
