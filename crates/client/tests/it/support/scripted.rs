//! The real server, whose sandboxes are scripted.

use std::{path::Path, sync::Arc};

use isol8_api::config::Config;
use isol8_backend::{Backend, ImageStore};
use isol8_client::RemoteClient;
use isol8_fakes::{Exchange, FakeBackend, FakeImages, Start};
use isol8_server::{Listener, Place, Server, Settings, SocketFile, StopSignal};
use serde_json::json;
use tokio::{net::TcpListener, task::JoinHandle};

use super::PATIENCE;

/// The master key of every server here.
pub(crate) const KEY: &str = "master-key";

/// A server that serves.
pub(crate) struct Scripted {
    pub(crate) host: String,
    backend: Arc<FakeBackend>,
    stop: StopSignal,
    serving: JoinHandle<()>,
}

struct ScriptedPlace(Arc<FakeBackend>);

impl Place for ScriptedPlace {
    fn backend(&self, _: Option<&str>) -> Arc<dyn Backend> {
        Arc::clone(&self.0) as Arc<dyn Backend>
    }

    fn images(&self) -> Arc<dyn ImageStore> {
        FakeImages::new([])
    }
}

impl Scripted {
    /// A server whose sandboxes have these scripts, in order.
    pub(crate) async fn start(scripts: impl IntoIterator<Item = Vec<Exchange>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("http://{}", listener.local_addr().unwrap());
        Self::start_on(listener.into(), host, scripts)
    }

    /// The same on a Unix socket.
    pub(crate) async fn start_on_socket(
        path: &Path,
        scripts: impl IntoIterator<Item = Vec<Exchange>>,
    ) -> Self {
        let socket = Listener::Unix(SocketFile::bind(path).await.unwrap());
        Self::start_on(socket, format!("unix:{}", path.display()), scripts)
    }

    fn start_on(
        listener: Listener,
        host: String,
        scripts: impl IntoIterator<Item = Vec<Exchange>>,
    ) -> Self {
        let starts = scripts
            .into_iter()
            .map(|script| Start::Sandbox("isol8:bash", script));
        let backend = FakeBackend::new(starts);
        let config = json!({"poolSize": 0, "defaults": {"readonlyRootFs": false}});
        let config: Config = serde_json::from_value(config).unwrap();
        let place = Arc::new(ScriptedPlace(Arc::clone(&backend)));
        let server = Server::new(&Settings::new(KEY, config), place).unwrap();
        let stop = StopSignal::default();
        Self {
            host,
            backend,
            serving: tokio::spawn(server.serve(listener, stop.clone())),
            stop,
        }
    }

    pub(crate) fn client(&self) -> RemoteClient {
        RemoteClient::new(&self.host, KEY).unwrap()
    }

    /// How many sandboxes were started.
    pub(crate) fn started(&self) -> usize {
        self.backend.started()
    }

    /// Waits until this many sandboxes were destroyed.
    pub(crate) async fn until_destroyed(&self, count: usize) {
        let destroyed = self.backend.until_destroyed(count);
        let destroyed = tokio::time::timeout(PATIENCE, destroyed).await;
        destroyed.expect("the sandbox lives on");
    }

    /// Stops the server. Everything scripted has to have happened.
    pub(crate) async fn end(self) {
        self.stop.gracefully.cancel();
        let ended = tokio::time::timeout(PATIENCE, self.serving).await;
        ended.expect("the server does not end").unwrap();
        self.backend.finish().await;
    }
}

/// A program of Bash with this answer.
pub(crate) fn program(answer: impl IntoIterator<Item = Vec<u8>>) -> Exchange {
    Exchange::new("exec bash /sandbox/main.sh +/sandbox/main.sh", answer)
}
