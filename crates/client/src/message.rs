//! Messages of a stream, as a server sends them.

use isol8_api::event::{EventKind, Phase, StreamEvent};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{error::Reason, limits::MAX_EVENT};

/// What of a message is known.
#[derive(Deserialize)]
struct Wire {
    #[serde(rename = "type")]
    kind: EventKind,
    data: String,
    phase: Option<Phase>,
    code: Option<String>,
    result: Option<Box<RawValue>>,
}

/// One event, and with the last exit event the result, as the server wrote it.
pub(crate) struct Message {
    pub(crate) event: StreamEvent,
    pub(crate) result: Option<String>,
}

impl Message {
    /// Reads a message; none where it is no event. Clients ignore that.
    pub(crate) fn read(text: &str) -> Result<Option<Self>, Reason> {
        let Ok(Wire {
            kind,
            data,
            phase,
            code,
            result,
        }) = serde_json::from_str(text)
        else {
            return Ok(None);
        };
        // Only the result may be longer.
        if text.len() > MAX_EVENT && (kind != EventKind::Exit || data.len() > MAX_EVENT) {
            return Err(Reason::EndlessEvent);
        }
        Ok(Some(Self {
            event: StreamEvent {
                kind,
                data,
                phase,
                code,
            },
            result: result.map(|json| Box::<str>::from(json).into_string()),
        }))
    }

    /// Whether no event follows. After a setup phase with exit code 0 the program follows.
    pub(crate) fn is_last(&self) -> bool {
        let StreamEvent {
            kind, phase, data, ..
        } = &self.event;
        *kind == EventKind::Exit && !(*phase == Some(Phase::Setup) && data == "0")
    }

    /// Whether it is an error of the engine. It has no phase, and the stream ends without an exit event.
    pub(crate) fn is_engine_error(&self) -> bool {
        self.event.kind == EventKind::Error && self.event.phase.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_event_is_ignored() {
        for text in [
            "no JSON",
            "7",
            "[]",
            r#"{"type":"new","data":""}"#,
            r#"{"type":"stdout","data":7}"#,
            r#"{"type":"stdout"}"#,
        ] {
            assert!(Message::read(text).unwrap().is_none(), "{text}");
        }
        let read = Message::read(r#"{"type":"exit","data":"0","more":1,"result":{"a":1}}"#);
        let message = read.unwrap().unwrap();
        assert!(message.is_last());
        assert_eq!(message.result.as_deref(), Some(r#"{"a":1}"#));
    }

    #[test]
    fn events_have_a_limit_and_a_result_has_another() {
        let long = "x".repeat(MAX_EVENT);
        let output = format!(r#"{{"type":"stdout","data":"{long}"}}"#);
        assert!(matches!(Message::read(&output), Err(Reason::EndlessEvent)));
        let exit = format!(r#"{{"type":"exit","data":"0","result":{{"files":"{long}"}}}}"#);
        assert!(Message::read(&exit).unwrap().unwrap().result.is_some());
    }
}
