//! A CONNECT tunnel: who speaks first, the server name in a TLS hello, and then bytes.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, copy_buf, split};
use tokio::time::timeout;

use crate::hello::{Hello, inspect};
use crate::host::Host;
use crate::limits::{COPY_BUFFER, HTTP_PORT, Limits, MAX_HELLO, TLS_PORT};
use crate::target::Target;

/// What a tunnel turned out to be.
pub(crate) enum Ended<C, U> {
    /// It is over, in good order or because a side went away.
    Done,
    /// The filter ended it, for this reason.
    Blocked(&'static str),
    /// On the HTTP port the client speaks something other than TLS, beginning with these bytes:
    /// it is to be judged as HTTP. Nothing has been relayed.
    InTheClear {
        client: C,
        upstream: U,
        begun: Vec<u8>,
    },
}

/// What the client's first bytes are.
enum Opening {
    Tls,
    Other,
}

/// Why the client's first bytes are not relayed.
enum Stop {
    Blocked(&'static str),
    Gone,
}

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// Relays between `client` and `upstream` until both directions have ended. Each direction's end
/// is passed on by itself. Dropping it closes both.
pub(crate) async fn run<C, U>(
    mut client: C,
    upstream: U,
    target: &Target,
    limits: &Limits,
) -> Ended<C, U>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    let mut begun = Vec::new();
    // On these two ports the client always speaks first, and nothing is relayed before it has
    // been judged. Elsewhere the server may, as in SSH and SMTP.
    if matches!(target.port, TLS_PORT | HTTP_PORT) {
        let first = if target.port == TLS_PORT {
            limits.hello_timeout
        } else {
            limits.idle_timeout
        };
        match open(
            &mut client,
            &mut begun,
            &target.host,
            Some(first),
            limits.hello_timeout,
        )
        .await
        {
            Ok(Opening::Tls) => {}
            Ok(Opening::Other) if begun.is_empty() => return Ended::Done,
            Ok(Opening::Other) if target.port == HTTP_PORT => {
                return Ended::InTheClear {
                    client,
                    upstream,
                    begun,
                };
            }
            Ok(Opening::Other) => return Ended::Blocked("the tunnel does not speak TLS"),
            Err(Stop::Blocked(why)) => return Ended::Blocked(why),
            Err(Stop::Gone) => return Ended::Done,
        }
    }
    match relay(client, upstream, begun, target, limits).await {
        Err(Stop::Blocked(why)) => Ended::Blocked(why),
        Ok(()) | Err(Stop::Gone) => Ended::Done,
    }
}

async fn relay<C, U>(
    client: C,
    upstream: U,
    mut begun: Vec<u8>,
    target: &Target,
    limits: &Limits,
) -> Result<(), Stop>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    let (mut from_client, mut to_client) = split(client);
    let (from_upstream, mut to_upstream) = split(upstream);
    let up = async {
        if begun.is_empty() {
            open(
                &mut from_client,
                &mut begun,
                &target.host,
                None,
                limits.hello_timeout,
            )
            .await?;
        }
        to_upstream.write_all(&begun).await?;
        copy_buf(
            &mut BufReader::with_capacity(COPY_BUFFER, from_client),
            &mut to_upstream,
        )
        .await?;
        to_upstream.shutdown().await?;
        Ok(())
    };
    let down = async {
        let mut from_upstream = BufReader::with_capacity(COPY_BUFFER, from_upstream);
        copy_buf(&mut from_upstream, &mut to_client).await?;
        to_client.shutdown().await?;
        Ok::<_, Stop>(())
    };
    tokio::try_join!(up, down).map(|_| ())
}

/// Relays between two streams that need no judging any more.
pub(crate) async fn splice<C, U>(client: C, upstream: U) -> io::Result<()>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    let (mut client, mut upstream) = (client, upstream);
    tokio::io::copy_bidirectional(&mut client, &mut upstream)
        .await
        .map(|_| ())
}

/// Reads the client's first bytes into `begun` until it is known what they are, and judges a TLS
/// hello. `first` bounds the wait for the first byte, `rest` the wait for all others.
async fn open(
    client: &mut (impl AsyncRead + Unpin),
    begun: &mut Vec<u8>,
    host: &Host,
    first: Option<Duration>,
    rest: Duration,
) -> Result<Opening, Stop> {
    let late = |_| Stop::Blocked("the TLS hello did not arrive in time");
    let got = match first {
        Some(first) => timeout(first, fill(client, begun, 1))
            .await
            .map_err(|_| Stop::Gone)??,
        None => fill(client, begun, 1).await?,
    };
    if !got {
        return Ok(Opening::Other);
    }
    timeout(rest, async {
        loop {
            match inspect(begun) {
                Hello::NotTls => return Ok(Opening::Other),
                Hello::Malformed(why) => return Err(Stop::Blocked(why)),
                Hello::Client(name) => return judge(name.as_deref(), host),
                Hello::Incomplete(needed) => {
                    if !fill(client, begun, needed).await? {
                        return Err(Stop::Blocked("the TLS hello is cut short"));
                    }
                }
            }
        }
    })
    .await
    .unwrap_or_else(|elapsed| Err(late(elapsed)))
}

/// Reads until `buffer` holds `needed` bytes; false at the end of the stream.
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

/// A hello may name the host that was asked for, or, for an address, nothing.
fn judge(name: Option<&str>, host: &Host) -> Result<Opening, Stop> {
    match name {
        Some(name) if Host::parse(name).as_ref() == Ok(host) => Ok(Opening::Tls),
        None if host.ip().is_some() => Ok(Opening::Tls),
        Some(_) => Err(Stop::Blocked("the TLS hello names another host")),
        None => Err(Stop::Blocked("the TLS hello names no host")),
    }
}
