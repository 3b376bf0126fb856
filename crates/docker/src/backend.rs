//! Sandboxes of one daemon: the guest's volume filled, starts carried through, errors explained.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};

use bollard::errors::Error as DockerError;
use futures::future::BoxFuture;
use isol8_backend::{
    Backend, BackendError, Capacity, CleanupReport, SandboxSpec, SandboxUser, Started, begin_start,
};
use tokio::sync::oneshot;
use tracing::Instrument as _;

use crate::{
    AbandonedContainer, Client, cleanup,
    client::Daemon,
    create::Wanted,
    error::{failed, not_started},
    guest_volume::{self, Filler},
    launch::launch,
    link_kind::LinkScope,
    owner, process_dir,
    removal::{remove, remove_failed},
    volumes::{VolumeError, VolumeStore},
};

/// How often a start is tried when the guest's volume turns out to be empty or half filled.
const START_ATTEMPTS: usize = 3;

/// Sandboxes on a Docker daemon.
pub struct DockerBackend {
    client: Client,
    /// OCI runtime to use instead of the daemon's default.
    oci_runtime: Option<String>,
    volumes: VolumeStore,
    /// Whether this process has looked for what killed processes left.
    swept: AtomicBool,
}

impl DockerBackend {
    /// A backend on the daemon of `client`, whose containers the OCI runtime `oci_runtime` runs; the
    /// daemon's default one when it is `None`.
    #[must_use]
    pub fn new(client: Client, oci_runtime: Option<String>) -> Self {
        Self {
            client,
            oci_runtime,
            volumes: VolumeStore::default(),
            swept: false.into(),
        }
    }

    /// The containers that [`Backend::clean_up`] would remove.
    pub async fn abandoned(&self) -> Result<Vec<AbandonedContainer>, BackendError> {
        cleanup::list_abandoned(&self.client).await
    }

    async fn start_container(&self, spec: &SandboxSpec) -> Result<Started, BackendError> {
        let started = self.start_with_guest(spec).await;
        if !self.swept.swap(true, Ordering::Relaxed) {
            let client = self.client.clone();
            tokio::task::spawn_blocking(process_dir::sweep);
            tokio::spawn(async move {
                if let Err(error) = cleanup::remove_never_started(&client).await {
                    tracing::debug!(%error, "no look for containers that were never started");
                }
            });
        }
        started
    }

    async fn start_with_guest(&self, spec: &SandboxSpec) -> Result<Started, BackendError> {
        let daemon = self.client.daemon().await?;
        let explain = |error| not_started(&daemon.url, error, spec, self.oci_runtime.as_deref());
        let users = if spec.user == SandboxUser::Own {
            Some(self.client.users(daemon).await?)
        } else {
            None
        };
        let dialect = daemon.dialect(self.oci_runtime.as_deref()).await?;
        let volumes = self.volumes.of(&daemon.slow(), spec).await;
        let volumes = volumes.map_err(|error| match error {
            VolumeError::Docker(error) => explain(error),
            other => other.into(),
        })?;
        dialect.check(volumes.as_deref())?;
        let wanted = &Wanted {
            users,
            spec: spec.clone(),
            volumes,
            dialect,
            is_on_this_machine: self.client.is_on_this_machine(),
        };
        // Nothing looks for the guest's volume: a start fails when it is empty, and then it is filled.
        for _ in 1..START_ATTEMPTS {
            match self.create_and_start(daemon, wanted).await {
                Err(error) if guest_volume::is_missing_guest(&error) => {
                    tracing::debug!(%error, "installing the guest");
                    if let Some(outcome) = self.install_guest(daemon, wanted).await? {
                        return Ok(outcome);
                    }
                }
                other => return other.map_err(explain),
            }
        }
        self.create_and_start(daemon, wanted).await.map_err(explain)
    }

    /// Fills the guest's volume, unless somebody else did meanwhile. A sandbox that could be started then is returned.
    async fn install_guest(
        &self,
        daemon: &Daemon,
        wanted: &Wanted,
    ) -> Result<Option<Started>, BackendError> {
        let claimed = Filler::claim(&daemon.slow(), &wanted.spec.image).await;
        let Some(filler) = claimed.map_err(|error| failed(&daemon.url, error))? else {
            return Ok(None);
        };
        // Whoever had the right before may have filled the volume after the start that failed here.
        let outcome = match self.create_and_start(daemon, wanted).await {
            Err(error) if guest_volume::is_missing_guest(&error) => {
                filler.fill().await.map(|()| None)
            }
            other => other.map(Some),
        };
        filler
            .release()
            .await
            .map_err(|error| failed(&daemon.url, error))?;
        outcome.map_err(|error| {
            not_started(
                &daemon.url,
                error,
                &wanted.spec,
                self.oci_runtime.as_deref(),
            )
        })
    }

    /// Launches in a task of its own. Docker carries a creation through when its caller has gone, so the
    /// answer must be received, or a container stays that nobody knows.
    async fn create_and_start(
        &self,
        daemon: &Daemon,
        wanted: &Wanted,
    ) -> Result<Started, DockerError> {
        let (docker, wanted) = (daemon.slow(), wanted.clone());
        let scope = LinkScope {
            url: daemon.url.clone(),
            oci_runtime: self.oci_runtime.clone(),
        };
        let (answer, answered) = oneshot::channel();
        let under_way = begin_start().ok_or_else(|| DockerError::IOError {
            err: io::Error::other("the program ends"),
        })?;
        let launching = async move {
            let started = launch(&docker, &wanted, &scope).await;
            if let Err(Ok(unwanted)) = answer.send(started) {
                remove_failed(&docker, &unwanted.id).await;
            }
            drop(under_way);
        };
        tokio::spawn(launching.in_current_span());
        answered.await.map_err(|error| DockerError::IOError {
            err: io::Error::other(error),
        })?
    }
}

impl Backend for DockerBackend {
    fn start<'a>(&'a self, spec: &'a SandboxSpec) -> BoxFuture<'a, Result<Started, BackendError>> {
        Box::pin(self.start_container(spec))
    }

    fn let_go(&self, id: &str) {
        owner::let_go(id);
    }

    fn destroy(&self, id: String) -> BoxFuture<'static, Result<(), BackendError>> {
        let client = self.client.clone();
        Box::pin(async move {
            let docker = client.docker().await?;
            remove(docker, &id)
                .await
                .map_err(|error| client.failed(error))
        })
    }

    fn clean_up(&self) -> BoxFuture<'_, Result<CleanupReport, BackendError>> {
        Box::pin(cleanup::remove_abandoned(&self.client))
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), BackendError>> {
        Box::pin(async {
            let docker = self.client.docker().await?;
            let answer = docker.ping().await;
            answer.map(drop).map_err(|error| self.client.failed(error))
        })
    }

    fn capacity(&self) -> Capacity {
        // A daemon elsewhere, or one in a virtual machine, has memory and processors of its own.
        if !self.client.is_on_this_machine() {
            return Capacity::default();
        }
        Capacity::of_this_machine()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DockerAddress;

    #[test]
    fn a_daemon_elsewhere_has_a_capacity_that_is_not_known_here() {
        let at = |host: &str| {
            let address = DockerAddress {
                host: Some(host.to_owned()),
                ..DockerAddress::default()
            };
            DockerBackend::new(Client::new(address), None).capacity()
        };
        assert_eq!(at("tcp://build:2375"), Capacity::default());
        if cfg!(target_os = "linux") {
            assert!(at("unix:///var/run/docker.sock").processors.is_some());
        }
    }
}
