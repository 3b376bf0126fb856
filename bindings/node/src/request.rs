//! Requests on their way in.

use isol8_engine::request::{AdapterCommand, ExecutionRequest, FileContent};
use napi::bindgen_prelude::BufferSlice;
use napi_derive::napi;
use serde::Deserialize;

use crate::outcome::{self, NativeError, take, tree};

/// A file that goes with a request. It borrows from JavaScript and is copied before the call returns.
#[napi(object, object_to_js = false)]
pub struct NativeFile<'env> {
    /// Absolute path in the sandbox.
    pub path: String,
    /// Contents.
    pub data: BufferSlice<'env>,
}

/// What the adapter of a registered runtime answered.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Adapter {
    image: String,
    command: Vec<String>,
    file_extension: String,
}

/// The request in `json`, beside whose public fields is an `adapter`, with `files`.
pub(crate) fn parse(json: &str, files: &[NativeFile<'_>]) -> Result<ExecutionRequest, NativeError> {
    let mut fields = tree("request", json)?;
    let adapter: Option<Adapter> = outcome::parse("request", take(&mut fields, "adapter"))?;
    let mut request: ExecutionRequest = outcome::parse("request", fields)?;
    request.adapter = adapter.map(|adapter| AdapterCommand {
        image: adapter.image,
        command: adapter.command,
        file_extension: adapter.file_extension,
    });
    for file in files {
        let content = FileContent::Bytes(file.data.to_vec());
        request.files.insert(file.path.clone(), content);
    }
    Ok(request)
}
