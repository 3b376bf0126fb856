//! What a program on a server takes from this machine's settings.

use isol8_api::{config::Config, options::RawOptions};
use serde_json::Value;
use uuid::Uuid;

use super::server::ServerSettings;
use crate::{args::RemoteArgs, failure::Failure, output::Console};

/// Options that are the server's own: how it isolates, what it keeps ready, what it writes down.
const OF_THE_SERVER: [&str; 11] = [
    "mode",
    "security",
    "audit",
    "remoteCode",
    "poolStrategy",
    "poolSize",
    "idleMs",
    "requestLimits",
    "installRegistries",
    "preload",
    "debug",
];

/// Where a program runs that does not run here.
#[derive(Debug)]
pub(crate) struct RemoteRun {
    pub(crate) server: ServerSettings,
    pub(crate) session_id: Option<String>,
    /// What differs from the server's defaults.
    pub(crate) options: RawOptions,
}

impl RemoteRun {
    /// The server of these arguments; none when they name none. A persistent program without a session gets a
    /// session of its own.
    pub(super) fn resolve(
        args: &RemoteArgs,
        persistent: bool,
        options: impl FnOnce() -> Result<RawOptions, Failure>,
        console: Console,
    ) -> Result<Option<Self>, Failure> {
        let Some(host) = &args.host else {
            if args.session_id.is_some() {
                let text = "--session-id requires --host (remote server). Session IDs are managed by the server.";
                return Err(Failure::Usage(text.to_owned()));
            }
            return Ok(None);
        };
        let session_id = args
            .session_id
            .clone()
            .or_else(|| persistent.then(|| Uuid::new_v4().to_string()));
        Ok(Some(Self {
            server: ServerSettings::resolve(host, args.key.clone(), console)?,
            session_id,
            options: without_those_of_the_server(&options()?)?,
        }))
    }
}

/// The options of the configuration that are not defaults. The server has defaults of its own.
pub(super) fn chosen(config: &Config) -> Result<RawOptions, Failure> {
    let chosen = tree(&config.raw_options())?;
    let defaults = tree(&Config::default().raw_options())?;
    let mut fields = chosen.as_object().cloned().unwrap_or_default();
    fields.retain(|name, value| defaults.get(name) != Some(value));
    read(fields.into())
}

fn without_those_of_the_server(options: &RawOptions) -> Result<RawOptions, Failure> {
    let mut tree = tree(options)?;
    if let Some(fields) = tree.as_object_mut() {
        fields.retain(|name, value| {
            !OF_THE_SERVER.contains(&name.as_str())
                && value.as_object().is_none_or(|object| !object.is_empty())
        });
    }
    read(tree)
}

fn tree(options: &RawOptions) -> Result<Value, Failure> {
    serde_json::to_value(options).map_err(|error| Failure::Usage(error.to_string()))
}

fn read(tree: Value) -> Result<RawOptions, Failure> {
    serde_json::from_value(tree).map_err(|error| Failure::Usage(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_chosen_is_sent() {
        let config: Config = serde_json::from_str(
            r#"{"defaults": {"timeoutMs": 5, "memoryLimit": "512m"},
                "security": {"seccomp": "unconfined"}, "remoteCode": {"enabled": true},
                "poolSize": 7, "debug": true}"#,
        )
        .unwrap();
        let mut options = chosen(&config).unwrap();
        options.memory_limit = Some("512m".to_owned());
        options.network_filter = Some(isol8_api::options::RawNetworkFilter::default());
        let sent = tree(&without_those_of_the_server(&options).unwrap()).unwrap();
        assert_eq!(
            sent,
            serde_json::json!({"timeoutMs": 5.0, "memoryLimit": "512m"})
        );
        let nothing = chosen(&Config::default()).unwrap();
        assert_eq!(nothing, RawOptions::default());
    }
}
