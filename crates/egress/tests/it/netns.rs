//! The default policy against real public, private and metadata addresses of a network of the test's
//! own (`isol8-test-network`).
//!
//! `ISOL8_SKIP_NAMESPACES=1` skips them on a machine that has no namespaces.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use isol8_egress::{Limits, Policy, PolicyOptions, Proxy};
use isol8_test_network::{NEAR_V4, NEAR_V6, Network};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::support::hello::hello;
use crate::support::{Client, Play, Recorder, Scripted, ok, strings};

/// Addresses of other hosts.
const ADDRESSES: &[&str] = &[
    "9.9.9.9",
    "2620:fe::fe",
    "10.0.0.5",
    "fd00::5",
    "169.254.169.254",
    "100.100.100.200",
    "168.63.129.16",
    "fd00:ec2::254",
    FULL,
];

/// The address of a listener whose queue is full: connecting to it hangs.
const FULL: &str = "198.41.0.4";

/// Runs the other tests, which are ignored outside.
#[test]
fn in_a_network_of_its_own() {
    isol8_test_network::run_inside("netns");
}

fn network() -> &'static Network {
    static NETWORK: OnceLock<Network> = OnceLock::new();
    NETWORK.get_or_init(|| Network::connect(ADDRESSES).unwrap())
}

/// Longer than a client of these tests waits: a proxy that waits that long for one address fails them.
const LONG: Duration = Duration::from_mins(1);

fn proxy(options: PolicyOptions) -> Proxy {
    proxy_within(options, LONG)
}

fn proxy_within(options: PolicyOptions, connect_timeout: Duration) -> Proxy {
    let names = Scripted::new(&[
        ("both.test", &["2620:fe::fe 9.9.9.9"]),
        ("hang.test", &["198.41.0.4 9.9.9.9"]),
        ("hang-only.test", &["198.41.0.4"]),
        ("rebind.test", &["9.9.9.9", "169.254.169.254", "127.0.0.1"]),
        ("intra.test", &["10.0.0.5"]),
        ("meta.test", &["169.254.169.254 fd00:ec2::254"]),
    ]);
    let limits = Limits {
        connect_timeout,
        ..Limits::default()
    };
    Proxy::new(Arc::new(Policy::new(options).unwrap()), names, limits)
}

async fn get(proxy: &Proxy, authority: &str) -> String {
    let mut client = Client::connect(proxy);
    client
        .send(format!("GET http://{authority}/ HTTP/1.1\r\n\r\n"))
        .await;
    client.answer().await
}

/// A server at an address of another host.
fn listen(address: &str, port: u16, play: Play) -> Recorder {
    let listener = network().far(|| std::net::TcpListener::bind((address, port)).unwrap());
    let listener = listener.unwrap();
    listener.set_nonblocking(true).unwrap();
    Recorder::serve(TcpListener::from_std(listener).unwrap(), play)
}

/// A server at an address of this machine.
async fn listen_here(address: &str, play: Play) -> Recorder {
    let ip: std::net::IpAddr = address.parse().unwrap();
    Recorder::on((ip, 80).into(), play).await
}

