//! Many small files in and out of a sandbox, with one message for all of them.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use isol8_protocol::{ErrorKind, InlineFile, ReadFilesRequest, Reply, Request};
use tokio::io::AsyncWriteExt;

use super::{
    files::within,
    link::LinkStream,
    wire::{FrameReader, Incoming, send_message, unexpected},
};
use crate::error::EngineError;

/// Writes files. The guest stops when the future is dropped.
pub(super) async fn write(
    mut stream: LinkStream,
    files: Vec<InlineFile>,
    patience: Duration,
) -> Result<(), EngineError> {
    within(
        patience,
        send_message(&mut stream, &Request::WriteFiles(files)),
    )
    .await?;
    let answer = within(patience, FrameReader::of_answer(&mut stream).next()).await?;
    match answer {
        Incoming::Reply(Reply::Done) => {
            let _ = tokio::time::timeout(patience, stream.shutdown()).await;
            Ok(())
        }
        Incoming::Reply(reply) => Err(unexpected(reply)),
        _ => Err(EngineError::Guest("unexpected data".to_owned())),
    }
}

/// Asks for files.
pub(super) async fn read(
    mut stream: LinkStream,
    paths: Vec<String>,
    max_bytes: u64,
    patience: Duration,
) -> Result<IncomingFiles, EngineError> {
    let left = paths.len();
    let request = Request::ReadFiles(ReadFilesRequest { paths, max_bytes });
    within(patience, send_message(&mut stream, &request)).await?;
    Ok(IncomingFiles {
        frames: FrameReader::of_output(stream),
        left,
        room: max_bytes,
        patience,
    })
}

/// The files that were asked for, in their order. What is kept never exceeds the limit or what has arrived.
pub struct IncomingFiles {
    frames: FrameReader<LinkStream>,
    left: usize,
    room: u64,
    patience: Duration,
}

impl IncomingFiles {
    /// The contents of the next file, or why it is left out; `None` after the last one.
    pub async fn next(&mut self) -> Result<Option<Result<Bytes, ErrorKind>>, EngineError> {
        if self.left == 0 {
            return self.end().await.map(|()| None);
        }
        self.left -= 1;
        let mut contents = BytesMut::new();
        loop {
            match within(self.patience, self.frames.next()).await? {
                Incoming::Data(bytes) if bytes.is_empty() => {
                    self.room -= contents.len() as u64;
                    return Ok(Some(Ok(contents.freeze())));
                }
                Incoming::Data(bytes) if (contents.len() + bytes.len()) as u64 <= self.room => {
                    contents.extend_from_slice(&bytes);
                }
                Incoming::Reply(Reply::LeftOut(kind)) => return Ok(Some(Err(kind))),
                Incoming::Reply(reply) => return Err(unexpected(reply)),
                _ => return Err(EngineError::Guest("more than was asked for".to_owned())),
            }
        }
    }

    /// Waits for the end of the answer, and ends this half of the stream.
    async fn end(&mut self) -> Result<(), EngineError> {
        match within(self.patience, self.frames.next()).await? {
            Incoming::Reply(Reply::Done) => {
                let _ = tokio::time::timeout(self.patience, self.frames.close()).await;
                Ok(())
            }
            Incoming::Reply(reply) => Err(unexpected(reply)),
            _ => Err(EngineError::Guest("more than was asked for".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::testing;

    const PATIENCE: Duration = Duration::from_millis(50);

    async fn asked(
        words: &'static [u8],
        max_bytes: u64,
    ) -> Result<Vec<Option<Bytes>>, EngineError> {
        let link = testing::link_saying(words).await;
        let stream = link.open().await.unwrap();
        let paths = vec!["/a".to_owned(), "/b".to_owned()];
        let mut files = read(stream, paths, max_bytes, PATIENCE).await?;
        let mut contents = Vec::new();
        while let Some(file) = files.next().await? {
            contents.push(file.ok());
        }
        Ok(contents)
    }

    #[tokio::test]
    async fn a_guest_that_says_nothing_is_not_waited_for_for_ever() {
        assert!(matches!(asked(&[], 1).await, Err(EngineError::Guest(_))));
        let link = testing::link_saying(&[]).await;
        let file = InlineFile {
            path: "/a".to_owned(),
            data: vec![0; 100_000],
        };
        let written = write(link.open().await.unwrap(), vec![file], PATIENCE).await;
        assert!(matches!(written, Err(EngineError::Guest(_))));
    }

    #[tokio::test]
    async fn files_come_in_their_order_and_those_that_are_left_out_have_their_place() {
        // That the second is left out, the bytes `xy`, the end of the file, and that this was all.
        let words = &[
            2, 0, 0, 0, 0, 4, 1, 2, 0, 0, 0, 1, b'x', b'y', 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1,
        ];
        let files = asked(words, 2).await.unwrap();
        assert_eq!(files, [None, Some(Bytes::from_static(b"xy"))]);
        assert!(matches!(asked(words, 1).await, Err(EngineError::Guest(_))));
    }

    #[tokio::test]
    async fn more_files_than_were_asked_for_are_refused() {
        // The end of an empty file, again and again.
        let answer = asked(&[0, 0, 0, 0, 1], 1).await;
        assert!(matches!(answer, Err(EngineError::Guest(_))));
    }
}
