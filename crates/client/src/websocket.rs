//! One execution over a `WebSocket`. The HTTP client opens it, so that proxies and certificates are those of every
//! other call.

use std::{
    future::pending,
    sync::atomic::{AtomicU32, Ordering},
};

use futures::{
    SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use reqwest::{
    Method, StatusCode, Upgraded,
    header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE},
};
use tokio::time::{Instant, interval_at, timeout};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message as Frame,
        handshake::{client::generate_key, derive_accept_key},
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

use crate::{
    error::{Reason, innermost},
    http::Http,
    input::RemoteInput,
    limits::{CONNECT_PATIENCE, MAX_ANSWER, MAX_UNANSWERED, PING_INTERVAL, READ_BUFFER},
    message::Message,
    outbox::Outbox,
};

/// A `WebSocket` that is open.
pub(crate) type Socket = WebSocketStream<Upgraded>;

/// The connection was not opened. Server-sent events may still work.
pub(crate) struct NotOpened {
    /// Whether the server has answered, so that the next attempt would fail, too.
    pub(crate) is_refused: bool,
}

/// Opens a `WebSocket`.
pub(crate) async fn open(http: &Http) -> Result<Socket, NotOpened> {
    match timeout(CONNECT_PATIENCE, upgrade(http)).await {
        Ok(opened) => opened,
        Err(_) => Err(NotOpened { is_refused: false }),
    }
}

async fn upgrade(http: &Http) -> Result<Socket, NotOpened> {
    let key = generate_key();
    let request = http
        .request(Method::GET, "/execute/ws")
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, &key);
    let unreachable = |_| NotOpened { is_refused: false };
    let response = request.send().await.map_err(unreachable)?;
    let accepted = response.headers().get(SEC_WEBSOCKET_ACCEPT);
    let is_accepted =
        accepted.is_some_and(|value| value == derive_accept_key(key.as_bytes()).as_str());
    if response.status() != StatusCode::SWITCHING_PROTOCOLS || !is_accepted {
        return Err(NotOpened { is_refused: true });
    }
    let upgraded = response.upgrade().await.map_err(unreachable)?;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .max_message_size(Some(MAX_ANSWER))
        .max_frame_size(Some(MAX_ANSWER));
    Ok(WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await)
}

/// Sends `message` and receives events until the server closes the connection. Input goes to the program
/// meanwhile: a program that reads nothing must not keep its output from being read.
pub(crate) async fn run(
    socket: Socket,
    message: String,
    input: Option<RemoteInput>,
    outbox: &Outbox,
) -> Result<(), Reason> {
    let (sink, stream) = socket.split();
    let unanswered = AtomicU32::new(0);
    tokio::select! {
        received = receive(stream, outbox, &unanswered) => received,
        gone = send(sink, message, input, &unanswered) => Err(gone),
    }
}

async fn receive(
    mut stream: SplitStream<Socket>,
    outbox: &Outbox,
    unanswered: &AtomicU32,
) -> Result<(), Reason> {
    loop {
        let frame = stream.next().await.ok_or(Reason::Cut)?.map_err(failed)?;
        unanswered.store(0, Ordering::Relaxed);
        match frame {
            Frame::Text(text) => {
                if let Some(message) = Message::read(&text)? {
                    outbox.put(message, text.len()).await;
                    // While it waited for room, nothing was read.
                    unanswered.store(0, Ordering::Relaxed);
                }
            }
            Frame::Close(frame) => {
                let closed = closed(frame);
                // Sends the answer.
                let _ = stream.next().await;
                return closed;
            }
            Frame::Binary(_) | Frame::Ping(_) | Frame::Pong(_) | Frame::Frame(_) => {}
        }
    }
}

/// Sends the message, what the input has, and pings. Returns when the server counts as gone. A connection that
/// fails is left to the receiving side, which knows the reason.
async fn send(
    mut sink: SplitSink<Socket, Frame>,
    message: String,
    mut input: Option<RemoteInput>,
    unanswered: &AtomicU32,
) -> Reason {
    if sink.send(Frame::text(message)).await.is_err() {
        return pending().await;
    }
    let mut pings = interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
    loop {
        let frame = tokio::select! {
            _ = pings.tick() => {
                if unanswered.fetch_add(1, Ordering::Relaxed) >= MAX_UNANSWERED {
                    let seconds = PING_INTERVAL.as_secs() * u64::from(MAX_UNANSWERED);
                    return Reason::NoAnswer { seconds };
                }
                Frame::Ping(Vec::new().into())
            }
            text = next_input(&mut input) => Frame::text(text),
        };
        if sink.send(frame).await.is_err() {
            return pending().await;
        }
    }
}

/// The next message of the input; never, when there is no more.
async fn next_input(input: &mut Option<RemoteInput>) -> String {
    if let Some(queue) = input {
        if let Some(text) = queue.next().await {
            return text;
        }
        *input = None;
    }
    pending().await
}

/// What the end of a connection means.
fn closed(frame: Option<CloseFrame>) -> Result<(), Reason> {
    let (code, reason) = match frame {
        Some(CloseFrame { code, reason }) => (code, reason.to_string()),
        None => (CloseCode::Status, String::new()),
    };
    match code {
        CloseCode::Normal => Ok(()),
        code if reason.is_empty() => Err(Reason::Closed(format!(
            "closed with code {}",
            u16::from(code)
        ))),
        _ => Err(Reason::Closed(reason)),
    }
}

fn failed(error: tungstenite::Error) -> Reason {
    match error {
        tungstenite::Error::Capacity(_) => Reason::EndlessEvent,
        tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => Reason::Cut,
        error => Reason::Connection(innermost(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_normal_close_is_an_end() {
        let frame = |code: u16, reason: &'static str| {
            let closed = closed(Some(CloseFrame {
                code: code.into(),
                reason: reason.into(),
            }));
            closed.map_err(|reason| reason.to_string())
        };
        assert_eq!(frame(1000, "Execution complete"), Ok(()));
        assert_eq!(frame(1011, "it broke"), Err("it broke".to_owned()));
        assert_eq!(frame(1001, ""), Err("closed with code 1001".to_owned()));
        assert!(closed(None).is_err());
    }
}
