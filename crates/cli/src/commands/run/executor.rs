//! Who runs the programs of a command: an engine of this process, or a server.

use std::time::Duration;

use isol8_api::{
    event::StreamEvent, http::ExecuteBody, request::ExecutionRequest, result::ExecutionResult,
};
use isol8_client::{RemoteClient, RemoteStream};
use isol8_engine::{Engine, EventStream, Submission};
use tokio_util::sync::CancellationToken;

use super::live;
use crate::{
    failure::Failure,
    settings::{Input, RemoteRun},
};

/// How long the end of the sandboxes may delay the end of the command.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// Who runs programs.
pub(super) enum Executor {
    /// An engine of this process.
    Local(Engine),
    /// A server.
    Remote(Box<Remote>),
}

/// A server, and what goes with every request.
pub(super) struct Remote {
    client: RemoteClient,
    body: ExecuteBody,
}

impl Remote {
    /// Sends nothing.
    pub(super) fn new(run: &RemoteRun) -> Result<Self, Failure> {
        Ok(Self {
            client: run.server.client()?,
            body: ExecuteBody {
                options: Some(run.options.clone()),
                session_id: run.session_id.clone(),
                result: true,
                ..ExecuteBody::default()
            },
        })
    }

    fn body(&self, request: ExecutionRequest) -> ExecuteBody {
        ExecuteBody {
            request,
            ..self.body.clone()
        }
    }
}

impl Executor {
    /// Runs a request and streams its events. `input` decides whether this command's standard input goes to the
    /// program while it runs. Dropping the stream ends the program.
    pub(super) fn stream(
        &self,
        mut submission: Submission,
        input: &Input,
    ) -> Result<Events, Failure> {
        let is_live = *input == Input::Live;
        match self {
            Self::Local(engine) => {
                submission.live = is_live.then(live::standard_input);
                Ok(Events::Local(Box::new(engine.stream(submission))))
            }
            Self::Remote(remote) => {
                let input = is_live.then(live::standard_input_of_remote);
                let stream = remote
                    .client
                    .stream(&remote.body(submission.request), input)?;
                Ok(Events::Remote(stream))
            }
        }
    }

    /// Runs a request to its end. Cancelling the token, or dropping the future, ends the program.
    pub(super) async fn execute(
        &self,
        submission: Submission,
        cancel: CancellationToken,
    ) -> Result<ExecutionResult, Failure> {
        match self {
            Self::Local(engine) => Ok(engine.execute(submission, cancel).await?),
            Self::Remote(remote) => {
                let answer = remote
                    .client
                    .execute(&remote.body(submission.request))
                    .await?;
                Ok(answer.read()?)
            }
        }
    }

    /// Ends the sandboxes of this process. Sessions of a server stay.
    pub(super) async fn stop(&self) {
        if let Self::Local(engine) = self {
            let _ = tokio::time::timeout(STOP_LIMIT, engine.stop()).await;
        }
    }
}

/// Events of one program, in order.
pub(super) enum Events {
    Local(Box<EventStream>),
    Remote(RemoteStream),
}

impl Events {
    /// The next event; none at the end. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Option<StreamEvent>, Failure> {
        match self {
            Self::Local(events) => match events.recv().await {
                Some(event) => Ok(Some(event)),
                None => match events.take_refusal() {
                    Some(refusal) => Err(refusal.into()),
                    None => Ok(None),
                },
            },
            Self::Remote(events) => Ok(events.next().await?),
        }
    }

    /// Ends the program.
    pub(super) fn cancel(self) {
        if let Self::Local(events) = &self {
            events.canceller().cancel();
        }
    }

    /// What the program came to, at the end; none after a failure, and from servers that send none.
    pub(super) fn take_result(&mut self) -> Result<Option<ExecutionResult>, Failure> {
        match self {
            Self::Local(events) => Ok(events.take_result()),
            Self::Remote(events) => {
                let result = events.take_result().map(|json| serde_json::from_str(&json));
                result.transpose().map_err(|error| {
                    Failure::Usage(format!("The server's result cannot be read: {error}"))
                })
            }
        }
    }
}
