//! Packages from the real public registries through the proxy, with the installer of each runtime. The program itself
//! has no more network than the options give it.

use crate::common::*;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

const PYTHON: &str = "import six, urllib.request
print(six.__name__)
for url in 'URLS'.split():
    try: print(urllib.request.urlopen(url, timeout=10).status)
    except Exception as error: print(getattr(error, 'code', 'no'))";

const JAVASCRIPT: &str = "console.log(ms('2 days'));
for (const url of 'URLS'.split(' '))
  await fetch(url, {signal: AbortSignal.timeout(10000)}).then((r) => console.log(String(r.status)), (e) => console.log(String(e.cause?.cause).includes('403') ? '403' : 'no'))";

const BASH: &str = "echo '[1, 2]' | jq -c .
for url in URLS; do
  if { exec 3<>/dev/tcp/127.0.0.1/8118; } 2>/dev/null; then
    host=${url#http://}; printf 'GET %s HTTP/1.1\\r\\nHost: %s\\r\\n\\r\\n' \"$url\" \"${host%%/*}\" >&3
    read -r _ status _ <&3; echo \"$status\"; exec 3>&-
  else echo no; fi
done";

/// Starts a server that answers every request with status 200 until the test ends. Returns its port.
async fn own_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                // A client that goes away is no failure.
                let _ = stream.read(&mut request).await;
                let _ = stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    .await;
            });
        }
    });
    port
}

/// Installs `package` in both kinds of network and compares what the program prints.
async fn installs(runtime: &str, package: &str, code: &str, registry: &str, printed: &str) {
    let port = own_server().await;
    let code = code.replace(
        "URLS",
        &format!("http://own.test:{port}/ http://{registry}/"),
    );
    for (network, reached) in [("none", "no\nno"), ("filtered", "200\n403")] {
        let engine = engine(json!({
            "network": network, "image": format!("isol8:{runtime}"), "timeoutMs": 180_000,
            "networkFilter": {
                "whitelist": if network == "none" { json!([]) } else { json!(["^own\\.test$"]) },
                "hosts": {"own.test": "127.0.0.1"}, "allowLoopback": ["127.0.0.1"],
            },
        }));
        let request = json!({"runtime": runtime, "code": code, "installPackages": [package]});
        let result = run(&engine, request).await.unwrap();
        assert_eq!(
            (result.stdout, result.stderr.as_str(), result.exit_code),
            (format!("{printed}\n{reached}"), "", 0),
            "{runtime} {network}"
        );
        assert!(result.resource_usage.unwrap().network_bytes_in > 1000);
        engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pip() {
    installs("python", "six", PYTHON, "pypi.org", "six").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn npm() {
    let code = format!("const ms = require('ms'); (async () => {{ {JAVASCRIPT} }})()");
    installs("node", "ms", &code, "registry.npmjs.org", "172800000").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bun() {
    let code = format!("import ms from 'ms'; {JAVASCRIPT}");
    installs("bun", "ms", &code, "registry.npmjs.org", "172800000").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deno() {
    let code = format!("import ms from 'npm:ms@2'; {JAVASCRIPT}");
    installs("deno", "npm:ms@2", &code, "registry.npmjs.org", "172800000").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn apt() {
    installs("bash", "jq", BASH, "deb.debian.org", "[1,2]").await;
}
