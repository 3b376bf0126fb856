//! A client that speaks raw bytes to the proxy.

use std::sync::Arc;

use isol8_egress::{Proxy, Run};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::witness::{Seen, Witness};
use super::{PATIENCE, lenient, local_names, proxy};

/// A client connection to a proxy.
pub(crate) struct Client {
    pub(crate) stream: DuplexStream,
    pub(crate) run: Arc<Run>,
    pub(crate) served: JoinHandle<()>,
}

impl Client {
    pub(crate) fn connect(proxy: &Proxy) -> Self {
        Self::under(proxy, &Run::new(proxy.limits()))
    }

    pub(crate) fn under(proxy: &Proxy, run: &Arc<Run>) -> Self {
        let (stream, theirs) = duplex(64 * 1024);
        Self::over(stream, theirs, proxy, run)
    }

    /// A client whose proxy remembers what the log had when the client received something.
    pub(crate) fn witnessed(proxy: &Proxy) -> (Self, Seen) {
        let run = Run::new(proxy.limits());
        let (stream, theirs) = duplex(64 * 1024);
        let (theirs, seen) = Witness::new(theirs, &run);
        (Self::over(stream, theirs, proxy, &run), seen)
    }

    fn over<S>(stream: DuplexStream, theirs: S, proxy: &Proxy, run: &Arc<Run>) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (proxy, run) = (proxy.clone(), Arc::clone(run));
        let log = Arc::clone(&run);
        let served = tokio::spawn(async move { proxy.serve(theirs, &log).await });
        Self {
            stream,
            run,
            served,
        }
    }

    /// A client of a lenient proxy that has sent a request for `port` of an allowed host.
    pub(crate) async fn asking(port: u16) -> Self {
        let mut client = Self::connect(&proxy(lenient(), local_names()));
        client
            .send(format!("GET http://allowed.test:{port}/ HTTP/1.1\r\n\r\n"))
            .await;
        client
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        timeout(PATIENCE, self.stream.write_all(bytes.as_ref()))
            .await
            .unwrap()
            .unwrap();
    }

    /// Reads one answer: its head, and as much body as its Content-Length says.
    pub(crate) async fn answer(&mut self) -> String {
        let head = self.head().await;
        let length = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map_or(0, |(_, value)| value.trim().parse().unwrap());
        let mut body = vec![0; length];
        timeout(PATIENCE, self.stream.read_exact(&mut body))
            .await
            .unwrap()
            .unwrap();
        head + &String::from_utf8(body).unwrap()
    }

    /// Reads one head, with the empty line at its end, or less if the stream ends.
    pub(crate) async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match timeout(PATIENCE, self.stream.read_u8()).await.unwrap() {
                Ok(byte) => head.push(byte),
                Err(_) => break,
            }
        }
        String::from_utf8(head).unwrap()
    }

    pub(crate) async fn exactly(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        timeout(PATIENCE, self.stream.read_exact(&mut bytes))
            .await
            .unwrap()
            .unwrap();
        bytes
    }

    /// Reads everything until the end.
    pub(crate) async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        timeout(PATIENCE, self.stream.read_to_end(&mut bytes))
            .await
            .unwrap()
            .unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Closes the writing side.
    pub(crate) async fn finish(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Opens a tunnel and asserts that it is granted.
    pub(crate) async fn tunnel(&mut self, authority: &str) {
        self.send(format!(
            "CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n"
        ))
        .await;
        let head = self.head().await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    }

    /// Waits until the proxy has ended this connection.
    pub(crate) async fn done(self) {
        drop(self.stream);
        timeout(PATIENCE, self.served).await.unwrap().unwrap();
    }
}
