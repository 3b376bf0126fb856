//! Serves a tunnel by the kind of its port.

use super::duplex::Duplex;
use super::outcome::{TunnelOutcome, TunnelRules};
use super::{any_port, known_port};
use crate::policy::PortKind;

/// Relays between `client` and `upstream` until both directions have ended. The end of each direction is
/// passed on separately. Dropping the future closes both connections.
pub(crate) async fn serve<C: Duplex, U: Duplex>(
    client: C,
    upstream: U,
    rules: TunnelRules<'_>,
) -> TunnelOutcome<C, U> {
    match rules.port_kind {
        PortKind::Tls | PortKind::TlsOrHttp => known_port::serve(client, upstream, rules).await,
        PortKind::Any => any_port::serve(client, upstream, rules).await,
    }
}
