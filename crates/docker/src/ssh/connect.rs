//! HTTP over connections that each are one `ssh`.

use std::{
    io,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bollard::{BollardRequest, ClientVersion, Docker, errors::Error as DockerError};
use futures::future::{Ready, ready};
use hyper::Uri;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use tower_service::Service;

use super::stream::SshStream;
use crate::address::SshTarget;

/// How many connections are kept for further requests, and for how long. A new one takes a handshake.
const MAX_IDLE: usize = 2;
const IDLE_TIME: Duration = Duration::from_secs(30);

/// A client whose connections go through `ssh` to `target`. Starts nothing yet.
pub(crate) fn connect(
    target: &SshTarget,
    timeout_seconds: u64,
    version: &ClientVersion,
) -> Result<Docker, DockerError> {
    let client = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_max_idle_per_host(MAX_IDLE)
        .pool_idle_timeout(IDLE_TIME)
        .build(Dial(Arc::new(target.clone())));
    let send = move |request: BollardRequest| {
        let answer = client.request(request);
        async move { answer.await.map_err(DockerError::from) }
    };
    // The host of the URL names nobody: every connection leads to the same daemon.
    Docker::connect_with_custom_transport(send, Some("http://docker"), timeout_seconds, version)
}

/// Starts one `ssh` for each connection.
#[derive(Clone)]
struct Dial(Arc<SshTarget>);

impl Service<Uri> for Dial {
    type Response = TokioIo<SshStream>;
    type Error = io::Error;
    type Future = Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        ready(SshStream::start("ssh", self.0.arguments()).map(TokioIo::new))
    }
}
