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
    visitor::Visitor,
    write_timeout::WriteTimeout,
};

/// How long a client may take to send the head of a request, and how long an idle connection is kept.
const HEAD_PATIENCE: Duration = Duration::from_mins(1);

/// Longest head of a request in bytes, and most that is read of a connection ahead of its use.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// How long a client may read nothing of what it is sent.
const WRITE_PATIENCE: Duration = Duration::from_mins(1);

/// How long a connection that has to end may take to send the answer that is under way.
const LAST_PATIENCE: Duration = Duration::from_secs(1);

/// What lasts as long as the connection, that of a WebSocket as well.
pub(super) struct Admitted {
    /// One of the connections that there may be.
    pub(super) _slot: OwnedSemaphorePermit,
    pub(super) visitor: Visitor,
}

/// When connections end.
#[derive(Clone)]
pub(crate) struct Ends {
    /// After the request that is being answered.
    pub(crate) closing: CancellationToken,
    /// At once.
    pub(crate) cut: CancellationToken,
}

/// Answers the requests of one connection until its end. A WebSocket goes on after this, and keeps `admitted` as
/// long as it is open.
pub(super) async fn carry<S>(stream: S, admitted: Admitted, router: Router, ends: Ends)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let meter = Meter::default();
    let visitor = admitted.visitor.clone();
    let client = visitor.clone();
    let stream = WriteTimeout::new(stream, WRITE_PATIENCE, admitted);
    let io = TokioIo::new(Metered::new(stream, meter.clone()));
    let router = TowerToHyperService::new(router);
    let asked = CancellationToken::new();
    let first = asked.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        first.cancel();
        request.extensions_mut().insert(meter.clone());
        request.extensions_mut().insert(visitor.clone());
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(io, service)
        .with_upgrades();
    let mut connection = pin!(connection);
    // A client that connects while the server is ending receives one answer, which says so.
    let is_late = ends.closing.is_cancelled();
    let last_request = async {
        ends.closing.cancelled().await;
        if is_late {
            asked.cancelled().await;
        }
    };
    let carried = tokio::select! {
        carried = &mut connection => carried,
        () = last_request => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection => ended,
                () = ends.cut.cancelled() => Ok(()),
                () = client.unwelcome() => Ok(()),
            }
        }
        () = ends.cut.cancelled() => Ok(()),
        () = client.unwelcome() => {
            // An answer that is being sent may end.
            connection.as_mut().graceful_shutdown();
            let ended = tokio::time::timeout(LAST_PATIENCE, connection).await;
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
    use isol8_api::config::Config;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        sync::Semaphore,
    };

    use super::{
        super::{strangers::Strangers, visitor::Visitor},
        *,
    };
    use crate::callers::{Caller, Owner, Policies};

    fn admitted(slot: OwnedSemaphorePermit, patience: Duration) -> Admitted {
        let stranger = Arc::new(Strangers::default()).admit(None);
        Admitted {
            _slot: slot,
            visitor: Visitor::new(stranger, Arc::default(), patience),
        }
    }

    fn ends() -> Ends {
        Ends {
            closing: CancellationToken::new(),
            cut: CancellationToken::new(),
        }
    }

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
        let (stream, client) = tokio::io::duplex(1024);
        let router = Router::new().route("/", get(echo));
        let admitted = admitted(slot, Duration::from_mins(1));
        let carried = tokio::spawn(carry(stream, admitted, router, ends()));
        let (socket, _) = tokio_tungstenite::client_async("ws://localhost/", client)
            .await
            .unwrap();
        carried.await.unwrap();
        assert_eq!(slots.available_permits(), 0);
        drop(socket);
        let _slot = slots.acquire().await.unwrap();
    }

    #[tokio::test]
    async fn who_shows_no_key_in_time_has_to_go_and_others_may_stay() {
        let slots = Arc::new(Semaphore::new(2));
        let slot = || Arc::clone(&slots).try_acquire_owned().unwrap();
        let patience = Duration::from_millis(100);
        let router = || Router::new().route("/", get(async || "hello"));
        let half = b"GET / HTTP/1.1\r\n";

        let (stream, mut client) = tokio::io::duplex(1024);
        let carried = tokio::spawn(carry(stream, admitted(slot(), patience), router(), ends()));
        client.write_all(half).await.unwrap();
        let ended = tokio::time::timeout(HEAD_PATIENCE / 2, carried).await;
        ended.expect("the stranger stays").unwrap();

        let (stream, mut client) = tokio::io::duplex(1024);
        let known = admitted(slot(), patience);
        let policies = Policies::new(&Config::default(), 1, 1).unwrap();
        let caller = Caller {
            owner: Owner::Operator,
            policy: policies.of(&Owner::Operator),
            key: None,
        };
        known.visitor.introduce(&caller).unwrap();
        tokio::spawn(carry(stream, known, router(), ends()));
        client.write_all(half).await.unwrap();
        tokio::time::sleep(2 * patience + LAST_PATIENCE).await;
        client
            .write_all(b"connection: close\r\n\r\n")
            .await
            .unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("hello"), "{answer}");
    }
}
