//! Why a request or tunnel was blocked.

use crate::policy::Denial;

/// Why a request or tunnel was blocked. The text is for the operator.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum BlockReason {
    /// The policy denies the target.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// The request names its host in a way that hides it.
    #[error("{0}")]
    HostMalformed(String),
    /// A request inside a tunnel is for another host than the tunnel.
    #[error("the request is for another host than its tunnel")]
    TunnelHost,
    /// The port carries TLS only, and the client sends something else.
    #[error("the tunnel does not speak TLS")]
    NotTls,
    /// The TLS hello names another host, or cannot be judged.
    #[error("{0}")]
    TlsHello(&'static str),
    /// The tunnel carries something like HTTP in which requests cannot be judged: HTTP/2 without TLS, a
    /// malformed request, or a request after the server has sent something.
    #[error("the tunnel carries HTTP that cannot be judged")]
    TunnelHttp,
}

impl BlockReason {
    /// A stable name for programs. `filter_mismatch` is a decision of whitelist or blacklist.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Denied(denial) => denial.code(),
            Self::HostMalformed(_) => "host_malformed",
            Self::TunnelHost => "tunnel_host",
            Self::NotTls => "tunnel_not_tls",
            Self::TlsHello(_) => "tls_hello",
            Self::TunnelHttp => "tunnel_http",
        }
    }
}
