//! Which backend a command uses.

use isol8_api::{
    config::Config,
    options::{BackendChoice, LocalLimits},
};
use isol8_assembly::choose;

use crate::{args::BackendArgs, failure::Failure};

/// A variable of the environment.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Which backend runs sandboxes, and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct BackendSettings {
    /// The backend.
    pub(crate) choice: BackendChoice,
    /// What the local one does without control groups.
    pub(crate) limits: LocalLimits,
}

impl BackendSettings {
    /// Resolves flags over the environment, which `variable` reads, and that over the configuration.
    pub(crate) fn resolve(
        args: &BackendArgs,
        config: &Config,
        variable: impl FnOnce(&str) -> Option<String>,
    ) -> Result<Self, Failure> {
        let limits = args.limits.as_deref().and_then(LocalLimits::of);
        Ok(Self {
            choice: choose(args.backend.as_deref(), variable, config.backend)?,
            limits: limits.unwrap_or(config.limits),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_go_over_the_environment_and_that_over_the_configuration() {
        let config: Config =
            serde_json::from_str(r#"{"backend": "docker", "limits": "best-effort"}"#).unwrap();
        let resolve = |backend: Option<&str>, limits: Option<&str>, variable: Option<&str>| {
            let args = BackendArgs {
                backend: backend.map(str::to_owned),
                limits: limits.map(str::to_owned),
            };
            let variable = |_: &str| variable.map(str::to_owned);
            let BackendSettings { choice, limits } =
                BackendSettings::resolve(&args, &config, variable).unwrap();
            (choice, limits)
        };
        assert_eq!(
            resolve(None, None, None),
            (BackendChoice::Docker, LocalLimits::BestEffort)
        );
        assert_eq!(
            resolve(None, None, Some("local")),
            (BackendChoice::Local, LocalLimits::BestEffort)
        );
        assert_eq!(
            resolve(Some("auto"), Some("required"), Some("local")),
            (BackendChoice::Auto, LocalLimits::Required)
        );
    }
}
