//! Texts that a flag gives or names a file for.

use std::{
    io::{self, Read as _},
    path::Path,
};

use crate::failure::Failure;

/// Most bytes of a program, a script or an input that is read. The engine has limits of its own below it.
const MAX_TEXT_BYTES: u64 = 256 * 1024 * 1024;

/// A setup script: the text of the file of this name, or the text itself.
pub(crate) fn script(given: &str) -> Result<String, Failure> {
    let file = Path::new(given);
    if file.is_file() {
        read_text(file)
    } else {
        Ok(given.to_owned())
    }
}

/// The text in a file.
pub(crate) fn read_text(file: &Path) -> Result<String, Failure> {
    let failed = |cause: io::Error| {
        let what = match cause.kind() {
            io::ErrorKind::NotFound => {
                return Failure::Usage(format!("File not found: {}", file.display()));
            }
            io::ErrorKind::InvalidData => {
                return Failure::Usage(format!("{} is not UTF-8 text.", file.display()));
            }
            _ => format!("Cannot read {}", file.display()),
        };
        Failure::input_output(what, cause)
    };
    if file.is_dir() {
        return Err(Failure::Usage(format!(
            "{} is a folder, not a file.",
            file.display()
        )));
    }
    let opened = std::fs::File::open(file).map_err(failed)?;
    read_limited(opened, &file.display().to_string()).map_err(failed)
}

/// All of a text, of `name` for the error.
pub(crate) fn read_limited(from: impl io::Read, name: &str) -> io::Result<String> {
    let mut text = String::new();
    from.take(MAX_TEXT_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_TEXT_BYTES {
        return Err(io::Error::other(format!(
            "{name} has more than {MAX_TEXT_BYTES} bytes"
        )));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setup_script_is_a_text_or_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("setup.sh");
        std::fs::write(&file, "echo from a file").unwrap();
        assert_eq!(script(file.to_str().unwrap()).unwrap(), "echo from a file");
        assert_eq!(script("echo text").unwrap(), "echo text");
    }

    #[test]
    fn what_is_no_file_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let error = read_text(folder.path()).unwrap_err().to_string();
        assert!(error.ends_with("is a folder, not a file."), "{error}");
        let error = read_text(&folder.path().join("none"))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("File not found: "), "{error}");
    }
}
