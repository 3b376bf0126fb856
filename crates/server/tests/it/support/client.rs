//! Clients of streams.

use futures::{SinkExt as _, StreamExt as _};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Message,
        client::IntoClientRequest as _,
        protocol::{
            CloseFrame,
            frame::{
                Frame,
                coding::{Data, OpCode},
            },
        },
    },
};

use super::server::{KEY, TestServer};

/// What a server answers, head and body, to the request for a program. The request is written to `stream` as it is.
pub(crate) async fn raw_answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> String {
    let body = r#"{"request": {"runtime": "bash", "code": "x"}}"#;
    let request = format!(
        "POST /execute HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// The events of a request over server-sent events.
pub(crate) async fn events_of(server: &TestServer, body: Value) -> Vec<Value> {
    let response = server.request(Method::POST, "/execute/stream").json(&body);
    read_events(response.send().await.unwrap()).await
}

/// The events of a response.
async fn read_events(response: Response) -> Vec<Value> {
    let text = response.text().await.unwrap();
    text.split("\n\n")
        .filter_map(|event| event.strip_prefix("data: "))
        .map(|json| serde_json::from_str(json).unwrap())
        .collect()
}

/// A client of a WebSocket.
pub(crate) struct Socket(WebSocketStream<TcpStream>);

/// Opens a WebSocket with the master key.
pub(crate) async fn open_socket(server: &TestServer) -> Socket {
    open_socket_with(server, KEY).await
}

/// Opens a WebSocket with this key.
pub(crate) async fn open_socket_with(server: &TestServer, key: &str) -> Socket {
    let mut request = format!("ws://{}/execute/ws", server.address)
        .into_client_request()
        .unwrap();
    let key = format!("Bearer {key}").parse().unwrap();
    request.headers_mut().insert("authorization", key);
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (socket, _) = client_async(request, stream).await.unwrap();
    Socket(socket)
}

impl Socket {
    /// Sends JSON.
    pub(crate) async fn send(&mut self, message: Value) {
        self.text(&message.to_string()).await;
    }

    /// Sends any text.
    pub(crate) async fn text(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// Sends the beginning of a text.
    pub(crate) async fn fragment(&mut self, text: Vec<u8>) {
        let frame = Frame::message(text, OpCode::Data(Data::Text), false);
        self.0.send(Message::Frame(frame)).await.unwrap();
    }

    /// The next event; none at the end.
    pub(crate) async fn event(&mut self) -> Option<Value> {
        match self.message().await {
            Message::Text(text) => Some(serde_json::from_str(&text).unwrap()),
            Message::Close(_) => None,
            other => panic!("{other:?}"),
        }
    }

    /// The next message that is no ping. Panics where the connection was cut.
    async fn message(&mut self) -> Message {
        loop {
            match self
                .0
                .next()
                .await
                .expect("the connection was cut")
                .unwrap()
            {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }

    /// Waits for a ping.
    pub(crate) async fn ping(&mut self) {
        while !matches!(self.0.next().await.unwrap().unwrap(), Message::Ping(_)) {}
    }

    /// All events up to the end, and how the server closed the connection.
    pub(crate) async fn rest(mut self) -> (Vec<Value>, (u16, String)) {
        let mut events = Vec::new();
        loop {
            match self.message().await {
                Message::Text(text) => events.push(serde_json::from_str(&text).unwrap()),
                Message::Close(Some(CloseFrame { code, reason })) => {
                    // Answered, so that the server ends in order.
                    let _ = self.0.flush().await;
                    return (events, (code.into(), reason.to_string()));
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// Runs a program and returns everything that was told.
    pub(crate) async fn execute(mut self, request: Value) -> (Vec<Value>, (u16, String)) {
        self.send(json!({"type": "execute", "request": request}))
            .await;
        self.rest().await
    }
}
