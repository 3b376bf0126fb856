//! The configuration of the working directory.

use std::path::PathBuf;

use isol8_api::config::{LoadedConfig, load_config};

use crate::{failure::Failure, output::Console};

/// The configuration that is in effect. Prints a warning for each part of its file that is not used.
pub(crate) fn configuration(console: Console) -> Result<LoadedConfig, Failure> {
    // Without a working directory there is no file in it either.
    let directory = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    let loaded = load_config(&directory)?;
    for warning in &loaded.warnings {
        console.warn(&warning.to_string());
    }
    Ok(loaded)
}
