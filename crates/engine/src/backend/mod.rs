//! Places to run sandboxes. A backend turns a [`SandboxSpec`] into a byte stream to a started guest;
//! no code outside this module knows Docker.

mod docker;
mod spec;

use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};

pub use docker::Client as DockerClient;
pub use docker::{
    CleanupReport, DockerAddress, DockerBackend, MANAGED_LABEL, Program, RUNTIME_LABEL,
    cleanup_containers, cleanup_images, enter_program,
};
pub use spec::{SandboxNetwork, SandboxSpec, SeccompProfile};

use crate::error::EngineError;

/// A byte stream in both directions.
pub trait DuplexStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> DuplexStream for T {}

/// A sandbox that has just been started: its guest is at the other end of `stream`.
pub struct Started {
    /// The backend's name for it, such as a container id.
    pub id: String,
    /// The byte stream to the guest. Dropping it ends the guest.
    pub stream: Box<dyn DuplexStream>,
}

/// A way to obtain sandboxes.
pub trait Backend: Send + Sync + 'static {
    /// Creates and starts a sandbox.
    ///
    /// Dropping the future half way leaves no sandbox behind: what was created is removed in the
    /// background.
    fn start<'a>(&'a self, spec: &'a SandboxSpec) -> BoxFuture<'a, Result<Started, EngineError>>;

    /// Told that this process no longer uses the sandbox `id`, which is to persist.
    fn let_go(&self, id: &str);

    /// Removes a sandbox, whatever state it is in. One that is gone already is no error.
    fn destroy(&self, id: String) -> BoxFuture<'static, Result<(), EngineError>>;
}
