//! One GET request to one address, over a connection of its own. No proxy, no cookies, no redirects
//! and no compression: what is not asked for cannot be abused.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::{Request, Response, body::Incoming, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::OnceCell,
};
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use super::{FetchError, rules::Target};

/// How long one address may take to accept a connection before the next one is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Most bytes of a response's header.
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// The `User-Agent` of every request.
const USER_AGENT: &str = concat!("isol8/", env!("CARGO_PKG_VERSION"));

/// Makes connections. Trusts the certificate authorities of the system.
#[derive(Default)]
pub(super) struct Dialler {
    tls: OnceCell<Arc<ClientConfig>>,
}

/// A response whose body is still to be read. Dropping it closes the connection.
pub(super) struct Answer {
    pub(super) response: Response<Incoming>,
    _connection: AbortOnDropHandle<()>,
}

impl Dialler {
    /// A dialler that trusts `roots` only.
    #[cfg(test)]
    pub(super) fn trusting(roots: RootCertStore) -> Result<Self, FetchError> {
        Ok(Self {
            tls: OnceCell::new_with(Some(Arc::new(config(roots)?))),
        })
    }

    /// Asks for `url`, whose host is `target`, at the first of `addresses` that accepts.
    pub(super) async fn get(
        &self,
        url: &Url,
        target: &Target,
        addresses: &[IpAddr],
    ) -> Result<Answer, FetchError> {
        let stream = connect(addresses, target.port).await?;
        if !target.tls {
            return request(stream, url, target).await;
        }
        let name = match target.host.ip() {
            Some(address) => ServerName::IpAddress(address.into()),
            None => {
                ServerName::try_from(target.host.as_str().to_owned()).map_err(FetchError::failed)?
            }
        };
        let config = self.tls.get_or_try_init(system_config).await?;
        let stream = TlsConnector::from(Arc::clone(config))
            .connect(name, stream)
            .await
            .map_err(FetchError::failed)?;
        request(stream, url, target).await
    }
}

async fn connect(addresses: &[IpAddr], port: u16) -> Result<TcpStream, FetchError> {
    let mut last = FetchError::failed("no address");
    for address in addresses {
        let attempt = TcpStream::connect(SocketAddr::new(*address, port));
        match tokio::time::timeout(CONNECT_TIMEOUT, attempt).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = FetchError::failed(error),
            Err(_) => last = FetchError::failed("the connection timed out"),
        }
    }
    Err(last)
}

async fn request<S>(stream: S, url: &Url, target: &Target) -> Result<Answer, FetchError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEADER_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(FetchError::failed)?;
    let connection = AbortOnDropHandle::new(tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection of a code fetch");
        }
    }));
    let path = url.query().map_or_else(
        || url.path().to_owned(),
        |query| format!("{}?{query}", url.path()),
    );
    let default_port = if target.tls {
        isol8_egress::TLS_PORT
    } else {
        isol8_egress::HTTP_PORT
    };
    let request = Request::get(path)
        .header(
            header::HOST,
            target.host.authority(target.port, default_port),
        )
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::ACCEPT, "*/*")
        .header(header::ACCEPT_ENCODING, "identity")
        .body(Empty::<Bytes>::new())
        .map_err(FetchError::failed)?;
    let response = sender
        .send_request(request)
        .await
        .map_err(FetchError::failed)?;
    Ok(Answer {
        response,
        _connection: connection,
    })
}

async fn system_config() -> Result<Arc<ClientConfig>, FetchError> {
    let loaded = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs)
        .await
        .map_err(FetchError::failed)?;
    for error in &loaded.errors {
        tracing::debug!(%error, "certificate authorities of the system");
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(loaded.certs);
    if roots.is_empty() {
        return Err(FetchError::failed(
            "the system has no certificate authorities",
        ));
    }
    Ok(Arc::new(config(roots)?))
}

fn config(roots: RootCertStore) -> Result<ClientConfig, FetchError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(FetchError::failed)?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn the_certificate_authorities_of_the_system_are_found() {
        assert!(super::system_config().await.is_ok());
    }
}
