//! Requests for many small files: one message and one helper for all of them.

use std::{io, slice};

use isol8_protocol::{
    ErrorKind, FRAME_HEADER_BYTES, FrameHeader, InlineFile, MAX_BATCH_FILES, ReadFilesRequest,
    Reply,
};

use super::{
    check_room, unstalled,
    user_files::{self, check_path},
};
use crate::{
    failure::{Failure, RequestError},
    fd::{Fd, pipe},
    guest::Guest,
    link::frames::{FrameWriter, OUTPUT_FRAME_BYTES, StreamError},
    processes::helper::Helper,
};

/// Writes small files in their order. Stops between two files when it is dropped.
pub(crate) async fn write(
    guest: &Guest,
    files: &[InlineFile],
) -> Result<Option<Reply>, RequestError> {
    check_count(files.len())?;
    for file in files {
        check_path(&file.path)?;
    }
    check_room(guest, files)?;
    let _room = guest.memory.room_for_work();
    let helper = Helper::start(&guest.reaper, &guest.null, |_, commit| {
        for file in files {
            if commit.is_withdrawn() {
                return Err(Failure::invalid("the host has given up the request"));
            }
            user_files::write_inline(slice::from_ref(file), None)?;
        }
        Ok(Reply::Done)
    })
    .map_err(|error| Failure::system("cannot start to write files", &error))?;
    Ok(Some(unstalled(helper.killer(), helper.end()).await?))
}

/// Sends files in their order. The helper writes the frames, and the guest passes whole ones on.
pub(crate) async fn read(
    guest: &Guest,
    request: &ReadFilesRequest,
    writer: &mut FrameWriter,
) -> Result<Option<Reply>, RequestError> {
    check_count(request.paths.len())?;
    let _room = guest.memory.room_for_work();
    let starting = |error| Failure::system("cannot start to read files", &error);
    let (source, sink) = pipe().map_err(starting)?;
    let helper = Helper::start(&guest.reaper, &sink, |sink, _| {
        let mut sink = io::BufWriter::with_capacity(OUTPUT_FRAME_BYTES, sink);
        user_files::send_each(&request.paths, request.max_bytes, &mut sink)
            .map(|()| Reply::Done)
            .map_err(|error| Failure::system("cannot send files", &error))
    })
    .map_err(starting)?
    .kill_on_drop();
    let killer = helper.killer();
    drop(sink);
    let source = Fd::new(source).map_err(starting)?;
    // There is always room for the rest of a frame.
    let mut buffer = vec![0; 2 * OUTPUT_FRAME_BYTES];
    let mut filled = 0;
    loop {
        let reading = |error| Failure::system("cannot read files", &error);
        let count = unstalled(killer, source.read(&mut buffer[filled..]))
            .await?
            .map_err(reading)?;
        if count == 0 {
            break;
        }
        filled += count;
        let whole = whole_frames(&buffer[..filled])?;
        writer.frames(&buffer[..whole]).await?;
        buffer.copy_within(whole..filled, 0);
        filled -= whole;
    }
    match unstalled(killer, helper.answer()).await? {
        // A helper that was killed has perhaps sent a part of a frame.
        Reply::Done if filled > 0 => {
            Err(Failure::new(ErrorKind::System, "", "the files are not complete").into())
        }
        reply => Ok(Some(reply)),
    }
}

fn check_count(count: usize) -> Result<(), Failure> {
    if count > MAX_BATCH_FILES {
        let message =
            format!("{count} files in one message, at most {MAX_BATCH_FILES} are possible");
        return Err(Failure::invalid(message));
    }
    Ok(())
}

/// How many bytes of `frames` are whole frames.
fn whole_frames(frames: &[u8]) -> Result<usize, StreamError> {
    let mut whole = 0;
    while let Some(header) = frames[whole..].first_chunk::<FRAME_HEADER_BYTES>() {
        let end = whole + FRAME_HEADER_BYTES + FrameHeader::parse(*header)?.length;
        if end > frames.len() {
            break;
        }
        whole = end;
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_frames_are_passed_on() {
        let frames = [2, 0, 0, 0, 1, b'a', b'b', 0, 0, 0, 0, 1];
        for (length, whole) in [(0, 0), (4, 0), (6, 0), (7, 7), (11, 7), (12, 12)] {
            assert_eq!(whole_frames(&frames[..length]).unwrap(), whole, "{length}");
        }
        assert!(whole_frames(&[0, 0, 0, 0, 9]).is_err());
    }
}
