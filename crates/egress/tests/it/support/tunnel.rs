//! Tunnels to a recording server, on a port of each kind.

use isol8_egress::PolicyOptions;

use super::{Client, Play, Recorder, lenient, local_names, proxy};

/// What a port may carry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Tls,
    Http,
    Any,
}

/// The lenient policy, in which `port` has this kind.
pub(crate) fn options(kind: Kind, port: u16) -> PolicyOptions {
    let mut options = lenient();
    options.whitelist.push("^127\\.0\\.0\\.1$".into());
    match kind {
        Kind::Tls => options.tls_ports = Some(vec![port]),
        Kind::Http => options.http_ports = Some(vec![port]),
        Kind::Any => {}
    }
    options
}

/// Opens a tunnel to `host`, on a recorder's port of this kind.
pub(crate) async fn tunnel(kind: Kind, host: &str, play: Play) -> (Client, Recorder) {
    let recorder = Recorder::start(play).await;
    let proxy = proxy(options(kind, recorder.port()), local_names());
    let mut client = Client::connect(&proxy);
    client.tunnel(&format!("{host}:{}", recorder.port())).await;
    (client, recorder)
}
