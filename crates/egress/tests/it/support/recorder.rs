//! Servers that record every byte that they receive.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::find;

/// What a recording server does with a connection.
#[derive(Clone)]
pub(crate) enum Play {
    /// Answers each HTTP head with these bytes.
    Http(Vec<u8>),
    /// Sends everything back, and closes after the client.
    Echo,
    /// Sends these bytes first, then echoes.
    Banner(&'static [u8]),
    /// Reads and sends nothing.
    Silent,
    /// Sends this at once and closes its writing side. Goes on reading.
    Send(Vec<u8>),
    /// Sends without end until it fails, and counts the bytes.
    Flood(Arc<AtomicUsize>),
}

/// A server that records every byte that it receives.
pub(crate) struct Recorder {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
    ended: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Recorder {
    pub(crate) async fn start(play: Play) -> Self {
        Self::on("127.0.0.1:0".parse().unwrap(), play).await
    }

    pub(crate) async fn on(address: SocketAddr, play: Play) -> Self {
        Self::serve(TcpListener::bind(address).await.unwrap(), play)
    }

    pub(crate) fn serve(listener: TcpListener, play: Play) -> Self {
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let ended = Arc::new(AtomicUsize::new(0));
        let (to, end) = (Arc::clone(&seen), Arc::clone(&ended));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let index = {
                    let mut seen = to.lock().unwrap();
                    seen.push(Vec::new());
                    seen.len() - 1
                };
                let (to, end, play) = (Arc::clone(&to), Arc::clone(&end), play.clone());
                tokio::spawn(async move {
                    let _ = perform(stream, play, |bytes| {
                        to.lock().unwrap()[index].extend_from_slice(bytes);
                    })
                    .await;
                    end.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        Self {
            address,
            seen,
            ended,
            task,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// Number of connections that have ended.
    pub(crate) fn ended(&self) -> usize {
        self.ended.load(Ordering::SeqCst)
    }

    /// The bytes of each connection.
    pub(crate) fn each(&self) -> Vec<Vec<u8>> {
        self.seen.lock().unwrap().clone()
    }

    /// All bytes of all connections, as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap().concat()).into_owned()
    }
}

async fn perform(mut stream: TcpStream, play: Play, record: impl Fn(&[u8])) -> io::Result<()> {
    match &play {
        Play::Banner(banner) => stream.write_all(banner).await?,
        Play::Send(bytes) => {
            stream.write_all(bytes).await?;
            stream.shutdown().await?;
        }
        Play::Flood(count) => {
            let chunk = vec![b'x'; 16 * 1024];
            loop {
                let sent = stream.write(&chunk).await?;
                count.fetch_add(sent, Ordering::SeqCst);
            }
        }
        _ => {}
    }
    let mut buffer = vec![0; 64 * 1024];
    let mut head = Vec::new();
    loop {
        let count = stream.read(&mut buffer).await?;
        record(&buffer[..count]);
        match &play {
            Play::Echo | Play::Banner(_) if count > 0 => stream.write_all(&buffer[..count]).await?,
            Play::Echo | Play::Banner(_) => stream.shutdown().await?,
            Play::Http(answer) => {
                head.extend_from_slice(&buffer[..count]);
                while let Some(end) = find(&head, b"\r\n\r\n") {
                    head.drain(..end + 4);
                    stream.write_all(answer).await?;
                }
            }
            _ => {}
        }
        if count == 0 {
            return Ok(());
        }
    }
}
