//! One client: what it sends, and the events of its program.

use std::{collections::VecDeque, error::Error as _};

use axum::extract::ws::{Message, WebSocket, close_code};
use bytes::Bytes;
use isol8_api::{
    event::{EventKind, StreamEvent, StreamMessage},
    websocket::{ClientMessage, Signal, StdinMode},
};
use isol8_engine::{ProgramInput, ProgramSignal, live_input};
use tokio::{
    sync::mpsc,
    time::{Instant, interval_at},
};
use tokio_tungstenite::tungstenite;

use super::{
    input::{alone, pieces},
    message::Received,
    output::{Gone, close, refuse, send},
};
use crate::{
    app::App,
    auth::check_again,
    body::{read_aside, shown},
    callers::Caller,
    error::ApiError,
    execution::{Execution, failure},
    limits::Charge,
    serve::Meter,
};

/// Pings without a word from the client after which it counts as gone.
const MAX_UNANSWERED: u32 = 3;

/// One client.
pub(super) struct Connection {
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
    /// A client that has sent nothing yet.
    pub(super) fn new(app: App, caller: Caller, meter: Meter, socket: WebSocket) -> Self {
        Self {
            app,
            caller,
            meter,
            socket,
            execution: None,
            charge: None,
            input: None,
            held: VecDeque::new(),
        }
    }

    /// Serves the client until the connection ends.
    pub(super) async fn run(mut self) -> Result<(), Gone> {
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
                        return close(&mut self.socket, close_code::NORMAL, "Execution complete").await;
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
                        Some(Err(error)) => return self.failed(&error).await,
                        Some(Ok(Message::Close(_))) | None => return Err(Gone),
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
                    return close(&mut self.socket, close_code::AWAY, "The server is shutting down").await;
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
            // Nothing of the message has reached the program, which goes on.
            Err(error @ ApiError::TooManyValues { .. }) if self.execution.is_some() => {
                return send(&mut self.socket, &[failure(&error).into()]).await;
            }
            Err(error) => return self.refuse(error).await,
        };
        match received {
            Received::NoJson => {
                send(&mut self.socket, &[error("Invalid JSON message")]).await?;
                close(&mut self.socket, close_code::UNSUPPORTED, "Invalid JSON").await?;
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
                    close(&mut self.socket, close_code::NORMAL, "Execution complete").await?;
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

    /// Ends a connection of which nothing more can be read. Of a message that is too large, the rest would have to be.
    async fn failed(&mut self, error: &axum::Error) -> Result<(), Gone> {
        if !is_too_large(error) {
            return Err(Gone);
        }
        let limit = self.caller.policy.max_request_bytes;
        self.refuse(ApiError::MessageTooLarge { limit }).await
    }

    /// Ends the connection, and its program. A message is too large, there is no memory for it, or the key is not valid any more.
    async fn refuse(&mut self, error: ApiError) -> Result<(), Gone> {
        let error = match self.execution.take() {
            Some(_) => error.of_ended_program(),
            None => error,
        };
        refuse(&mut self.socket, &error).await?;
        Err(Gone)
    }
}

/// Whether a message has more bytes than it may.
fn is_too_large(error: &axum::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref());
    matches!(cause, Some(tungstenite::Error::Capacity(_)))
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

fn error(text: &str) -> StreamMessage {
    StreamMessage::from(StreamEvent {
        kind: EventKind::Error,
        data: text.to_owned(),
        phase: None,
        code: None,
    })
}
