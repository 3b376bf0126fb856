//! Input for a program that runs on a server.

use isol8_api::websocket::ClientMessage;
use tokio::sync::mpsc;

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