fn in_url(address: &str) -> String {
    if address.contains(':') {
        format!("[{address}]")
    } else {
        address.to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn the_default_policy() {
    let proxy = proxy(PolicyOptions::default());
    let four = listen("9.9.9.9", 80, ok("four"));
    let six = listen("2620:fe::fe", 80, ok("six"));
    let tls = listen("9.9.9.9", 443, Play::Echo);
    let other = listen("9.9.9.9", 8080, ok("other"));
    assert!(get(&proxy, "9.9.9.9").await.ends_with("four"));
    assert!(get(&proxy, "[2620:fe::fe]").await.ends_with("six"));
    assert!(
        get(&proxy, "both.test").await.ends_with("six"),
        "the resolver's first choice"
    );
    assert!(
        get(&proxy, "9.9.9.9:8080")
            .await
            .starts_with("HTTP/1.1 403 ")
    );
    assert_eq!(
        (four.connections(), six.connections(), other.connections()),
        (1, 2, 0)
    );

    let mut client = Client::connect(&proxy);
    client.tunnel("9.9.9.9:443").await;
    client.send(hello(None)).await;
    assert_eq!(client.exactly(hello(None).len()).await, hello(None));
    let mut client = Client::connect(&proxy);
    client.tunnel("9.9.9.9:443").await;
    client
        .send("GET / HTTP/1.1\r\nHost: denied.test\r\n\r\n")
        .await;
    assert_eq!(client.rest().await, "");
    assert!(!tls.text().contains("GET"));
    let mut client = Client::connect(&proxy);
    client.tunnel("9.9.9.9:80").await;
    client
        .send("GET / HTTP/1.1\r\nHost: denied.test\r\n\r\n")
        .await;
    assert!(client.answer().await.starts_with("HTTP/1.1 403 "));
    assert!(!four.text().contains("denied.test"));

    assert!(get(&proxy, "rebind.test").await.ends_with("four"));
    for _ in 0..2 {
        assert!(
            get(&proxy, "rebind.test")
                .await
                .starts_with("HTTP/1.1 403 ")
        );
    }
    for address in &ADDRESSES[2..8] {
        let recorder = listen(address, 80, ok("leaked"));
        let answer = get(&proxy, &in_url(address)).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{address}");
        assert_eq!(recorder.connections(), 0, "{address}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn addresses_of_this_machine_open_with_an_option_alone() {
    network();
    for address in ["127.0.0.1", "::1", NEAR_V4, NEAR_V6] {
        let recorder = listen_here(address, ok("own")).await;
        let url = in_url(address);
        let pattern = format!("^{}$", address.replace('.', "\\."));
        let mut options = PolicyOptions {
            whitelist: strings(&[&pattern]),
            allow_private: strings(&[address]),
            ..PolicyOptions::default()
        };
        let answer = get(&proxy(options.clone()), &url).await;
        let advice = "its address is the host's own; networkFilter.allowLoopback can allow it";
        assert!(answer.ends_with(advice), "{address} {answer}");
        assert_eq!(recorder.connections(), 0, "{address}");
        options.allow_loopback = strings(&[address]);
        assert!(
            get(&proxy(options), &url).await.ends_with("own"),
            "{address}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn private_addresses_open_with_the_whitelist() {
    let recorder = listen("10.0.0.5", 9999, ok("intra"));
    let listed = |whitelist: &[&str]| {
        proxy(PolicyOptions {
            whitelist: strings(whitelist),
            ..PolicyOptions::default()
        })
    };
    let catch_all = listed(&["."]);
    for host in ["intra.test:9999", "10.0.0.5:9999"] {
        let answer = get(&catch_all, host).await;
        let advice = "its address is private; networkFilter.allowPrivate can allow it";
        assert!(answer.ends_with(advice), "{answer}");
    }
    assert_eq!(recorder.connections(), 0);
    let proxy = listed(&[
        "^intra\\.test$",
        "^10\\.0\\.0\\.5$",
        "^meta\\.test$",
        "^169",
        "^fd00",
    ]);
    assert!(get(&proxy, "intra.test:9999").await.ends_with("intra"));
    assert!(get(&proxy, "10.0.0.5:9999").await.ends_with("intra"));
    assert_eq!(recorder.connections(), 2);
    let four = listen("169.254.169.254", 80, ok("leaked"));
    let six = listen("fd00:ec2::254", 80, ok("leaked"));
    for host in [
        "meta.test",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "[::ffff:a9fe:a9fe]",
    ] {
        assert!(
            get(&proxy, host).await.starts_with("HTTP/1.1 403 "),
            "{host}"
        );
    }
    assert_eq!((four.connections(), six.connections()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn dialling_goes_on_past_dead_addresses() {
    let proxy = proxy(PolicyOptions::default());
    let four = listen("9.9.9.9", 80, ok("four"));
    let runtime = tokio::runtime::Handle::current();
    let listen_full = || {
        let _entered = runtime.enter();
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(format!("{FULL}:80").parse().unwrap()).unwrap();
        socket.listen(0).unwrap()
    };
    let _full = network().far(listen_full).unwrap();
    let mut waiting = Vec::new();
    let one = || timeout(Duration::from_millis(200), TcpStream::connect((FULL, 80)));
    while let Ok(stream) = one().await {
        waiting.push(stream.unwrap());
    }
    // Nothing listens at the IPv6 address any more.
    assert!(get(&proxy, "both.test").await.ends_with("four"));
    let started = Instant::now();
    assert!(get(&proxy, "hang.test").await.ends_with("four"));
    let took = started.elapsed();
    assert!(took > Duration::from_millis(200), "{took:?}");
    assert_eq!(four.connections(), 2);
    let impatient = proxy_within(PolicyOptions::default(), Duration::from_secs(2));
    let answer = get(&impatient, "hang-only.test").await;
    assert!(
        answer.starts_with("HTTP/1.1 502 ") && answer.ends_with("timed out"),
        "{answer}"
    );
}
