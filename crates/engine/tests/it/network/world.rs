//! The network of these tests, and engines that know its names.

use std::{
    collections::BTreeMap,
    net::{Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use isol8_engine::Engine;
use isol8_test_network::{NEAR_V4, Network};
use tokio::net::{TcpListener, TcpSocket};

use super::site::{Handler, NAMES, Seen, Site, certificates, serve};
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
