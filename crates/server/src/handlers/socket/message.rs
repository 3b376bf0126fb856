//! The messages of a WebSocket, as they come from a client.

use isol8_api::websocket::ClientMessage;
use serde::Deserialize as _;
use serde_json::Value;

/// What a client has sent.
pub(super) enum Received {
    /// Something else than JSON.
    NoJson,
    /// A message of a type that there is none of.
    UnknownType(String),
    /// A message of a known type that is wrong.
    Invalid {
        /// What is wrong.
        cause: String,
        /// Whether it was to run a program.
        is_execute: bool,
    },
    /// A message.
    Known(ClientMessage),
}

impl Received {
    /// Reads a message.
    pub(super) fn read(message: &[u8]) -> Self {
        let Ok(json) = serde_json::from_slice::<Value>(message) else {
            return Self::NoJson;
        };
        let kind = match &json["type"] {
            Value::String(kind) => kind.clone(),
            Value::Null => "undefined".to_owned(),
            other => other.to_string(),
        };
        if !matches!(kind.as_str(), "execute" | "stdin" | "signal") {
            return Self::UnknownType(kind);
        }
        match ClientMessage::deserialize(json) {
            Ok(message) => Self::Known(message),
            Err(cause) => Self::Invalid {
                cause: cause.to_string(),
                is_execute: kind == "execute",
            },
        }
    }
}
