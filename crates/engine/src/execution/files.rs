//! Files in and out of the sandbox for one execution.

use std::{collections::BTreeSet, mem, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use isol8_protocol::{ErrorKind, InlineFile, MAX_BATCH_FILES, MAX_INLINE_BYTES, ProxyPort};

use super::{folders, output_files::OutputFiles};
use crate::{
    error::EngineError,
    plan::{PlannedFile, in_sandbox},
    sandbox::Sandbox,
};

/// Largest file that a caller may ask for by itself, in bytes: what fits into `/sandbox` unless more is
/// asked for.
pub(crate) const MAX_FILE_BYTES: u64 = 512 * 1024 * 1024;

/// What the host keeps of a file beside its contents and the bytes of its name, rounded up.
const ENTRY_BYTES: usize = 128;

/// Most files that travel with the program. Further ones would delay its start beyond the time limit of
/// files.
const MAX_FILES_WITH_PROGRAM: usize = 64;

/// Does something with files within the time limit of a step. `what` is named in the error.
pub(super) async fn within<T>(
    limit: Duration,
    what: &'static str,
    work: impl Future<Output = Result<T, EngineError>>,
) -> Result<T, EngineError> {
    let done = tokio::time::timeout(limit, work).await;
    done.unwrap_or_else(|_| {
        Err(EngineError::FilesTimeout {
            what,
            milliseconds: limit.as_millis(),
        })
    })
}

/// Writes the files that are too many or too large to travel with the program, and returns the others. The
/// program's own file is the last one.
pub(super) async fn place(
    sandbox: &Sandbox,
    files: Vec<PlannedFile>,
    program: Option<PlannedFile>,
) -> Result<Vec<InlineFile>, EngineError> {
    let few = files.len() <= MAX_FILES_WITH_PROGRAM;
    let program_bytes = program.as_ref().map_or(0, PlannedFile::bytes);
    let mut room = MAX_INLINE_BYTES.saturating_sub(program_bytes);
    let mut with_program = Vec::new();
    let mut batch = Batch::new(sandbox);
    for file in files {
        match file.bytes() {
            bytes if few && bytes <= room => {
                room -= bytes;
                with_program.push(file.into_inline());
            }
            bytes if bytes <= MAX_INLINE_BYTES => batch.add(file.into_inline(), bytes).await?,
            _ => write(sandbox, &file.path, &file.data).await?,
        }
    }
    batch.send().await?;
    match program {
        Some(program) if program_bytes <= MAX_INLINE_BYTES => {
            with_program.push(program.into_inline());
        }
        Some(program) => write(sandbox, &program.path, &program.data).await?,
        None => {}
    }
    Ok(with_program)
}

/// Files that will be written by one message.
pub(super) struct Batch<'a> {
    sandbox: &'a Sandbox,
    files: Vec<InlineFile>,
    bytes: usize,
}

impl<'a> Batch<'a> {
    pub(super) fn new(sandbox: &'a Sandbox) -> Self {
        Self {
            sandbox,
            files: Vec::new(),
            bytes: 0,
        }
    }

    /// Adds a file, after what is full has been sent.
    pub(super) async fn add(&mut self, file: InlineFile, bytes: usize) -> Result<(), EngineError> {
        if self.bytes + bytes > MAX_INLINE_BYTES || self.files.len() == MAX_BATCH_FILES {
            self.send().await?;
        }
        self.bytes += bytes;
        self.files.push(file);
        Ok(())
    }

    /// Sends what there is.
    pub(super) async fn send(&mut self) -> Result<(), EngineError> {
        let files = mem::take(&mut self.files);
        self.bytes = 0;
        if files.is_empty() {
            return Ok(());
        }
        let written = self.sandbox.write_files(files).await;
        written.map_err(|error| as_write_error(error, None))
    }
}

/// Writes one file.
pub(crate) async fn write(sandbox: &Sandbox, path: &str, data: &[u8]) -> Result<(), EngineError> {
    let written = sandbox.write_file(path, data).await;
    written.map_err(|error| as_write_error(error, None))
}

/// Reads one file of at most `limit` bytes.
pub(crate) async fn read(
    sandbox: &Sandbox,
    path: &str,
    limit: u64,
) -> Result<Vec<u8>, EngineError> {
    match sandbox.read_file(path, limit).await {
        Ok(contents) => Ok(contents.into()),
        Err(EngineError::Refused { kind, message, .. }) => Err(EngineError::ReadFile {
            kind,
            path: path.to_owned(),
            reason: message,
        }),
        Err(error) => Err(error),
    }
}

/// What to do when a file has no room.
const MORE_SPACE: &str = "Raise sandboxSize, tmpSize or memoryLimit, or remove files.";

