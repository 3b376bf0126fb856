//! Where `serve` listens, and how that is shown.

use isol8_server::{Listener, SocketFile, Tls, local_host};

use super::listen::{listen, port_of};
use crate::{failure::Failure, output::Console, settings::Address};

impl Address {
    /// What encrypts connections; none where they are not encrypted.
    pub(super) fn tls(&self) -> Result<Option<Tls>, Failure> {
        match self {
            Self::Port {
                tls: Some((certificate, key)),
                ..
            } => Ok(Some(Tls::load(certificate, key)?)),
            Self::Port { tls: None, .. } | Self::Socket(_) => Ok(None),
        }
    }
}

/// Listens, and returns the address that clients use.
pub(super) async fn open(
    address: &Address,
    tls: Option<Tls>,
    console: Console,
) -> Result<(Listener, String), Failure> {
    let (hostname, port) = match address {
        Address::Port { hostname, port, .. } => (hostname.as_deref(), *port),
        Address::Socket(path) => {
            let shown = format!("unix:{}", path.display());
            return Ok((Listener::Unix(SocketFile::bind(path).await?), shown));
        }
    };
    let listener = listen(hostname, port, console).await?;
    let host = local_host(hostname);
    let port = port_of(&listener)?;
    Ok(match tls {
        Some(tls) => (
            Listener::Tls(listener, tls),
            format!("https://{host}:{port}"),
        ),
        None => (Listener::Tcp(listener), format!("http://{host}:{port}")),
    })
}
