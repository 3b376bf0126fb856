//! A CONNECT tunnel: judges the client's first bytes, such as the server name of a TLS hello, and then
//! relays bytes.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::time::timeout;

use crate::hello::{Hello, inspect};
use crate::host::Host;
use crate::limits::{COPY_BUFFER, Limits, MAX_HELLO};
use crate::policy::PortKind;
use crate::run::{BlockReason, OpenEntry};

/// What a tunnel turned out to be.
pub(crate) enum Ended<C, U> {
    /// The tunnel has ended: normally, because a side went away, or because the filter blocked it.
    Done,
    /// On an HTTP port, the client's first bytes are not TLS. The caller judges them as HTTP. Nothing
    /// has been relayed.
    InTheClear {
        client: C,
        upstream: U,
        begun: Vec<u8>,
    },
}

/// The facts by which a tunnel is judged.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) host: &'a Host,
    pub(crate) kind: PortKind,
    pub(crate) limits: &'a Limits,
    /// The log entry. A block is recorded before the client can notice it.
    pub(crate) entry: &'a OpenEntry,
}

/// What the client's first bytes are.
#[derive(PartialEq, Eq)]
enum Opening {
    Nothing,
    Tls,
    Other,
}

/// The tunnel ends at once. A block has been recorded.
struct Stop;

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        Self
    }
}

/// Relays between `client` and `upstream` until both directions have ended. The end of each direction is
/// passed on separately. Dropping the future closes both connections.
pub(crate) async fn run<C, U>(mut client: C, upstream: U, terms: Terms<'_>) -> Ended<C, U>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    let mut begun = Vec::new();
    let first = match terms.kind {
        // In these protocols the client sends first. Nothing is relayed before it has been judged.
        PortKind::Tls => terms.limits.hello_timeout,
        PortKind::TlsOrHttp => terms.limits.idle_timeout,
        // In other protocols the server may send first, as in SSH and SMTP.
        PortKind::Any => {
            // The cause of the end has been recorded, and both sides see the end.
            let _ = relay(client, upstream, begun, terms).await;
            return Ended::Done;
        }
    };
    let Ok(Ok(opening)) = timeout(first, open(&mut client, &mut begun, terms)).await else {
        return Ended::Done;
    };
    match opening {
        Opening::Nothing => {}
        Opening::Other if terms.kind == PortKind::TlsOrHttp => {
            return Ended::InTheClear {
                client,
                upstream,
                begun,
            };
        }
        Opening::Other => terms.entry.block(BlockReason::NotTls),
        Opening::Tls => {
            let _ = relay(client, upstream, begun, terms).await;
        }
    }
    Ended::Done
}

async fn relay<C, U>(
    client: C,
    upstream: U,
    mut begun: Vec<u8>,
    terms: Terms<'_>,
) -> Result<(), Stop>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    let (mut from_client, mut to_client) = split(client);
    let (mut from_upstream, mut to_upstream) = split(upstream);
    let up = async {
        if begun.is_empty() {
            open(&mut from_client, &mut begun, terms).await?;
        }
        to_upstream.write_all(&begun).await?;
        Ok::<_, Stop>(pump(&mut from_client, &mut to_upstream).await?)
    };
    let down = async { Ok(pump(&mut from_upstream, &mut to_client).await?) };
    tokio::try_join!(up, down).map(|_| ())
}

/// Relays between two streams that need no further judging.
pub(crate) async fn splice<C, U>(client: C, upstream: U) -> io::Result<()>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    let (mut from_client, mut to_client) = split(client);
    let (mut from_upstream, mut to_upstream) = split(upstream);
    tokio::try_join!(
        pump(&mut from_client, &mut to_upstream),
        pump(&mut from_upstream, &mut to_client)
    )
    .map(|_| ())
}

/// Copies until the end and passes the end on. Flushes after each write: the stream towards a client may
/// buffer, and the peer may be waiting for the written bytes.
async fn pump(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
) -> io::Result<()> {
    let mut buffer = vec![0; COPY_BUFFER as usize];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..count]).await?;
        to.flush().await?;
    }
}

/// Reads the client's first bytes into `begun` until they can be classified, and judges a TLS hello. The
/// wait for the first byte has no time limit here.
async fn open(
    client: &mut (impl AsyncRead + Unpin),
    begun: &mut Vec<u8>,
    terms: Terms<'_>,
) -> Result<Opening, Stop> {
    if !fill(client, begun, 1).await? {
        return Ok(Opening::Nothing);
    }
    let hello = timeout(terms.limits.hello_timeout, async {
        loop {
            let needed = match inspect(begun) {
                Hello::NotTls => return Ok(Opening::Other),
                Hello::Malformed(why) => return Err(why),
                Hello::Client(name) => return judge(name.as_deref(), terms.host),
                Hello::Incomplete(needed) => needed,
            };
            if !fill(client, begun, needed).await.unwrap_or(false) {
                return Err("the TLS hello is cut short");
            }
        }
    });
    hello
        .await
        .unwrap_or(Err("the TLS hello did not arrive in time"))
        .map_err(|why| {
            terms.entry.block(BlockReason::TlsHello(why));
            Stop
        })
}

/// Reads until `buffer` holds `needed` bytes. Returns false at the end of the stream.
async fn fill(
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

/// A hello must name the requested host. For an address, it may name none.
fn judge(name: Option<&str>, host: &Host) -> Result<Opening, &'static str> {
    match name {
        Some(name) if Host::parse(name).as_ref() == Ok(host) => Ok(Opening::Tls),
        None if host.ip().is_some() => Ok(Opening::Tls),
        Some(_) => Err("the TLS hello names another host"),
        None => Err("the TLS hello names no host"),
    }
}