/// Where files can be written.
const WRITABLE_PLACES: &str = "Files can be written in /sandbox and /tmp.";

/// A refusal that names a file is about writing it, unless it names the program that was to be started.
pub(super) fn as_write_error(error: EngineError, program: Option<&str>) -> EngineError {
    match error {
        EngineError::Refused {
            kind: ErrorKind::NotFound,
            path,
            message,
        } if Some(path.as_str()) == program => EngineError::Refused {
            kind: ErrorKind::NotFound,
            message: format!(
                "{message}. The sandbox lacks it: choose an image that has it (option image), or another runtime."
            ),
            path,
        },
        EngineError::Refused {
            kind,
            path,
            message,
        } if !path.is_empty() => EngineError::WriteFile {
            kind,
            path,
            reason: match kind {
                ErrorKind::NoSpace => format!("{message}. {MORE_SPACE}"),
                ErrorKind::Denied => format!("{message}. {WRITABLE_PLACES}"),
                _ => message,
            },
        },
        other => other,
    }
}

/// The output files, at most `limit` bytes together. Each file that a folder adds counts with its path and
/// [`ENTRY_BYTES`]. A folder stands for the files in it and below it. What is missing, or is nothing that the program can
/// read, is left out.
pub(super) async fn collect(
    sandbox: &Sandbox,
    paths: &[String],
    limit: u64,
    proxy: ProxyPort,
) -> Result<OutputFiles, EngineError> {
    let mut output = Output {
        files: OutputFiles::default(),
        left: limit,
    };
    let mut seen = BTreeSet::new();
    let unique: Vec<&String> = paths.iter().filter(|path| seen.insert(*path)).collect();
    for folder in output.read(sandbox, &unique, Names::OfRequest).await? {
        match folders::list(sandbox, &folder, proxy).await? {
            Some(paths) => {
                let unread: Vec<_> = paths
                    .iter()
                    .filter(|path| !output.files.contents.contains_key(*path))
                    .collect();
                output.read(sandbox, &unread, Names::OfProgram).await?;
            }
            None => output.files.left_out.add(folder),
        }
    }
    Ok(output.files)
}

/// Who has named files.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    /// The request, whose paths are there already.
    OfRequest,
    /// The program. One folder of empty files under many spellings would fill the host's memory.
    OfProgram,
}

/// Output files as they are read.
struct Output {
    files: OutputFiles,
    /// Bytes for which there is still room.
    left: u64,
}

impl Output {
    /// Reads files, and returns the paths that may be folders.
    async fn read(
        &mut self,
        sandbox: &Sandbox,
        paths: &[&String],
        names: Names,
    ) -> Result<Vec<String>, EngineError> {
        let Self { files, left } = self;
        let mut folders = Vec::new();
        let mut rest = paths;
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(batch_length(rest));
            rest = later;
            let asked = batch
                .iter()
                .map(|path| in_sandbox(path).into_owned())
                .collect();
            let mut incoming = sandbox.read_files(asked, *left).await?;
            let mut waiting = batch.iter();
            while let Some(file) = incoming.next().await? {
                let Some(path) = waiting.next() else { break };
                match file {
                    Ok(contents) => {
                        let name = match names {
                            Names::OfRequest => 0,
                            Names::OfProgram => path.len() + ENTRY_BYTES,
                        };
                        match left.checked_sub((contents.len() + name) as u64) {
                            Some(rest) => {
                                *left = rest;
                                let encoded = BASE64.encode(contents);
                                files.contents.insert((*path).clone(), encoded);
                            }
                            None => files.left_out.add((*path).clone()),
                        }
                    }
                    Err(ErrorKind::TooLarge) => files.left_out.add((*path).clone()),
                    Err(ErrorKind::NotAFile) => folders.push((*path).clone()),
                    // What the program left there must not be able to undo its result, for example with a
                    // link whose target is too long.
                    Err(_) => {}
                }
            }
        }
        Ok(folders)
    }
}

/// How many of `paths`, at least one, one message can ask for.
fn batch_length(paths: &[&String]) -> usize {
    let mut bytes = 0;
    let fit = paths.iter().take(MAX_BATCH_FILES).take_while(|path| {
        bytes += in_sandbox(path).len();
        bytes <= MAX_INLINE_BYTES
    });
    fit.count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_asks_for_as_many_paths_as_it_holds() {
        let short = "/x".to_owned();
        let long = format!("/{}", "x".repeat(4094));
        assert_eq!(batch_length(&[&short, &short]), 2);
        assert_eq!(batch_length(&vec![&short; 10_000]), MAX_BATCH_FILES);
        assert_eq!(batch_length(&vec![&long; 100]), MAX_INLINE_BYTES / 4095);
    }
}
