//! One connection, with everything that a client could do to hold it up limited.

use std::{pin::pin, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::write_timeout::WriteTimeout;

/// How long a client may take to send the head of a request, and how long an idle connection is kept.
const HEAD_PATIENCE: Duration = Duration::from_mins(1);

/// How long a client may read nothing of what it is sent.
const WRITE_PATIENCE: Duration = Duration::from_mins(1);

/// When connections end.
#[derive(Clone)]
pub(super) struct Ends {
    /// After the request that is being answered.
    pub(super) closing: CancellationToken,
    /// At once.
    pub(super) cut: CancellationToken,
}

/// Answers the requests of one connection until its end.
pub(super) async fn carry<S>(stream: S, router: Router, ends: Ends)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = TokioIo::new(WriteTimeout::new(stream, WRITE_PATIENCE));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .serve_connection(io, TowerToHyperService::new(router))
        .with_upgrades();
    let mut connection = pin!(connection);
    let carried = tokio::select! {
        carried = &mut connection => carried,
        () = ends.closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let ended = ends.cut.run_until_cancelled(connection).await;
            ended.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = carried {
        tracing::debug!(%error, "a connection ended");
    }
}
