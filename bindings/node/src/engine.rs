//! The engine as a class.

use isol8_engine::{
    Engine, EngineError,
    backend::DockerAddress,
    options::{Options, RawOptions, StartOptions},
};
use napi::bindgen_prelude::{Buffer, within_runtime_if_available};
use napi_derive::napi;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::{
    debug,
    outcome::{NativeBytes, NativeOutcome, malformed, thrown},
    request::{self, NativeFile},
    stream::NativeStream,
};

/// Options as the facade writes them: the public ones, and where Docker is.
#[derive(Deserialize)]
struct Incoming {
    #[serde(default)]
    docker: DockerAddress,
    #[serde(flatten)]
    options: RawOptions,
}

/// An engine.
#[napi]
pub struct NativeEngine(Engine);

#[napi]
impl NativeEngine {
    /// An engine with the options in `options_json`. Does no I/O; throws when an option is refused.
    #[napi(constructor)]
    pub fn new(options_json: String, max_concurrent: u32) -> napi::Result<Self> {
        let make = || {
            let Incoming { docker, options } =
                serde_json::from_str(&options_json).map_err(|error| malformed(&error))?;
            let options = Options::try_from(options)?;
            if options.debug {
                debug::enable();
            }
            Engine::new(options, max_concurrent as usize, docker)
        };
        make()
            .map(Self)
            .map_err(|error: EngineError| thrown(&error))
    }

    /// Prewarms what `start_json` asks for.
    #[napi]
    pub async fn start(&self, start_json: String) -> NativeOutcome {
        let engine = self.0.clone();
        match serde_json::from_str::<StartOptions>(&start_json) {
            Ok(options) => {
                engine.start(&options).await;
                Ok(()).into()
            }
            Err(error) => Err::<(), _>(malformed(&error)).into(),
        }
    }

    /// Ends every execution and sandbox.
    #[napi]
    pub async fn stop(&self) {
        let engine = self.0.clone();
        engine.stop().await;
    }

    /// Runs a request to its end.
    #[napi]
    pub async fn execute(
        &self,
        request_json: String,
        files: Vec<NativeFile>,
        cancel: &NativeCancel,
    ) -> NativeOutcome {
        let (engine, cancel) = (self.0.clone(), cancel.0.clone());
        match request::parse(&request_json, files) {
            Ok(request) => engine.execute(request, cancel).await.into(),
            Err(error) => Err::<(), _>(error).into(),
        }
    }

    /// Runs a request and streams what happens.
    #[napi]
    pub fn stream(&self, request_json: String, files: Vec<NativeFile>) -> NativeStream {
        match request::parse(&request_json, files) {
            Ok(request) => {
                NativeStream::running(within_runtime_if_available(|| self.0.stream(request)))
            }
            Err(error) => NativeStream::refused(error),
        }
    }

    /// Writes a file in the sandbox of a persistent engine.
    #[napi]
    pub async fn put_file(&self, path: String, data: Buffer) -> NativeOutcome {
        let (engine, data) = (self.0.clone(), data.to_vec());
        engine.put_file(&path, &data).await.into()
    }

    /// Reads a file in the sandbox of a persistent engine.
    #[napi]
    pub async fn get_file(&self, path: String) -> NativeBytes {
        let engine = self.0.clone();
        engine.get_file(&path).await.into()
    }

    /// The container of a persistent engine, once there is one.
    #[napi(getter)]
    pub fn container_id(&self) -> Option<String> {
        self.0.container_id()
    }
}

/// Ends an execution.
#[napi]
#[derive(Default)]
pub struct NativeCancel(CancellationToken);

#[napi]
impl NativeCancel {
    /// One that has not been used.
    #[napi(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the execution that it was given to.
    #[napi]
    pub fn cancel(&self) {
        self.0.cancel();
    }
}
