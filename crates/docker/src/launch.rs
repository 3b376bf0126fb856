//! One container: made, started, and the byte stream to its guest.

use std::{io, time::Duration};

use bollard::{
    Docker,
    errors::Error as DockerError,
    query_parameters::{StartContainerOptions, WaitContainerOptions},
};
use futures::StreamExt;
use isol8_backend::{DuplexStream, Started};
use tokio::io::BufStream;

use crate::{
    attached::Attached,
    container::{self, ContainerPlan, LinkSetup},
    create::{Wanted, create},
    guest_protection,
    link_kind::{LinkKind, LinkScope},
    link_socket::Listener,
    owner,
    removal::remove_failed,
};

/// How long a started guest may be silent before its container is asked whether it still runs.
const SILENCE: Duration = Duration::from_secs(1);

/// How long it may take until it has chosen its link.
const DEADLINE: Duration = Duration::from_secs(20);

/// Collected from a socket at once and before a write to it, in bytes: small pieces of the link
/// would otherwise cost a system call each.
const SOCKET_BUFFER_BYTES: usize = 8 * 1024;

/// Why there is no sandbox.
enum LaunchError {
    /// The daemon reports it.
    Docker(DockerError),
    /// No socket could be mounted, or the guest could not use it.
    Socket(DockerError),
}

impl From<io::Error> for LaunchError {
    fn from(error: io::Error) -> Self {
        Self::Docker(error.into())
    }
}

impl From<DockerError> for LaunchError {
    fn from(error: DockerError) -> Self {
        Self::Docker(error)
    }
}

/// Creates and starts a container. One that cannot be started is removed.
///
/// To be carried through: dropping the future may leave a container.
pub(crate) async fn launch(
    docker: &Docker,
    wanted: &Wanted,
    scope: &LinkScope,
) -> Result<Started, DockerError> {
    match launch_once(docker, wanted, scope).await {
        Err(error) if guest_protection::is_refused(&error, scope) => {
            tracing::debug!(%error, ?scope, "the guest cannot be protected from being killed");
            guest_protection::remember_refusal(scope);
            launch_once(docker, wanted, scope).await
        }
        outcome => outcome,
    }
}

async fn launch_once(
    docker: &Docker,
    wanted: &Wanted,
    scope: &LinkScope,
) -> Result<Started, DockerError> {
    // The end of this process is the end of its sockets, and what persists is to outlive it.
    if wanted.spec.persist || !wanted.dialect.sockets {
        return launch_attached(docker, wanted, scope).await;
    }
    let known = scope.known();
    let launched = match known {
        LinkKind::Attached => return launch_attached(docker, wanted, scope).await,
        LinkKind::Undecided | LinkKind::Socket => {
            launch_with_socket(docker, wanted, scope, known).await
        }
    };
    let (started, taken) = match launched {
        Ok(launched) => launched,
        Err(LaunchError::Docker(error)) => return Err(error),
        Err(LaunchError::Socket(error)) => {
            tracing::debug!(%error, ?scope, "no direct link");
            (
                launch_attached(docker, wanted, scope).await?,
                LinkKind::Attached,
            )
        }
    };
    if taken != known {
        scope.remember(taken);
    }
    Ok(started)
}

async fn launch_attached(
    docker: &Docker,
    wanted: &Wanted,
    scope: &LinkScope,
) -> Result<Started, DockerError> {
    let link = LinkSetup {
        socket: None,
        attached: true,
    };
    let plan = ContainerPlan {
        spec: &wanted.spec,
        volumes: wanted.volumes.as_deref(),
        oci_runtime: scope.oci_runtime.as_deref(),
        link,
        protects_guest: guest_protection::is_possible(scope),
        own_user: None,
    };
    let id = create(docker, plan, wanted).await?;
    if wanted.spec.persist {
        owner::take(&id);
    }
    let reached = async {
        // Attached before the start, so that no byte of the guest is lost.
        let attached = Attached::to(docker, &id).await?;
        start(docker, &id).await?;
        Ok(attached.into_stream())
    };
    match reached.await {
        Ok(stream) => Ok(Started { id, stream }),
        Err(error) => {
            remove_failed(docker, &id).await;
            Err(error)
        }
    }
}

