//! Files of this machine, read on a thread of their own while they are sent. A few parts are in memory at a time,
//! whatever the size of the files.

use std::{
    fs::File,
    io::{self, Read as _},
};

use bytes::Bytes;
use futures::stream;
use isol8_protocol::{InlineFile, MAX_INLINE_BYTES};
use tokio::sync::mpsc;

use super::files::{Batch, as_write_error};
use crate::{
    error::EngineError,
    sandbox::Sandbox,
    submission::{LocalFile, shorter},
};

/// What is read of a large file at once, in bytes.
const PART_BYTES: usize = 256 * 1024;

/// Parts of a large file that have been read and not been sent.
const WAITING_PARTS: usize = 2;

/// Files that have been read and not been sent. A small one has at most [`MAX_INLINE_BYTES`].
const WAITING_FILES: usize = 64;

/// Writes `files`. They are read as they are sent: each wait for the guest has its limit, and there is none for all of
/// them together, because the caller chose how much it is.
///
/// Dropping the future ends the reading, and leaves some of them written.
pub(super) async fn place(sandbox: &Sandbox, files: Vec<LocalFile>) -> Result<(), EngineError> {
    if files.is_empty() {
        return Ok(());
    }
    let (sender, mut read) = mpsc::channel(WAITING_FILES);
    let reader = tokio::task::spawn_blocking(move || read_all(files, &sender));
    let mut batch = Batch::new(sandbox);
    while let Some(next) = read.recv().await {
        match next? {
            Contents::Small(file) => {
                let bytes = file.path.len() + file.data.len();
                batch.add(file, bytes).await?;
            }
            Contents::Large { path, mut parts } => {
                let parts = stream::poll_fn(move |context| parts.poll_recv(context));
                let written = sandbox.write_parts(&path, parts).await;
                written.map_err(|error| as_write_error(error, None))?;
            }
        }
    }
    batch.send().await?;
    reader
        .await
        .map(drop)
        .map_err(|error| EngineError::Internal(error.to_string()))
}

/// A file that has been read, or is read.
enum Contents {
    /// What fits into a message with others.
    Small(InlineFile),
    /// What comes in parts.
    Large {
        path: String,
        parts: mpsc::Receiver<Result<Bytes, EngineError>>,
    },
}

/// The receiver of the files was dropped.
struct Unwanted;

/// Reads files one after the other. Stops when the receiver is dropped.
fn read_all(
    files: Vec<LocalFile>,
    sender: &mpsc::Sender<Result<Contents, EngineError>>,
) -> Result<(), Unwanted> {
    for file in files {
        let contents = if file.path.len() as u64 + file.bytes <= MAX_INLINE_BYTES as u64 {
            file.read().map(|data| {
                let path = file.path.clone();
                Contents::Small(InlineFile { path, data })
            })
        } else {
            match file.open() {
                Ok(opened) => {
                    let (part, parts) = mpsc::channel(WAITING_PARTS);
                    let path = file.path.clone();
                    send(sender, Ok(Contents::Large { path, parts }))?;
                    large(opened, &file, &part)?;
                    continue;
                }
                Err(cause) => Err(cause),
            }
        };
        send(sender, contents.map_err(|cause| unreadable(&file, &cause)))?;
    }
    Ok(())
}

fn send<T>(sender: &mpsc::Sender<T>, next: T) -> Result<(), Unwanted> {
    sender.blocking_send(next).map_err(|_| Unwanted)
}

fn large(
    mut opened: File,
    file: &LocalFile,
    sender: &mpsc::Sender<Result<Bytes, EngineError>>,
) -> Result<(), Unwanted> {
    let mut left = file.bytes;
    while left > 0 {
        let length = usize::try_from(left).map_or(PART_BYTES, |left| left.min(PART_BYTES));
        let mut part = vec![0; length];
        if let Err(cause) = opened.read_exact(&mut part) {
            let cause = match cause.kind() {
                io::ErrorKind::UnexpectedEof => shorter(),
                _ => cause,
            };
            return send(sender, Err(unreadable(file, &cause)));
        }
        send(sender, Ok(part.into()))?;
        left -= length as u64;
    }
    Ok(())
}

fn unreadable(file: &LocalFile, cause: &io::Error) -> EngineError {
    EngineError::LocalFile {
        path: file.full_source().display().to_string(),
        reason: cause.to_string(),
    }
}

#[cfg(test)]
mod tests;
