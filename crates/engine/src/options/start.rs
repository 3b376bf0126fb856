//! What to make ready before the first execution.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

use super::Preload;

/// Options of `start()`. Nothing is prewarmed unless asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StartOptions {
    /// What to prewarm.
    pub prewarm: Option<Prewarm>,
}

/// What to prewarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prewarm {
    /// Every language runtime, or nothing.
    All(bool),
    /// These runtimes, or every language runtime when none is named.
    Some(PrewarmOptions),
}

/// Details of a prewarming.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrewarmOptions {
    /// Names of runtimes.
    pub runtimes: Option<Vec<String>>,
    /// Modules to import ahead, from now on, in place of what the engine's options say.
    pub preload: Preload,
}

/// [`PrewarmOptions`] as callers write them.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawPrewarm {
    runtimes: Option<Vec<String>>,
    preload: Option<BTreeMap<String, Vec<String>>>,
}

/// What is told to callers who have written something else.
const FORMS: &str = "true, false, or an object such as {\"runtimes\": [\"python\"], \
     \"preload\": {\"python\": [\"pandas\"]}}";

impl<'de> Deserialize<'de> for Prewarm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        match &value {
            Value::Bool(all) => return Ok(Self::All(*all)),
            Value::Object(_) => {}
            _ => return Err(D::Error::custom(format!("it must be {FORMS}, not {value}"))),
        }
        let raw: RawPrewarm = serde_path_to_error::deserialize(value).map_err(|error| {
            let (path, cause) = (error.path().to_string(), error.into_inner());
            D::Error::custom(format!("{path}: {cause}; it must be {FORMS}"))
        })?;
        let preload = Preload::try_from(raw.preload.unwrap_or_default());
        Ok(Self::Some(PrewarmOptions {
            runtimes: raw.runtimes,
            preload: preload.map_err(D::Error::custom)?,
        }))
    }
}

/// The runtimes that run programs; an agent is started too rarely to keep one ready unasked.
const LANGUAGES: [&str; 5] = ["python", "node", "bun", "deno", "bash"];

impl StartOptions {
    /// The runtimes to prewarm.
    #[must_use]
    pub fn runtimes(&self) -> Vec<String> {
        match &self.prewarm {
            None | Some(Prewarm::All(false)) => Vec::new(),
            Some(Prewarm::Some(PrewarmOptions {
                runtimes: Some(named),
                ..
            })) => named.clone(),
            Some(Prewarm::All(true) | Prewarm::Some(PrewarmOptions { runtimes: None, .. })) => {
                LANGUAGES.map(str::to_owned).to_vec()
            }
        }
    }

    /// The modules to import ahead, where something is said about them.
    #[must_use]
    pub fn preload(&self) -> Option<&Preload> {
        match &self.prewarm {
            Some(Prewarm::Some(options)) => Some(&options.preload),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtimes(json: &str) -> Vec<String> {
        serde_json::from_str::<StartOptions>(json)
            .unwrap()
            .runtimes()
    }

    #[test]
    fn nothing_is_prewarmed_unasked() {
        assert!(runtimes("{}").is_empty());
        assert!(runtimes(r#"{"prewarm":false}"#).is_empty());
        assert!(runtimes(r#"{"prewarm":null}"#).is_empty());
    }

    #[test]
    fn all_or_some_are_prewarmed() {
        assert_eq!(runtimes(r#"{"prewarm":true}"#), LANGUAGES);
        assert_eq!(runtimes(r#"{"prewarm":{}}"#), LANGUAGES);
        assert_eq!(runtimes(r#"{"prewarm":{"runtimes":["node"]}}"#), ["node"]);
        assert_eq!(
            runtimes(r#"{"prewarm":{"runtimes":["node"],"preload":null}}"#),
            ["node"]
        );
    }

    #[test]
    fn modules_are_read() {
        let json = r#"{"prewarm":{"runtimes":["python"],"preload":{"python":["json"]}}}"#;
        let options: StartOptions = serde_json::from_str(json).unwrap();
        assert_eq!(options.preload().unwrap().of("python"), ["json"]);
    }

    #[test]
    fn another_type_is_told_with_the_forms_that_there_are() {
        for (json, message) in [
            (r#""yes""#, "it must be true, false, or an object such as"),
            ("3", "it must be true, false, or an object such as"),
            (
                r#"{"runtimes":"python"}"#,
                "runtimes: invalid type: string \"python\", expected a sequence; it must be true",
            ),
            (
                r#"{"preload":["pandas"]}"#,
                "preload: invalid type: sequence, expected a map",
            ),
            (
                r#"{"preload":{"python":["a b"]}}"#,
                "Invalid preload.python: \"a b\"",
            ),
        ] {
            let error = serde_json::from_str::<Prewarm>(json).unwrap_err();
            assert!(error.to_string().starts_with(message), "{error}");
        }
    }
}