async fn launch_with_socket(
    docker: &Docker,
    wanted: &Wanted,
    scope: &LinkScope,
    kind: LinkKind,
) -> Result<(Started, LinkKind), LaunchError> {
    let listener = Listener::bind().map_err(|error| LaunchError::Socket(error.into()))?;
    let blame = |error: LaunchError| match error {
        LaunchError::Docker(error)
            if container::is_about_this_machine(&error.to_string(), &listener) =>
        {
            LaunchError::Socket(error)
        }
        error => error,
    };
    let attach = kind == LinkKind::Undecided;
    let link = LinkSetup {
        socket: Some(&listener),
        attached: attach,
    };
    let plan = ContainerPlan {
        spec: &wanted.spec,
        volumes: wanted.volumes.as_deref(),
        oci_runtime: scope.oci_runtime.as_deref(),
        link,
        protects_guest: guest_protection::is_possible(scope),
        own_user: None,
    };
    let created = create(docker, plan, wanted).await;
    let id = created.map_err(|error| blame(error.into()))?;
    match meet(docker, &id, &listener, attach).await {
        Ok((stream, taken)) => Ok((Started { id, stream }, taken)),
        Err(error) => {
            remove_failed(docker, &id).await;
            Err(blame(error))
        }
    }
}

/// Starts a container and waits until its guest has chosen its link.
async fn meet(
    docker: &Docker,
    id: &str,
    listener: &Listener,
    attach: bool,
) -> Result<(Box<dyn DuplexStream>, LinkKind), LaunchError> {
    let mut attached = if attach {
        Some(Attached::to(docker, id).await?)
    } else {
        None
    };
    // In a task: the guest runs before the daemon reports the start, and the start must go on.
    let starting = tokio::spawn({
        let (docker, id) = (docker.clone(), id.to_owned());
        async move { start(&docker, &id).await }
    });
    let no_socket = async {
        starting.await.map_err(io::Error::other)??;
        let Some(attached) = &mut attached else {
            ended(docker, id).await;
            return Ok(false);
        };
        Ok::<_, DockerError>(attached.says_something().await)
    };
    let spoken = tokio::select! {
        // A guest that has connected may have ended since.
        biased;
        socket = listener.accept() => {
            let socket = BufStream::with_capacity(SOCKET_BUFFER_BYTES, SOCKET_BUFFER_BYTES, socket?);
            return Ok((Box::new(socket), LinkKind::Socket));
        }
        spoken = no_socket => spoken?,
        () = tokio::time::sleep(DEADLINE) => {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the guest did not connect in time").into());
        }
    };
    let Some(attached) = attached else {
        let error = io::Error::other("the guest ended without having connected");
        return Err(LaunchError::Socket(error.into()));
    };
    if spoken {
        // It is made anew, with what the daemon does for those that have nothing of this machine.
        let error = io::Error::other("the guest took its standard streams");
        return Err(LaunchError::Socket(error.into()));
    }
    // It ended without a word: nothing is known.
    Ok((attached.into_stream(), LinkKind::Undecided))
}

async fn start(docker: &Docker, id: &str) -> Result<(), DockerError> {
    docker
        .start_container(id, None::<StartContainerOptions>)
        .await
}

/// Waits for the end of a container whose guest sends nothing.
async fn ended(docker: &Docker, id: &str) {
    tokio::time::sleep(SILENCE).await;
    let mut end = docker.wait_container(id, None::<WaitContainerOptions>);
    // Whatever the answer is, it comes when the container does not run (any more).
    let _ = end.next().await;
}
