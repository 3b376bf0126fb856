//! Requests on their way in.

use isol8_api::request::{ExecutionRequest, FileContent};
use isol8_engine::{AdapterCommand, Submission};

use napi::bindgen_prelude::{BufferSlice, Either};
use napi_derive::napi;
use serde::Deserialize;

use crate::outcome::{self, NativeError, tree};

/// The bytes of a file's content, which is a text or borrows from JavaScript. Either is copied once.
pub(crate) fn bytes(content: Either<String, BufferSlice<'_>>) -> Vec<u8> {
    match content {
        Either::A(text) => text.into_bytes(),
        Either::B(bytes) => bytes.to_vec(),
    }
}

/// A file that goes with a request. It borrows from JavaScript and is copied before the call returns.
#[napi(object, object_to_js = false)]
pub struct NativeFile<'env> {
    /// Absolute path in the sandbox.
    pub path: String,
    /// Contents.
    pub data: Either<String, BufferSlice<'env>>,
}

/// A request. It borrows from JavaScript and is copied before the call returns.
#[napi(object, object_to_js = false)]
pub struct NativeRequest<'env> {
    /// The plain fields.
    pub json: String,
    /// The program, where it is a text. It may be large, and JSON would be a second copy of it.
    pub code: Option<String>,
    /// The standard input, likewise.
    pub stdin: Option<String>,
    /// The files that go with it.
    pub files: Vec<NativeFile<'env>>,
    /// What the adapter of its runtime answered, where the caller registered one.
    pub adapter: Option<String>,
}

/// What the adapter of a registered runtime answered.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Adapter {
    image: String,
    command: Vec<String>,
    file_extension: String,
}

/// What is submitted to the engine. Program and files are copied once.
pub(crate) fn parse(request: NativeRequest<'_>) -> Result<Submission, NativeError> {
    let NativeRequest {
        json,
        code,
        stdin,
        files,
        adapter: answer,
    } = request;
    let mut request: ExecutionRequest = outcome::parse("request", tree("request", &json)?)?;
    if code.is_some() {
        request.code = code;
    }
    if stdin.is_some() {
        request.stdin = stdin;
    }
    for NativeFile { path, data } in files {
        request.files.insert(path, FileContent::Bytes(bytes(data)));
    }
    let adapter = answer.as_deref().map(adapter).transpose()?;
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
