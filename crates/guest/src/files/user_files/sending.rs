//! Several files as frames.

use std::{
    fs::File,
    io::{self, ErrorKind as Io, Read, Write},
};

use isol8_protocol::{
    ErrorKind, FRAME_HEADER_BYTES, FrameHeader, FrameKind, Reply, encode_message,
};

use super::{check_path, open};
use crate::link::frames::OUTPUT_FRAME_BYTES;

/// Writes the frames of each file to `sink`: its contents and an empty frame, or that it is left out. All files
/// together have at most `max_bytes`. Fails only when `sink` does.
pub(crate) fn send_each(paths: &[String], max_bytes: u64, sink: &mut impl Write) -> io::Result<()> {
    let mut left = max_bytes;
    let mut buffer = vec![0; OUTPUT_FRAME_BYTES - FRAME_HEADER_BYTES];
    for path in paths {
        let opened = check_path(path).and_then(|()| open(path, left));
        let sent = match opened {
            Ok(file) => send_contents(file, left, &mut buffer, sink)?,
            Err(failure) => Err(failure.kind()),
        };
        match sent {
            Ok(bytes) => {
                left -= bytes;
                send_data(&[], sink)?;
            }
            Err(kind) => {
                let frame = encode_message(&Reply::LeftOut(kind)).map_err(io::Error::other)?;
                sink.write_all(&frame)?;
            }
        }
    }
    sink.flush()
}

/// Returns the number of bytes that were sent, or why the file is left out after all.
fn send_contents(
    mut file: File,
    limit: u64,
    buffer: &mut [u8],
    sink: &mut impl Write,
) -> io::Result<Result<u64, ErrorKind>> {
    let mut sent = 0;
    loop {
        match file.read(buffer) {
            Ok(0) => return Ok(Ok(sent)),
            // It has grown since it was opened.
            Ok(count) if sent + count as u64 > limit => return Ok(Err(ErrorKind::TooLarge)),
            Ok(count) => {
                send_data(&buffer[..count], sink)?;
                sent += count as u64;
            }
            Err(error) if error.kind() == Io::Interrupted => {}
            Err(_) => return Ok(Err(ErrorKind::System)),
        }
    }
}

fn send_data(data: &[u8], sink: &mut impl Write) -> io::Result<()> {
    let header = FrameHeader::new(FrameKind::Data, data.len()).map_err(io::Error::other)?;
    sink.write_all(&header.to_bytes())?;
    sink.write_all(data)
}
