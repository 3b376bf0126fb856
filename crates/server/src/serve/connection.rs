//! One connection, with everything that a client could do to hold it up limited.

use std::{pin::pin, time::Duration};

use axum::Router;
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::OwnedSemaphorePermit,
};
use tokio_util::sync::CancellationToken;

use super::{
    meter::{Meter, Metered},
    write_timeout::WriteTimeout,
};

/// How long a client may take to send the head of a request, and how long an idle connection is kept.
const HEAD_PATIENCE: Duration = Duration::from_mins(1);

/// Longest head of a request in bytes, and most that is read of a connection ahead of its use.
const MAX_HEAD_BYTES: usize = 64 * 1024;

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

/// Answers the requests of one connection until its end. A WebSocket goes on after this, and keeps `slot` as
/// long as it is open.
pub(super) async fn carry<S>(stream: S, slot: OwnedSemaphorePermit, router: Router, ends: Ends)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let meter = Meter::default();
    let stream = WriteTimeout::new(stream, WRITE_PATIENCE, slot);
    let io = TokioIo::new(Metered::new(stream, meter.clone()));
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(meter.clone());
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(io, service)
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::{extract::ws::WebSocketUpgrade, routing::get};
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn a_web_socket_keeps_its_slot_until_it_ends() {
        let slots = Arc::new(Semaphore::new(1));
        let slot = Arc::clone(&slots).try_acquire_owned().unwrap();
        let echo = |upgrade: WebSocketUpgrade| async move {
            upgrade.on_upgrade(|mut socket| async move {
                while let Some(Ok(message)) = socket.recv().await {
                    let _ = socket.send(message).await;
                }
            })
        };
        let ends = Ends {
            closing: CancellationToken::new(),
            cut: CancellationToken::new(),
        };
        let (stream, client) = tokio::io::duplex(1024);
        let router = Router::new().route("/", get(echo));
        let carried = tokio::spawn(carry(stream, slot, router, ends));
        let (socket, _) = tokio_tungstenite::client_async("ws://localhost/", client)
            .await
            .unwrap();
        carried.await.unwrap();
        assert_eq!(slots.available_permits(), 0);
        drop(socket);
        let _slot = slots.acquire().await.unwrap();
    }
}
