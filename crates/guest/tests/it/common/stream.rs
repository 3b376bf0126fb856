//! A stream of the link, and how a program ended on it.

use futures::{AsyncReadExt, AsyncWriteExt};
use isol8_protocol::{
    ErrorKind, ExitReport, FRAME_HEADER_BYTES, FrameHeader, FrameKind, Reply, decode,
    encode_message,
};
use serde::Serialize;

use super::waiting::within;

/// A stream with a time limit for each step.
pub(crate) struct Stream(pub(crate) yamux::Stream);

impl Stream {
    pub(crate) async fn message<M: Serialize>(&mut self, message: &M) {
        let frame = encode_message(message).unwrap();
        within(self.0.write_all(&frame)).await.unwrap();
    }

    pub(crate) async fn frame(&mut self, kind: FrameKind, payload: &[u8]) {
        self.try_frame(kind, payload).await.unwrap();
    }

    pub(crate) async fn try_frame(
        &mut self,
        kind: FrameKind,
        payload: &[u8],
    ) -> std::io::Result<()> {
        let mut frame = FrameHeader::new(kind, payload.len())
            .unwrap()
            .to_bytes()
            .to_vec();
        frame.extend_from_slice(payload);
        within(self.0.write_all(&frame)).await
    }

    /// Reads the next frame, or returns `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<(FrameKind, Vec<u8>)> {
        let mut header = [0; FRAME_HEADER_BYTES];
        within(self.0.read_exact(&mut header)).await.ok()?;
        let header = FrameHeader::parse(header).unwrap();
        let mut payload = vec![0; header.length];
        within(self.0.read_exact(&mut payload)).await.ok()?;
        Some((header.kind, payload))
    }

    pub(crate) async fn reply(&mut self) -> Reply {
        loop {
            let (kind, payload) = self.next().await.expect("a reply");
            if kind == FrameKind::Message {
                return decode(&payload).unwrap();
            }
        }
    }

    /// Reads everything up to the end of the program.
    pub(crate) async fn finish(&mut self) -> Finished {
        let mut done = Finished {
            out: Vec::new(),
            err: Vec::new(),
            end: None,
        };
        loop {
            match self.next().await.expect("a frame") {
                (FrameKind::Stdout, bytes) => done.out.extend(bytes),
                (FrameKind::Stderr, bytes) => done.err.extend(bytes),
                (FrameKind::Message, payload) => {
                    done.end = Some(decode(&payload).unwrap());
                    assert_eq!(self.next().await, None, "nothing follows the end");
                    return done;
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

/// How a program ended, with its output.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) out: Vec<u8>,
    pub(crate) err: Vec<u8>,
    pub(crate) end: Option<Reply>,
}

impl Finished {
    pub(crate) fn report(&self) -> ExitReport {
        match &self.end {
            Some(Reply::Exited(report)) => *report,
            other => panic!("{other:?}, stderr {}", String::from_utf8_lossy(&self.err)),
        }
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8(self.out.clone()).unwrap()
    }

    pub(crate) fn failure(&self) -> (ErrorKind, String, String) {
        failure(self.end.clone().unwrap())
    }
}

/// The parts of a failure.
pub(crate) fn failure(reply: Reply) -> (ErrorKind, String, String) {
    match reply {
        Reply::Failed {
            kind,
            path,
            message,
        } => (kind, path, message),
        other => panic!("{other:?}"),
    }
}
