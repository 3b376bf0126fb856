//! Messages of the server's WebSocket, `GET /execute/ws`. What the server sends is a
//! [`StreamEvent`](crate::event::StreamEvent).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{field::is_false, http::ExecuteBody};

/// What a client sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ClientMessage {
    /// Runs a program.
    Execute {
        /// What to run, and how.
        #[serde(flatten)]
        body: Box<ExecuteBody>,
        /// Whether the program's input stays open for `stdin` messages. Without it the input is at its
        /// end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stdin: Option<StdinMode>,
    },
    /// Input for the program.
    Stdin {
        /// The text.
        data: String,
        /// Whether it is the last.
        #[serde(default, skip_serializing_if = "is_false")]
        end: bool,
    },
    /// A signal for the program.
    Signal {
        /// Which one.
        signal: Signal,
    },
}

/// What becomes of a program's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StdinMode {
    /// It stays open.
    Open,
}

/// The signals that a client may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum Signal {
    /// What Ctrl-C sends.
    #[serde(rename = "SIGINT")]
    Interrupt,
    /// The polite request to end.
    #[serde(rename = "SIGTERM")]
    Terminate,
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;

    #[test]
    fn messages_have_their_public_form() {
        for message in [
            json!({"type": "execute", "request": {"runtime": "bash", "cmd": "cat"},
                "sessionId": "a", "stdin": "open"}),
            json!({"type": "execute", "request": {"runtime": "bash", "cmd": "cat"}}),
            json!({"type": "stdin", "data": "x"}),
            json!({"type": "stdin", "data": "", "end": true}),
            json!({"type": "signal", "signal": "SIGTERM"}),
        ] {
            let read: ClientMessage = from_value(message.clone()).unwrap();
            assert_eq!(to_value(read).unwrap(), message);
        }
    }

    #[test]
    fn other_types_and_signals_are_refused() {
        for message in [
            json!({"type": "cancel"}),
            json!({"type": "signal", "signal": "SIGKILL"}),
            json!({"data": "x"}),
        ] {
            assert!(from_value::<ClientMessage>(message).is_err());
        }
    }
}
