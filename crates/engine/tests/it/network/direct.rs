//! What a program finds of the network without the proxy: nothing.

use super::{traffic::traffic, world::World};
use crate::common::{engine, json, run};

/// Attempts of a program to reach the network without the proxy, and the line that each must print.
const DIRECT: &str = "import os, socket, struct, glob
def attempt(name, action):
    try: print(name, action())
    except OSError as error: print(name, 'no')
print('interfaces', sorted(name for _, name in socket.if_nameindex()))
for address in ('9.9.9.9', '10.0.0.5', '169.254.169.254', '172.17.0.1'):
    attempt('tcp ' + address, lambda: socket.create_connection((address, 80), 3))
attempt('tcp6', lambda: socket.create_connection(('2620:fe::fe', 80), 3))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
attempt('udp', lambda: udp.sendto(b'x', ('9.9.9.9', 53)))
udp6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
attempt('udp6', lambda: udp6.sendto(b'x', ('2620:fe::fe', 53)))
attempt('dns', lambda: socket.getaddrinfo('secret.exfiltration.test', 80))
attempt('resolver', lambda: socket.getaddrinfo('a.test', 80))
for name, kind, protocol in (('raw', socket.SOCK_RAW, socket.IPPROTO_ICMP), ('ping', socket.SOCK_DGRAM, socket.IPPROTO_ICMP)):
    attempt(name, lambda: socket.socket(socket.AF_INET, kind, protocol).sendto(b'\\x08\\0\\0\\0\\0\\0\\0\\0', ('9.9.9.9', 0)))
attempt('packet', lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3))
attempt('vsock', lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).connect((2, 1024)))
sockets = [path for path in glob.glob('/run/**', recursive=True) + glob.glob('/var/run/**', recursive=True) if os.path.exists(path) and os.stat(path).st_mode & 0o170000 == 0o140000]
print('sockets', sockets)
attempt('docker', lambda: socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock'))
print('abstract', [line.split()[-1] for line in open('/proc/net/unix').readlines()[1:] if '@' in line])
print('routes', len(open('/proc/net/route').readlines()) - 1)";

const DIRECT_PRINTED: &str = "interfaces ['lo']
tcp 9.9.9.9 no
tcp 10.0.0.5 no
tcp 169.254.169.254 no
tcp 172.17.0.1 no
tcp6 no
udp no
udp6 no
dns no
resolver no
raw no
ping no
packet no
vsock no
sockets []
docker no
abstract []
routes 0";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn there_is_no_way_but_the_proxy() {
    let _world = World::new().await;
    for (network, proxy) in [("none", "proxy no"), ("filtered", "proxy open")] {
        let engine = engine(json!({
            "network": network, "networkFilter": {"whitelist": ["^a\\.test$"]},
        }));
        let code = format!(
            "{DIRECT}\nattempt('proxy', lambda: socket.create_connection(('127.0.0.1', 8118)) and 'open')"
        );
        let before = traffic();
        let result = run(&engine, json!({"runtime": "python", "code": code}))
            .await
            .unwrap();
        assert_eq!(
            result.stdout,
            format!("{DIRECT_PRINTED}\n{proxy}"),
            "{result:?}"
        );
        assert_eq!(traffic(), before);
        engine.stop().await;
    }
}
