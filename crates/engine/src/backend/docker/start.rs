//! Sandboxes of one daemon: the guest's volume filled, starts carried through, errors explained.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};

use bollard::errors::Error as DockerError;
use futures::future::BoxFuture;
use tokio::sync::oneshot;

use super::{
    Client, cleanup,
    client::Daemon,
    direct, guest, in_flight,
    launch::{launch, remove, remove_failed},
    owner,
    way::Place,
};
use crate::{
    backend::{Backend, SandboxSpec, Started},
    error::EngineError,
};

/// How often a start is tried when the guest's volume turns out to be empty or half filled.
const START_ATTEMPTS: usize = 3;

/// Sandboxes on a Docker daemon.
pub struct DockerBackend {
    client: Client,
    /// One task of this process fills the volume; the others wait and find it filled.
    installing: tokio::sync::Mutex<()>,
    /// Whether what killed processes left was looked for.
    swept: AtomicBool,
}

impl DockerBackend {
    /// A backend on the daemon of `client`.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            client,
            installing: tokio::sync::Mutex::new(()),
            swept: false.into(),
        }
    }

    async fn start_container(&self, spec: &SandboxSpec) -> Result<Started, EngineError> {
        let started = self.start_with_guest(spec).await;
        if !self.swept.swap(true, Ordering::Relaxed) {
            let client = self.client.clone();
            tokio::task::spawn_blocking(direct::sweep);
            tokio::spawn(async move {
                if let Err(error) = cleanup::remove_never_started(&client).await {
                    tracing::debug!(%error, "no look for containers that were never started");
                }
            });
        }
        started
    }

    async fn start_with_guest(&self, spec: &SandboxSpec) -> Result<Started, EngineError> {
        let daemon = self.client.daemon().await?;
        // The guest's volume is not looked for: a start fails when it is empty, and then it is filled.
        for _ in 1..START_ATTEMPTS {
            match create_and_start(daemon, spec).await {
                Err(DockerError::DockerResponseServerError { message, .. })
                    if guest::is_missing_guest(&message) =>
                {
                    tracing::debug!(message, "installing the guest");
                    let _only_one = self.installing.lock().await;
                    match create_and_start(daemon, spec).await {
                        Err(DockerError::DockerResponseServerError { message, .. })
                            if guest::is_missing_guest(&message) =>
                        {
                            guest::install(&daemon.docker, &spec.image).await?;
                        }
                        other => return other.map_err(|error| explain(error, spec)),
                    }
                }
                other => return other.map_err(|error| explain(error, spec)),
            }
        }
        create_and_start(daemon, spec)
            .await
            .map_err(|error| explain(error, spec))
    }
}

impl Backend for DockerBackend {
    fn start<'a>(&'a self, spec: &'a SandboxSpec) -> BoxFuture<'a, Result<Started, EngineError>> {
        Box::pin(self.start_container(spec))
    }

    fn let_go(&self, id: &str) {
        owner::let_go(id);
    }

    fn destroy(&self, id: String) -> BoxFuture<'static, Result<(), EngineError>> {
        let client = self.client.clone();
        Box::pin(async move { remove(client.docker().await?, &id).await })
    }
}

/// Launches in a task of its own. Docker carries a creation through when its caller has gone, so the
/// answer must be heard, or a container stays that nobody knows.
async fn create_and_start(daemon: &Daemon, spec: &SandboxSpec) -> Result<Started, DockerError> {
    let (docker, spec) = (daemon.docker.clone(), spec.clone());
    let place = Place {
        url: daemon.url.clone(),
        oci_runtime: spec.oci_runtime.clone(),
    };
    let (answer, answered) = oneshot::channel();
    let under_way = in_flight::begin().ok_or_else(|| DockerError::IOError {
        err: io::Error::other("the program ends"),
    })?;
    tokio::spawn(async move {
        let started = launch(&docker, &spec, &place).await;
        if let Err(Ok(unwanted)) = answer.send(started) {
            remove_failed(&docker, &unwanted.id).await;
        }
        drop(under_way);
    });
    answered.await.map_err(|error| DockerError::IOError {
        err: io::Error::other(error),
    })?
}

/// Says what to do about the errors that users cause.
fn explain(error: DockerError, spec: &SandboxSpec) -> EngineError {
    match error {
        DockerError::DockerResponseServerError {
            status_code: 404,
            ref message,
        } if message.to_lowercase().contains("no such image") => EngineError::ImageMissing {
            image: spec.image.clone(),
        },
        DockerError::DockerResponseServerError { ref message, .. }
            if spec
                .oci_runtime
                .as_deref()
                .is_some_and(|name| message.contains(name)) =>
        {
            EngineError::OciRuntime {
                runtime: spec.oci_runtime.clone().unwrap_or_default(),
                reason: message.clone(),
            }
        }
        other => other.into(),
    }
}
