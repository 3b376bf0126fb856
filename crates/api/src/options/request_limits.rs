//! What a request may ask for.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, IntoDeserializer as _, MapAccess, Visitor, value::MapAccessDeserializer},
};
use utoipa::ToSchema;

use super::object::object;

/// What a request may ask for: a preset by its name, or a table.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum RawRequestLimits {
    /// The preset as it is.
    Preset(RequestPreset),
    /// A preset with changes.
    Table(Box<RawLimitTable>),
}

impl Default for RawRequestLimits {
    fn default() -> Self {
        Self::Preset(RequestPreset::default())
    }
}

/// A table of limits by its name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum RequestPreset {
    /// No limits beyond what a sandbox can take, for requests of the engine's own program.
    #[default]
    Default,
    /// A limit for every field, for requests of strangers. docs/design/request-limits.md has the table.
    Strict,
}

/// Limits by the field of the request. What is left out is as in the preset. An unknown key is refused:
/// a misspelt limit would be no limit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RawLimitTable {
    /// What holds where the table says nothing: "default" (default) or "strict".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<RequestPreset>,
    /// Largest `timeoutMs`, in milliseconds.
    #[cfg_attr(test, schemars(extend("exclusiveMinimum" = 0)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<f64>,
    /// Most bytes of all requests that wait in an engine for their turn. Each counts 4 KiB beside its fields.
    #[cfg_attr(test, schemars(extend("minimum" = 0)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_waiting_bytes: Option<f64>,
    /// The program's text. Holds for fetched programs too.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub code: Option<RawTextLimits>,
    /// The address of a program.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub code_url: Option<RawTextLimits>,
    /// A command.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub cmd: Option<RawTextLimits>,
    /// Whether a request may set `allowInsecureCodeUrl`.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub allow_insecure_code_url: Option<RawSwitchLimits>,
    /// Environment variables. The bytes are those of all names and values.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub env: Option<RawListLimits>,
    /// The extension of the program's file.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub file_extension: Option<RawTextLimits>,
    /// Standard input.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub stdin: Option<RawTextLimits>,
    /// Files to write. The bytes are those of all paths and contents.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub files: Option<RawListLimits>,
    /// Files to read. The bytes are those of all paths.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub output_paths: Option<RawListLimits>,
    /// Packages. The bytes are those of all names.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub install_packages: Option<RawListLimits>,
    /// Free text for the audit log. The bytes are those of all keys and values.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub metadata: Option<RawListLimits>,
    /// The setup script.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub setup_script: Option<RawTextLimits>,
    /// The working directory.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub workdir: Option<RawTextLimits>,
    /// Flags of the agent.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub agent_flags: Option<RawTextLimits>,
}

/// Limits of a field that is a switch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RawSwitchLimits {
    /// Whether a request may set it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<bool>,
}

/// Limits of a field that is a text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RawTextLimits {
    /// Whether a request may have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<bool>,
    /// Most bytes, as UTF-8.
    #[cfg_attr(test, schemars(range(min = 0)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<f64>,
}

/// Limits of a field that is a list or a map.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RawListLimits {
    /// Whether a request may have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<bool>,
    /// Most entries.
    #[cfg_attr(test, schemars(range(min = 0)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_count: Option<f64>,
    /// Most bytes of all entries together.
    #[cfg_attr(test, schemars(range(min = 0)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<f64>,
}

impl<'de> Deserialize<'de> for RawRequestLimits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LimitsVisitor)
    }
}

struct LimitsVisitor;

impl<'de> Visitor<'de> for LimitsVisitor {
    type Value = RawRequestLimits;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"default\", \"strict\", or an object such as {\"preset\": \"strict\", \"files\": {\"maxCount\": 10}}")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Self::Value, E> {
        RequestPreset::deserialize(word.into_deserializer()).map(RawRequestLimits::Preset)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
        let table = RawLimitTable::deserialize(MapAccessDeserializer::new(fields))?;
        Ok(RawRequestLimits::Table(Box::new(table)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preset_or_a_table_is_read() {
        let read = |json| serde_json::from_str::<RawRequestLimits>(json).unwrap();
        let strict = RawRequestLimits::Preset(RequestPreset::Strict);
        assert_eq!(read(r#""strict""#), strict);
        let json = r#"{"preset":"strict","timeoutMs":5.0,"files":{"maxCount":2.0}}"#;
        let table = read(json);
        assert_eq!(serde_json::to_string(&table).unwrap(), json);
        assert!(matches!(table, RawRequestLimits::Table(_)));
    }

    #[test]
    fn what_is_misspelt_is_refused() {
        for (json, message) in [
            (r#""Strict""#, "unknown variant `Strict`"),
            ("true", "invalid type: boolean `true`, expected \"default\""),
            ("[]", "invalid type: sequence, expected \"default\""),
            (r#"{"file": {}}"#, "unknown field `file`"),
            (r#"{"files": {"max": 1}}"#, "unknown field `max`"),
            (r#"{"code": {"maxCount": 1}}"#, "unknown field `maxCount`"),
            (r#"{"env": [true]}"#, "invalid type: sequence"),
            (r#"{"env": {"allowed": "no"}}"#, "invalid type: string"),
        ] {
            let error = serde_json::from_str::<RawRequestLimits>(json).unwrap_err();
            assert!(error.to_string().starts_with(message), "{json}: {error}");
        }
    }
}
