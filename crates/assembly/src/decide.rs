//! Decides which backend is used, once for all engines of a place.

use std::time::Duration;

use isol8_api::options::BackendChoice;
use isol8_backend::{BackendError, BackendErrorKind};
use isol8_docker::Client;
use isol8_local::LocalBackend;

/// How long a daemon may take to answer before there counts as being none.
const DAEMON_LIMIT: Duration = Duration::from_secs(10);

/// Which backend is used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Containers of a Docker daemon.
    Docker {
        /// Why, as the rest of a sentence.
        why: String,
    },
    /// Linux namespaces of this machine.
    Local {
        /// Why, as the rest of a sentence.
        why: String,
    },
}

impl Decision {
    /// The decision where the caller has made it; `None` for `auto`.
    pub(crate) fn without_a_look(choice: BackendChoice) -> Option<Self> {
        let why = "it was chosen".to_owned();
        match choice {
            BackendChoice::Auto => None,
            BackendChoice::Docker => Some(Self::Docker { why }),
            BackendChoice::Local => Some(Self::Local { why }),
        }
    }

    /// The backend's name: `docker` or `local`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Docker { .. } => "docker",
            Self::Local { .. } => "local",
        }
    }

    /// Why it is used.
    #[must_use]
    pub fn why(&self) -> &str {
        let (Self::Docker { why } | Self::Local { why }) = self;
        why
    }
}

/// Docker where a daemon answers, else local. An address that cannot be understood is an error: a daemon was meant. The
/// error where neither is possible has both reasons.
pub(crate) async fn decide(
    client: &Client,
    local: &LocalBackend,
) -> Result<Decision, BackendError> {
    let daemon = match tokio::time::timeout(DAEMON_LIMIT, client.answered_at()).await {
        Ok(Ok(address)) => {
            let why = format!("a Docker daemon answers at {address}");
            return Ok(Decision::Docker { why });
        }
        Ok(Err(error)) if error.kind != BackendErrorKind::Unreachable => return Err(error),
        Ok(Err(error)) => error.message,
        Err(_) => format!("No Docker daemon has answered within {DAEMON_LIMIT:?}."),
    };
    match local.availability().await {
        Ok(_) => Ok(Decision::Local {
            why: format!("no Docker daemon answers: {daemon}"),
        }),
        Err(local) => {
            let message = format!(
                "Sandboxes need Docker, or Linux namespaces on this machine. {daemon} Without Docker: {local}"
            );
            Err(BackendError::new(BackendErrorKind::Unreachable, message).caused_by(local))
        }
    }
}
