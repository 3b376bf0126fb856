//! The file that gets the program's output, too.

use std::{fs::OpenOptions, io::Write as _, path::PathBuf};

use crate::{failure::Failure, output::Console};

/// A file to write, with what it gets. The engine limits the output, and so what is kept here.
#[derive(Debug, Clone)]
pub(super) struct Tee {
    file: Option<PathBuf>,
    text: String,
}

impl Tee {
    /// A copy of the output for `file`. Fails when the file cannot be written. What it holds stays until
    /// there is an output.
    pub(super) fn open(file: Option<PathBuf>) -> Result<Self, Failure> {
        if let Some(path) = &file {
            let opened = OpenOptions::new().append(true).create(true).open(path);
            opened.map_err(|cause| unwritable(path, cause))?;
        }
        Ok(Self {
            file,
            text: String::new(),
        })
    }

    /// Adds output.
    pub(super) fn add(&mut self, text: &str) {
        if self.file.is_some() {
            self.text.push_str(text);
        }
    }

    /// Writes the file, also when there was no output.
    pub(super) fn write(self, console: Console) -> Result<(), Failure> {
        let Some(path) = self.file else { return Ok(()) };
        let open = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path);
        open.and_then(|mut file| file.write_all(self.text.as_bytes()))
            .map_err(|cause| unwritable(&path, cause))?;
        console.note(&format!("[Run] Output written to {}", path.display()));
        Ok(())
    }
}

fn unwritable(path: &std::path::Path, cause: std::io::Error) -> Failure {
    Failure::input_output(format!("--out: cannot write {}", path.display()), cause)
}
