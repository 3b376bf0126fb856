//! The web server that is every host, and its certificate authority.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures::StreamExt as _;
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Request, Response, StatusCode,
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

/// Names that are in the certificate.
pub(super) const NAMES: &[&str] = &[
    "a.test",
    "six.test",
    "git.test",
    "llm.test",
    "mirror.test",
    "pypi.org",
    "files.pythonhosted.org",
    "registry.npmjs.org",
    "9.9.9.9",
    "2620:fe::fe",
];

type Body = UnsyncBoxBody<Bytes, Infallible>;
/// Answers a request: host, path, body.
pub(crate) type Handler = Arc<dyn Fn(&str, &str, &Bytes) -> Option<Vec<u8>> + Send + Sync>;

/// A request that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) authorization: String,
}

/// What the server has, and what it has seen.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) seen: Arc<Mutex<Vec<Seen>>>,
    pub(super) files: Arc<BTreeMap<String, Vec<u8>>>,
    pub(super) handler: Handler,
}

/// Serves one connection.
pub(super) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    site: Site,
) {
    let service = service_fn(|request| answer(request, site.clone()));
    // A client may go away.
    let _ = http1::Builder::new()
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(request: Request<Incoming>, site: Site) -> Result<Response<Body>, Infallible> {
    let header = |name: &str| {
        let value = request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let host = header("host");
    let host = host
        .rsplit_once(':')
        .filter(|(_, port)| port.parse::<u16>().is_ok())
        .map_or(&*host, |(host, _)| host)
        .to_owned();
    let path = request.uri().path().to_owned();
    site.seen.lock().unwrap().push(Seen {
        line: format!("{} {host}{path}", request.method()),
        authorization: header("authorization"),
    });
    let endless = path == "/endless";
    let body = request
        .into_body()
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    if endless {
        let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
        let chunks = futures::stream::repeat_with(move || Ok(Frame::data(chunk.clone())));
        return Ok(Response::new(BodyExt::boxed_unsync(StreamBody::new(
            chunks.boxed(),
        ))));
    }
    let found = site
        .files
        .get(&format!("{host}{path}"))
        .or_else(|| site.files.get(&path))
        .cloned();
    let found = found.or_else(|| (site.handler)(&host, &path, &body));
    let mut response = Response::new(full(found.clone().unwrap_or_default()));
    if found.is_none() {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    let kind = match path.rsplit_once('.').map(|(_, extension)| extension) {
        _ if path.contains("/completions") => "text/event-stream",
        Some("whl" | "tgz" | "pack" | "idx") => "application/octet-stream",
        _ if host == "registry.npmjs.org" || path.starts_with("/npm/") => "application/json",
        _ => "text/html",
    };
    response
        .headers_mut()
        .insert("content-type", kind.parse().unwrap());
    Ok(response)
}

fn full(bytes: Vec<u8>) -> Body {
    http_body_util::Full::new(Bytes::from(bytes)).boxed_unsync()
}

/// A server with a certificate for each of the names, and its authority in PEM.
pub(super) fn certificates() -> (TlsAcceptor, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(DnType::CommonName, "authority of the test");
    params.key_usages = vec![
        rcgen::KeyUsagePurpose::KeyCertSign,
        rcgen::KeyUsagePurpose::DigitalSignature,
        rcgen::KeyUsagePurpose::CrlSign,
    ];
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let names = NAMES
        .iter()
        .map(|name| (*name).to_owned())
        .collect::<Vec<_>>();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(names).unwrap();
    params.use_authority_key_identifier_extension = true;
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let leaf = params.signed_by(&key, &issuer).unwrap();
    let encoded = STANDARD.encode(issuer.der());
    let authority = format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            key.serialize_der().try_into().unwrap(),
        )
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), authority)
}
