//! Servers of tests.

mod plain;
mod scripted;

use std::time::Duration;

use isol8_api::{event::StreamEvent, http::ExecuteBody, request::ExecutionRequest};
use isol8_client::{CallError, RemoteClient, RemoteStream};

pub(crate) use plain::{Answer, Plain, json_answer};
pub(crate) use scripted::{KEY, Scripted, program};

/// Longer than anything here takes, so that a hang is a failure.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A request of a program in Bash that wants its result.
pub(crate) fn body(session_id: Option<&str>) -> ExecuteBody {
    ExecuteBody {
        request: ExecutionRequest {
            runtime: "bash".to_owned(),
            code: Some("x".to_owned()),
            ..ExecutionRequest::default()
        },
        session_id: session_id.map(str::to_owned),
        result: true,
        ..ExecuteBody::default()
    }
}

/// What came of a stream: its events, and how it ended.
pub(crate) struct Told {
    pub(crate) events: Vec<StreamEvent>,
    pub(crate) result: Option<String>,
    pub(crate) end: Result<(), CallError>,
}

/// Everything that a stream tells.
pub(crate) async fn told(mut stream: RemoteStream) -> Told {
    let mut events = Vec::new();
    let end = loop {
        let next = tokio::time::timeout(PATIENCE, stream.next());
        match next.await.expect("the stream does not end") {
            Ok(Some(event)) => events.push(event),
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    Told {
        events,
        result: stream.take_result(),
        end,
    }
}

/// Streams a program.
pub(crate) async fn stream(client: &RemoteClient, body: &ExecuteBody) -> Told {
    told(client.stream(body, None).unwrap()).await
}
