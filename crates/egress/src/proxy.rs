//! The public type of the proxy, and the phases of one client connection.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, join, split};
use tokio::time::timeout;

use crate::context::Context;
use crate::http::{self, Mode, Next};
use crate::limits::Limits;
use crate::policy::Policy;
use crate::resolve::Resolver;
use crate::respond::TOO_MANY;
use crate::run::Run;
use crate::tunnel::{self, Ended, Terms};

/// A filtering proxy. Cheap to clone.
#[derive(Clone)]
pub struct Proxy {
    policy: Arc<Policy>,
    resolver: Arc<dyn Resolver>,
    limits: Arc<Limits>,
}

impl Proxy {
    /// Makes a proxy that applies `policy`.
    #[must_use]
    pub fn new(policy: Arc<Policy>, resolver: Arc<dyn Resolver>, limits: Limits) -> Self {
        Self {
            policy,
            resolver,
            limits: Arc::new(limits),
        }
    }

    /// Returns the same proxy with another policy, for example for an installation.
    #[must_use]
    pub fn with_policy(&self, policy: Arc<Policy>) -> Self {
        Self {
            policy,
            ..self.clone()
        }
    }

    /// The policy that it applies.
    #[must_use]
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// Its limits. A [`Run`] is made with them.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Serves one client connection until it ends, and logs its requests to `run`. It never fails: an
    /// error is answered on the stream or ends the stream. Dropping the future closes every connection
    /// that was made for the client.
    pub async fn serve<S>(&self, stream: S, run: &Arc<Run>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Some(_permit) = run.enter(self.limits.connections) else {
            return self.turn_away(stream).await;
        };
        let context = Context {
            policy: Arc::clone(&self.policy),
            resolver: Arc::clone(&self.resolver),
            limits: Arc::clone(&self.limits),
            run: Arc::clone(run),
        };
        let mut next = http::serve(&context, Mode::Proxy, stream, None).await;
        // A tunnel without TLS carries HTTP again. No further tunnel can begin inside it.
        let mut _tunnel_entry = None;
        if let Some(Next::Tunnel {
            client,
            upstream,
            target,
            entry,
        }) = next
        {
            let Ok(client) = client.await else { return };
            let client = hyper_util::rt::TokioIo::new(client);
            let terms = Terms {
                host: &target.host,
                kind: self.policy.port_kind(target.port),
                limits: &self.limits,
                entry: &entry,
            };
            let Ended::InTheClear {
                client,
                upstream,
                begun,
            } = tunnel::run(client, *upstream, terms).await
            else {
                return;
            };
            let (reader, writer) = split(client);
            let client = join(std::io::Cursor::new(begun).chain(reader), writer);
            _tunnel_entry = Some(entry);
            next = http::serve(&context, Mode::Tunnel(target), client, Some(upstream)).await;
        }
        if let Some(Next::Upgrade {
            client,
            upstream,
            guard,
            entry,
        }) = next
        {
            if let (Ok(client), Ok(upstream)) = futures::join!(client, upstream) {
                let client = hyper_util::rt::TokioIo::new(client);
                let upstream = hyper_util::rt::TokioIo::new(upstream);
                // Either side may go away at any time, and no one is left to report it to.
                let _ = tunnel::splice(client, upstream).await;
            }
            drop((guard, entry));
        }
    }

    async fn turn_away(&self, mut stream: impl AsyncWrite + Unpin) {
        let answer = async {
            stream.write_all(TOO_MANY).await?;
            stream.shutdown().await
        };
        // The stream is closed in any case.
        let _ = timeout(self.limits.head_timeout, answer).await;
    }
}
