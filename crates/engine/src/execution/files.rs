//! Files in and out of the sandbox for one execution.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use isol8_protocol::{ErrorKind, InlineFile, MAX_INLINE_BYTES};

use crate::{error::EngineError, plan::PlannedFile, sandbox::Sandbox};

/// Largest file that a caller may ask for by itself, in bytes: what fits into `/sandbox` unless more is
/// asked for.
const MAX_FILE_BYTES: u64 = 512 * 1024 * 1024;

/// What output files there are.
#[derive(Default)]
pub(super) struct OutputFiles {
    /// Their contents in base64, by path.
    pub(super) contents: BTreeMap<String, String>,
    /// Paths of those for which there was no room.
    pub(super) too_large: Vec<String>,
}

/// Writes the files that are too large to travel with the program, and returns the others.
pub(super) async fn place(
    sandbox: &Sandbox,
    files: impl IntoIterator<Item = PlannedFile>,
) -> Result<Vec<InlineFile>, EngineError> {
    let mut inline = Vec::new();
    let mut room = MAX_INLINE_BYTES;
    for PlannedFile { path, data } in files {
        // The path travels, too.
        let size = data.len() + path.len();
        if size <= room {
            room -= size;
            inline.push(InlineFile { path, data });
        } else {
            write(sandbox, &path, &data).await?;
        }
    }
    Ok(inline)
}

/// Writes one file.
pub(crate) async fn write(sandbox: &Sandbox, path: &str, data: &[u8]) -> Result<(), EngineError> {
    let written = sandbox.write_file(path, data).await;
    written.map_err(|error| as_write_error(error, None))
}

/// Reads one file.
pub(crate) async fn read(sandbox: &Sandbox, path: &str) -> Result<Vec<u8>, EngineError> {
    match sandbox.read_file(path, MAX_FILE_BYTES).await {
        Ok(contents) => Ok(contents.into()),
        Err(EngineError::Refused { message, .. }) => Err(EngineError::ReadFile {
            path: path.to_owned(),
            reason: message,
        }),
        Err(error) => Err(error),
    }
}

/// A refusal that names a file is about writing it, unless it names the program that was to be started.
pub(super) fn as_write_error(error: EngineError, program: Option<&str>) -> EngineError {
    match error {
        EngineError::Refused {
            kind: ErrorKind::NotFound,
            ref path,
            ..
        } if Some(path.as_str()) == program => error,
        EngineError::Refused { path, message, .. } if !path.is_empty() => EngineError::WriteFile {
            path,
            reason: message,
        },
        other => other,
    }
}

/// The output files, at most `limit` bytes together. What is missing, or is no file that the program
/// can read, is left out.
pub(super) async fn collect(
    sandbox: &Sandbox,
    paths: &[String],
    limit: u64,
) -> Result<OutputFiles, EngineError> {
    let mut files = OutputFiles::default();
    let mut left = limit;
    for path in paths {
        if files.contents.contains_key(path) {
            continue;
        }
        match sandbox.read_file(path, left).await {
            Ok(contents) => {
                left -= contents.len() as u64;
                files.contents.insert(path.clone(), BASE64.encode(contents));
            }
            Err(EngineError::Refused {
                kind: ErrorKind::TooLarge,
                ..
            }) => files.too_large.push(path.clone()),
            // A refusal that names the file is about what the program left there. It must not be able
            // to undo its own result with, say, a link whose target is too long.
            Err(EngineError::Refused { path, .. }) if !path.is_empty() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(files)
}
