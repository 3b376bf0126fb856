//! The events of a program that runs on a server.

use std::sync::{Arc, atomic::Ordering};

use isol8_api::event::StreamEvent;
use reqwest::Method;
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{
    connection::Connection,
    error::{Call, CallError, Reason},
    http::Outgoing,
    input::RemoteInput,
    message::Message,
    outbox::{Outbox, Waiting},
    sse::SseParser,
    websocket,
};

/// Events of one execution, in order. Dropping it ends the connection, and so the program.
pub struct RemoteStream {
    queue: mpsc::UnboundedReceiver<Result<Waiting, Reason>>,
    receiving: JoinHandle<()>,
    /// Whether the stream may end here: after an error of the engine.
    is_complete: bool,
    is_over: bool,
    result: Option<String>,
}

impl RemoteStream {
    pub(crate) fn start(
        connection: Arc<Connection>,
        body: String,
        input: Option<RemoteInput>,
    ) -> Self {
        let (outbox, queue) = Outbox::new();
        let receiving = tokio::spawn(async move {
            if let Err(reason) = receive(&connection, body, input, &outbox).await {
                outbox.fail(reason);
            }
        });
        Self {
            queue,
            receiving,
            is_complete: false,
            is_over: false,
            result: None,
        }
    }

    /// The next event; none after the last. A stream that is cut, or ends without the end of the program, is an error.
    /// Cancel safe.
    pub async fn next(&mut self) -> Result<Option<StreamEvent>, CallError> {
        if self.is_over {
            return Ok(None);
        }
        let received = self.queue.recv().await;
        let failed = |reason| CallError {
            call: Call::Stream,
            reason,
        };
        match received {
            Some(Ok(Waiting { message, .. })) => {
                self.is_over = message.is_last();
                self.is_complete = message.is_engine_error();
                self.result = message.result.filter(|_| self.is_over);
                Ok(Some(message.event))
            }
            Some(Err(reason)) => {
                self.is_over = true;
                Err(failed(reason))
            }
            None => {
                self.is_over = true;
                if self.is_complete {
                    Ok(None)
                } else {
                    Err(failed(Reason::Cut))
                }
            }
        }
    }

    /// The result as JSON, without the output, which the events carried. Known with the last exit event of a request
    /// that asked for it; none after a failure, and from servers of version 0.20. Given once.
    pub fn take_result(&mut self) -> Option<String> {
        self.result.take()
    }
}

impl Drop for RemoteStream {
    fn drop(&mut self) {
        self.receiving.abort();
    }
}

/// Receives everything that a server sends. `body` is a JSON object with at least one field.
async fn receive(
    connection: &Connection,
    body: String,
    input: Option<RemoteInput>,
    outbox: &Outbox,
) -> Result<(), Reason> {
    if input.is_some() || connection.use_websocket.load(Ordering::Relaxed) {
        match websocket::open(&connection.http).await {
            Ok(socket) => {
                let message = execute_message(&body, input.is_some());
                drop(body);
                return websocket::run(socket, message, input, outbox).await;
            }
            Err(refused) => {
                if refused.is_refused {
                    connection.use_websocket.store(false, Ordering::Relaxed);
                }
            }
        }
    }
    let request = Outgoing {
        body: Some(body.into()),
        accept: Some("text/event-stream"),
        ..Outgoing::bare(Method::POST, "/execute/stream")
    };
    if input.is_some() {
        return Err(Reason::NoWebSocket);
    }
    let mut response = connection
        .http
        .send(Call::Stream, request)
        .await
        .map_err(|error| error.reason)?;
    let mut parser = SseParser::default();
    while let Some(chunk) = response.chunk().await? {
        parser.add(&chunk)?;
        while let Some(text) = parser.next() {
            if let Some(message) = Message::read(&text)? {
                outbox.put(message, text.len()).await;
            }
        }
    }
    Ok(())
}

/// The first message on a `WebSocket`: the body, with the kind of message in front.
fn execute_message(body: &str, stays_open: bool) -> String {
    let fields = body.trim_start().strip_prefix('{').unwrap_or(body);
    let stdin = if stays_open { r#""stdin":"open","# } else { "" };
    format!(r#"{{"type":"execute",{stdin}{fields}"#)
}

#[cfg(test)]
mod tests {
    use isol8_api::{http::ExecuteBody, websocket::ClientMessage};

    use super::*;

    #[test]
    fn the_first_message_is_one_that_servers_know() {
        let body = serde_json::to_string(&ExecuteBody::default()).unwrap();
        for open in [false, true] {
            let message = execute_message(&body, open);
            let read: ClientMessage = serde_json::from_str(&message).unwrap();
            let ClientMessage::Execute { stdin, body } = read else {
                panic!("{message}");
            };
            assert_eq!((*body, stdin.is_some()), (ExecuteBody::default(), open));
        }
    }
}
