//! A value or an error, as one object.

use std::fmt::Display;

use isol8_api::{ErrorCode, wording::in_words};
use isol8_assembly::PlaceError;
use isol8_backend::BackendError;
use isol8_docker::AddressError;
use isol8_engine::EngineError;
use isol8_keys::KeyStoreError;
use isol8_server::SettingsError;
use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Why a call failed.
#[napi(object)]
pub struct NativeError {
    /// Stable name of the kind of error.
    pub code: String,
    /// The message for the user.
    pub message: String,
}

impl NativeError {
    /// An error of this kind, with the message of `error`.
    pub(crate) fn new(code: ErrorCode, error: &impl Display) -> Self {
        Self {
            code: code.as_str().to_owned(),
            message: error.to_string(),
        }
    }

    fn invalid(what: &str, reason: &str) -> Self {
        let code = if what == "request" {
            ErrorCode::InvalidRequest
        } else {
            ErrorCode::InvalidOption
        };
        Self::new(code, &format_args!("Invalid {what}: {reason}"))
    }
}

impl From<EngineError> for NativeError {
    fn from(error: EngineError) -> Self {
        Self::new(error.code(), &error)
    }
}

impl From<BackendError> for NativeError {
    fn from(error: BackendError) -> Self {
        EngineError::from(error).into()
    }
}

impl From<PlaceError> for NativeError {
    fn from(error: PlaceError) -> Self {
        Self::new(error.code(), &error)
    }
}

impl From<AddressError> for NativeError {
    fn from(error: AddressError) -> Self {
        Self::new(ErrorCode::InvalidOption, &error)
    }
}

impl From<SettingsError> for NativeError {
    fn from(error: SettingsError) -> Self {
        Self::new(ErrorCode::InvalidOption, &error)
    }
}

impl From<KeyStoreError> for NativeError {
    fn from(error: KeyStoreError) -> Self {
        Self::new(ErrorCode::Server, &error)
    }
}

/// JSON text, or an error.
#[napi(object)]
pub struct NativeOutcome {
    /// The value as JSON; absent after an error.
    pub result: Option<String>,
    /// The error; absent after a success.
    pub error: Option<NativeError>,
}

impl<T: Serialize> From<Result<T, NativeError>> for NativeOutcome {
    fn from(outcome: Result<T, NativeError>) -> Self {
        let json = outcome.and_then(|value| {
            serde_json::to_string(&value)
                .map_err(|error| EngineError::Internal(error.to_string()).into())
        });
        Self::of_json(json)
    }
}

impl NativeOutcome {
    /// A value that is JSON already, or an error.
    pub(crate) fn of_json(outcome: Result<String, NativeError>) -> Self {
        match outcome {
            Ok(json) => Self {
                result: Some(json),
                error: None,
            },
            Err(error) => Self {
                result: None,
                error: Some(error),
            },
        }
    }
}

/// Bytes, or an error.
#[napi(object)]
pub struct NativeBytes {
    /// The bytes; absent after an error.
    pub data: Option<Buffer>,
    /// The error; absent after a success.
    pub error: Option<NativeError>,
}

impl<E: Into<NativeError>> From<Result<Vec<u8>, E>> for NativeBytes {
    fn from(outcome: Result<Vec<u8>, E>) -> Self {
        match outcome {
            Ok(bytes) => Self {
                data: Some(bytes.into()),
                error: None,
            },
            Err(error) => Self {
                data: None,
                error: Some(error.into()),
            },
        }
    }
}

/// A JavaScript error for what cannot be returned as a value: a constructor's failure. Thrown at once
/// it keeps its code, which a rejection would not.
pub(crate) fn thrown(error: NativeError) -> napi::Error<String> {
    napi::Error::new(error.code, error.message)
}

/// The value that JSON text from the facade stands for; what callers wrote is in it, so an error names
/// the field. `what` is "options" or "request".
pub(crate) fn parse<T: DeserializeOwned>(what: &str, value: Value) -> Result<T, NativeError> {
    parse_with(what, value, |_| {})
}

/// The same, for what refuses unknown keys, also of a configuration in it.
pub(crate) fn parse_known<T: DeserializeOwned>(what: &str, value: Value) -> Result<T, NativeError> {
    let mut unknown = None;
    let parsed = parse_with(what, value, |path| {
        unknown.get_or_insert_with(|| path.replace("?.", ""));
    })?;
    match unknown {
        Some(path) => Err(NativeError::invalid(what, &format!("{path}: unknown key"))),
        None => Ok(parsed),
    }
}

/// Hands the path of each key that is not used to `ignored`. Such a path has `?` where a value may be left out.
fn parse_with<T: DeserializeOwned>(
    what: &str,
    value: Value,
    mut ignored: impl FnMut(String),
) -> Result<T, NativeError> {
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(value, &mut track);
    let parsed = serde_ignored::deserialize(tracked, |path| ignored(path.to_string()));
    parsed.map_err(|error| {
        let path = track.path().to_string();
        let field = if path == "." {
            String::new()
        } else {
            format!("{path}: ")
        };
        NativeError::invalid(what, &format!("{field}{}", in_words(&error.to_string())))
    })
}

/// Takes a field out of a tree; null when it is not there.
pub(crate) fn take(tree: &mut Value, field: &str) -> Value {
    tree.as_object_mut()
        .and_then(|fields| fields.remove(field))
        .unwrap_or_default()
}

/// The tree of JSON text.
pub(crate) fn tree(what: &str, json: &str) -> Result<Value, NativeError> {
    serde_json::from_str(json).map_err(|error| NativeError::invalid(what, &error.to_string()))
}
