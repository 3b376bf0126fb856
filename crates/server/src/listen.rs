//! The port of a server.

use std::io;

use tokio::net::TcpListener;

/// Addresses of all interfaces: of both versions of IP where the machine has both.
const ALL_INTERFACES: [&str; 2] = ["::", "0.0.0.0"];

/// Listens on a port, which is any free one for 0: at `hostname`, or on all interfaces when it is `None`.
pub async fn listen(hostname: Option<&str>, port: u16) -> io::Result<TcpListener> {
    if let Some(hostname) = hostname {
        return TcpListener::bind((hostname, port)).await;
    }
    let [both, version_4] = ALL_INTERFACES;
    match TcpListener::bind((both, port)).await {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            TcpListener::bind((version_4, port)).await
        }
        bound => bound,
    }
}

/// The host of a web address at which a server is reached from its own machine that listens at `hostname`.
#[must_use]
pub fn local_host(hostname: Option<&str>) -> String {
    match hostname {
        None => "localhost".to_owned(),
        Some(host) if host.contains(':') => format!("[{host}]"),
        Some(host) => host.to_owned(),
    }
}
