//! Serves one stream: reads its request and passes it to its handler.

use std::rc::Rc;

use isol8_protocol::{FrameError, FrameKind, Reply, Request, decode};

use crate::{
    exec::{self, Programs},
    failure::{Failure, RequestError},
    files::{self, batch},
    guest::Guest,
    link::frames::{FrameReader, StreamError, split},
    reset,
};

/// What handlers need.
pub(crate) struct Served {
    pub(crate) guest: Guest,
    pub(crate) programs: Programs,
}

/// Serves a stream that the host has opened. If it returns without closing the stream, yamux resets the
/// stream.
pub(crate) async fn serve(served: Rc<Served>, stream: yamux::Stream) {
    let Served { guest, programs } = &*served;
    let (mut reader, mut writer) = split(stream);
    let done = match request(&mut reader).await {
        Ok(Request::Reset) => Ok(Some(reset::run(guest, programs).await)),
        Ok(Request::Exec(request)) => {
            working(
                guest,
                exec::run(guest, programs, request, &mut reader, &mut writer),
            )
            .await
        }
        Ok(Request::Park(request)) => working(guest, exec::park(guest, programs, request)).await,
        Ok(Request::Call(request)) => {
            working(
                guest,
                exec::call(guest, programs, request, &mut reader, &mut writer),
            )
            .await
        }
        Ok(Request::WriteFile(request)) => {
            working(guest, files::write(guest, &request, &mut reader)).await
        }
        Ok(Request::ReadFile(request)) => {
            let work = files::read(guest, &request, &mut writer);
            Box::pin(working(guest, unless_closed(&mut reader, work))).await
        }
        Ok(Request::WriteFiles(files)) => {
            let work = batch::write(guest, &files);
            Box::pin(working(guest, unless_closed(&mut reader, work))).await
        }
        Ok(Request::ReadFiles(request)) => {
            let work = batch::read(guest, &request, &mut writer);
            Box::pin(working(guest, unless_closed(&mut reader, work))).await
        }
        Err(error) => Err(error.into()),
    };
    let reply = match done {
        Ok(reply) => reply,
        Err(RequestError::Failed(failure)) => Some(failure.into_reply()),
        Err(RequestError::Stream(StreamError::Closed)) => return,
        Err(RequestError::Stream(StreamError::Frame(error))) => {
            Some(Failure::invalid(error.to_string()).into_reply())
        }
    };
    let parting = async {
        if let Some(reply) = reply {
            // If the host is gone, the reply is lost.
            let _ = writer.reply(&reply).await;
        }
        writer.close().await;
    };
    tokio::select! {
        biased;
        () = parting => {}
        // A host that has closed its side and reads no more will never read the rest.
        () = reader.closed() => {}
    }
    // A host may still be sending, for example a file that could not be written. It would wait for room for
    // ever: yamux does not report the end of a stream whose other side was closed before.
    reader.closed().await;
}

async fn request(reader: &mut FrameReader) -> Result<Request, StreamError> {
    let (kind, payload) = reader.next().await?;
    if kind != FrameKind::Message {
        return Err(FrameError::UnknownKind(kind as u8).into());
    }
    let request = decode(payload)?;
    reader.release();
    Ok(request)
}

/// Does work to which the host has nothing more to say, until the host closes the stream.
async fn unless_closed(
    reader: &mut FrameReader,
    work: impl Future<Output = Result<Option<Reply>, RequestError>>,
) -> Result<Option<Reply>, RequestError> {
    tokio::select! {
        done = work => done,
        () = reader.closed() => Err(StreamError::Closed.into()),
    }
}

/// Does the work of a request, unless a reset has to abandon it.
async fn working(
    guest: &Guest,
    work: impl Future<Output = Result<Option<Reply>, RequestError>>,
) -> Result<Option<Reply>, RequestError> {
    let _working = guest.gate.read().await;
    let mut abandon = guest.abandon.subscribe();
    tokio::select! {
        biased;
        // The work may have stopped inside a frame, so nothing more can be sent.
        _ = abandon.changed() => Err(StreamError::Closed.into()),
        done = work => done,
    }
}
