//! The default policy against real public, private and metadata addresses. All of them are on the
//! loopback interface of a separate network namespace, which no packet can leave. The namespace ends
//! with its process.
//!
//! It needs Linux, `unshare` and `ip`, and root or user namespaces. A machine without them says so
//! with `ISOL8_SKIP_NETNS=1`; without that, their absence is a failure.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use isol8_egress::{Limits, Policy, PolicyOptions, Proxy};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::support::hello::hello;
use crate::support::{Client, Play, Recorder, Scripted, ok, strings};

const INSIDE: &str = "ISOL8_INSIDE_NETNS";

/// Addresses of the loopback interface of the namespace.
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

#[test]
fn in_a_network_of_its_own() {
    if std::env::var_os("ISOL8_SKIP_NETNS").is_some() {
        println!("skipped: ISOL8_SKIP_NETNS is set");
        return;
    }
    let mut script = String::from("set -e; ip link set lo up; ");
    for address in ADDRESSES {
        let prefix = if address.contains(':') {
            "128 nodad"
        } else {
            "32"
        };
        script.extend(["ip addr add ", address, "/", prefix, " dev lo; "]);
    }
    script.push_str("exec \"$0\" netns::inside --exact --nocapture");
    let output = Command::new("unshare")
        .args(["--map-root-user", "--net", "sh", "-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env(INSIDE, "1")
        .output()
        .expect("unshare (util-linux) can be run");
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("everything inside was tested"), "{told}");
}

/// The test above runs this one inside the namespace. Alone, it does nothing.
#[test]
fn inside() {
    if std::env::var_os(INSIDE).is_none() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        the_default_policy().await;
        private_addresses_open_with_the_whitelist().await;
        dialling_goes_on_past_dead_addresses().await;
    });
    println!("everything inside was tested");
}

fn proxy(options: PolicyOptions) -> Proxy {
    let names = Scripted::new(&[
        ("both.test", &["2620:fe::fe 9.9.9.9"]),
        ("hang.test", &["198.41.0.4 9.9.9.9"]),
        ("hang-only.test", &["198.41.0.4"]),
        ("rebind.test", &["9.9.9.9", "169.254.169.254", "127.0.0.1"]),
        ("intra.test", &["10.0.0.5"]),
        ("meta.test", &["169.254.169.254 fd00:ec2::254"]),
    ]);
    let limits = Limits {
        connect_timeout: Duration::from_secs(2),
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

async fn listen(address: &str, port: u16, play: Play) -> Recorder {
    let ip: std::net::IpAddr = address.parse().unwrap();
    Recorder::on((ip, port).into(), play).await
}

async fn the_default_policy() {
    let proxy = proxy(PolicyOptions::default());
    let four = listen("9.9.9.9", 80, ok("four")).await;
    let six = listen("2620:fe::fe", 80, ok("six")).await;
    let tls = listen("9.9.9.9", 443, Play::Echo).await;
    let other = listen("9.9.9.9", 8080, ok("other")).await;
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
    let closed: Vec<&str> = ["127.0.0.1", "::1"]
        .into_iter()
        .chain(ADDRESSES[2..8].to_vec())
        .collect();
    for address in closed {
        let recorder = listen(address, 80, ok("leaked")).await;
        let host = if address.contains(':') {
            format!("[{address}]")
        } else {
            address.to_owned()
        };
        assert!(
            get(&proxy, &host).await.starts_with("HTTP/1.1 403 "),
            "{address}"
        );
        assert_eq!(recorder.connections(), 0, "{address}");
    }
}

async fn private_addresses_open_with_the_whitelist() {
    let proxy = proxy(PolicyOptions {
        whitelist: strings(&["."]),
        ..PolicyOptions::default()
    });
    let recorder = listen("10.0.0.5", 9999, ok("intra")).await;
    assert!(get(&proxy, "intra.test:9999").await.ends_with("intra"));
    assert!(get(&proxy, "10.0.0.5:9999").await.ends_with("intra"));
    assert_eq!(recorder.connections(), 2);
    let four = listen("169.254.169.254", 80, ok("leaked")).await;
    let six = listen("fd00:ec2::254", 80, ok("leaked")).await;
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

async fn dialling_goes_on_past_dead_addresses() {
    let proxy = proxy(PolicyOptions::default());
    let four = listen("9.9.9.9", 80, ok("four")).await;
    let full = TcpSocket::new_v4().unwrap();
    full.bind(format!("{FULL}:80").parse().unwrap()).unwrap();
    let _full = full.listen(0).unwrap();
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
    assert!(
        took > Duration::from_millis(200) && took < Duration::from_millis(1500),
        "{took:?}"
    );
    assert_eq!(four.connections(), 2);
    let answer = get(&proxy, "hang-only.test").await;
    assert!(
        answer.starts_with("HTTP/1.1 502 ") && answer.ends_with("timed out"),
        "{answer}"
    );
}
