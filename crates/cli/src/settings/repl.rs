//! Settings of `repl`.

use isol8_api::{
    config::Config,
    options::{RawOptions, RawPoolSize},
    request::ExecutionRequest,
};
use isol8_engine::{options::Options, runtime::Registry};

use super::sandbox::{environment, options, packages};
use crate::{args::ReplArgs, failure::Failure};

/// Everything about a session at the prompt, decided.
#[derive(Debug)]
pub(crate) struct ReplSettings {
    /// Options of the engine.
    pub(crate) options: Options,
    /// What every request of the session has.
    pub(crate) request: ExecutionRequest,
    /// Packages that the session begins with.
    pub(crate) packages: Vec<String>,
}

impl ReplSettings {
    /// The settings for these arguments under this configuration.
    pub(crate) fn resolve(args: ReplArgs, config: &Config, debug: bool) -> Result<Self, Failure> {
        let registry = Registry::default();
        let runtime = registry
            .get(&args.runtime)
            .map_err(|error| Failure::Usage(error.to_string()))?;
        let packages = packages(&args.sandbox, runtime);
        let raw = RawOptions {
            mode: Some("persistent".to_owned()),
            pool_size: Some(RawPoolSize::Both(0.0)),
            ..options(&args.sandbox, config.raw_options(), runtime, debug)
        };
        Ok(Self {
            options: Options::try_from(raw)?,
            request: ExecutionRequest {
                runtime: runtime.name.to_owned(),
                env: environment(args.sandbox.env),
                ..ExecutionRequest::default()
            },
            packages,
        })
    }
}
