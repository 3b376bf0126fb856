//! Create, attach, start; and remove.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};

use bollard::{
    Docker,
    container::{AttachContainerResults, LogOutput},
    errors::Error as DockerError,
    models::ContainerCreateBody,
    query_parameters::{AttachContainerOptions, RemoveContainerOptions, StartContainerOptions},
};
use futures::{StreamExt, future::BoxFuture};
use tokio::sync::oneshot;
use tokio_util::io::StreamReader;

use super::{Client, cleanup, container, guest, in_flight, owner};
use crate::{
    backend::{Backend, DuplexStream, SandboxSpec, Started},
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
            tokio::spawn(async move {
                if let Err(error) = cleanup::remove_never_started(&client).await {
                    tracing::debug!(%error, "no look for containers that were never started");
                }
            });
        }
        started
    }

    async fn start_with_guest(&self, spec: &SandboxSpec) -> Result<Started, EngineError> {
        let docker = self.client.docker().await?;
        // The guest's volume is not looked for: a start fails when it is empty, and then it is filled.
        for _ in 1..START_ATTEMPTS {
            match create_and_start(docker, spec).await {
                Err(DockerError::DockerResponseServerError { message, .. })
                    if guest::is_missing_guest(&message) =>
                {
                    tracing::debug!(message, "installing the guest");
                    let _only_one = self.installing.lock().await;
                    match create_and_start(docker, spec).await {
                        Err(DockerError::DockerResponseServerError { message, .. })
                            if guest::is_missing_guest(&message) =>
                        {
                            guest::install(docker, &spec.image).await?;
                        }
                        other => return other.map_err(|error| explain(error, spec)),
                    }
                }
                other => return other.map_err(|error| explain(error, spec)),
            }
        }
        create_and_start(docker, spec)
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

/// Creates and starts in a task of its own. Docker carries a creation through when its caller has
/// gone, so the answer must be heard, or a container stays that nobody knows.
async fn create_and_start(docker: &Docker, spec: &SandboxSpec) -> Result<Started, DockerError> {
    let (docker, body, persist) = (docker.clone(), container::body(spec), spec.persist);
    let (answer, answered) = oneshot::channel();
    let under_way = in_flight::begin().ok_or_else(|| DockerError::IOError {
        err: io::Error::other("the program ends"),
    })?;
    tokio::spawn(async move {
        let started = carry_through(&docker, body, persist).await;
        if let Err(Ok(unwanted)) = answer.send(started) {
            remove_failed(&docker, &unwanted.id).await;
        }
        drop(under_way);
    });
    answered.await.map_err(|error| DockerError::IOError {
        err: io::Error::other(error),
    })?
}

async fn carry_through(
    docker: &Docker,
    body: ContainerCreateBody,
    persist: bool,
) -> Result<Started, DockerError> {
    let id = docker.create_container(None, body).await?.id;
    if persist {
        owner::take(&id);
    }
    match attach_and_start(docker, &id).await {
        Ok(stream) => Ok(Started { id, stream }),
        Err(error) => {
            remove_failed(docker, &id).await;
            Err(error)
        }
    }
}

async fn attach_and_start(docker: &Docker, id: &str) -> Result<Box<dyn DuplexStream>, DockerError> {
    let attach = AttachContainerOptions {
        stream: true,
        stdin: true,
        stdout: true,
        stderr: true,
        ..Default::default()
    };
    // Attached before the start, so that no byte of the guest is lost.
    let attached = docker.attach_container(id, Some(attach)).await?;
    docker
        .start_container(id, None::<StartContainerOptions>)
        .await?;
    Ok(byte_stream(attached))
}

async fn remove_failed(docker: &Docker, id: &str) {
    if let Err(error) = remove(docker, id).await {
        tracing::debug!(%error, "container of a failed start was not removed");
    }
}

/// The guest's standard input and output as one stream. What it says on standard error is for the
/// debug log.
fn byte_stream(attached: AttachContainerResults) -> Box<dyn DuplexStream> {
    let output = attached.output.filter_map(|item| async move {
        match item {
            Ok(LogOutput::StdErr { message }) => {
                tracing::debug!(message = %String::from_utf8_lossy(&message), "guest");
                None
            }
            Ok(output) => Some(Ok(output.into_bytes())),
            Err(error) => Some(Err(io::Error::other(error))),
        }
    });
    Box::new(tokio::io::join(
        StreamReader::new(Box::pin(output)),
        attached.input,
    ))
}

async fn remove(docker: &Docker, id: &str) -> Result<(), EngineError> {
    owner::let_go(id);
    let options = RemoveContainerOptions {
        force: true,
        v: false,
        link: false,
    };
    match docker.remove_container(id, Some(options)).await {
        // Gone already, or going: auto-removal was faster.
        Ok(())
        | Err(DockerError::DockerResponseServerError {
            status_code: 404 | 409,
            ..
        }) => Ok(()),
        Err(error) => Err(error.into()),
    }
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
