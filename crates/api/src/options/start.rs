//! What to make ready before the first execution.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

/// Options of `start()`. Nothing is prewarmed unless asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RawStartOptions {
    /// What to prewarm.
    pub prewarm: Option<RawPrewarm>,
    /// Whether a runtime that cannot be made ready is an error, default false.
    pub strict: Option<bool>,
}

/// What to prewarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RawPrewarm {
    /// Every language runtime, or nothing.
    All(bool),
    /// These runtimes, or every language runtime when none is named.
    Some(RawPrewarmDetails),
}

/// Details of a prewarming.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RawPrewarmDetails {
    /// Names of runtimes.
    pub runtimes: Option<Vec<String>>,
    /// Modules to import ahead, by runtime, from now on, in place of what the engine's options say.
    pub preload: Option<BTreeMap<String, Vec<String>>>,
}

/// The forms, for those who have written something else.
const FORMS: &str = "true, false, or an object such as {\"runtimes\": [\"python\"], \
     \"preload\": {\"python\": [\"pandas\"]}}";

impl<'de> Deserialize<'de> for RawPrewarm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        match &value {
            Value::Bool(all) => return Ok(Self::All(*all)),
            Value::Object(_) => {}
            _ => return Err(D::Error::custom(format!("it must be {FORMS}, not {value}"))),
        }
        let details = serde_path_to_error::deserialize(value).map_err(|error| {
            let (path, cause) = (error.path().to_string(), error.into_inner());
            D::Error::custom(format!("{path}: {cause}; it must be {FORMS}"))
        })?;
        Ok(Self::Some(details))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_type_is_refused_with_the_forms_that_there_are() {
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
        ] {
            let error = serde_json::from_str::<RawPrewarm>(json).unwrap_err();
            assert!(error.to_string().starts_with(message), "{error}");
        }
    }
}
