//! Where the sandboxes of tests run.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use futures::future::BoxFuture;
use isol8_backend::{
    Backend, BackendError, Capacity, CleanupReport, ImageStore, SandboxSpec, Started,
};
use isol8_docker::{Client, DockerAddress, DockerBackend, DockerImages};
use isol8_fakes::{Exchange, FakeBackend, FakeImages, Start};
use isol8_server::Place;
use tokio::sync::Semaphore;

/// A program of Bash with this answer.
pub(crate) fn program(answer: impl IntoIterator<Item = Vec<u8>>) -> Exchange {
    Exchange::new("exec bash /sandbox/main.sh +/sandbox/main.sh", answer)
}

/// A sandbox of Bash with this script.
pub(crate) fn bash(script: Vec<Exchange>) -> Start {
    Start::Sandbox("isol8:bash", script)
}

/// Scripted sandboxes. Clean-ups are counted, and wait for permission.
pub(crate) struct Scripted {
    pub(crate) backend: Arc<FakeBackend>,
    /// How often a backend was given out: once to the server, and once to each engine.
    pub(crate) given: AtomicU64,
    pub(crate) cleanups: AtomicU64,
    pub(crate) may_clean: Semaphore,
}

impl Scripted {
    pub(crate) fn new(starts: impl IntoIterator<Item = Start>) -> Arc<Self> {
        Arc::new(Self {
            backend: FakeBackend::new(starts),
            given: AtomicU64::new(0),
            cleanups: AtomicU64::new(0),
            may_clean: Semaphore::new(0),
        })
    }
}

/// A place by itself, since a backend must be shared.
pub(crate) struct ScriptedPlace(pub(crate) Arc<Scripted>);

impl Place for ScriptedPlace {
    fn backend(&self, _: Option<&str>) -> Arc<dyn Backend> {
        self.0.given.fetch_add(1, Ordering::Relaxed);
        Arc::clone(&self.0) as Arc<dyn Backend>
    }

    fn images(&self) -> Arc<dyn ImageStore> {
        FakeImages::new([])
    }
}

impl Backend for Scripted {
    fn start<'a>(&'a self, spec: &'a SandboxSpec) -> BoxFuture<'a, Result<Started, BackendError>> {
        self.backend.start(spec)
    }

    fn let_go(&self, id: &str) {
        self.backend.let_go(id);
    }

    fn destroy(&self, id: String) -> BoxFuture<'static, Result<(), BackendError>> {
        self.backend.destroy(id)
    }

    fn clean_up(&self) -> BoxFuture<'_, Result<CleanupReport, BackendError>> {
        Box::pin(async {
            self.may_clean.acquire().await.unwrap().forget();
            self.cleanups.fetch_add(1, Ordering::Relaxed);
            Ok(CleanupReport::default())
        })
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), BackendError>> {
        Box::pin(async { Ok(()) })
    }

    fn capacity(&self) -> Capacity {
        Capacity::default()
    }
}

/// The machine's own daemon.
pub(crate) struct Docker;

impl Place for Docker {
    fn backend(&self, oci_runtime: Option<&str>) -> Arc<dyn Backend> {
        let client = Client::new(DockerAddress::default());
        Arc::new(DockerBackend::new(client, oci_runtime.map(str::to_owned)))
    }

    fn images(&self) -> Arc<dyn ImageStore> {
        Arc::new(DockerImages::new(Client::new(DockerAddress::default())))
    }
}
