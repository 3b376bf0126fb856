//! What the proxy's tests share: a scripted resolver, recording servers, and a client that speaks
//! raw bytes.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part of it"
)]

pub mod fuzz;
pub mod hello;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use isol8_egress::{Limits, NetworkLog, Policy, PolicyOptions, Proxy, Resolver, RunLog};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than anything here takes, so that a hang is a failure.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Answers each name with its script, one answer a call; the last one is repeated. A name without
/// a script does not resolve. Remembers every question.
#[derive(Default)]
pub struct Scripted {
    answers: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    asked: Mutex<Vec<String>>,
}

impl Scripted {
    pub fn new(script: &[(&str, &[&str])]) -> Arc<Self> {
        let scripted = Self::default();
        for (name, answers) in script {
            let answers = answers
                .iter()
                .map(|list| list.split(' ').map(|ip| ip.parse().unwrap()).collect())
                .collect();
            scripted
                .answers
                .lock()
                .unwrap()
                .insert((*name).to_owned(), answers);
        }
        Arc::new(scripted)
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Resolver for Scripted {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        self.asked.lock().unwrap().push(host.to_owned());
        let mut answers = self.answers.lock().unwrap();
        let answer = match answers.get_mut(host) {
            Some(list) if list.len() > 1 => Ok(list.remove(0)),
            Some(list) => Ok(list[0].clone()),
            None => Err(io::Error::from(io::ErrorKind::NotFound)),
        };
        Box::pin(std::future::ready(answer))
    }
}

/// What a recording server does with a connection.
#[derive(Clone)]
pub enum Play {
    /// Answers each HTTP head with these bytes.
    Http(Vec<u8>),
    /// Sends everything back, and the end after the end.
    Echo,
    /// Speaks first, then echoes.
    Banner(&'static [u8]),
    /// Reads and says nothing.
    Silent,
    /// Sends this at once and closes its writing side; goes on reading.
    Send(Vec<u8>),
    /// Sends without end until it cannot, counting.
    Flood(Arc<AtomicUsize>),
}

/// A server that remembers every byte it was sent.
pub struct Recorder {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
    ended: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Recorder {
    pub async fn start(play: Play) -> Self {
        Self::on("127.0.0.1:0".parse().unwrap(), play).await
    }

    pub async fn on(address: SocketAddr, play: Play) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let ended = Arc::new(AtomicUsize::new(0));
        let (to, end) = (Arc::clone(&seen), Arc::clone(&ended));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let index = {
                    let mut seen = to.lock().unwrap();
                    seen.push(Vec::new());
                    seen.len() - 1
                };
                let (to, end, play) = (Arc::clone(&to), Arc::clone(&end), play.clone());
                tokio::spawn(async move {
                    let _ = perform(stream, play, |bytes| {
                        to.lock().unwrap()[index].extend_from_slice(bytes);
                    })
                    .await;
                    end.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        Self {
            address,
            seen,
            ended,
            task,
        }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn connections(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// Connections that have ended.
    pub fn ended(&self) -> usize {
        self.ended.load(Ordering::SeqCst)
    }

    /// The bytes of each connection.
    pub fn each(&self) -> Vec<Vec<u8>> {
        self.seen.lock().unwrap().clone()
    }

    /// All bytes of all connections, as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap().concat()).into_owned()
    }
}

async fn perform(mut stream: TcpStream, play: Play, record: impl Fn(&[u8])) -> io::Result<()> {
    match &play {
        Play::Banner(banner) => stream.write_all(banner).await?,
        Play::Send(bytes) => {
            stream.write_all(bytes).await?;
            stream.shutdown().await?;
        }
        Play::Flood(count) => {
            let chunk = vec![b'x'; 16 * 1024];
            loop {
                let sent = stream.write(&chunk).await?;
                count.fetch_add(sent, Ordering::SeqCst);
            }
        }
        _ => {}
    }
    let mut buffer = vec![0; 64 * 1024];
    let mut head = Vec::new();
    loop {
        let count = stream.read(&mut buffer).await?;
        record(&buffer[..count]);
        match &play {
            Play::Echo | Play::Banner(_) if count > 0 => stream.write_all(&buffer[..count]).await?,
            Play::Echo | Play::Banner(_) => stream.shutdown().await?,
            Play::Http(answer) => {
                head.extend_from_slice(&buffer[..count]);
                while let Some(end) = find(&head, b"\r\n\r\n") {
                    head.drain(..end + 4);
                    stream.write_all(answer).await?;
                }
            }
            _ => {}
        }
        if count == 0 {
            return Ok(());
        }
    }
}

pub fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

/// The answer of an ordinary server.
pub fn ok(body: &str) -> Play {
    Play::Http(
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into(),
    )
}

pub fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|&entry| entry.to_owned()).collect()
}

/// Everything on loopback that is called `allowed.test`, or `also.test`.
pub fn lenient() -> PolicyOptions {
    PolicyOptions {
        whitelist: strings(&["^allowed\\.test$", "^also\\.test$"]),
        allow_loopback: strings(&["127.0.0.0/8", "::1"]),
        ..PolicyOptions::default()
    }
}

pub fn local_names() -> Arc<Scripted> {
    Scripted::new(&[
        ("allowed.test", &["127.0.0.1"]),
        ("also.test", &["127.0.0.1"]),
        ("denied.test", &["127.0.0.1"]),
    ])
}

pub fn proxy(options: PolicyOptions, resolver: Arc<Scripted>) -> Proxy {
    let limits = Limits {
        connect_timeout: Duration::from_secs(5),
        ..Limits::default()
    };
    Proxy::new(Arc::new(Policy::new(options).unwrap()), resolver, limits)
}

/// A client connection to a proxy.
pub struct Client {
    pub stream: DuplexStream,
    pub run: Arc<RunLog>,
    pub served: JoinHandle<()>,
}

impl Client {
    pub fn connect(proxy: &Proxy) -> Self {
        Self::under(proxy, &RunLog::new())
    }

