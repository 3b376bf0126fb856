//! What a request takes from this machine: the program, its input, scripts, files.

use std::{
    io::{self, IsTerminal as _},
    path::Path,
};

use isol8_engine::Submission;

use super::{files, remote_files};
use crate::{
    failure::Failure,
    output::Console,
    settings::{Input, ProgramSource, RunSettings, read_limited, read_text, script},
};

/// The byte order mark that some editors put in front of a text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// What is to run. `stdin` is what an earlier call has read of standard input for the program.
///
/// Dropping the future leaves a thread behind that may wait for standard input.
pub(super) async fn prepare(
    settings: &RunSettings,
    stdin: Option<String>,
    console: Console,
) -> Result<Submission, Failure> {
    let mut request = settings.request.clone();
    match &settings.source {
        ProgramSource::Command(text) => request.cmd = Some(given("--cmd", text)?),
        ProgramSource::Url(_) => {}
        ProgramSource::Text(text) => request.code = Some(given("--eval", text)?),
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
        Input::None | Input::Live => None,
        Input::Text(text) => Some(text.clone()),
        Input::Own => match stdin {
            Some(text) => Some(text),
            None => Some(standard_input().await?),
        },
    };
    let scripts = settings
        .setup
        .iter()
        .map(|setup| script(setup))
        .collect::<Result<Vec<_>, _>>()?;
    if !scripts.is_empty() {
        request.setup_script = Some(scripts.join("\n"));
    }
    let mut submission = Submission::from(request);
    if let Some(folder) = &settings.files {
        let request = &mut submission.request;
        let files = files::list(folder, request.workdir.as_deref(), console)?;
        if settings.remote.is_some() {
            request.files = remote_files::read(files)?;
        } else {
            submission.local_files = files;
        }
    }
    Ok(submission)
}

/// The program that `flag` gives.
fn given(flag: &str, text: &str) -> Result<String, Failure> {
    if text.trim().is_empty() {
        let text = format!("{flag} is empty: there is nothing to run.");
        return Err(Failure::Usage(text));
    }
    Ok(text.to_owned())
}

/// The program in a file.
fn program(file: &Path, runtime: &str, console: Console) -> Result<String, Failure> {
    let text = read_text(file)?;
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

/// All of standard input, read on a thread of its own.
async fn standard_input() -> Result<String, Failure> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = sender.send(read_limited(io::stdin().lock(), "standard input"));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(name: &str, bytes: &[u8], runtime: &str) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        program(&file, runtime, Console::new(true)).map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_program_comes_without_what_editors_add() {
        assert_eq!(
            prepared("a.py", "\u{feff}x = 1\r\n".as_bytes(), "python").unwrap(),
            "x = 1\r\n"
        );
        assert_eq!(
            prepared("a.sh", b"echo 1\r\necho 2\r\n", "bash").unwrap(),
            "echo 1\necho 2\n"
        );
    }

    #[test]
    fn a_file_without_a_program_is_an_error_that_names_it() {
        for (bytes, message) in [
            (&b" \n"[..], "is empty: there is nothing to run."),
            (b"\xff\xfe", "is not UTF-8 text."),
        ] {
            let error = prepared("named.py", bytes, "python").unwrap_err();
            assert!(
                error.contains("named.py") && error.ends_with(message),
                "{error}"
            );
        }
    }
}
