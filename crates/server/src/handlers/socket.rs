//! `GET /execute/ws`: the events of a program over a WebSocket, with input and signals on the way back.

use std::{collections::VecDeque, time::Duration};

use axum::{
    extract::{
        Extension, State,
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
    http::ErrorBody,
    websocket::{ClientMessage, Signal, StdinMode},
};
use isol8_engine::{ProgramInput, ProgramSignal, live_input};
use tokio::{
    sync::mpsc,
    time::{Instant, interval_at},
};
use tracing::Instrument as _;

use super::{
    socket_input::{alone, pieces},
    socket_message::Received,
};
use crate::{
    app::App,
    auth::check_again,
    body::{read_aside, shown},
    callers::Caller,
    error::ApiError,
    execution::{Execution, failure},
    limits::Charge,
    openapi::Keyed,
    serve::Meter,
};

/// How long a client may take to answer the end of a connection.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// Most that is read from a client at a time, in bytes. A `WebSocket` keeps room for it, and each attempt to read fills the
/// room with zeros first.
const READ_BUFFER: usize = 8 * 1024;

/// Pings without a word from the client after which it counts as gone.
const MAX_UNANSWERED: u32 = 3;

/// `GET /execute/ws`: opens a WebSocket. A request that is no upgrade finds nothing here.
///
/// The client sends JSON texts of the schema `ClientMessage`: first `execute`, then `stdin` and `signal`. The server answers with
/// JSON texts of the schema `StreamMessage` and closes with 1000 after the last.
#[utoipa::path(
    get,
    path = "/execute/ws",
    tag = "executions",
    responses(
        (status = 101, description = "The connection is a WebSocket."),
        (status = 404, description = "The request is no upgrade.", body = ErrorBody),
        Keyed
    )
)]
pub(crate) async fn upgrade(
    State(app): State<App>,
    caller: Caller,
    Extension(meter): Extension<Meter>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|_| ApiError::NoRoute)?;
    let limit = caller.policy.max_request_bytes;
    let span = tracing::Span::current();
    Ok(upgrade
        .read_buffer_size(READ_BUFFER)
        .max_message_size(limit)
        .max_frame_size(limit)
        .on_upgrade(move |socket| {
            let tasks = app.tasks().clone();
            tasks.track_future(serve(app, caller, meter, socket).instrument(span))
        }))
}

async fn serve(app: App, caller: Caller, meter: Meter, socket: WebSocket) {
    let ending = app.ending().clone();
    meter.charge_to(app.budget().open(&caller.owner));
    let connection = Connection {
        app,
        caller,
        meter,
        socket,
        execution: None,
        charge: None,
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
    meter: Meter,
    socket: WebSocket,
    execution: Option<Execution>,
    /// What the request of the execution takes.
    charge: Option<Charge>,
    /// Where input and signals of the execution go.
    input: Option<mpsc::Sender<ProgramInput>>,
    /// What the program has no room for yet: the parts of one message, with what it takes. Nothing is read from the
    /// client meanwhile.
    held: VecDeque<(ProgramInput, Charge)>,
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
                        if let Some((input, _charge)) = self.held.pop_front() {
                            permit.send(alone(input));
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
                        Some(Ok(Message::Ping(data) | Message::Pong(data))) => {
                            self.meter.forget_control_frame(data.len());
                        }
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Gone),
                    }
                }
                error = self.meter.refused() => return self.refuse(error).await,
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
        self.app.metrics().received(message.len());
        let next = self.app.budget().open(&self.caller.owner);
        let charge = self.meter.charge_to(next).ok_or(Gone)?;
        let received = match read_aside(message, charge.clone(), Received::read).await {
            Ok(received) => received.map_err(|_| Gone)?,
            Err(error) => return self.refuse(error).await,
        };
        match received {
            Received::NoJson => {
                send(&mut self.socket, &[error("Invalid JSON message")]).await?;
                self.close(close_code::UNSUPPORTED, "Invalid JSON").await?;
                return Err(Gone);
            }
            Received::UnknownType(kind) => {
                let text = shown(&format!("Unknown message type: {kind}"));
                send(&mut self.socket, &[error(&text)]).await?;
            }
            Received::Invalid { cause, is_execute } => {
                let text = shown(&format!("Invalid message: {cause}"));
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
                if let Err(error) = check_again(&self.app, &self.caller).await {
                    return self.refuse(error).await;
                }
                let (input, live) = live_input(stdin == Some(StdinMode::Open));
                self.input = Some(input);
                self.charge = Some(charge);
                self.execution = Some(Execution::new(
                    self.app.clone(),
                    self.caller.clone(),
                    *body,
                    Some(live),
                ));
            }
            Received::Known(ClientMessage::Stdin { data, end }) => {
                for piece in pieces(data.into()) {
                    self.pass(ProgramInput::Data(piece), &charge);
                }
                if end {
                    self.pass(ProgramInput::End, &charge);
                }
            }
            Received::Known(ClientMessage::Signal { signal }) => {
                let signal = match signal {
                    Signal::Interrupt => ProgramSignal::Interrupt,
                    Signal::Terminate => ProgramSignal::Terminate,
                };
                self.pass(ProgramInput::Signal(signal), &charge);
            }
        }
        Ok(())
    }

    /// Keeps input until the program has room for it. Before a program there is nobody to have it.
    fn pass(&mut self, input: ProgramInput, charge: &Charge) {
        if self.input.is_some() {
            self.held.push_back((input, charge.clone()));
        }
    }

    /// Ends the connection, and its program. The message is too large, there is no memory for it, or the key is not valid any more.
    async fn refuse(&mut self, error: ApiError) -> Result<(), Gone> {
        let error = match self.execution.take() {
            Some(_) => error.of_ended_program(),
            None => error,
        };
        error.warn();
        send(&mut self.socket, &[failure(&error).into()]).await?;
        let (code, reason) = match error {
            ApiError::NoMemory { .. } => (close_code::AGAIN, "No memory for the message"),
            ApiError::KeyStore(_) => (close_code::AGAIN, "The key cannot be checked"),
            ApiError::WrongKey => (close_code::POLICY, "Invalid API key"),
            ApiError::Ended(_) => (close_code::ERROR, "The program was ended"),
            _ => (close_code::SIZE, "The message is too large"),
        };
        self.close(code, reason).await?;
        Err(Gone)
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
