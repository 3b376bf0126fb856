//! A server that answers with what a test wants, byte for byte, one request a connection.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{SinkExt as _, StreamExt as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_tungstenite::{accept_async, tungstenite::Message};

/// What a server does.
#[derive(Clone)]
pub(crate) enum Answer {
    /// Writes these bytes and closes.
    Bytes(Vec<u8>),
    /// Writes the first bytes, and the second ones for ever.
    Endless(Vec<u8>, Vec<u8>),
    /// Says nothing.
    Silence,
}

/// A server.
pub(crate) struct Plain {
    pub(crate) host: String,
    asked: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Drop for Plain {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Plain {
    /// A server that answers a request whose first line begins with one of these words. Others get 404. With
    /// `events`, it takes a `WebSocket`, sends them, and closes it in order.
    pub(crate) async fn start(
        answers: impl IntoIterator<Item = (&'static str, Answer)>,
        events: Option<Vec<String>>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answers: Vec<_> = answers.into_iter().collect();
        let log = Arc::clone(&asked);
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (answers, events, log) = (answers.clone(), events.clone(), Arc::clone(&log));
                tokio::spawn(async move {
                    let head = peeked_head(&stream).await;
                    log.lock().unwrap().push(head.clone());
                    let is_socket = head.to_lowercase().contains("upgrade: websocket");
                    match events.filter(|_| is_socket) {
                        Some(events) => socket(stream, events).await,
                        None => plain(stream, &head, &answers).await,
                    }
                });
            }
        });
        Self {
            host,
            asked,
            serving,
        }
    }

    /// The heads of the requests so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// A whole answer with this status.
pub(crate) fn json_answer(status: u16, json: &str) -> Answer {
    Answer::Bytes(
        format!(
            "HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{json}",
            json.len()
        )
        .into_bytes(),
    )
}

/// The head of a request, which stays to be read.
async fn peeked_head(stream: &TcpStream) -> String {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let length = stream.peek(&mut bytes).await.unwrap_or(0);
        let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            return head.to_owned();
        }
        if length == 0 {
            return text;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Errors are ignored: clients go away.
async fn plain(mut stream: TcpStream, head: &str, answers: &[(&'static str, Answer)]) {
    let length = head.lines().find_map(|line| {
        let line = line.to_lowercase();
        line.strip_prefix("content-length: ")
            .map(|length| length.parse::<usize>().unwrap())
    });
    let mut request = vec![0; head.len() + 4 + length.unwrap_or(0)];
    let _ = stream.read_exact(&mut request).await;
    let answer = answers.iter().find(|(start, _)| head.starts_with(start));
    match answer.map(|(_, answer)| answer.clone()) {
        Some(Answer::Bytes(bytes)) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Some(Answer::Endless(first, then)) => {
            let _ = stream.write_all(&first).await;
            while stream.write_all(&then).await.is_ok() {}
        }
        Some(Answer::Silence) => {
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
        None => {
            let none = b"HTTP/1.1 404 x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = stream.write_all(none).await;
        }
    }
}

async fn socket(stream: TcpStream, events: Vec<String>) {
    let Ok(mut socket) = accept_async(stream).await else {
        return;
    };
    if !matches!(socket.next().await, Some(Ok(Message::Text(_)))) {
        return;
    }
    for event in events {
        if socket.send(Message::text(event)).await.is_err() {
            return;
        }
    }
    let _ = socket.close(None).await;
    while let Some(Ok(_)) = socket.next().await {}
}
