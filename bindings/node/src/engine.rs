//! The engine as a class.

use isol8_api::{
    config::{Config, options_over, take_configuration},
    options::{BackendChoice, LocalLimits, RawOptions, RawStartOptions},
};
use isol8_assembly::{Place, choose};
use isol8_docker::DockerAddress;
use isol8_engine::{
    Engine, EngineError,
    options::{OptionError, Options, StartOptions},
};
use napi::{
    Status,
    bindgen_prelude::{BufferSlice, Either, Env, PromiseRaw},
    threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode},
};
use napi_derive::napi;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{
    exit::life,
    images::PROGRESS_QUEUE,
    outcome::{NativeBytes, NativeError, NativeOutcome, parse, take, thrown, tree},
    request::{self, NativeRequest},
    stream::NativeStream,
};

/// An engine.
#[napi]
pub struct NativeEngine(Engine);

#[napi]
impl NativeEngine {
    /// An engine with the options in `options_json`. `on_docker` says that it always uses Docker. `variable` is the value
    /// of `ISOL8_BACKEND`. `on_progress` gets the progress of the engine's builds as JSON, and must not throw; when it is slow,
    /// steps are left out. Does no I/O; throws when an option is refused.
    #[napi(constructor)]
    pub fn new(
        options_json: String,
        max_concurrent: u32,
        on_docker: bool,
        variable: Option<String>,
        on_progress: Option<
            ThreadsafeFunction<String, (), String, Status, false, true, { PROGRESS_QUEUE }>,
        >,
    ) -> Result<Self, napi::Error<String>> {
        let wanted = Wanted {
            on_docker,
            variable,
        };
        let engine = create(&options_json, max_concurrent, wanted).map_err(thrown)?;
        if let Some(on_progress) = on_progress {
            engine.report_builds(move |step| {
                if let Ok(json) = serde_json::to_string(&step) {
                    on_progress.call(json, ThreadsafeFunctionCallMode::NonBlocking);
                }
            });
        }
        Ok(Self(engine))
    }

    /// Prewarms what `start_json` asks for.
    #[napi]
    pub fn start<'env>(
        &self,
        env: &'env Env,
        start_json: String,
    ) -> napi::Result<PromiseRaw<'env, NativeOutcome>> {
        let engine = self.0.clone();
        env.spawn_future(async move {
            let options = tree("options", &start_json)
                .and_then(|json| parse::<RawStartOptions>("options", json))
                .and_then(|raw| Ok(StartOptions::try_from(raw).map_err(EngineError::from)?));
            Ok(match options {
                Ok(options) => engine
                    .start(&options)
                    .await
                    .map_err(NativeError::from)
                    .into(),
                Err(error) => Err::<(), _>(error).into(),
            })
        })
    }

    /// Asks the Docker daemon whether it is there.
    #[napi]
    pub fn ping<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, NativeOutcome>> {
        let engine = self.0.clone();
        env.spawn_future(async move { Ok(engine.ping().await.map_err(NativeError::from).into()) })
    }

    /// Ends every execution and sandbox.
    #[napi]
    pub fn stop<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, ()>> {
        let engine = self.0.clone();
        env.spawn_future(async move {
            engine.stop().await;
            Ok(())
        })
    }

    /// Runs a request to its end. The files are copied before it returns.
    #[napi]
    pub fn execute<'env>(
        &self,
        env: &'env Env,
        request: NativeRequest<'_>,
        cancel: &NativeCancel,
    ) -> napi::Result<PromiseRaw<'env, NativeOutcome>> {
        // Begun here, so that executions have the order of the calls.
        let running =
            request::parse(request).map(|submission| self.0.execute(submission, cancel.0.clone()));
        env.spawn_future(async move {
            Ok(match running {
                Ok(running) => running.await.map_err(NativeError::from).into(),
                Err(error) => Err::<(), _>(error).into(),
            })
        })
    }

    /// Runs a request and streams what happens.
    #[napi]
    pub fn stream(&self, request: NativeRequest<'_>) -> NativeStream {
        let request = request::parse(request);
        NativeStream::of(request, |submission| self.0.stream(submission))
    }

    /// Runs a request and streams what happens; the result has the output, too, and errors are no events.
    #[napi]
    pub fn execute_with_events(&self, request: NativeRequest<'_>) -> NativeStream {
        let request = request::parse(request);
        NativeStream::of(request, |submission| self.0.execute_with_events(submission))
    }

    /// Writes a file in the sandbox of a persistent engine. Its bytes are copied before it returns.
    #[napi]
    pub fn put_file<'env>(
        &self,
        env: &'env Env,
        path: String,
        data: Either<String, BufferSlice<'_>>,
    ) -> napi::Result<PromiseRaw<'env, NativeOutcome>> {
        // Begun here, so that file calls have their place in the order of the calls.
        let writing = self.0.put_file(path, request::bytes(data));
        env.spawn_future(async move { Ok(writing.await.map_err(NativeError::from).into()) })
    }

    /// Reads a file in the sandbox of a persistent engine.
    #[napi]
    pub fn get_file<'env>(
        &self,
        env: &'env Env,
        path: String,
    ) -> napi::Result<PromiseRaw<'env, NativeBytes>> {
        let reading = self.0.get_file(path);
        env.spawn_future(async move { Ok(reading.await.into()) })
    }

    /// The container of a persistent engine, once there is one.
    #[napi(getter)]
    pub fn container_id(&self) -> Option<String> {
        self.0.container_id()
    }
}

