//! Tunnels to a port of TLS, or of TLS and HTTP. In both the client sends first, so nothing is relayed
//! before its first bytes have been judged.

use tokio::time::timeout;

use super::duplex::Duplex;
use super::first_bytes::{fill, judge_hello};
use super::outcome::{TunnelOutcome, TunnelRules};
use super::relay::relay;
use crate::policy::PortKind;
use crate::run::BlockReason;

pub(super) async fn serve<C: Duplex, U: Duplex>(
    mut client: C,
    upstream: U,
    rules: TunnelRules<'_>,
) -> TunnelOutcome<C, U> {
    let allows_http = rules.port_kind == PortKind::TlsOrHttp;
    let first_byte_timeout = if allows_http {
        rules.limits.idle_timeout
    } else {
        rules.limits.hello_timeout
    };
    let mut first_bytes = Vec::new();
    let first_byte = fill(&mut client, &mut first_bytes, 1);
    let Ok(Ok(true)) = timeout(first_byte_timeout, first_byte).await else {
        return TunnelOutcome::Closed;
    };
    match judge_hello(&mut client, &mut first_bytes, rules).await {
        Ok(true) => {
            // Either side may go away at any time, and no one is left to report it to.
            let _ = relay(client, upstream, &first_bytes).await;
        }
        Ok(false) if allows_http => {
            return TunnelOutcome::PlainHttp {
                client,
                upstream,
                first_bytes,
            };
        }
        Ok(false) => rules.entry.block(BlockReason::NotTls),
        Err(reason) => rules.entry.block(reason),
    }
    TunnelOutcome::Closed
}
