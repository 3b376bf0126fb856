//! Files in and out of the sandbox for one execution.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use isol8_protocol::{InlineFile, MAX_INLINE_BYTES};

use crate::{error::EngineError, plan::PlannedFile, sandbox::Sandbox};

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
    sandbox.write_file(path, data).await.map_err(as_write_error)
}

/// Reads one file.
pub(crate) async fn read(sandbox: &Sandbox, path: &str) -> Result<Vec<u8>, EngineError> {
    match sandbox.read_file(path).await {
        Ok(contents) => Ok(contents.into()),
        Err(EngineError::Refused { message, .. }) => Err(EngineError::ReadFile {
            path: path.to_owned(),
            reason: message,
        }),
        Err(error) => Err(error),
    }
}

/// A refusal that names a file is about writing it.
pub(super) fn as_write_error(error: EngineError) -> EngineError {
    match error {
        EngineError::Refused { path, message, .. } if !path.is_empty() => EngineError::WriteFile {
            path,
            reason: message,
        },
        other => other,
    }
}

/// The output files in base64. What is missing, or is no file that the program can read, is left
/// out.
pub(super) async fn collect(
    sandbox: &Sandbox,
    paths: &[String],
) -> Result<BTreeMap<String, String>, EngineError> {
    let mut files = BTreeMap::new();
    for path in paths {
        match sandbox.read_file(path).await {
            Ok(contents) => {
                files.insert(path.clone(), BASE64.encode(contents));
            }
            // A refusal that names the file is about what the program left there. It must not be able
            // to undo its own result with, say, a link whose target is too long.
            Err(EngineError::Refused { path, .. }) if !path.is_empty() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(files)
}
