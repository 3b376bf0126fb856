//! Where installations get packages from.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Addresses of package registries by runtime. The first one is the registry that the installer uses, the
/// others are within its reach. `Debug` shows no address: it may hold a password.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RawInstallRegistries {
    /// For pip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<Vec<String>>,
    /// For npm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<Vec<String>>,
    /// For Bun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bun: Option<Vec<String>>,
    /// For Deno; the first one is its npm registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deno: Option<Vec<String>>,
    /// For the distribution's package manager, which uses the sources of its image. All are within its reach.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bash: Option<Vec<String>>,
    /// For the agent's packages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Vec<String>>,
}

impl RawInstallRegistries {
    /// The runtimes for which registries are named, and these.
    pub fn by_runtime(&self) -> impl Iterator<Item = (&'static str, &[String])> {
        [
            ("python", &self.python),
            ("node", &self.node),
            ("bun", &self.bun),
            ("deno", &self.deno),
            ("bash", &self.bash),
            ("agent", &self.agent),
        ]
        .into_iter()
        .filter_map(|(runtime, urls)| Some((runtime, urls.as_deref()?)))
    }
}

impl fmt::Debug for RawInstallRegistries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self
            .by_runtime()
            .map(|(runtime, urls)| (runtime, urls.len()));
        f.debug_map().entries(counts).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn no_address_is_printed_and_no_runtime_misspelt() {
        let json = r#"{"python":["https://user:hunter2@pip.test/simple"]}"#;
        let raw: RawInstallRegistries = serde_json::from_str(json).unwrap();
        assert_eq!(format!("{raw:?}"), r#"{"python": 1}"#);
        assert_eq!(serde_json::to_string(&raw).unwrap(), json);
        assert!(serde_json::from_str::<RawInstallRegistries>(r#"{"pyton":[]}"#).is_err());
    }

    #[test]
    fn every_runtime_that_may_be_named_is_given_back() {
        let schema = schemars::schema_for!(RawInstallRegistries).to_value();
        let mut names: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
        names.sort_unstable();
        let all = names
            .iter()
            .map(|name| ((*name).clone(), json!(["https://a.test"])));
        let all = Value::Object(all.collect());
        let raw: RawInstallRegistries = serde_json::from_value(all).unwrap();
        let mut given: Vec<_> = raw.by_runtime().map(|(runtime, _)| runtime).collect();
        given.sort_unstable();
        assert_eq!(given, names);
    }
}
