//! The configuration file as a function.

use std::path::Path;

use isol8_api::config::load_config as load;

use isol8_engine::EngineError;
use napi_derive::napi;

use crate::outcome::thrown;

/// The configuration for programs that run in a directory.
#[napi(object)]
pub struct NativeConfig {
    /// The configuration as JSON.
    pub json: String,
    /// What in the file was not used, and why.
    pub warnings: Vec<String>,
}

/// Reads the configuration; throws when the file cannot be used at all.
#[napi]
pub fn load_config(cwd: String) -> Result<NativeConfig, napi::Error<String>> {
    let failed = |error: String| thrown(EngineError::InvalidConfig(error).into());
    let loaded = load(Path::new(&cwd)).map_err(|error| failed(error.to_string()))?;
    Ok(NativeConfig {
        json: serde_json::to_string(&loaded.config).map_err(|error| failed(error.to_string()))?,
        warnings: loaded.warnings.iter().map(ToString::to_string).collect(),
    })
}
