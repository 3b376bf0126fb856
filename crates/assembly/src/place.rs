//! A place that runs sandboxes, and its engines.

use std::sync::Arc;

use isol8_api::{
    ErrorCode,
    options::{BackendChoice, LocalLimits},
};
use isol8_backend::{Backend, BackendError, ImageStore};
use isol8_docker::{AddressError, Client, DockerAddress, DockerBackend, DockerImages};
use isol8_engine::{Engine, EngineError, options::Options};
use isol8_local::{Limits, LocalBackend, LocalImages, LocalOptions};
use tokio::sync::OnceCell;

use crate::{
    chosen::{ChosenBackend, ChosenImages},
    decide::{Decision, decide},
};

/// A place that runs sandboxes. Cheap to clone; the clones are one place, with one decision.
#[derive(Clone)]
pub struct Place {
    choice: BackendChoice,
    client: Client,
    docker_images: Arc<dyn ImageStore>,
    local: Arc<LocalBackend>,
    local_images: Arc<dyn ImageStore>,
    local_options: Arc<LocalOptions>,
    decision: Arc<OnceCell<Decision>>,
}

/// An address of a Docker daemon that no place can have.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// It cannot be understood.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Nobody would use it.
    #[error(
        "Invalid docker: the local backend has no Docker daemon. Leave the option out, or choose backend \"docker\"."
    )]
    UnusedAddress,
}

impl PlaceError {
    /// A stable name of this kind of error.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        ErrorCode::InvalidOption
    }
}

impl Place {
    /// The place that `choice` means: the daemon at `docker`, or this machine with these `limits`. Does no I/O.
    pub fn new(
        choice: BackendChoice,
        docker: DockerAddress,
        limits: LocalLimits,
    ) -> Result<Self, PlaceError> {
        if choice == BackendChoice::Local && docker != DockerAddress::default() {
            return Err(PlaceError::UnusedAddress);
        }
        docker.check()?;
        let client = Client::new(docker);
        let options = LocalOptions {
            limits: match limits {
                LocalLimits::Required => Limits::Required,
                LocalLimits::BestEffort => Limits::BestEffort,
            },
            runtimes_dir: isol8_runtimes::cache_folder(),
        };
        Ok(Self {
            choice,
            docker_images: Arc::new(DockerImages::new(client.clone())),
            client,
            local: Arc::new(LocalBackend::new(options.clone())),
            local_images: Arc::new(LocalImages::new(options.clone())),
            local_options: Arc::new(options),
            decision: Arc::new(OnceCell::new_with(Decision::without_a_look(choice))),
        })
    }

    /// The same place, with `images` as those of its Docker daemon.
    #[must_use]
    pub fn with_docker_images(mut self, images: impl ImageStore) -> Self {
        self.docker_images = Arc::new(images);
        self
    }

    /// An engine here, which runs at most `max_concurrent` executions at a time. Does no I/O but what [`Engine::new`]
    /// does. An option that the chosen backend cannot honour is an error; with `auto`, it is one of the first
    /// execution.
    pub fn engine(&self, options: Options, max_concurrent: usize) -> Result<Engine, EngineError> {
        let backend = self.backend(options.oci_runtime.as_deref());
        Engine::new(options, max_concurrent, backend, self.images())
    }

    /// The backend. Its containers on a Docker daemon are run by the OCI runtime `oci_runtime`, or by the daemon's own
    /// when it is `None`. With `auto`, it finds out which backend there is when it is first used.
    #[must_use]
    pub fn backend(&self, oci_runtime: Option<&str>) -> Arc<dyn Backend> {
        match self.choice {
            BackendChoice::Docker => Arc::new(self.docker(oci_runtime)),
            BackendChoice::Local => self.local(),
            BackendChoice::Auto => Arc::new(ChosenBackend::new(self.clone(), oci_runtime)),
        }
    }

    /// The images that the sandboxes run in.
    #[must_use]
    pub fn images(&self) -> Arc<dyn ImageStore> {
        match self.choice {
            BackendChoice::Docker => Arc::clone(&self.docker_images),
            BackendChoice::Local => Arc::clone(&self.local_images),
            BackendChoice::Auto => Arc::new(ChosenImages(self.clone())),
        }
    }

    /// Which backend is used. With `auto`, the first call finds out, and every later one has the same answer. After an
    /// error the next call tries again.
    pub async fn decision(&self) -> Result<&Decision, BackendError> {
        let look = || async {
            let decision = decide(&self.client, &self.local).await?;
            tracing::debug!(backend = decision.name(), why = decision.why(), "backend");
            Ok(decision)
        };
        self.decision.get_or_try_init(look).await
    }

    /// The decision, if there is one yet.
    pub(crate) fn decided(&self) -> Option<&Decision> {
        self.decision.get()
    }

    /// The Docker daemon that this place has, whether or not it is used.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The backend of this machine, whether or not it is used.
    #[must_use]
    pub fn local_backend(&self) -> &LocalBackend {
        &self.local
    }

    /// The options of the backend of this machine.
    #[must_use]
    pub fn local_options(&self) -> &LocalOptions {
        &self.local_options
    }

    pub(crate) fn docker(&self, oci_runtime: Option<&str>) -> DockerBackend {
        DockerBackend::new(self.client.clone(), oci_runtime.map(str::to_owned))
    }

    pub(crate) fn local(&self) -> Arc<dyn Backend> {
        Arc::clone(&self.local) as Arc<dyn Backend>
    }

    pub(crate) fn decided_images(&self, decision: &Decision) -> &dyn ImageStore {
        match decision {
            Decision::Docker { .. } => &*self.docker_images,
            Decision::Local { .. } => &*self.local_images,
        }
    }
}
