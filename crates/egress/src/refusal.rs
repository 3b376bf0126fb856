//! Why there is no connection to a target.

use std::io;

use crate::policy::Denial;

/// Why there is no connection. The texts reach untrusted code: no addresses, no local detail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    Denied(#[from] Denial),
    #[error("the program has too many connections")]
    TooManyConnections,
    #[error("the name could not be resolved")]
    Unresolved,
    #[error("connection refused")]
    ConnectionRefused,
    #[error("the network is unreachable")]
    Unreachable,
    #[error("timed out")]
    TimedOut,
    #[error("could not connect")]
    Failed,
    #[error("the connection broke before an answer")]
    Broken,
}

impl Refusal {
    /// The reason behind a failed attempt to connect.
    pub(crate) fn of_dialling(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::ConnectionRefused,
            io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => Self::Unreachable,
            _ => Self::Failed,
        }
    }
}
