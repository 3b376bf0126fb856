//! What a request takes from this machine: the program, its input, scripts, files.

use std::{
    io::{self, IsTerminal as _, Read as _},
    path::Path,
};

use isol8_api::request::ExecutionRequest;

use super::files;
use crate::{
    failure::Failure,
    output::Console,
    settings::{Input, ProgramSource, RunSettings},
};

/// Most bytes of a program, a script or an input that is read. The engine has limits of its own below it.
const MAX_TEXT_BYTES: u64 = 256 * 1024 * 1024;

/// The byte order mark that some editors put in front of a text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The whole request.
///
/// Dropping the future leaves a thread behind that may wait for standard input.
pub(super) async fn prepare(
    settings: &RunSettings,
    console: Console,
) -> Result<ExecutionRequest, Failure> {
    let mut request = settings.request.clone();
    match &settings.source {
        ProgramSource::Command(text) => request.cmd = Some(text.clone()),
        ProgramSource::Url(_) => {}
        ProgramSource::Text(text) => request.code = Some(text.clone()),
        ProgramSource::File(file) => {
            request.code = Some(program(file, &request.runtime, console)?);
        }
        ProgramSource::Stdin => {
            if io::stdin().is_terminal() {
                console.info("The program is read from the terminal. Ctrl-D ends it.");
            }
            let text = standard_input().await?;
            if text.trim().is_empty() {
                return Err(Failure::Usage(
                    "There is no program: name a file, use --eval, or write one to standard input."
                        .into(),
                ));
            }
            request.code = Some(text);
        }
    }
    request.stdin = match &settings.input {
        Input::None => None,
        Input::Text(text) => Some(text.clone()),
        Input::Own => Some(standard_input().await?),
    };
    let scripts = settings
        .setup
        .iter()
        .map(|setup| script(setup))
        .collect::<Result<Vec<_>, _>>()?;
    if !scripts.is_empty() {
        request.setup_script = Some(scripts.join("\n"));
    }
    if let Some(folder) = &settings.files {
        request.files = files::collect(folder, request.workdir.as_deref(), console)?;
    }
    Ok(request)
}

/// The program in a file.
fn program(file: &Path, runtime: &str, console: Console) -> Result<String, Failure> {
    let text = read(file)?;
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text);
    if text.trim().is_empty() {
        return Err(Failure::Usage(format!(
            "{} is empty: there is nothing to run.",
            file.display()
        )));
    }
    // The others read both line ends. Bash takes the carriage return for a part of the command.
    if runtime == "bash" && text.contains("\r\n") {
        console.warn(&format!(
            "{} has the line ends of Windows. They are replaced: bash cannot read them.",
            file.display()
        ));
        return Ok(text.replace("\r\n", "\n"));
    }
    Ok(text.to_owned())
}

/// A setup script: the text of the file of this name, or the text itself.
fn script(given: &str) -> Result<String, Failure> {
    let file = Path::new(given);
    if file.is_file() {
        read(file)
    } else {
        Ok(given.to_owned())
    }
}

fn read(file: &Path) -> Result<String, Failure> {
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
    limited(opened, &file.display().to_string()).map_err(failed)
}

/// All of standard input, read on a thread of its own.
async fn standard_input() -> Result<String, Failure> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = sender.send(limited(io::stdin().lock(), "standard input"));
    });
    let read = receiver
        .await
        .unwrap_or_else(|_| Err(io::Error::other("its reader has ended")));
    read.map_err(|cause| match cause.kind() {
        io::ErrorKind::InvalidData => {
            Failure::Usage("Standard input is not UTF-8 text.".to_owned())
        }
        _ => Failure::input_output("Cannot read standard input", cause),
    })
}

fn limited(from: impl io::Read, name: &str) -> io::Result<String> {
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

    fn told(name: &str, bytes: &[u8], runtime: &str) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        program(&file, runtime, Console::new(true)).map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_program_comes_without_what_editors_add() {
        assert_eq!(
            told("a.py", "\u{feff}x = 1\r\n".as_bytes(), "python").unwrap(),
            "x = 1\r\n"
        );
        assert_eq!(
            told("a.sh", b"echo 1\r\necho 2\r\n", "bash").unwrap(),
            "echo 1\necho 2\n"
        );
    }

    #[test]
    fn a_file_without_a_program_is_an_error_that_names_it() {
        for (bytes, message) in [
            (&b" \n"[..], "is empty: there is nothing to run."),
            (b"\xff\xfe", "is not UTF-8 text."),
        ] {
            let error = told("named.py", bytes, "python").unwrap_err();
            assert!(
                error.contains("named.py") && error.ends_with(message),
                "{error}"
            );
        }
        let folder = tempfile::tempdir().unwrap();
        let error = read(folder.path()).unwrap_err().to_string();
        assert!(error.ends_with("is a folder, not a file."), "{error}");
        let error = read(&folder.path().join("none")).unwrap_err().to_string();
        assert!(error.starts_with("File not found: "), "{error}");
    }

    #[test]
    fn a_setup_script_is_a_text_or_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("setup.sh");
        std::fs::write(&file, "echo from a file").unwrap();
        assert_eq!(script(file.to_str().unwrap()).unwrap(), "echo from a file");
        assert_eq!(script("echo text").unwrap(), "echo text");
    }
}
