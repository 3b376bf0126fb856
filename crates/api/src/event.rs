//! Events of a streaming execution, under their public JSON names.

use serde::{Deserialize, Serialize};

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamEvent {
    /// What `data` is.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// Text of the output or of the error; the exit code in decimal.
    pub data: String,
    /// The part of the execution that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
}

impl StreamEvent {
    /// Some standard output.
    #[must_use]
    pub fn stdout(phase: Phase, data: String) -> Self {
        Self {
            kind: EventKind::Stdout,
            data,
            phase: Some(phase),
        }
    }

    /// Some standard error.
    #[must_use]
    pub fn stderr(phase: Phase, data: String) -> Self {
        Self {
            kind: EventKind::Stderr,
            data,
            phase: Some(phase),
        }
    }

    /// The end of a phase.
    #[must_use]
    pub fn exit(phase: Phase, code: i32) -> Self {
        Self {
            kind: EventKind::Exit,
            data: code.to_string(),
            phase: Some(phase),
        }
    }

    /// What a stream ends with when an execution failed: the error, then exit code 1.
    #[must_use]
    pub fn failure(message: &str) -> [Self; 2] {
        [
            Self::error(Phase::Code, message.to_owned()),
            Self::exit(Phase::Code, 1),
        ]
    }

    /// A failure; an exit event follows.
    #[must_use]
    pub fn error(phase: Phase, message: String) -> Self {
        Self {
            kind: EventKind::Error,
            data: message,
            phase: Some(phase),
        }
    }
}

/// Kinds of [`StreamEvent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// A piece of standard output.
    Stdout,
    /// A piece of standard error.
    Stderr,
    /// The end of a phase, with its exit code.
    Exit,
    /// A failure.
    Error,
}

/// Parts of an execution, as its stream names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Package installation and setup scripts.
    Setup,
    /// The program itself.
    Code,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_have_their_public_form() {
        let text = serde_json::to_string(&StreamEvent::exit(Phase::Setup, 137)).unwrap();
        assert_eq!(text, r#"{"type":"exit","data":"137","phase":"setup"}"#);
        let plain: StreamEvent = serde_json::from_str(r#"{"type":"stdout","data":"x"}"#).unwrap();
        assert_eq!(plain.phase, None);
        assert_eq!(
            serde_json::to_string(&plain).unwrap(),
            r#"{"type":"stdout","data":"x"}"#
        );
    }
}
