//! Events of a streaming execution, under their public JSON names.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ErrorCode, result::ExecutionResult};

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StreamEvent {
    /// What `data` is.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// Text of the output or of the error; the exit code in decimal.
    pub data: String,
    /// The part of the execution that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// The code of an error, for programs. Errors without one are a program's own end: its time
    /// limit, its memory. Servers of version 0.20 send none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

impl StreamEvent {
    fn new(kind: EventKind, phase: Phase, data: String) -> Self {
        Self {
            kind,
            data,
            phase: Some(phase),
            code: None,
        }
    }

    /// Some standard output.
    #[must_use]
    pub fn stdout(phase: Phase, data: String) -> Self {
        Self::new(EventKind::Stdout, phase, data)
    }

    /// Some standard error.
    #[must_use]
    pub fn stderr(phase: Phase, data: String) -> Self {
        Self::new(EventKind::Stderr, phase, data)
    }

    /// The end of a phase.
    #[must_use]
    pub fn exit(phase: Phase, code: i32) -> Self {
        Self::new(EventKind::Exit, phase, code.to_string())
    }

    /// Why an execution, or a step before its program, failed; an exit event follows.
    #[must_use]
    pub fn failure(phase: Phase, code: ErrorCode, message: String) -> Self {
        Self {
            code: Some(code.as_str().to_owned()),
            ..Self::error(phase, message)
        }
    }

    /// What ended a program early; an exit event follows.
    #[must_use]
    pub fn error(phase: Phase, message: String) -> Self {
        Self::new(EventKind::Error, phase, message)
    }
}

/// One message of a server's stream.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StreamMessage {
    /// The event.
    #[serde(flatten)]
    pub event: StreamEvent,
    /// With the last exit event of a request that asked for it: the result, without the output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Box<ExecutionResult>>,
}

impl From<StreamEvent> for StreamMessage {
    fn from(event: StreamEvent) -> Self {
        Self {
            event,
            result: None,
        }
    }
}

/// Kinds of [`StreamEvent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
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
