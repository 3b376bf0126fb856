//! Requests on their way in.

use isol8_engine::{
    EngineError,
    request::{AdapterCommand, ExecutionRequest, FileContent},
};
use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use serde::Deserialize;

use crate::outcome::malformed;

/// A file that goes with a request.
#[napi(object)]
pub struct NativeFile {
    /// Absolute path in the sandbox.
    pub path: String,
    /// Contents.
    pub data: Buffer,
}

/// A request as the facade writes it: the public fields, and what the adapter of a registered
/// runtime answered.
#[derive(Deserialize)]
struct Incoming {
    adapter: Option<Adapter>,
    #[serde(flatten)]
    request: ExecutionRequest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Adapter {
    image: String,
    command: Vec<String>,
    file_extension: String,
}

/// The request in `json` with `files`.
pub(crate) fn parse(json: &str, files: Vec<NativeFile>) -> Result<ExecutionRequest, EngineError> {
    let Incoming {
        adapter,
        mut request,
    } = serde_json::from_str(json).map_err(|error| malformed(&error))?;
    request.adapter = adapter.map(|adapter| AdapterCommand {
        image: adapter.image,
        command: adapter.command,
        file_extension: adapter.file_extension,
    });
    for file in files {
        request
            .files
            .insert(file.path, FileContent::Bytes(file.data.to_vec()));
    }
    Ok(request)
}
