//! What is on the network: a web server that is every host, and its certificate authority.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::{Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
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
use isol8_engine::Engine;
use isol8_test_network::{NEAR_V4, Network};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket},
};
use tokio_rustls::TlsAcceptor;

use crate::common::{self, Value, json};

/// Addresses of other hosts, all of which this test serves.
pub(crate) const ADDRESSES: &[&str] = &[
    "9.9.9.9",
    "2620:fe::fe",
    "10.0.0.5",
    "fd00::5",
    "169.254.169.254",
    "fd00:ec2::254",
];

pub(crate) const PUBLIC: &str = "9.9.9.9";
pub(crate) const PUBLIC_6: &str = "2620:fe::fe";

/// Names that are in the certificate.
const NAMES: &[&str] = &[
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

/// The network.
pub(crate) struct World {
    pub(crate) authority: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl World {
    /// Serves `files` by `host/path`, and what else `handler` knows, on ports 80, 8080 and 443 of
    /// every address.
    pub(crate) async fn with(files: BTreeMap<String, Vec<u8>>, handler: Handler) -> Self {
        let (acceptor, authority) = certificates();
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let files = Arc::new(files);
        for (port, tls) in [(80, false), (8080, false), (443, true)] {
            let address = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
            let listener = bind(address).await;
            let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
            let (files, handler) = (Arc::clone(&files), Arc::clone(&handler));
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let acceptor = acceptor.clone();
                    let site = Site {
                        seen: Arc::clone(&seen),
                        files: Arc::clone(&files),
                        handler: Arc::clone(&handler),
                    };
                    tokio::spawn(async move {
                        if !tls {
                            serve(stream, site).await;
                        } else if let Ok(stream) = acceptor.accept(stream).await {
                            serve(stream, site).await;
                        }
                    });
                }
            });
        }
        Self { authority, seen }
    }

    pub(crate) async fn new() -> Self {
        let files = [("/hello".to_owned(), b"hello".to_vec())];
        Self::with(files.into(), Arc::new(|_, _, _| None)).await
    }

    /// Requests since the last call.
    pub(crate) fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }

    /// How many requests there were since the last [`take_seen`](Self::take_seen).
    pub(crate) fn seen(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// Variables that make each program trust the authority, once its certificate is in this file.
    pub(crate) fn trust() -> Value {
        let path = "/sandbox/ca.pem";
        json!({
            "SSL_CERT_FILE": path, "REQUESTS_CA_BUNDLE": path, "PIP_CERT": path,
            "NODE_EXTRA_CA_CERTS": path, "DENO_CERT": path, "CURL_CA_BUNDLE": path,
            "GIT_SSL_CAINFO": path, "NPM_CONFIG_CAFILE": path,
        })
    }

    /// A request that trusts the authority.
    pub(crate) fn request(&self, runtime: &str, code: &str) -> Value {
        json!({
            "runtime": runtime, "code": code, "env": Self::trust(),
            "files": {"/sandbox/ca.pem": self.authority},
        })
    }
}

/// A filtered engine that knows every name of the network.
pub(crate) fn filtered(whitelist: &[&str], more: &Value) -> Engine {
    common::engine(filtered_options(whitelist, more))
}

pub(crate) fn filtered_options(whitelist: &[&str], more: &Value) -> Value {
    let mut hosts: BTreeMap<&str, &str> = NAMES
        .iter()
        .filter(|name| name.parse::<std::net::IpAddr>().is_err())
        .map(|name| (*name, PUBLIC))
        .collect();
    hosts.extend([
        ("six.test", PUBLIC_6),
        ("b.test", PUBLIC),
        ("private.test", "10.0.0.5"),
        ("meta.test", "169.254.169.254"),
        ("meta6.test", "fd00:ec2::254"),
        ("local.test", "127.0.0.1"),
        ("own.test", NEAR_V4),
        ("mapped.test", "::ffff:127.0.0.1"),
        ("zero.test", "0.0.0.0"),
    ]);
    let mut options = json!({
        "network": "filtered", "logNetwork": true, "timeoutMs": 60_000,
        "networkFilter": {"whitelist": whitelist, "hosts": hosts},
    });
    for (name, value) in more.as_object().unwrap() {
        options[name] = value.clone();
    }
    options
}

/// The network that every test of this program shares.
fn network() -> &'static Network {
    static NETWORK: OnceLock<Network> = OnceLock::new();
    NETWORK.get_or_init(|| Network::connect(ADDRESSES).unwrap())
}

/// Listens in the far namespace.
async fn bind(address: SocketAddr) -> TcpListener {
    let runtime = tokio::runtime::Handle::current();
    let attempt = || {
        let _entered = runtime.enter();
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    };
    // The listener of the test before may still be ending.
    for _ in 0..100 {
        if let Ok(listener) = network().far(attempt).unwrap() {
            return listener;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    network().far(attempt).unwrap().unwrap()
}

/// Listens on `port` of every other host, accepts connections, and reads nothing. The buffers of the
/// connections are as small as they can be.
pub(crate) async fn silent_host(port: u16) {
    let runtime = tokio::runtime::Handle::current();
    let listen = || {
        let _entered = runtime.enter();
        let socket = TcpSocket::new_v6()?;
        socket.set_recv_buffer_size(4096)?;
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)))?;
        socket.listen(1024)
    };
    let listener = network().far(listen).unwrap().unwrap();
    tokio::spawn(async move {
        let mut accepted = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            accepted.push(stream);
        }
    });
}

fn certificates() -> (TlsAcceptor, String) {
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

#[derive(Clone)]
struct Site {
    seen: Arc<Mutex<Vec<Seen>>>,
    files: Arc<BTreeMap<String, Vec<u8>>>,
    handler: Handler,
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, site: Site) {
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

/// Counters of packets and connections that this namespace has begun. No denied request may change them.
pub(crate) fn traffic() -> BTreeMap<String, u64> {
    let mut counters = BTreeMap::new();
    let snmp = std::fs::read_to_string("/proc/self/net/snmp").unwrap();
    let lines: Vec<_> = snmp.lines().collect();
    for pair in lines.chunks(2) {
        let names = pair[0].split(' ').skip(1);
        let family = pair[0].split(':').next().unwrap();
        for (name, value) in names.zip(pair[1].split(' ').skip(1)) {
            if ["ActiveOpens", "OutDatagrams", "OutMsgs", "OutRequests"].contains(&name) {
                counters.insert(format!("{family}{name}"), value.parse().unwrap());
            }
        }
    }
    let snmp6 = std::fs::read_to_string("/proc/self/net/snmp6").unwrap();
    let all: BTreeMap<&str, u64> = snmp6
        .lines()
        .map(|line| {
            let (name, value) = line.split_once(char::is_whitespace).unwrap();
            (name, value.trim().parse().unwrap())
        })
        .collect();
    // For some seconds the system tells a new network which multicast groups it is in. No program can cause that.
    let reports: u64 = ["Icmp6OutMLDv2Reports", "Icmp6OutGroupMembReports"]
        .iter()
        .filter_map(|name| all.get(name))
        .sum();
    for (name, own) in [
        ("Ip6OutRequests", reports),
        ("Udp6OutDatagrams", 0),
        ("Icmp6OutMsgs", reports),
    ] {
        counters.insert(name.to_owned(), all[name] - own);
    }
    counters
}
