//! Sandboxes for tests, whose guest sends the same bytes again and again and reads nothing.

use std::{
    future::{pending, poll_fn},
    sync::Arc,
    time::Duration,
};

use futures::{AsyncWriteExt as _, future::BoxFuture};
use isol8_backend::{
    Backend, BackendError, Capacity, CleanupReport, SandboxNetwork, SandboxSpec, SandboxUser,
    SeccompProfile, Started,
};
use isol8_protocol::{PREAMBLE_BYTES, preamble};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio_util::compat::TokioAsyncReadCompatExt;

use super::{Sandbox, link::Link};
/// Pause before a guest repeats its bytes.
const PAUSE: Duration = Duration::from_millis(10);

/// What is between host and guest, in bytes.
const PIPE_BYTES: usize = 64 * 1024;

/// A link to a guest that sends `words` on each stream, again and again.
pub(super) async fn link_saying(words: &'static [u8]) -> Link {
    let (host, guest) = duplex(PIPE_BYTES);
    tokio::spawn(speak(guest, words));
    Link::connect(Box::new(host)).await.unwrap()
}

/// A sandbox with such a guest.
pub(crate) async fn saying(words: &'static [u8]) -> Sandbox {
    let backend: Arc<dyn Backend> = Arc::new(Saying(words));
    let spec = SandboxSpec {
        image: String::new(),
        runtime: String::new(),
        network: SandboxNetwork::None,
        memory_bytes: 0,
        cpus: 0.0,
        pids: 0,
        readonly_root: true,
        sandbox_bytes: 0,
        tmp_bytes: 0,
        volumes: Vec::new(),
        volume_bytes: 0,
        seccomp: SeccompProfile::Strict,
        session: false,
        user: SandboxUser::Shared,
        persist: false,
    };
    Sandbox::start(&backend, &spec).await.unwrap()
}

struct Saying(&'static [u8]);

impl Backend for Saying {
    fn start<'a>(&'a self, _: &'a SandboxSpec) -> BoxFuture<'a, Result<Started, BackendError>> {
        let (host, guest) = duplex(PIPE_BYTES);
        tokio::spawn(speak(guest, self.0));
        Box::pin(async {
            Ok(Started {
                id: String::new(),
                stream: Box::new(host),
            })
        })
    }

    fn let_go(&self, _: &str) {}

    fn destroy(&self, _: String) -> BoxFuture<'static, Result<(), BackendError>> {
        Box::pin(async { Ok(()) })
    }

    fn clean_up(&self) -> BoxFuture<'_, Result<CleanupReport, BackendError>> {
        unreachable!("nothing is left behind")
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), BackendError>> {
        unreachable!("nobody asks")
    }

    fn capacity(&self) -> Capacity {
        Capacity::default()
    }
}

async fn speak(mut io: DuplexStream, words: &'static [u8]) {
    io.write_all(&preamble()).await.unwrap();
    io.read_exact(&mut [0; PREAMBLE_BYTES]).await.unwrap();
    let config = yamux::Config::default();
    let mut link = yamux::Connection::new(io.compat(), config, yamux::Mode::Server);
    while let Some(Ok(mut stream)) = poll_fn(|cx| link.poll_next_inbound(cx)).await {
        tokio::spawn(async move {
            while !words.is_empty() && stream.write_all(words).await.is_ok() {
                tokio::time::sleep(PAUSE).await;
            }
            pending::<()>().await;
        });
    }
}
