//! A server, from its first connection to its last.

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use futures::FutureExt as _;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    connection::{Admitted, Ends, carry},
    listener::{Accepted, Listener},
    strangers::{self, Strangers},
    visitor::{Counts, Visitor},
};
use crate::{
    app::App,
    place::Place,
    router::router,
    settings::{Settings, SettingsError},
};

/// Most connections at a time. More wait to be accepted.
const MAX_CONNECTIONS: usize = 4096;

/// Those of them that tenants may have. The others are for clients that have shown no key yet, and for the operator.
pub(super) const MAX_OF_TENANTS: usize = MAX_CONNECTIONS - strangers::MAX;

/// How long a client may take until it has shown a key, with the handshake of TLS.
const KEY_PATIENCE: Duration = Duration::from_secs(10);

/// How long nothing is accepted after a failure: the process has no descriptor left, say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long connections may take to end once nothing runs for them any more.
const CUT_PATIENCE: Duration = Duration::from_secs(2);

/// Tells a server to stop.
#[derive(Debug, Clone, Default)]
pub struct StopSignal {
    /// New calls get 503, and running ones may end within the grace of the settings.
    pub gracefully: CancellationToken,
    /// Running calls end at once.
    pub at_once: CancellationToken,
}

/// The engine over HTTP.
pub struct Server {
    app: App,
    stop_grace: Duration,
}

impl Server {
    /// A server whose sandboxes run in `place`. Does no I/O.
    pub fn new(settings: &Settings, place: Arc<dyn Place>) -> Result<Self, SettingsError> {
        Ok(Self {
            app: App::new(settings, place)?,
            stop_grace: settings.stop_grace,
        })
    }

    /// Serves connections until a token of `stop` is cancelled. Returns when every call has ended and every sandbox
    /// is gone.
    pub async fn serve(self, listener: impl Into<Listener>, stop: StopSignal) {
        let Self { app, stop_grace } = self;
        let listener = listener.into();
        let connections = TaskTracker::new();
        let cut = CancellationToken::new();
        let ends = Ends {
            closing: app.closing().clone(),
            cut: cut.clone(),
        };
        app.tasks().spawn(app.clone().sweep());
        if let Some(keys) = app.shared_keys() {
            app.tasks().spawn(app.clone().keep_keys(keys));
        }
        let (router, doors) = (router(app.clone()), Doors::default());
        tokio::select! {
            () = accept(&listener, &router, &doors, &connections, &ends) => {}
            () = stop.gracefully.cancelled() => {}
            () = stop.at_once.cancelled() => {}
        }
        tracing::debug!(connections = connections.len(), "stopping the server");
        app.closing().cancel();
        connections.close();
        app.tasks().close();
        let work = async || {
            tokio::join!(connections.wait(), app.tasks().wait());
        };
        // New connections get 503. They do not delay the end.
        let late = TaskTracker::new();
        tokio::select! {
            () = work() => {}
            () = accept(&listener, &router, &doors, &late, &ends) => {}
            () = tokio::time::sleep(stop_grace) => {}
            () = stop.at_once.cancelled() => {}
        }
        drop(listener);
        app.end().await;
        // Those that have not ended by then are cut.
        let _ = tokio::time::timeout(CUT_PATIENCE, work()).await;
        cut.cancel();
        late.close();
        tokio::join!(connections.wait(), late.wait());
    }
}

/// What bounds the connections of a server, those that come while it ends as well.
struct Doors {
    slots: Arc<Semaphore>,
    strangers: Arc<Strangers>,
    counts: Arc<Counts>,
}

impl Default for Doors {
    fn default() -> Self {
        Self {
            slots: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
            strangers: Arc::default(),
            counts: Arc::default(),
        }
    }
}

/// Accepts connections for ever.
async fn accept(
    listener: &Listener,
    router: &Router,
    doors: &Doors,
    connections: &TaskTracker,
    ends: &Ends,
) {
    // Never closed.
    while let Ok(slot) = Arc::clone(&doors.slots).acquire_owned().await {
        match listener.accept().await {
            Ok((accepted, peer)) => {
                let admitted = Admitted {
                    _slot: slot,
                    visitor: Visitor::new(
                        doors.strangers.admit(peer),
                        Arc::clone(&doors.counts),
                        KEY_PATIENCE,
                    ),
                };
                connections.spawn(open(accepted, admitted, router.clone(), ends.clone()));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn open(accepted: Accepted, admitted: Admitted, router: Router, ends: Ends) {
    let opened = tokio::select! {
        opened = accepted.open() => Some(opened),
        () = admitted.visitor.unwelcome() => None,
        () = ends.cut.cancelled() => None,
    };
    match opened {
        Some(Ok(stream)) => carry(stream, admitted, router, ends).boxed().await,
        Some(Err(error)) => tracing::debug!(%error, "a connection was not opened"),
        None => {}
    }
}

/// Whether an error is about the connection that was to be accepted, and not about the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}
