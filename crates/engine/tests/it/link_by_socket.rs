//! The kind of link to a guest. It is a socket where the daemon is on this machine. It is the attached streams
//! where the daemon is elsewhere or a socket cannot be used. A relay in front of the real daemon makes these
//! cases.

use std::sync::Arc;

use isol8_api::{options::RawOptions, request::ExecutionRequest};
use isol8_docker::DockerAddress;
use isol8_engine::{Engine, options::Options};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    common::engine_on,
    relay::{self, LINK, relay_one, relayed},
};

fn engine_at(address: DockerAddress, options: Value) -> Engine {
    let raw: RawOptions = serde_json::from_value(options).unwrap();
    engine_on(address, Options::try_from(raw).unwrap(), 4).unwrap()
}

/// Runs a program in a new sandbox of its own. Returns its output.
async fn run(address: &DockerAddress, code: &str) -> String {
    let engine = engine_at(
        address.clone(),
        json!({"poolSize": {"clean": 0, "dirty": 0}}),
    );
    let output = run_on(&engine, code).await;
    engine.stop().await;
    output
}

async fn run_on(engine: &Engine, code: &str) -> String {
    let request = json!({"runtime": "python", "code": code});
    let request: ExecutionRequest = serde_json::from_value(request).unwrap();
    let result = engine.execute(request, CancellationToken::new()).await;
    let result = result.unwrap();
    assert_eq!((result.stderr.as_str(), result.exit_code), ("", 0));
    result.stdout
}

/// A program that prints what it can do with the socket of its sandbox's link.
fn probe() -> String {
    format!(
        "import os, socket
if not os.path.exists('{LINK}'):
    print('none')
else:
    try:
        socket.socket(socket.AF_UNIX).connect('{LINK}')
        print('connected')
    except OSError as error:
        print(os.getuid(), type(error).__name__)"
    )
}

/// The output of [`probe`] in a sandbox that is linked by a socket.
const DIRECT: &str = "100 ConnectionRefusedError";

/// The output of [`probe`] in a sandbox whose link is its standard streams.
const ATTACHED: &str = "none";

#[tokio::test(flavor = "multi_thread")]
async fn a_program_can_connect_to_no_link() {
    let engine = engine_at(DockerAddress::default(), json!({}));
    // Several at once, so that there are several sockets. The second round uses warm sandboxes.
    for _ in 0..2 {
        let code = format!("{}\nimport time; time.sleep(0.5)", probe());
        let runs = (0..3).map(|_| run_on(&engine, &code));
        for said in futures::future::join_all(runs).await {
            assert_eq!(said, DIRECT);
        }
    }
    engine.stop().await;
}

/// A program that prints what it finds of a network: the interfaces and their addresses, the names of this
/// machine, and the result of looking up other names.
const NETWORK: &str = "import os, socket
print(socket.if_nameindex(), open('/proc/net/route').read().count('\\n'))
print(socket.getaddrinfo('localhost', 80, socket.AF_INET, socket.SOCK_STREAM))
print(socket.gethostbyaddr('127.0.0.1')[0], socket.gethostname() == open('/etc/hostname').read().strip())
with socket.create_server(('127.0.0.1', 0)) as server:
    socket.create_connection(('localhost', server.getsockname()[1])).close()
for ask in lambda: socket.getaddrinfo('name.invalid', 80), lambda: open('/etc/hosts', 'a'):
    try: print(ask())
    except OSError as error: print(error.errno)";

/// Output of [`NETWORK`] that differs between versions of Docker.
const NO_IPV6: &str = "import os
try: print(len(open('/proc/net/if_inet6').read()))
except FileNotFoundError: print(0)";

#[tokio::test(flavor = "multi_thread")]
async fn the_network_without_the_daemon_is_the_same() {
    let here = DockerAddress::default();
    let by_daemon = run(&by_tcp().await, NETWORK).await;
    assert!(by_daemon.starts_with("[(1, 'lo')] 1\n"), "{by_daemon}");
    // The first sandbox of a daemon, and a later one, when the link kind is known.
    for _ in 0..2 {
        assert_eq!(run(&here, NETWORK).await, by_daemon);
        assert_eq!(run(&here, NO_IPV6).await, "0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_asks_little_of_the_daemon() {
    // The first sandbox on a machine fills the guest's volume.
    assert_eq!(run(&DockerAddress::default(), &probe()).await, DIRECT);
    let (address, relay, _dir) = relayed();
    let asked = async |what: &[&str]| {
        assert_eq!(run(&address, &probe()).await, DIRECT);
        let mut calls = std::mem::take(&mut *relay.calls.lock().unwrap());
        // The search for containers that were never started, and the removal, delay no program.
        calls.retain(|call| call != "GET json" && !call.starts_with("DELETE"));
        assert_eq!(calls, what);
    };
    asked(&["HEAD /_ping", "POST create", "POST attach", "POST start"]).await;
    asked(&["HEAD /_ping", "POST create", "POST start"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_is_reached_by_tcp_gets_no_socket() {
    assert_eq!(run(&by_tcp().await, &probe()).await, ATTACHED);
}

/// The daemon by TCP.
async fn by_tcp() -> DockerAddress {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = DockerAddress {
        host: Some(format!("tcp://{}", listener.local_addr().unwrap())),
        ..DockerAddress::default()
    };
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(relay_one(client, Arc::default()));
        }
    });
    address
}

/// Checks that a socket is not tried a second time after the relay has made it fail in the way of `fault`.
async fn assert_done_without(fault: u8) {
    let (address, relay, _dir) = relayed();
    relay.set(fault);
    assert_eq!(run(&address, &probe()).await, ATTACHED);
    relay.set(relay::NOTHING);
    assert_eq!(
        run(&address, &probe()).await,
        ATTACHED,
        "it is not tried again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_cannot_be_mounted_is_done_without() {
    assert_done_without(relay::LOSE_SOCKET).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_cannot_connect_is_reached_by_its_standard_streams() {
    assert_done_without(relay::HIDE_SOCKET).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_that_work_no_longer_are_given_up() {
    for way in [relay::LOSE_SOCKET, relay::HIDE_SOCKET] {
        let (address, relay, _dir) = relayed();
        assert_eq!(run(&address, &probe()).await, DIRECT);
        assert_eq!(run(&address, &probe()).await, DIRECT);
        relay.set(way);
        assert_eq!(run(&address, &probe()).await, ATTACHED);
        relay.set(relay::NOTHING);
        assert_eq!(run(&address, &probe()).await, ATTACHED);
    }
}