/// The fields of options, where the caller gave a configuration as well. Says whether it did.
fn with_configuration(mut fields: Value) -> Result<(Value, bool), NativeError> {
    let Some(section) = take_configuration(&mut fields) else {
        return Ok((fields, false));
    };
    let config: Config = parse("options", section)?;
    Ok((options_over(&config, fields), true))
}

/// `options_json` has the public options, and `docker`, `backend` and `limits` beside them.
fn create(options_json: &str, max_concurrent: u32, wanted: Wanted) -> Result<Engine, NativeError> {
    isol8_debug_log::listen();
    let mut fields = tree("options", options_json)?;
    let docker: Option<DockerAddress> = parse("options", take(&mut fields, "docker"))?;
    let backend: Option<String> = parse("options", take(&mut fields, "backend"))?;
    let limits: Option<String> = parse("options", take(&mut fields, "limits"))?;
    let (fields, is_configured) = with_configuration(fields)?;
    let raw: RawOptions = parse("options", fields)?;
    let options = Options::try_from(raw).map_err(EngineError::from)?;
    let place = Place::new(
        wanted.backend(backend.as_deref(), is_configured)?,
        docker.unwrap_or_default(),
        local_limits(limits)?,
    )?;
    let engine = place.engine(options, max_concurrent as usize)?;
    engine.end_with(life());
    Ok(engine)
}

/// What the word of an option means; without one, the default.
pub(crate) fn local_limits(word: Option<String>) -> Result<LocalLimits, EngineError> {
    let Some(value) = word else {
        return Ok(LocalLimits::default());
    };
    LocalLimits::of(&value).ok_or_else(|| {
        let (option, expected) = ("limits", LocalLimits::WORDS);
        OptionError::Choice {
            option,
            value,
            expected,
        }
        .into()
    })
}

/// What chooses the backend of an engine, beside the options.
struct Wanted {
    /// Always Docker.
    on_docker: bool,
    /// The value of the environment variable.
    variable: Option<String>,
}

impl Wanted {
    /// The backend of an engine. The word of a configuration is not an option: the environment goes over it.
    fn backend(
        self,
        word: Option<&str>,
        is_configured: bool,
    ) -> Result<BackendChoice, EngineError> {
        // A wrong word is an error in both cases.
        let written = choose(word, |_| None, BackendChoice::default())?;
        if self.on_docker {
            return match written {
                BackendChoice::Local => Err(OptionError::Choice {
                    option: "backend",
                    value: "local".to_owned(),
                    expected: "docker, auto; the class Isol8 has every backend",
                }
                .into()),
                BackendChoice::Auto | BackendChoice::Docker => Ok(BackendChoice::Docker),
            };
        }
        let option = word.filter(|_| !is_configured);
        choose(option, |_| self.variable, written)
    }
}

/// Ends an execution. The end of the program, or of the worker, does so as well.
#[napi]
pub struct NativeCancel(CancellationToken);

impl Default for NativeCancel {
    fn default() -> Self {
        Self(life().child_token())
    }
}

#[napi]
impl NativeCancel {
    /// One that has not been used.
    #[napi(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// What is cancelled.
    pub(crate) fn token(&self) -> CancellationToken {
        self.0.clone()
    }

    /// Ends the execution that it was given to.
    #[napi]
    pub fn cancel(&self) {
        self.0.cancel();
    }
}
