//! What a caller asks for: one execution, under its public JSON names.

use std::{collections::BTreeMap, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, SeqAccess, Visitor},
    ser::SerializeStruct as _,
};
use utoipa::ToSchema;

use crate::field::{is_false, null_is_default};

/// One execution as a caller writes it. Nothing is checked yet.
/// Unknown keys are tolerated, and `null` counts as absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecutionRequest {
    /// `python`, `node`, `bun`, `deno`, `bash`, `agent`, an alias of these, or the name of a registered runtime.
    #[schema(required = true)]
    pub runtime: String,
    /// The program (for an agent: its prompt). Exactly one of `code`, `code_url` and `cmd` is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Where to fetch the program from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_url: Option<String>,
    /// A command line for `bash -c`, in the image of `runtime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cmd: Option<String>,
    /// SHA-256 that fetched code must have, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_hash: Option<String>,
    /// Whether `code_url` may be plain HTTP.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "is_false")]
    #[schema(nullable)]
    pub allow_insecure_code_url: bool,
    /// Time limit of the install, of each setup script and of the program, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(exclusive_minimum = 0)]
    pub timeout_ms: Option<f64>,
    /// Environment of everything that runs; the last word over what isol8 sets.
    #[serde(
        deserialize_with = "null_is_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    #[schema(nullable)]
    pub env: BTreeMap<String, String>,
    /// Extension of the program's file, with or without its dot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_extension: Option<String>,
    /// Standard input of the program; at its end from the start when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// Files to write before the program starts, by path. A relative one is taken from `/sandbox`.
    #[serde(
        deserialize_with = "null_is_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    #[schema(nullable)]
    pub files: BTreeMap<String, FileContent>,
    /// Files to read after the program has ended, by path, relative to `/sandbox` or absolute. Absent and empty differ: with
    /// an empty list the result has an empty map of files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_paths: Option<Vec<String>>,
    /// How the result and the events carry output, default `utf8`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_encoding: Option<OutputEncoding>,
    /// Packages that the program needs.
    #[serde(
        deserialize_with = "null_is_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schema(nullable)]
    pub install_packages: Vec<String>,
    /// Free text that goes to the audit log; `userId` has a field of its own there.
    #[serde(
        deserialize_with = "null_is_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    #[schema(nullable)]
    pub metadata: BTreeMap<String, String>,
    /// Bash script that runs before the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setup_script: Option<String>,
    /// Working directory, inside `/sandbox`; relative to it or absolute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workdir: Option<String>,
    /// More flags for the agent, as one would type them in a shell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_flags: Option<String>,
}

/// How output is carried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OutputEncoding {
    /// As text. Invalid UTF-8 becomes U+FFFD, results have no white space at the end, and notices follow.
    #[default]
    Utf8,
    /// The bytes themselves in base64: not trimmed, and without notices. Secrets are masked all the same.
    Base64,
}

/// Contents of a file.
///
/// In JSON a string is text; bytes are `{"type": "base64", "data": "…"}`, or what `JSON.stringify`
/// makes of a Node `Buffer`: `{"type": "Buffer", "data": [1, 2]}`.
#[derive(Clone, PartialEq, Eq)]
pub enum FileContent {
    /// UTF-8 text.
    Text(String),
    /// Anything.
    Bytes(Vec<u8>),
}

impl FileContent {
    /// The contents as they are written.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

impl fmt::Debug for FileContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileContent({} bytes)", self.as_bytes().len())
    }
}

impl Serialize for FileContent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => {
                let mut wrapped = serializer.serialize_struct("FileContent", 2)?;
                wrapped.serialize_field("type", "base64")?;
                wrapped.serialize_field("data", &BASE64.encode(bytes))?;
                wrapped.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for FileContent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = FileContent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a Buffer, or {\"type\": \"base64\", \"data\": string}")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<FileContent, E> {
        Ok(FileContent::Text(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<FileContent, E> {
        Ok(FileContent::Text(text))
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<FileContent, E> {
        Ok(FileContent::Bytes(bytes.to_vec()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FileContent, A::Error> {
        let mut kind: Option<String> = None;
        let mut data: Option<WireData> = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "type" => kind = Some(map.next_value()?),
                "data" => data = Some(map.next_value()?),
                _ => {
                    map.next_value::<de::IgnoredAny>()?;
                }
            }
        }
        match (kind.as_deref(), data) {
            (Some("Buffer"), Some(WireData::List(bytes))) => Ok(FileContent::Bytes(bytes)),
            (Some("base64"), Some(WireData::Text(text))) => {
                let bytes = BASE64.decode(text).map_err(de::Error::custom)?;
                Ok(FileContent::Bytes(bytes))
            }
            _ => Err(de::Error::invalid_type(de::Unexpected::Map, &self)),
        }
    }
}

/// The `data` of wrapped bytes. Read without an intermediate tree: a serialised `Buffer` is long.
enum WireData {
    List(Vec<u8>),
    Text(String),
}

impl<'de> Deserialize<'de> for WireData {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DataVisitor;
        impl<'de> Visitor<'de> for DataVisitor {
            type Value = WireData;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of bytes or a base64 string")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<WireData, E> {
                Ok(WireData::Text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<WireData, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = list.next_element()? {
                    bytes.push(byte);
                }
                Ok(WireData::List(bytes))
            }
        }
        deserializer.deserialize_any(DataVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_names_are_read_and_unknown_ones_tolerated() {
        let request: ExecutionRequest = serde_json::from_str(
            r#"{"runtime": "python", "code": "1", "timeoutMs": 1500, "fileExtension": ".py",
                "outputPaths": [], "installPackages": ["numpy"], "allowInsecureCodeUrl": true,
                "env": null, "workdir": null, "somethingNew": {"a": 1}}"#,
        )
        .unwrap();
        assert_eq!(request.timeout_ms, Some(1500.0));
        assert_eq!(request.file_extension.as_deref(), Some(".py"));
        assert_eq!(request.output_paths, Some(Vec::new()));
        assert_eq!(request.install_packages, ["numpy"]);
        assert!(request.allow_insecure_code_url && request.env.is_empty());
    }

    #[test]
    fn files_are_text_buffers_or_base64() {
        let files: BTreeMap<String, FileContent> = serde_json::from_str(
            r#"{"/a": "é", "/b": {"type": "Buffer", "data": [0, 255]},
                "/c": {"data": "AP8=", "type": "base64"}}"#,
        )
        .unwrap();
        assert_eq!(files["/a"].as_bytes(), "é".as_bytes());
        assert_eq!(files["/b"].as_bytes(), [0, 255]);
        assert_eq!(files["/c"].as_bytes(), [0, 255]);
        let again: BTreeMap<String, FileContent> =
            serde_json::from_value(serde_json::to_value(&files).unwrap()).unwrap();
        assert_eq!(again, files);
    }

    #[test]
    fn other_contents_are_refused() {
        for wrong in [
            r"[1]",
            r"7",
            r#"{"type": "Buffer"}"#,
            r#"{"type": "Buffer", "data": [256]}"#,
            r#"{"type": "base64", "data": "%"}"#,
            r#"{"type": "hex", "data": "00"}"#,
        ] {
            assert!(
                serde_json::from_str::<FileContent>(wrong).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn absent_fields_stay_absent_on_the_wire() {
        let request = ExecutionRequest {
            runtime: "bash".into(),
            ..Default::default()
        };
        assert_eq!(
            serde_json::to_string(&request).unwrap(),
            r#"{"runtime":"bash"}"#
        );
    }
}
