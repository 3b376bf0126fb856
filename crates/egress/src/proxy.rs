//! The public type of the proxy, and the phases of one client connection.

use std::io::Cursor;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, join, split};
use tokio::time::timeout;

use crate::context::Context;
use crate::http::{self, Mode, Tunnel, Upgraded};
use crate::limits::Limits;
use crate::policy::Policy;
use crate::resolver::Resolver;
use crate::respond::TOO_MANY;
use crate::run::Run;
use crate::tunnel::{self, TunnelOutcome, TunnelRules};

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
        let Some(_permit) = run.connection_permit(self.limits.connections) else {
            return self.turn_away(stream).await;
        };
        let context = Context {
            policy: Arc::clone(&self.policy),
            resolver: Arc::clone(&self.resolver),
            limits: Arc::clone(&self.limits),
            run: Arc::clone(run),
        };
        match http::serve(&context, Mode::Proxy, stream, None).await {
            Ok(Some(Upgraded::Tunnel(tunnel))) => serve_tunnel(&context, *tunnel).await,
            Ok(Some(Upgraded::WebSocket(socket))) => socket.relay().await,
            // An error is the client's: an invalid head or a broken stream. hyper has sent an answer
            // where one was possible.
            Ok(None) | Err(_) => {}
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

/// Serves a tunnel until it ends. In one without TLS, each HTTP request is judged. No further tunnel can
/// begin inside it.
async fn serve_tunnel(context: &Context, tunnel: Tunnel) {
    let Tunnel {
        client,
        upstream,
        target,
        entry,
    } = tunnel;
    let Ok(client) = client.await else { return };
    let entry = Arc::new(entry);
    let rules = TunnelRules {
        host: &target.host,
        port_kind: context.policy.port_kind(target.port),
        limits: &context.limits,
        entry: &entry,
    };
    let outcome = tunnel::serve(TokioIo::new(client), upstream, rules).await;
    let TunnelOutcome::PlainHttp {
        client,
        upstream,
        first_bytes,
    } = outcome
    else {
        return;
    };
    let (reader, writer) = split(client);
    let client = join(Cursor::new(first_bytes).chain(reader), writer);
    let mode = Mode::Tunnel(target, Arc::clone(&entry));
    if let Ok(Some(Upgraded::WebSocket(socket))) =
        http::serve(context, mode, client, Some(upstream)).await
    {
        socket.relay().await;
    }
}
