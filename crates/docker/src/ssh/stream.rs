//! One connection: a running program whose standard streams are those of the daemon.

use std::{
    io,
    pin::Pin,
    process::Stdio,
    task::{Context, Poll, ready},
};

use futures::future::BoxFuture;
use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::complaint::Complaint;

/// The streams of a running program. Dropping it kills the program.
pub(super) struct SshStream {
    /// `None` when this side has sent everything.
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    first: First,
    _program: Child,
}

/// Whether the other side has sent something yet. A program that ends before that has failed.
enum First {
    Expected(Option<Complaint>),
    /// The program has ended. Its error is on the way.
    Failed(BoxFuture<'static, io::Error>),
    Heard,
}

impl SshStream {
    /// Starts `program`, in a process group of its own: Ctrl-C at a terminal is for the caller.
    pub(super) fn start(program: &str, arguments: Vec<String>) -> io::Result<Self> {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                io::Error::other(format!("the program {program} does not start: {error}"))
            })?;
        let closed = || io::Error::other("the program has no standard streams");
        Ok(Self {
            stdin: child.stdin.take(),
            stdout: child.stdout.take().ok_or_else(closed)?,
            first: First::Expected(child.stderr.take().map(Complaint::of)),
            _program: child,
        })
    }

    /// The error of a program that has ended before it sent anything.
    fn poll_failure(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let First::Expected(complaint) = &mut self.first
            && let Some(complaint) = complaint.take()
        {
            self.first = First::Failed(Box::pin(complaint.into_error()));
        }
        match &mut self.first {
            First::Failed(error) => {
                let error = ready!(error.as_mut().poll(cx));
                self.first = First::Heard;
                Poll::Ready(Err(error))
            }
            First::Expected(_) | First::Heard => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncRead for SshStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if matches!(this.first, First::Failed(_)) {
            return this.poll_failure(cx);
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stdout).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            this.first = First::Heard;
            return Poll::Ready(Ok(()));
        }
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        this.poll_failure(cx)
    }
}

impl AsyncWrite for SshStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let Some(stdin) = &mut this.stdin else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        match ready!(Pin::new(stdin).poll_write(cx, bytes)) {
            // The program has failed, and reading returns the reason.
            Err(error)
                if error.kind() == io::ErrorKind::BrokenPipe
                    && !matches!(this.first, First::Heard) =>
            {
                Poll::Ready(Ok(bytes.len()))
            }
            written => Poll::Ready(written),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stdin {
            Some(stdin) => Pin::new(stdin).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Closing a pipe is what ends it.
        self.get_mut().stdin = None;
        Poll::Ready(Ok(()))
    }
}

impl Connection for SshStream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn shell(script: &str) -> SshStream {
        SshStream::start("sh", vec!["-c".to_owned(), script.to_owned()]).unwrap()
    }

    #[tokio::test]
    async fn bytes_go_both_ways_and_the_end_is_passed_on() {
        let mut stream = shell("cat; echo end");
        stream.write_all(b"there and back ").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "there and back end\n");
    }

    #[tokio::test]
    async fn a_program_that_fails_says_why() {
        let mut stream = shell("echo 'Permission denied (publickey).' >&2; exit 255");
        let _ = stream.write_all(&vec![b'x'; 200_000]).await;
        let error = stream.read_to_end(&mut Vec::new()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "ssh has ended: Permission denied (publickey)."
        );
        let mut silent = shell("exit 1");
        let error = silent.read_to_end(&mut Vec::new()).await.unwrap_err();
        assert!(error.to_string().contains("without an answer"), "{error}");
    }

    #[tokio::test]
    async fn a_long_complaint_is_cut_and_one_that_does_not_end_is_not_waited_for() {
        let background = "(sleep 600) >&- <&- & exec >&-; yes long | head -c 100000 >&2";
        let mut stream = shell(background);
        let error = stream.read_to_end(&mut Vec::new()).await.unwrap_err();
        assert!(error.to_string().len() < 2100, "{error}");
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let missing = SshStream::start("/nonexistent/ssh", Vec::new());
        let error = missing.err().unwrap().to_string();
        assert!(error.contains("/nonexistent/ssh"), "{error}");
    }
}
