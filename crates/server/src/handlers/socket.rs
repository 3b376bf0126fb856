//! `GET /execute/ws`: the events of a program over a WebSocket, with input and signals on the way back.

use std::{collections::VecDeque, time::Duration};

use axum::{
    extract::{
        State,
        ws::{
            CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code,
            rejection::WebSocketUpgradeRejection,
        },
    },
    response::Response,
};
use bytes::Bytes;
use futures::SinkExt as _;
use isol8_api::{
    event::{EventKind, StreamEvent, StreamMessage},
    websocket::{ClientMessage, Signal, StdinMode},
};
use isol8_engine::{ProgramInput, ProgramSignal, live_input};
use tokio::{
    sync::mpsc,
    time::{Instant, interval_at},
};

use super::socket_message::Received;
use crate::{app::App, body::read_aside, caller::Caller, error::ApiError, execution::Execution};

/// How long a client may take to answer the end of a connection.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// Pings without a word from the client after which it counts as gone.
const MAX_UNANSWERED: u32 = 3;

/// Largest piece of input in bytes. The queues between here and the program count pieces, not bytes.
const PIECE: usize = 64 * 1024;

/// Opens a connection. A request that is no upgrade finds nothing here.
pub(crate) async fn upgrade(
    State(app): State<App>,
    caller: Caller,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|_| ApiError::NoRoute)?;
    let limit = caller.policy.max_request_bytes;
    Ok(upgrade
        .max_message_size(limit)
        .max_frame_size(limit)
        .on_upgrade(move |socket| {
            let tasks = app.tasks().clone();
            tasks.track_future(serve(app, caller, socket))
        }))
}

async fn serve(app: App, caller: Caller, socket: WebSocket) {
    let ending = app.ending().clone();
    let connection = Connection {
        app,
        caller,
        socket,
        execution: None,
        input: None,
        held: VecDeque::new(),
    };
    // A client that is gone, or that does not keep to the protocol, gets no reason.
    let _ = ending.run_until_cancelled(connection.run()).await;
}

/// The client is gone, or the connection was closed.
struct Gone;

impl From<axum::Error> for Gone {
    fn from(_: axum::Error) -> Self {
        Self
    }
}

/// One client.
struct Connection {
    app: App,
    caller: Caller,
    socket: WebSocket,
    execution: Option<Execution>,
    /// Where input and signals of the execution go.
    input: Option<mpsc::Sender<ProgramInput>>,
    /// What the program has no room for yet: the parts of one message. Nothing is read from the client
    /// meanwhile.
    held: VecDeque<ProgramInput>,
}

