//! A sandbox with the guest in it, and the calls of its host.

use std::{fs::Permissions, os::unix::fs::PermissionsExt};

use isol8_protocol::{
    AfterExit, ErrorKind, ExecRequest, ExitStatus, FileRequest, FrameKind, InlineFile,
    ReadFilesRequest, ReadRequest, Reply, Request, ResetReport, decode, preamble,
};
use isol8_testing::until;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::UnixListener,
    process::{Child, ChildStdin, ChildStdout},
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_util::compat::TokioAsyncReadCompatExt;

use super::{
    requests::sh,
    start::{Setup, start_raw, start_raw_with, start_raw_with_volumes, start_with_link},
    stream::{Finished, Stream},
    waiting::within,
};
use crate::memory_group::MemoryGroup;

/// A sandbox with the guest in it.
pub(crate) struct Sandbox {
    /// The process `unshare`. The sandbox ends with it.
    pub(crate) process: Child,
    opener: mpsc::Sender<oneshot::Sender<yamux::Stream>>,
    /// Streams that the guest opens.
    pub(crate) inbound: mpsc::Receiver<yamux::Stream>,
    driver: JoinHandle<()>,
    _root: tempfile::TempDir,
}

impl Sandbox {
    pub(crate) async fn start() -> Self {
        Self::over_streams(start_raw()).await
    }

    /// Starts a sandbox whose network keeps closed connections for a while.
    pub(crate) async fn start_with_memory_of_connections() -> Self {
        let setup = Setup {
            time_wait: 1000,
            ..Setup::default()
        };
        Self::over_streams(start_raw_with(&setup)).await
    }

    /// One with a mount that the guest is not told of.
    pub(crate) async fn start_with_unknown_mount(volume: &str) -> Self {
        let setup = Setup {
            volumes: &[volume],
            ..Setup::default()
        };
        Self::over_streams(start_raw_with(&setup)).await
    }

    /// One whose image declares these volumes and has this content in them.
    pub(crate) async fn start_with_volumes(volumes: &[&str], content: &[u8]) -> Self {
        Self::over_streams(start_raw_with_volumes(volumes, content)).await
    }

    /// One in a control group, with file systems of this size each.
    pub(crate) async fn start_in(group: &MemoryGroup, files: &str) -> Self {
        let setup = Setup {
            memory: Some((group, files)),
            ..Setup::default()
        };
        Self::over_streams(start_raw_with(&setup)).await
    }

