//! Where connections come in: accepted within the numbers that there may be, opened, and carried.

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use futures::FutureExt as _;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::{
    connection::{Admitted, Ends, carry},
    listener::{Accepted, Listener},
    strangers::Strangers,
    visitor::{Counts, MAX_CONNECTIONS, Visitor},
};

/// How long a client may take until it has shown a key, with the handshake of TLS.
const KEY_PATIENCE: Duration = Duration::from_secs(10);

/// How long nothing is accepted after a failure: the process has no descriptor left, say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What bounds the connections of a server, those that come while it ends as well.
pub(crate) struct Doors {
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

impl Doors {
    /// Accepts connections for ever.
    pub(crate) async fn accept(
        &self,
        listener: &Listener,
        router: &Router,
        connections: &TaskTracker,
        ends: &Ends,
    ) {
        // Never closed.
        while let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await {
            match listener.accept().await {
                Ok((accepted, peer)) => {
                    let admitted = Admitted {
                        _slot: slot,
                        visitor: Visitor::new(
                            self.strangers.admit(peer),
                            Arc::clone(&self.counts),
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
