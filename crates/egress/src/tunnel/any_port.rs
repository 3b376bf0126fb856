//! Tunnels to a port that may carry any protocol.
//!
//! The server may send first, as in SSH and SMTP. The client's first bytes are judged before they are
//! relayed: a TLS hello must name the host, and HTTP goes back to the caller, who judges each request.
//!
//! A first line that could still become a request line is held back for a moment only, because some
//! protocols send no line end (`JDWP-Handshake`). It is then relayed as it arrives. If it becomes a
//! request line after all, the tunnel is blocked before that line is complete.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, split};
use tokio::pin;
use tokio::time::timeout;

use super::duplex::Duplex;
use super::first_bytes::{fill, judge_hello};
use super::outcome::{TunnelOutcome, TunnelRules};
use super::relay::copy;
use super::request_line::{FirstLine, inspect};
use crate::run::BlockReason;

/// What the first bytes of the client mean for the tunnel.
enum Opening {
    /// They may be relayed, and so may everything after them.
    Relay,
    /// They may be relayed, but they can still become a request line.
    Undecided,
    /// They begin an HTTP request.
    Http,
    /// The tunnel is blocked.
    Blocked(BlockReason),
    /// The client's connection has failed.
    Failed,
}

pub(super) async fn serve<C: Duplex, U: Duplex>(
    client: C,
    upstream: U,
    rules: TunnelRules<'_>,
) -> TunnelOutcome<C, U> {
    let (mut from_client, mut to_client) = split(client);
    let (mut from_upstream, mut to_upstream) = split(upstream);
    let mut first_bytes = Vec::new();
    let server_has_sent = AtomicBool::new(false);
    let mut down = Box::pin(copy(&mut from_upstream, &mut to_client, || {
        server_has_sent.store(true, Ordering::Relaxed);
    }));
    let mut down_has_ended = false;
    let opening = {
        let reading = read_opening(&mut from_client, &mut first_bytes, rules);
        pin!(reading);
        loop {
            tokio::select! {
                opening = &mut reading => break opening,
                ended = &mut down, if !down_has_ended => match ended {
                    Ok(()) => down_has_ended = true,
                    Err(_) => break Opening::Failed,
                },
            }
        }
    };
    let may_change = match opening {
        Opening::Relay => false,
        Opening::Undecided => true,
        // An answer of the proxy has no place among what the server has sent.
        Opening::Http if server_has_sent.load(Ordering::Relaxed) => {
            rules.entry.block(BlockReason::TunnelHttp);
            return TunnelOutcome::Closed;
        }
        Opening::Http => {
            drop(down);
            return TunnelOutcome::PlainHttp {
                client: from_client.unsplit(to_client),
                upstream: from_upstream.unsplit(to_upstream),
                first_bytes,
            };
        }
        Opening::Blocked(reason) => {
            rules.entry.block(reason);
            return TunnelOutcome::Closed;
        }
        Opening::Failed => return TunnelOutcome::Closed,
    };
    let up = async {
        to_upstream.write_all(&first_bytes).await?;
        if may_change {
            relay_first_line(&mut from_client, &mut to_upstream, &mut first_bytes, rules).await?;
        }
        copy(&mut from_client, &mut to_upstream, || ()).await
    };
    // The cause of a failure has been recorded, and both sides see the end.
    let _ = if down_has_ended {
        up.await
    } else {
        tokio::try_join!(up, down).map(|_| ())
    };
    TunnelOutcome::Closed
}

/// Reads the client's first bytes into `first_bytes` until it is clear what may happen to them. The wait
/// for the first byte has no time limit here.
async fn read_opening(
    client: &mut (impl AsyncRead + Unpin),
    first_bytes: &mut Vec<u8>,
    rules: TunnelRules<'_>,
) -> Opening {
    match fill(client, first_bytes, 1).await {
        Ok(true) => {}
        Ok(false) => return Opening::Relay,
        Err(_) => return Opening::Failed,
    }
    match judge_hello(client, first_bytes, rules).await {
        Ok(true) => return Opening::Relay,
        Ok(false) => {}
        Err(reason) => return Opening::Blocked(reason),
    }
    let first_line = read_first_line(client, first_bytes);
    match timeout(rules.limits.first_line_timeout, first_line).await {
        Ok(Ok(true)) => Opening::Http,
        Ok(Ok(false)) => Opening::Relay,
        Ok(Err(_)) => Opening::Failed,
        Err(_) => Opening::Undecided,
    }
}

/// Reads on until the first line shows whether it is a request line. One that the client does not
/// finish is none.
async fn read_first_line(
    client: &mut (impl AsyncRead + Unpin),
    first_bytes: &mut Vec<u8>,
) -> io::Result<bool> {
    loop {
        match inspect(first_bytes) {
            FirstLine::Http => return Ok(true),
            FirstLine::Other => return Ok(false),
            FirstLine::Incomplete => {}
        }
        let needed = first_bytes.len() + 1;
        if !fill(client, first_bytes, needed).await? {
            return Ok(false);
        }
    }
}

/// Relays the rest of the first line as it arrives, and blocks the tunnel when it becomes a request line.
async fn relay_first_line(
    client: &mut (impl AsyncRead + Unpin),
    upstream: &mut (impl AsyncWrite + Unpin),
    first_bytes: &mut Vec<u8>,
    rules: TunnelRules<'_>,
) -> io::Result<()> {
    loop {
        let relayed = first_bytes.len();
        if !fill(client, first_bytes, relayed + 1).await? {
            return Ok(());
        }
        let first_line = inspect(first_bytes);
        if first_line == FirstLine::Http {
            rules.entry.block(BlockReason::TunnelHttp);
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        upstream.write_all(&first_bytes[relayed..]).await?;
        if first_line == FirstLine::Other {
            return Ok(());
        }
    }
}