    /// Starts a sandbox whose guest takes the socket of the host. Later connections to the socket are refused.
    pub(crate) async fn start_with_socket() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("link");
        let socket = UnixListener::bind(&path).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o777)).unwrap();
        let (process, input, _output, root) = start_with_link(&path);
        // The guest ignores the end of its standard input.
        drop(input);
        let (link, _) = within(socket.accept()).await.unwrap();
        Self::over(process, link, root).await
    }

    async fn over_streams(
        (process, input, output, root): (Child, ChildStdin, ChildStdout, tempfile::TempDir),
    ) -> Self {
        Self::over(process, tokio::io::join(output, input), root).await
    }

    async fn over(
        process: Child,
        mut io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        root: tempfile::TempDir,
    ) -> Self {
        io.write_all(&preamble()).await.unwrap();
        let mut theirs = preamble();
        io.read_exact(&mut theirs).await.unwrap();
        assert_eq!(theirs, preamble());
        let mut connection =
            yamux::Connection::new(io.compat(), yamux::Config::default(), yamux::Mode::Client);
        let (opener, mut wanted) = mpsc::channel::<oneshot::Sender<yamux::Stream>>(1);
        let (taker, inbound) = mpsc::channel(512);
        let driver = tokio::spawn(std::future::poll_fn(move |cx| {
            while let std::task::Poll::Ready(next) = wanted.poll_recv(cx) {
                let Some(next) = next else {
                    return std::task::Poll::Ready(());
                };
                let std::task::Poll::Ready(Ok(stream)) = connection.poll_new_outbound(cx) else {
                    return std::task::Poll::Ready(());
                };
                let _ = next.send(stream);
            }
            loop {
                match connection.poll_next_inbound(cx) {
                    std::task::Poll::Pending => return std::task::Poll::Pending,
                    std::task::Poll::Ready(Some(Ok(stream))) => drop(taker.try_send(stream)),
                    std::task::Poll::Ready(_) => return std::task::Poll::Ready(()),
                }
            }
        }));
        Self {
            process,
            opener,
            inbound,
            driver,
            _root: root,
        }
    }

    /// Opens a logical stream.
    pub(crate) async fn open(&self) -> Stream {
        let (sender, receiver) = oneshot::channel();
        self.opener.send(sender).await.unwrap();
        Stream(receiver.await.expect("the link is alive"))
    }

    /// Closes the link, as the end of the host process does.
    pub(crate) async fn hang_up(self) -> Child {
        self.driver.abort();
        let _ = self.driver.await;
        self.process
    }

    pub(crate) async fn send(&self, request: &Request) -> Stream {
        let mut stream = self.open().await;
        stream.message(request).await;
        stream
    }

    /// Runs a program to its end.
    pub(crate) async fn exec(&self, request: ExecRequest) -> Finished {
        self.send(&Request::Exec(request)).await.finish().await
    }

    /// Runs a shell script that must succeed, and returns what it printed.
    pub(crate) async fn sh(&self, script: &str) -> String {
        let done = self.exec(sh(script)).await;
        assert_eq!(
            done.report().status,
            ExitStatus::Code(0),
            "{script}: {done:?}"
        );
        done.stdout()
    }

    /// Waits until no process has this name. Leaves everything that runs alone.
    pub(crate) async fn until_none_runs(&self, name: &str) {
        until(&format!("no {name} runs"), async || {
            let look = ExecRequest {
                after_exit: AfterExit::Keep,
                ..sh(&format!("pgrep {name}; true"))
            };
            self.exec(look).await.stdout().is_empty()
        })
        .await;
    }

    /// Waits until the guest is alone but for the shell that counts.
    pub(crate) async fn until_nothing_runs(&self) {
        until("nothing runs", async || {
            // The shell expands the pattern itself, before it starts anything.
            self.sh("set -- /proc/[0-9]*; echo $#").await.trim() == "2"
        })
        .await;
    }

    pub(crate) async fn write(&self, path: &str, data: &[u8]) -> Reply {
        let request = FileRequest {
            path: path.to_owned(),
        };
        let mut stream = self.send(&Request::WriteFile(request)).await;
        for chunk in data.chunks(256 * 1024) {
            if stream.try_frame(FrameKind::Data, chunk).await.is_err() {
                return stream.reply().await;
            }
        }
        let _ = stream.try_frame(FrameKind::Data, &[]).await;
        stream.reply().await
    }

    pub(crate) async fn read(&self, path: &str) -> Result<Vec<u8>, Reply> {
        let request = ReadRequest {
            path: path.to_owned(),
            max_bytes: u64::MAX,
        };
        let mut stream = self.send(&Request::ReadFile(request)).await;
        let mut data = Vec::new();
        loop {
            match stream.next().await.expect("a frame") {
                (FrameKind::Data, chunk) if chunk.is_empty() => return Ok(data),
                (FrameKind::Data, chunk) => data.extend(chunk),
                (_, payload) => return Err(decode(&payload).unwrap()),
            }
        }
    }

    /// Writes files with one message.
    pub(crate) async fn write_many(&self, files: &[(String, Vec<u8>)]) -> Reply {
        let files = files.iter().map(|(path, data)| InlineFile {
            path: path.clone(),
            data: data.clone(),
        });
        let mut stream = self.send(&Request::WriteFiles(files.collect())).await;
        stream.reply().await
    }

    /// Asks for files with one message. Returns what came for each, and the last answer.
    pub(crate) async fn read_many(
        &self,
        paths: &[&str],
        max_bytes: u64,
    ) -> (Vec<Result<Vec<u8>, ErrorKind>>, Reply) {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        let request = ReadFilesRequest { paths, max_bytes };
        let mut stream = self.send(&Request::ReadFiles(request)).await;
        let (mut files, mut contents) = (Vec::new(), Vec::new());
        loop {
            match stream.next().await.unwrap() {
                (FrameKind::Data, data) if data.is_empty() => {
                    files.push(Ok(std::mem::take(&mut contents)));
                }
                (FrameKind::Data, data) => contents.extend(data),
                (FrameKind::Message, payload) => match decode(&payload).unwrap() {
                    Reply::LeftOut(kind) => {
                        contents.clear();
                        files.push(Err(kind));
                    }
                    last => return (files, last),
                },
                other => panic!("{other:?}"),
            }
        }
    }

    pub(crate) async fn reset(&self) -> Reply {
        self.send(&Request::Reset).await.reply().await
    }

    /// Resets the sandbox. The reset must succeed.
    pub(crate) async fn must_reset(&self) -> ResetReport {
        match self.reset().await {
            Reply::Reset(report) => report,
            other => panic!("{other:?}"),
        }
    }
}
