//! Files that are copied out of the sandbox.

use std::{collections::BTreeMap, fs::OpenOptions, io::Write as _, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use crate::{failure::Failure, settings::Output};

/// Refuses destinations that are there already, before anything runs, unless `force` is set.
pub(super) fn check(outputs: &[Output], force: bool) -> Result<(), Failure> {
    let there = |output: &&Output| output.destination.symlink_metadata().is_ok();
    match outputs.iter().find(there) {
        Some(output) if !force => Err(exists(&output.destination)),
        _ => Ok(()),
    }
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
        save(destination, &bytes, force)?;
    }
    Ok(())
}

/// Never writes into a file that is there, unless `force` is set.
fn save(destination: &Path, bytes: &[u8], force: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    match options
        .open(destination)
        .and_then(|mut file| file.write_all(bytes))
    {
        Ok(()) => Ok(()),
        Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => Err(exists(destination)),
        Err(cause) => Err(Failure::input_output(
            format!("--output-path: cannot write {}", destination.display()),
            cause,
        )),
    }
}

fn exists(destination: &Path) -> Failure {
    Failure::Usage(format!(
        "--output-path: {} is there already. Use --force to replace it.",
        destination.display()
    ))
}
