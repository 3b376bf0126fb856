//! Requests on their way in.

use isol8_api::request::{ExecutionRequest, FileContent};
use isol8_engine::{AdapterCommand, Submission};

use napi::bindgen_prelude::BufferSlice;
use napi_derive::napi;
use serde::Deserialize;

use crate::outcome::{self, NativeError, tree};

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

/// The request in `json` with `files`, and in `adapter_json` what the adapter of its runtime answered,
/// where the caller registered one.
pub(crate) fn parse(
    json: &str,
    files: &[NativeFile<'_>],
    adapter_json: Option<&str>,
) -> Result<Submission, NativeError> {
    let mut request: ExecutionRequest = outcome::parse("request", tree("request", json)?)?;
    for file in files {
        let content = FileContent::Bytes(file.data.to_vec());
        request.files.insert(file.path.clone(), content);
    }
    let adapter = adapter_json.map(adapter).transpose()?;
    Ok(Submission {
        request,
        adapter,
        ..Submission::default()
    })
}

fn adapter(json: &str) -> Result<AdapterCommand, NativeError> {
    let Adapter {
        image,
        command,
        file_extension,
    } = outcome::parse("request", tree("request", json)?)?;
    Ok(AdapterCommand {
        image,
        command,
        file_extension,
    })
}
