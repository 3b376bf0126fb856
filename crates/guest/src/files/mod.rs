//! File requests: frames of the host on one side, a helper with the user's rights on the other, and a pipe between
//! them. A full pipe slows the faster side down.

mod at_once;
pub(crate) mod batch;
pub(crate) mod user_files;

use std::{io, pin::pin, time::Duration};

use isol8_protocol::{
    ErrorKind, FRAME_HEADER_BYTES, FileRequest, FrameKind, InlineFile, ReadRequest, Reply,
};

use tokio::time::timeout;

use self::user_files::CopyError;
use crate::{
    failure::{Failure, RequestError},
    fd::{Fd, pipe},
    guest::Guest,
    link::frames::{FrameReader, FrameWriter, OUTPUT_FRAME_BYTES},
    processes::helper::{Helper, Killer},
};

/// How long a helper may take for its next step. It waits for local files only.
const STALL_DEADLINE: Duration = Duration::from_secs(30);

/// Largest size of a small file, in bytes. The guest's reserve is enough to write one.
const SMALL_BYTES: usize = 64 * 1024;

/// Writes a file from the host's data frames. Nothing changes without the empty frame that ends them.
pub(crate) async fn write(
    guest: &Guest,
    request: &FileRequest,
    frames: &mut FrameReader,
) -> Result<Option<Reply>, RequestError> {
    let path = &request.path;
    user_files::check_path(path)?;
    let _room = guest.memory.room_for_work();
    let starting = |error| Failure::system("cannot start to write the file", &error);
    let (source, sink) = pipe().map_err(starting)?;
    let helper = Helper::start(&guest.reaper, &source, |mut source, mut commit| {
        user_files::replace(path, |file| match user_files::copy(&mut source, file) {
            Ok(()) => Ok(commit.is_given()),
            Err(CopyError::Read(error) | CopyError::Write(error)) => Err(error),
        })?;
        Ok(Reply::Done)
    })
    .map_err(starting)?;
    let killer = helper.killer();
    drop(source);
    let sink = Fd::new(sink).map_err(starting)?;
    let mut written = 0;
    loop {
        let (kind, data) = frames.next().await?;
        if kind != FrameKind::Data {
            return Err(Failure::invalid(format!("{kind:?} frame inside a file")).into());
        }
        if data.is_empty() {
            helper.commit().await;
            break;
        }
        written += data.len();
        if let Err(full) = guest
            .memory
            .check_file(path, data.len(), written > SMALL_BYTES)
        {
            drop(sink);
            let mut removed = pin!(unstalled(killer, helper.answer()));
            tokio::select! {
                // What is written so far takes the memory until the helper has removed it.
                removed = &mut removed => removed?,
                // Meanwhile, what the host still sends must not take more.
                () = frames.closed() => removed.await?,
            };
            return Err(full.into());
        }
        if unstalled(killer, sink.write_all(data)).await?.is_err() {
            break; // The helper has failed, and its answer has the reason.
        }
    }
    drop(sink);
    Ok(Some(unstalled(killer, helper.answer()).await?))
}

/// Writes the files that came with a request, with the user's rights. Makes `directory`, and checks that the
/// user can enter it.
pub(crate) async fn write_inline(
    guest: &Guest,
    files: &[InlineFile],
    directory: Option<&str>,
) -> Result<(), Failure> {
    if files.is_empty() && directory.is_none() {
        return Ok(());
    }
    check_room(guest, files)?;
    if at_once::write(guest, files, directory) {
        return Ok(());
    }
    let _room = guest.memory.room_for_work();
    let helper = Helper::start(&guest.reaper, &guest.null, |_, _| {
        user_files::write_inline(files, directory).map(|()| Reply::Done)
    })
    .map_err(|error| Failure::system("cannot start to write files", &error))?;
    done(helper.answer().await)
}

/// Makes `path` a symbolic link to `target`, with the user's rights; without a target, what it was before.
pub(crate) async fn write_link(
    guest: &Guest,
    path: &str,
    target: Option<&str>,
) -> Result<(), Failure> {
    let _room = guest.memory.room_for_work();
    let helper = Helper::start(&guest.reaper, &guest.null, |_, _| {
        let made = match target {
            Some(target) => user_files::link(path, target),
            None => user_files::unlink(path),
        };
        made.map(|()| Reply::Done)
    })
    .map_err(|error| Failure::system("cannot start to write files", &error))?;
    done(helper.answer().await)
}

fn done(answer: Reply) -> Result<(), Failure> {
    match answer {
        Reply::Failed {
            kind,
            path,
            message,
        } => Err(Failure::new(kind, &path, message)),
        _ => Ok(()),
    }
}

/// Checks that the files of a request fit into memory.
pub(crate) fn check_room(guest: &Guest, files: &[InlineFile]) -> Result<(), Failure> {
    let bytes = files.iter().map(|file| file.data.len()).sum();
    let largest = files.iter().max_by_key(|file| file.data.len());
    match largest {
        Some(largest) if bytes > SMALL_BYTES => {
            guest.memory.check_file(&largest.path, bytes, false)
        }
        _ => Ok(()),
    }
}

/// Sends the contents of a file. Returns a reply on failure.
pub(crate) async fn read(
    guest: &Guest,
    request: &ReadRequest,
    writer: &mut FrameWriter,
) -> Result<Option<Reply>, RequestError> {
    let path = &request.path;
    user_files::check_path(path)?;
    let _room = guest.memory.room_for_work();
    let starting = |error| Failure::system("cannot start to read the file", &error);
    let (source, sink) = pipe().map_err(starting)?;
    let helper = Helper::start(&guest.reaper, &sink, |mut sink, _| {
        match user_files::copy(&mut user_files::open(path, request.max_bytes)?, &mut sink) {
            Ok(()) => Ok(Reply::Done),
            Err(CopyError::Read(error) | CopyError::Write(error)) => {
                Err(Failure::os(path, "cannot read the file", &error))
            }
        }
    })
    .map_err(starting)?
    .kill_on_drop();
    let killer = helper.killer();
    drop(sink);
    let source = Fd::new(source).map_err(starting)?;
    let mut frame = vec![0; OUTPUT_FRAME_BYTES];
    loop {
        let reading = |error| Failure::system("cannot read the file", &error);
        let room = &mut frame[FRAME_HEADER_BYTES..];
        let count = unstalled(killer, source.read(room))
            .await?
            .map_err(reading)?;
        if count == 0 {
            break;
        }
        writer.payload(FrameKind::Data, &mut frame, count).await?;
    }
    match unstalled(killer, helper.answer()).await? {
        Reply::Done => {
            writer.payload(FrameKind::Data, &mut frame, 0).await?;
            Ok(None)
        }
        Reply::Failed {
            kind,
            path,
            message,
        } => Ok(Some(Reply::Failed {
            kind,
            path,
            message,
        })),
        _ => Err(Failure::new(ErrorKind::System, path, "unexpected answer").into()),
    }
}

/// Waits for the next step of a helper. Kills the helper when the step takes too long.
pub(crate) async fn unstalled<T>(
    killer: Killer<'_>,
    step: impl Future<Output = T>,
) -> Result<T, Failure> {
    timeout(STALL_DEADLINE, step).await.map_err(|_| {
        killer.kill();
        Failure::system("the transfer stopped", &io::ErrorKind::TimedOut.into())
    })
}
