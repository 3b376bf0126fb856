//! Allowed requests work with common clients.

use std::{collections::BTreeMap, process::Command, sync::Arc};

use isol8_api::result::NetworkAction;

use serde_json::json;

use super::world::{World, filtered};
use crate::common::run;

const URLLIB: &str = "import urllib.request
for url in ('http://a.test/hello', 'https://a.test/hello', 'http://a.test:8080/hello', 'http://[2620:fe::fe]/hello', 'https://six.test/hello'):
    print(urllib.request.urlopen(url).read().decode())";

/// The copy of `requests` inside pip.
const REQUESTS: &str = "from pip._vendor import requests
with requests.Session() as session:
    for url in ('http://a.test/hello', 'https://a.test/hello', 'http://a.test:8080/hello', 'http://[2620:fe::fe]/hello', 'https://six.test/hello'):
        print(session.get(url).text)";

const FETCH: &str = "for (const url of ['http://a.test/hello', 'https://a.test/hello', 'http://a.test:8080/hello', 'http://[2620:fe::fe]/hello', 'https://six.test/hello'])
  console.log(await (await fetch(url)).text())";

const NODE_HTTP: &str = "import http from 'node:http'; import https from 'node:https';
for (const url of ['http://a.test/hello', 'https://a.test/hello', 'http://a.test:8080/hello', 'http://[2620:fe::fe]/hello', 'https://six.test/hello'])
  await new Promise((done, fail) => (url.startsWith('https') ? https : http).get(url, (response) => {
    response.setEncoding('utf8'); response.on('data', (text) => console.log(text)); response.on('end', done)
  }).on('error', fail))";

const CURL: &str = "cd /sandbox/curl && for url in http://a.test/hello https://a.test/hello http://a.test:8080/hello 'http://[2620:fe::fe]/hello' https://six.test/hello; do
  LD_LIBRARY_PATH=. /lib64/ld-linux-x86-64.so.2 ./curl -gsS $url || exit; echo
done";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn every_client_reaches_what_is_allowed() {
    let world = World::new().await;
    let engine = filtered(&["^a\\.test$", "^six\\.test$", "^2620:fe::fe$"], &json!({}));
    for (runtime, code) in [
        ("python", URLLIB),
        ("python", REQUESTS),
        ("node", FETCH),
        ("node", NODE_HTTP),
        ("bun", FETCH),
        ("deno", FETCH),
        ("bash", CURL),
    ] {
        let mut request = world.request(runtime, code);
        if code == CURL {
            let files = request["files"].as_object_mut().unwrap();
            files.extend(curl());
        }
        let result = run(&engine, request).await.unwrap();
        assert_eq!(
            result.stdout,
            ["hello"; 5].join("\n"),
            "{runtime}: {result:?}"
        );
        assert_eq!(
            (result.stderr.as_str(), result.exit_code),
            ("", 0),
            "{runtime}"
        );
        let usage = result.resource_usage.unwrap();
        assert!(
            usage.network_bytes_in > 500 && usage.network_bytes_out > 500,
            "{usage:?}"
        );
        let logs = result.network_logs.unwrap();
        // Node makes a tunnel also for a plain request. The log has the tunnel and the request.
        assert!(logs.len() >= 5, "{runtime}: {logs:?}");
        assert!(
            logs.iter()
                .all(|entry| entry.action == NetworkAction::Allow)
        );
        let seen = world.take_seen();
        assert_eq!(seen.len(), 5, "{runtime}: {seen:?}");
    }
    engine.stop().await;
}

/// This machine's curl with its libraries, which no image has.
fn curl() -> Vec<(String, serde_json::Value)> {
    let output = Command::new("ldd").arg("/usr/bin/curl").output().unwrap();
    let listing = String::from_utf8(output.stdout).unwrap();
    let mut paths: Vec<&str> = listing
        .split_ascii_whitespace()
        .filter(|word| word.starts_with('/'))
        .collect();
    paths.push("/usr/bin/curl");
    let encode = |bytes| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
    let file = |path: &str| {
        let name = path.rsplit('/').next().unwrap();
        let data = json!({"type": "base64", "data": encode(std::fs::read(path).unwrap())});
        (format!("/sandbox/curl/{name}"), data)
    };
    paths.into_iter().map(file).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn git_clones_over_https() {
    let directory = tempfile::tempdir().unwrap();
    let script = "set -e; cd \"$0\"; git init -q work; cd work; echo content >file; git add file
        git -c user.name=t -c user.email=t@t commit -q -m first
        cd ..; git clone -q --bare work repo.git; cd repo.git; git update-server-info";
    let made = Command::new("sh")
        .args(["-c", script])
        .arg(directory.path())
        .status()
        .unwrap();
    assert!(made.success());
    let mut files = BTreeMap::new();
    collect(
        &directory.path().join("repo.git"),
        "git.test/repo.git",
        &mut files,
    );
    let world = World::with(files, Arc::new(|_, _, _| None)).await;
    let engine = filtered(&["^git\\.test$"], &json!({"image": "isol8:agent"}));
    let script = "git clone -q https://git.test/repo.git && cat repo/file; git clone https://b.test/x 2>&1 | tail -1";
    let result = run(&engine, world.request("bash", script)).await.unwrap();
    assert!(result.stdout.starts_with("content\n"), "{result:?}");
    assert!(result.stdout.contains("403"), "{result:?}");
    engine.stop().await;
}

fn collect(directory: &std::path::Path, url: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let url = format!("{url}/{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            collect(&path, &url, files);
        } else {
            files.insert(url, std::fs::read(path).unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a namespace"]
async fn a_program_talks_to_its_own_server_without_the_proxy() {
    let engine = filtered(&["^a\\.test$"], &json!({}));
    let code = "import http from 'node:http'
        const server = http.createServer((_, response) => response.end('mine')).listen(3000)
        console.log(await (await fetch('http://localhost:3000/')).text()); server.close()";
    let request = json!({"runtime": "node", "code": code});
    let result = run(&engine, request).await.unwrap();
    assert_eq!(result.stdout, "mine", "{result:?}");
    assert_eq!(result.network_logs, Some(Vec::new()));
    engine.stop().await;
}
