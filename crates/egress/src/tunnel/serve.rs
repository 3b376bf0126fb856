//! Serves a tunnel by the kind of its port.

use tokio::io::{AsyncRead, AsyncWrite};

use super::outcome::{TunnelOutcome, TunnelRules};
use super::{any_port, known_port};
use crate::policy::PortKind;

/// Relays between `client` and `upstream` until both directions have ended. The end of each direction is
/// passed on separately. Dropping the future closes both connections.
pub(crate) async fn serve<C, U>(
    client: C,
    upstream: U,
    rules: TunnelRules<'_>,
) -> TunnelOutcome<C, U>
where
    C: AsyncRead + AsyncWrite + Unpin + Send,
    U: AsyncRead + AsyncWrite + Unpin + Send,
{
    match rules.port_kind {
        PortKind::Tls | PortKind::TlsOrHttp => known_port::serve(client, upstream, rules).await,
        PortKind::Any => any_port::serve(client, upstream, rules).await,
    }
}
