//! A server, from its first connection to its last.

use std::{sync::Arc, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    app::App,
    place::Place,
    router::router,
    serve::{Doors, Ends, Listener},
    settings::{Settings, SettingsError},
};

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
            () = doors.accept(&listener, &router, &connections, &ends) => {}
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
            () = doors.accept(&listener, &router, &late, &ends) => {}
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
