//! Collects the first bytes of a client, and judges a TLS hello in them.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use super::outcome::TunnelRules;
use crate::hello::{Hello, inspect};
use crate::host::Host;
use crate::limits::MAX_HELLO;
use crate::run::BlockReason;

/// Reads until `buffer` has `needed` bytes. Returns false at the end of the stream. Cancel safe: `buffer`
/// has everything that was read.
pub(super) async fn fill(
    client: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
    needed: usize,
) -> io::Result<bool> {
    while buffer.len() < needed {
        let room = MAX_HELLO.saturating_sub(buffer.len()).max(1);
        let mut chunk = client.take(room as u64);
        if chunk.read_buf(buffer).await? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Reads on until `first_bytes`, which has one byte at least, is a whole TLS hello or the beginning of
/// something else. Returns true for a hello that names the requested host, and false for something else.
pub(super) async fn judge_hello(
    client: &mut (impl AsyncRead + Unpin),
    first_bytes: &mut Vec<u8>,
    rules: TunnelRules<'_>,
) -> Result<bool, BlockReason> {
    let judged = timeout(rules.limits.hello_timeout, async {
        loop {
            let needed = match inspect(first_bytes) {
                Hello::NotTls => return Ok(false),
                Hello::Malformed(why) => return Err(why),
                Hello::Client(name) => return judge_name(name.as_deref(), rules.host),
                Hello::Incomplete(needed) => needed,
            };
            if !fill(client, first_bytes, needed).await.unwrap_or(false) {
                return Err("the TLS hello is cut short");
            }
        }
    });
    judged
        .await
        .unwrap_or(Err("the TLS hello did not arrive in time"))
        .map_err(BlockReason::TlsHello)
}

/// A hello must name the requested host. For an address, it may name none.
fn judge_name(name: Option<&str>, host: &Host) -> Result<bool, &'static str> {
    match name {
        Some(name) if Host::parse(name).as_ref() == Ok(host) => Ok(true),
        None if host.ip().is_some() => Ok(true),
        Some(_) => Err("the TLS hello names another host"),
        None => Err("the TLS hello names no host"),
    }
}
