//! What a client is sent: events, and at last the reason of the end.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures::SinkExt as _;
use isol8_api::event::StreamMessage;

use crate::{error::ApiError, execution::failure};

/// How long a client may take to answer the end of a connection.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// The client is gone, or the connection was closed.
pub(super) struct Gone;

impl From<axum::Error> for Gone {
    fn from(_: axum::Error) -> Self {
        Self
    }
}

/// Sends events, each in a message of its own.
pub(super) async fn send(socket: &mut WebSocket, events: &[StreamMessage]) -> Result<(), Gone> {
    for event in events {
        let json = serde_json::to_string(event).map_err(|_| Gone)?;
        socket.feed(Message::text(json)).await?;
    }
    Ok(socket.flush().await?)
}

/// Tells a client why its connection ends, and closes it.
pub(super) async fn refuse(socket: &mut WebSocket, error: &ApiError) -> Result<(), Gone> {
    error.warn();
    send(socket, &[failure(error).into()]).await?;
    let (code, reason) = match error {
        ApiError::NoMemory { .. } => (close_code::AGAIN, "No memory for the message"),
        ApiError::KeyStore(_) => (close_code::AGAIN, "The key cannot be checked"),
        ApiError::WrongKey => (close_code::POLICY, "Invalid API key"),
        ApiError::Ended(_) => (close_code::ERROR, "The program was ended"),
        _ => (close_code::SIZE, "The message is too large"),
    };
    close(socket, code, reason).await
}

/// Closes a connection. Waits until the client has answered, for a while.
pub(super) async fn close(
    socket: &mut WebSocket,
    code: u16,
    reason: &'static str,
) -> Result<(), Gone> {
    let frame = CloseFrame {
        code,
        reason: reason.into(),
    };
    socket.send(Message::Close(Some(frame))).await?;
    // The connection ends in order when the client has answered.
    let answer = async { while let Some(Ok(_)) = socket.recv().await {} };
    let _ = tokio::time::timeout(CLOSE_PATIENCE, answer).await;
    Ok(())
}
