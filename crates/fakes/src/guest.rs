//! A guest over an in-memory stream.

use std::{collections::VecDeque, future::poll_fn};

use futures::{AsyncReadExt as _, AsyncWriteExt as _};
use isol8_protocol::{
    ErrorKind, ExitReport, ExitStatus, FRAME_HEADER_BYTES, FrameHeader, FrameKind, PREAMBLE_BYTES,
    Reply, Request, decode, encode_message, preamble,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio_util::compat::TokioAsyncReadCompatExt;

/// One request that is expected, and what the guest answers.
pub struct Exchange {
    request: String,
    answer: Vec<u8>,
    /// Whether the guest ends after its answer.
    dies: bool,
}

impl Exchange {
    /// Expects `request`, as [`summary`] writes it, and answers with these frames.
    pub fn new(request: &str, answer: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self {
            request: request.to_owned(),
            answer: answer.into_iter().flatten().collect(),
            dies: false,
        }
    }

    /// Expects `request` and ends without an answer.
    pub fn death(request: &str) -> Self {
        Self {
            dies: true,
            ..Self::new(request, [])
        }
    }
}

/// The frame of some standard output.
pub fn stdout(text: &str) -> Vec<u8> {
    frame(FrameKind::Stdout, text.as_bytes())
}

/// The frame of some standard error.
pub fn stderr(text: &str) -> Vec<u8> {
    frame(FrameKind::Stderr, text.as_bytes())
}

/// The end of a program with this exit code.
pub fn exited(code: i32) -> Vec<u8> {
    reply(&Reply::Exited(report(ExitStatus::Code(code), false)))
}

/// The end of a program at its time limit.
pub fn timed_out() -> Vec<u8> {
    reply(&Reply::Exited(report(ExitStatus::Signal(9), true)))
}

/// A file that is left out.
pub fn left_out(kind: ErrorKind) -> Vec<u8> {
    reply(&Reply::LeftOut(kind))
}

/// A file.
pub fn file(contents: &str) -> Vec<u8> {
    [
        frame(FrameKind::Data, contents.as_bytes()),
        frame(FrameKind::Data, &[]),
    ]
    .concat()
}

/// Everything was done.
pub fn done() -> Vec<u8> {
    reply(&Reply::Done)
}

/// A refusal.
pub fn failed(kind: ErrorKind, path: &str) -> Vec<u8> {
    reply(&Reply::Failed {
        kind,
        path: path.to_owned(),
        message: "refused".to_owned(),
    })
}

/// Any answer.
pub(crate) fn reply(reply: &Reply) -> Vec<u8> {
    encode_message(reply).unwrap()
}

fn frame(kind: FrameKind, payload: &[u8]) -> Vec<u8> {
    let header = FrameHeader::new(kind, payload.len()).unwrap();
    [&header.to_bytes(), payload].concat()
}

fn report(status: ExitStatus, timed_out: bool) -> ExitReport {
    ExitReport {
        status,
        timed_out,
        out_of_memory: false,
        parked: false,
        wall_us: 1000,
        cpu_us: 500,
        memory_bytes: 0,
        peak_memory_bytes: 0,
        stdout_bytes: 0,
        stderr_bytes: 0,
        session_loss: None,
    }
}

/// A request in one line: what it is, and its command line or its path.
fn summary(request: &Request) -> String {
    match request {
        Request::Exec(exec) => {
            let files = exec.files.iter().map(|file| format!(" +{}", file.path));
            format!("exec {}{}", exec.argv.join(" "), files.collect::<String>())
        }
        Request::Call(call) => format!("call {}", call.program),
        Request::WriteFile(file) => format!("write {}", file.path),
        Request::ReadFile(file) => format!("read {}", file.path),
        Request::WriteFiles(files) => {
            let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
            format!("write {}", paths.join(" "))
        }
        Request::ReadFiles(request) => format!("read {}", request.paths.join(" ")),
        Request::Reset => "reset".to_owned(),
        Request::Park(_) => "park".to_owned(),
    }
}

/// Acts as the guest at the other end of `io`, by `script`, until the host closes it.
///
/// # Panics
///
/// When a request comes that `script` does not expect next, or the host ends before it has sent all.
pub(crate) async fn serve_script(mut io: DuplexStream, mut script: VecDeque<Exchange>) {
    io.write_all(&preamble()).await.unwrap();
    io.read_exact(&mut [0; PREAMBLE_BYTES]).await.unwrap();
    let config = yamux::Config::default();
    let mut link = yamux::Connection::new(io.compat(), config, yamux::Mode::Server);
    let mut answers = Vec::new();
    let (requested, mut requests) = tokio::sync::mpsc::unbounded_channel();
    loop {
        tokio::select! {
            stream = poll_fn(|cx| link.poll_next_inbound(cx)) => {
                let Some(Ok(mut stream)) = stream else { break };
                let requested = requested.clone();
                tokio::spawn(async move {
                    if let Some(request) = read_request(&mut stream).await {
                        let _ = requested.send((request, stream));
                    }
                });
            }
            Some((request, mut stream)) = requests.recv() => {
                let is_file = matches!(request, Request::WriteFile(_));
                let request = summary(&request);
                let Some(expected) = script.pop_front() else {
                    panic!("nothing more was expected, and it was asked: {request}");
                };
                assert_eq!(request, expected.request);
                if expected.dies {
                    break;
                }
                // A guest says that it has written a file when it has all of it. It may refuse one earlier.
                let is_read = is_file && expected.answer == done();
                answers.push(tokio::spawn(async move {
                    if is_read {
                        read_file(&mut stream).await;
                    }
                    let _ = stream.write_all(&expected.answer).await;
                    // Whatever else comes belongs to this exchange: input, its end.
                    let _ = stream.read_to_end(&mut Vec::new()).await;
                    let _ = stream.close().await;
                }));
            }
        }
    }
    let left: Vec<_> = script.iter().map(|exchange| &exchange.request).collect();
    assert!(left.is_empty(), "it was not asked: {left:?}");
}

/// Reads the frames of a file up to the empty one, or what there is of them.
async fn read_file(stream: &mut yamux::Stream) {
    let mut header = [0; FRAME_HEADER_BYTES];
    while stream.read_exact(&mut header).await.is_ok() {
        let header = FrameHeader::parse(header).unwrap();
        assert_eq!(header.kind, FrameKind::Data);
        if header.length == 0 {
            return;
        }
        let mut payload = vec![0; header.length];
        if stream.read_exact(&mut payload).await.is_err() {
            return;
        }
    }
}

async fn read_request(stream: &mut yamux::Stream) -> Option<Request> {
    let mut header = [0; FRAME_HEADER_BYTES];
    stream.read_exact(&mut header).await.ok()?;
    let header = FrameHeader::parse(header).unwrap();
    assert_eq!(header.kind, FrameKind::Message);
    let mut payload = vec![0; header.length];
    stream.read_exact(&mut payload).await.ok()?;
    Some(decode(&payload).unwrap())
}