impl Connection {
    async fn run(mut self) -> Result<(), Gone> {
        let closing = self.app.closing().clone();
        let interval = self.app.keep_alive();
        let mut pings = interval_at(Instant::now() + interval, interval);
        let mut unanswered = 0;
        loop {
            let is_idle = self.execution.is_none();
            let is_held = !self.held.is_empty();
            tokio::select! {
                events = next_events(&mut self.execution) => {
                    if events.is_empty() {
                        return self.close(close_code::NORMAL, "Execution complete").await;
                    }
                    send(&mut self.socket, &events).await?;
                }
                permit = room(self.input.clone()), if is_held => match permit {
                    Some(permit) => {
                        if let Some(input) = self.held.pop_front() {
                            permit.send(input);
                        }
                    }
                    // The program does not take anything any more.
                    None => self.held.clear(),
                },
                message = self.socket.recv(), if !is_held => {
                    unanswered = 0;
                    match message {
                        Some(Ok(Message::Text(text))) => self.handle(text.into()).await?,
                        Some(Ok(Message::Binary(bytes))) => self.handle(bytes).await?,
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Gone),
                    }
                }
                _ = pings.tick() => {
                    unanswered += u32::from(!is_held);
                    if unanswered > MAX_UNANSWERED {
                        return Err(Gone);
                    }
                    self.socket.send(Message::Ping(Bytes::new())).await?;
                }
                () = closing.cancelled(), if is_idle => {
                    return self.close(close_code::AWAY, "The server is shutting down").await;
                }
            }
        }
    }

    /// Acts on a message.
    async fn handle(&mut self, message: Bytes) -> Result<(), Gone> {
        let received = read_aside(message, Received::read)
            .await
            .map_err(|_| Gone)?;
        match received {
            Received::NoJson => {
                send(&mut self.socket, &[error("Invalid JSON message")]).await?;
                self.close(close_code::UNSUPPORTED, "Invalid JSON").await?;
                return Err(Gone);
            }
            Received::UnknownType(kind) => {
                let text = format!("Unknown message type: {kind}");
                send(&mut self.socket, &[error(&text)]).await?;
            }
            Received::Invalid { cause, is_execute } => {
                let text = format!("Invalid message: {cause}");
                send(&mut self.socket, &[error(&text)]).await?;
                if is_execute && self.execution.is_none() {
                    self.close(close_code::NORMAL, "Execution complete").await?;
                    return Err(Gone);
                }
            }
            Received::Known(ClientMessage::Execute { body, stdin }) => {
                if self.execution.is_some() {
                    let text = "Invalid message: a program runs on this connection already";
                    return send(&mut self.socket, &[error(text)]).await;
                }
                let (input, live) = live_input(stdin == Some(StdinMode::Open));
                self.input = Some(input);
                self.execution = Some(Execution::new(
                    self.app.clone(),
                    self.caller.clone(),
                    *body,
                    Some(live),
                ));
            }
            Received::Known(ClientMessage::Stdin { data, end }) => {
                for piece in pieces(data.into()) {
                    self.pass(ProgramInput::Data(piece));
                }
                if end {
                    self.pass(ProgramInput::End);
                }
            }
            Received::Known(ClientMessage::Signal { signal }) => {
                self.pass(ProgramInput::Signal(match signal {
                    Signal::Interrupt => ProgramSignal::Interrupt,
                    Signal::Terminate => ProgramSignal::Terminate,
                }));
            }
        }
        Ok(())
    }

    /// Keeps input until the program has room for it. Before a program there is nobody to have it.
    fn pass(&mut self, input: ProgramInput) {
        if self.input.is_some() {
            self.held.push_back(input);
        }
    }

    async fn close(&mut self, code: u16, reason: &'static str) -> Result<(), Gone> {
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        self.socket.send(Message::Close(Some(frame))).await?;
        // The connection ends in order when the client has answered.
        let answer = async { while let Some(Ok(_)) = self.socket.recv().await {} };
        let _ = tokio::time::timeout(CLOSE_PATIENCE, answer).await;
        Ok(())
    }
}

/// Input in pieces of which the program's queue may hold many.
fn pieces(mut data: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        let length = data.len().min(PIECE);
        (length > 0).then(|| data.split_to(length))
    })
}

async fn next_events(execution: &mut Option<Execution>) -> Vec<StreamMessage> {
    match execution {
        Some(execution) => execution.next().await,
        None => std::future::pending().await,
    }
}

/// Room for one piece of input; none when nobody will take any.
async fn room(
    input: Option<mpsc::Sender<ProgramInput>>,
) -> Option<mpsc::OwnedPermit<ProgramInput>> {
    input?.reserve_owned().await.ok()
}

/// Sends events, each in a message of its own.
async fn send(socket: &mut WebSocket, events: &[StreamMessage]) -> Result<(), Gone> {
    for event in events {
        let json = serde_json::to_string(event).map_err(|_| Gone)?;
        socket.feed(Message::text(json)).await?;
    }
    Ok(socket.flush().await?)
}

fn error(text: &str) -> StreamMessage {
    StreamMessage::from(StreamEvent {
        kind: EventKind::Error,
        data: text.to_owned(),
        phase: None,
        code: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_input_goes_in_pieces_of_limited_length() {
        let data: Bytes = (0..=255).cycle().take(2 * PIECE + 1).collect();
        let all: Vec<_> = pieces(data.clone()).collect();
        let lengths: Vec<_> = all.iter().map(Bytes::len).collect();
        assert_eq!(lengths, [PIECE, PIECE, 1]);
        let joined: Vec<u8> = all.iter().flatten().copied().collect();
        assert_eq!(joined, data.to_vec());
        assert_eq!(pieces(Bytes::new()).count(), 0);
    }
}
