//! The events of a program that runs on a server.

use std::sync::{Arc, atomic::Ordering};

use isol8_api::{event::StreamEvent, websocket::ClientMessage};
use reqwest::Method;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinHandle,
};

use crate::{
    client::Inner,
    error::{Call, CallError, Reason},
    http::Outgoing,
    limits::{EVENT_COST, MAX_WAITING},
    message::Message,
    sse::SseParser,
    websocket,
};

/// Messages to a program that wait until they are sent.
const INPUT_QUEUE: usize = 16;

/// Input and signals for a program while it runs.
pub struct RemoteInput(mpsc::Receiver<ClientMessage>);

/// A way to a program on a server: `stdin` and `signal` messages that go into the sender come out at the program that is
/// streamed with the other end. A sender that waits has a program that does not read. The input is at its end when a
/// message says so, not when the sender is dropped.
#[must_use]
pub fn input_queue() -> (mpsc::Sender<ClientMessage>, RemoteInput) {
    let (sender, receiver) = mpsc::channel(INPUT_QUEUE);
    (sender, RemoteInput(receiver))
}

impl RemoteInput {
    /// The next message as JSON; none when there is no more. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<String> {
        loop {
            let message = self.0.recv().await?;
            if let Ok(json) = serde_json::to_string(&message) {
                return Some(json);
            }
        }
    }
}

/// Events of one execution, in order. Dropping it ends the connection, and so the program.
pub struct RemoteStream {
    queue: mpsc::UnboundedReceiver<Result<Waiting, Reason>>,
    receiving: JoinHandle<()>,
    /// Whether the stream may end here: after an error of the engine.
    is_complete: bool,
    is_over: bool,
    result: Option<String>,
}

/// A message that waits for the consumer.
struct Waiting {
    message: Message,
    _room: Option<OwnedSemaphorePermit>,
}

impl RemoteStream {
    pub(crate) fn start(client: Arc<Inner>, body: String, input: Option<RemoteInput>) -> Self {
        let (sender, queue) = mpsc::unbounded_channel();
        let outbox = Outbox {
            sender,
            room: Arc::new(Semaphore::new(MAX_WAITING as usize)),
        };
        let receiving = tokio::spawn(async move {
            if let Err(reason) = receive(&client, body, input, &outbox).await {
                // The consumer may be gone.
                let _ = outbox.sender.send(Err(reason));
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

/// Where messages wait for the consumer. Their bytes have a limit.
pub(crate) struct Outbox {
    sender: mpsc::UnboundedSender<Result<Waiting, Reason>>,
    room: Arc<Semaphore>,
}

impl Outbox {
    /// Waits for room for a message of this many bytes, and puts it there.
    pub(crate) async fn put(&self, message: Message, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(MAX_WAITING);
        let cost = bytes.saturating_add(EVENT_COST).min(MAX_WAITING);
        // The semaphore is never closed.
        let room = Arc::clone(&self.room).acquire_many_owned(cost).await.ok();
        let waiting = Waiting {
            message,
            _room: room,
        };
        // The consumer may be gone.
        let _ = self.sender.send(Ok(waiting));
    }
}

/// Receives everything that a server sends. `body` is a JSON object with at least one field.
async fn receive(
    client: &Inner,
    body: String,
    input: Option<RemoteInput>,
    outbox: &Outbox,
) -> Result<(), Reason> {
    if input.is_some() || client.use_websocket.load(Ordering::Relaxed) {
        match websocket::open(&client.http).await {
            Ok(socket) => {
                let message = execute_message(&body, input.is_some());
                drop(body);
                return websocket::run(socket, message, input, outbox).await;
            }
            Err(refused) => {
                if refused.is_refused {
                    client.use_websocket.store(false, Ordering::Relaxed);
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
    let mut response = client
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
    use isol8_api::http::ExecuteBody;

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
