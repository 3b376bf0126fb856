//! The client of a server as a class.

use std::sync::Arc;

use futures::FutureExt as _;
use isol8_api::event::StreamEvent;
use isol8_client::{Call, CallError, ConnectionError, Reason, RemoteClient, RemoteStream};
use napi::bindgen_prelude::{BufferSlice, Env, PromiseRaw, within_runtime_if_available};
use napi_derive::napi;
use serde_json::value::RawValue;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::{
    engine::NativeCancel,
    exit::life,
    outcome::{NativeBytes, NativeError, NativeOutcome, thrown},
    stream::{BATCH, NativeBatch},
};

impl From<CallError> for NativeError {
    fn from(error: CallError) -> Self {
        Self {
            code: error.code().to_owned(),
            message: error.to_string(),
        }
    }
}

impl From<ConnectionError> for NativeError {
    fn from(error: ConnectionError) -> Self {
        Self::new(error.code(), &error)
    }
}

/// A client of a server.
#[napi]
pub struct NativeRemote(RemoteClient);

#[napi]
impl NativeRemote {
    /// A client of the server at `host`. Sends nothing; throws when the address or the key cannot be used.
    /// `websocket` decides whether streams try a `WebSocket`.
    #[napi(constructor)]
    pub fn new(
        host: String,
        api_key: String,
        websocket: bool,
    ) -> Result<Self, napi::Error<String>> {
        let client = RemoteClient::new(&host, &api_key).map_err(|error| thrown(error.into()))?;
        Ok(Self(if websocket {
            client
        } else {
            client.without_websocket()
        }))
    }

    /// Checks that the server answers.
    #[napi]
    pub fn health<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, NativeOutcome>> {
        let client = self.0.clone();
        env.spawn_future(async move { Ok(client.health().await.map_err(NativeError::from).into()) })
    }

    /// Runs a program to its end. `body_json` is the body of the request.
    #[napi]
    pub fn execute<'env>(
        &self,
        env: &'env Env,
        body_json: String,
        cancel: &NativeCancel,
    ) -> napi::Result<PromiseRaw<'env, NativeOutcome>> {
        let (client, cancelled) = (self.0.clone(), cancel.token());
        env.spawn_future(async move {
            let answer = async {
                let body = raw(Call::Execute, body_json)?;
                Ok(client.execute(&body).await?.into_json())
            };
            let answer = cancelled.run_until_cancelled(answer).await;
            Ok(NativeOutcome::of_json(
                answer.unwrap_or_else(|| Err(given_up(Call::Execute).into())),
            ))
        })
    }

    /// Runs a program and streams its events.
    #[napi]
    pub fn stream(&self, body_json: String) -> NativeRemoteStream {
        let stream = raw(Call::Stream, body_json).and_then(|body| {
            let started = within_runtime_if_available(|| self.0.stream(&body, None));
            started.map_err(NativeError::from)
        });
        let state = match stream {
            Ok(stream) => State::Running(Box::new(stream)),
            Err(error) => State::Failed(error),
        };
        NativeRemoteStream {
            state: Arc::new(Mutex::new(state)),
            cancel: life().child_token(),
        }
    }

    /// Writes a file into a session. Its bytes are copied before it returns.
    #[napi]
    pub fn put_file<'env>(
        &self,
        env: &'env Env,
        session_id: String,
        path: String,
        data: BufferSlice<'_>,
    ) -> napi::Result<PromiseRaw<'env, NativeOutcome>> {
        let (client, data) = (self.0.clone(), data.to_vec());
        env.spawn_future(async move {
            let written = client.put_file(&session_id, &path, &data).await;
            Ok(written.map_err(NativeError::from).into())
        })
    }

    /// Reads a file of a session.
    #[napi]
    pub fn get_file<'env>(
        &self,
        env: &'env Env,
        session_id: String,
        path: String,
    ) -> napi::Result<PromiseRaw<'env, NativeBytes>> {
        let client = self.0.clone();
        env.spawn_future(async move {
            let read = client.get_file(&session_id, &path).await;
            Ok(read.map_err(NativeError::from).into())
        })
    }

    /// The answer of the server: an object with the sessions.
    #[napi]
    pub fn sessions<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, NativeOutcome>> {
        let client = self.0.clone();
        env.spawn_future(async move {
            let answer = client.sessions().await.map(isol8_client::Answer::into_json);
            Ok(NativeOutcome::of_json(answer.map_err(NativeError::from)))
        })
    }

    /// Deletes a session.
    #[napi]
    pub fn delete_session<'env>(
        &self,
        env: &'env Env,
        id: String,
    ) -> napi::Result<PromiseRaw<'env, NativeOutcome>> {
        let client = self.0.clone();
        env.spawn_future(async move {
            let deleted = client.delete_session(&id).await;
            Ok(deleted.map_err(NativeError::from).into())
        })
    }
}

/// JSON as it is.
fn raw(call: Call, json: String) -> Result<Box<RawValue>, NativeError> {
    RawValue::from_string(json).map_err(|error| {
        let reason = Reason::Request(error.to_string());
        CallError { call, reason }.into()
    })
}

/// The caller has given up and does not look at the error.
fn given_up(call: Call) -> CallError {
    CallError {
        call,
        reason: Reason::Cut,
    }
}

enum State {
    Running(Box<RemoteStream>),
    /// What has to be returned once more.
    Failed(NativeError),
    Over,
}

/// A program that runs on a server.
#[napi]
pub struct NativeRemoteStream {
    state: Arc<Mutex<State>>,
    cancel: CancellationToken,
}

#[napi]
impl NativeRemoteStream {
    /// The next events. The last of them come with the result, where the server has sent it.
    #[napi]
    pub fn recv<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, NativeBatch>> {
        let (state, cancel) = (Arc::clone(&self.state), self.cancel.clone());
        env.spawn_future(async move {
            let mut state = state.lock().await;
            let batch = cancel.run_until_cancelled(state.next()).await;
            Ok(batch.unwrap_or_else(|| {
                *state = State::Over;
                NativeBatch::default()
            }))
        })
    }

    /// Ends the program and the events.
    #[napi]
    pub fn cancel(&self) {
        self.cancel.cancel();
        // A call of `recv` that is under way ends the program itself.
        if let Ok(mut state) = self.state.try_lock() {
            *state = State::Over;
        }
    }
}

impl State {
    /// Waits for an event and takes those that are there already.
    async fn next(&mut self) -> NativeBatch {
        let stream = match std::mem::replace(self, Self::Over) {
            Self::Running(stream) => {
                *self = Self::Running(stream);
                let Self::Running(stream) = self else {
                    return NativeBatch::default();
                };
                stream
            }
            Self::Failed(error) => return NativeBatch::refusal(error),
            Self::Over => return NativeBatch::default(),
        };
        let mut events: Vec<StreamEvent> = Vec::new();
        let mut next = Some(stream.next().await);
        let failed = loop {
            match next.take() {
                Some(Ok(Some(event))) => events.push(event),
                Some(Ok(None)) => break Some(Self::Over),
                Some(Err(error)) => break Some(Self::Failed(error.into())),
                None => break None,
            }
            if events.len() < BATCH {
                next = stream.next().now_or_never();
            }
        };
        let result = stream.take_result();
        if let Some(failed) = failed {
            *self = failed;
        }
        if events.is_empty() {
            return match std::mem::replace(self, Self::Over) {
                Self::Failed(error) => NativeBatch::refusal(error),
                _ => NativeBatch::default(),
            };
        }
        NativeBatch {
            events: Some(events.into_iter().map(Into::into).collect()),
            result,
            ..NativeBatch::default()
        }
    }
}