    pub fn under(proxy: &Proxy, run: &Arc<RunLog>) -> Self {
        let (stream, theirs) = duplex(64 * 1024);
        let (proxy, run) = (proxy.clone(), Arc::clone(run));
        let log = Arc::clone(&run);
        let served = tokio::spawn(async move { proxy.serve(theirs, &log).await });
        Self {
            stream,
            run,
            served,
        }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        timeout(PATIENCE, self.stream.write_all(bytes.as_ref()))
            .await
            .unwrap()
            .unwrap();
    }

    /// One answer: its head, and as much body as its Content-Length says.
    pub async fn answer(&mut self) -> String {
        let head = self.head().await;
        let length = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map_or(0, |(_, value)| value.trim().parse().unwrap());
        let mut body = vec![0; length];
        timeout(PATIENCE, self.stream.read_exact(&mut body))
            .await
            .unwrap()
            .unwrap();
        head + &String::from_utf8(body).unwrap()
    }

    /// One head, with the empty line at its end; shorter if the stream ends.
    pub async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match timeout(PATIENCE, self.stream.read_u8()).await.unwrap() {
                Ok(byte) => head.push(byte),
                Err(_) => break,
            }
        }
        String::from_utf8(head).unwrap()
    }

    pub async fn exactly(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        timeout(PATIENCE, self.stream.read_exact(&mut bytes))
            .await
            .unwrap()
            .unwrap();
        bytes
    }

    /// Everything until the end.
    pub async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        timeout(PATIENCE, self.stream.read_to_end(&mut bytes))
            .await
            .unwrap()
            .unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Closes the writing side.
    pub async fn finish(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Opens a tunnel and expects it to be granted.
    pub async fn tunnel(&mut self, authority: &str) {
        self.send(format!(
            "CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n"
        ))
        .await;
        let head = self.head().await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    }

    /// Waits for the proxy to be done with this connection.
    pub async fn done(self) {
        drop(self.stream);
        timeout(PATIENCE, self.served).await.unwrap().unwrap();
    }
}

/// Waits until `holds`, or fails.
pub async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !holds() {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Sends one request for `{port}` and returns what the server saw, and the answer.
pub async fn exchange(request: &str) -> (String, String) {
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

/// Sends `request`, in which `{port}` is the recorder's, and returns the answer's status line and
/// the rest of it.
pub async fn ask(options: PolicyOptions, request: &str) -> (String, Recorder, NetworkLog) {
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

pub fn assert_untouched(recorder: &Recorder, case: &str) {
    assert_eq!(recorder.text(), "", "bytes leaked: {case}");
    assert_eq!(recorder.connections(), 0, "connected: {case}");
}

/// A message with its fields in a canonical order and spelling.
pub fn sorted(message: &str) -> (String, Vec<String>, String) {
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
