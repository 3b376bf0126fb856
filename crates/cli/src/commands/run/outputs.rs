//! Files that are copied out of the sandbox.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use super::super::save::save;
use crate::{failure::Failure, settings::Output};

/// Refuses destinations that cannot be written, before anything runs. Those that are there already are refused,
/// too, unless `force` is set.
pub(super) fn check(outputs: &[Output], force: bool) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    for Output { destination, .. } in outputs {
        if !seen.insert(destination) {
            return Err(refused(destination, "is the place of two files."));
        }
        match destination.symlink_metadata() {
            Ok(_) if !force => return Err(exists(destination)),
            Ok(there) if there.is_symlink() => {
                let text = "is a link. Remove it, or name the file that it leads to.";
                return Err(refused(destination, text));
            }
            Ok(there) if there.is_dir() => return Err(refused(destination, "is a folder.")),
            Ok(_) => {}
            Err(_) => {
                let folder = destination.parent().unwrap_or(Path::new(""));
                if !folder.as_os_str().is_empty() && !folder.is_dir() {
                    return Err(refused(folder, "is no folder."));
                }
            }
        }
    }
    Ok(())
}

/// Writes the files. The first that cannot be written is the error; those before it are there.
pub(super) fn write(
    outputs: &[Output],
    files: &BTreeMap<String, String>,
    force: bool,
) -> Result<(), Failure> {
    for Output {
        source,
        destination,
    } in outputs
    {
        let encoded = files.get(source).ok_or_else(|| Failure::NoOutput {
            path: source.clone(),
            destination: destination.clone(),
        })?;
        let bytes = BASE64
            .decode(encoded)
            .map_err(|error| Failure::Usage(format!("{source}: {error}")))?;
        save("--output-path", destination, &bytes, force)?;
    }
    Ok(())
}

fn exists(destination: &Path) -> Failure {
    refused(destination, "is there already. Use --force to replace it.")
}

fn refused(path: &Path, reason: &str) -> Failure {
    Failure::Usage(format!("--output-path: {} {reason}", path.display()))
}
