//! A value or an error, as one object.

use isol8_engine::EngineError;
use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use serde::Serialize;

/// Why a call failed.
#[napi(object)]
pub struct NativeError {
    /// Stable name of the kind of error.
    pub code: String,
    /// What to tell the user.
    pub message: String,
}

impl From<EngineError> for NativeError {
    fn from(error: EngineError) -> Self {
        Self {
            code: error.code().to_owned(),
            message: error.to_string(),
        }
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

impl<T: Serialize> From<Result<T, EngineError>> for NativeOutcome {
    fn from(outcome: Result<T, EngineError>) -> Self {
        let json = outcome.and_then(|value| {
            serde_json::to_string(&value).map_err(|error| EngineError::Internal(error.to_string()))
        });
        match json {
            Ok(json) => Self {
                result: Some(json),
                error: None,
            },
            Err(error) => Self {
                result: None,
                error: Some(error.into()),
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

impl From<Result<Vec<u8>, EngineError>> for NativeBytes {
    fn from(outcome: Result<Vec<u8>, EngineError>) -> Self {
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

/// A JavaScript error for what cannot be returned as a value: a constructor's failure.
pub(crate) fn thrown(error: &EngineError) -> napi::Error {
    napi::Error::from_reason(error.to_string())
}

/// What the facade sent that no facade of this version sends.
pub(crate) fn malformed(error: &serde_json::Error) -> EngineError {
    EngineError::InvalidConfig(error.to_string())
}
