//! Fetches from servers in this process. Names are resolved by a table, so that nothing leaves.

use isol8_api::options::RawOptions;
use rustls::{RootCertStore, ServerConfig, pki_types::PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

use super::{
    super::testing::{Names, Server, moved, ok},
    *,
};
use crate::options::Options;

mod redirects;

/// The policy `more` on top of one under which the servers of these tests can be reached.
fn policy(more: &serde_json::Value) -> RemoteCodePolicy {
    let mut policy = serde_json::json!({
        "enabled": true, "allowedSchemes": ["https", "http"], "allowPrivate": ["127.0.0.1"],
    });
    for (name, value) in more.as_object().unwrap() {
        policy[name] = value.clone();
    }
    let raw: RawOptions =
        serde_json::from_value(serde_json::json!({ "remoteCode": policy })).unwrap();
    Options::try_from(raw).unwrap().remote_code
}

fn fetcher(more: &serde_json::Value, names: &[(&'static str, &[&str])]) -> Fetcher {
    Fetcher::with(&policy(more), Names::with(names), Dialler::default()).unwrap()
}

async fn get(fetcher: &Fetcher, url: &str) -> Result<String, String> {
    get_with_hash(fetcher, url, None).await
}

async fn get_with_hash(fetcher: &Fetcher, url: &str, hash: Option<&str>) -> Result<String, String> {
    let request = FetchRequest {
        url,
        hash,
        insecure: true,
    };
    fetcher
        .fetch(request)
        .await
        .map_err(|error| error.to_string())
}

const HERE: &[(&str, &[&str])] = &[("code.test", &["127.0.0.1"])];

#[tokio::test]
async fn a_program_is_fetched_and_asked_for_plainly() {
    let server = Server::new(ok("print('é')")).await;
    let fetcher = fetcher(&serde_json::json!({}), HERE);
    assert_eq!(
        get(&fetcher, &server.url("code.test")).await.unwrap(),
        "print('é')"
    );
    let seen = server.seen.lock().unwrap().to_ascii_lowercase();
    assert!(seen.starts_with("get /main.py?x=1 http/1.1\r\n"), "{seen}");
    assert!(
        seen.contains(&format!("host: code.test:{}\r\n", server.address.port())),
        "{seen}"
    );
    assert!(
        !seen.contains("cookie") && !seen.contains("authorization"),
        "{seen}"
    );
}

#[tokio::test]
async fn remote_code_disabled() {
    let fetcher = fetcher(&serde_json::json!({ "enabled": false }), &[]);
    assert_eq!(
        get(&fetcher, "https://code.test/").await.unwrap_err(),
        "Remote code fetching is disabled. Set remoteCode.enabled=true to allow it."
    );
}

#[tokio::test]
async fn unresolved_and_addressless_hosts() {
    let fetcher = fetcher(&serde_json::json!({}), &[]);
    assert_eq!(
        get(&fetcher, "http://nowhere.test/").await.unwrap_err(),
        "Failed to resolve code URL host: nowhere.test"
    );
}

#[tokio::test]
async fn size_limit_announced_and_streamed() {
    let message = "Remote code exceeds maxCodeSize (10 bytes)";
    let fetcher = fetcher(&serde_json::json!({ "maxCodeSize": 10 }), HERE);
    let fits = Server::new(ok("0123456789")).await;
    assert_eq!(
        get(&fetcher, &fits.url("code.test")).await.unwrap(),
        "0123456789"
    );
    let announced = Server::new("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n").await;
    assert_eq!(
        get(&fetcher, &announced.url("code.test"))
            .await
            .unwrap_err(),
        message
    );
    let streamed = Server::new(format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(11))).await;
    assert_eq!(
        get(&fetcher, &streamed.url("code.test")).await.unwrap_err(),
        message
    );
}

#[tokio::test]
async fn time_limit_covers_everything() {
    let server = Server::new("").await;
    let fetcher = fetcher(&serde_json::json!({ "fetchTimeoutMs": 150 }), HERE);
    assert_eq!(
        get(&fetcher, &server.url("code.test")).await.unwrap_err(),
        "Remote code fetch timed out after 150ms"
    );
}

#[tokio::test]
async fn answers_that_are_no_program() {
    let fetcher = fetcher(&serde_json::json!({}), HERE);
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
    for (answer, message) in [
        (
            "HTTP/1.1 404 Not Found\r\n\r\nx",
            "Failed to fetch remote code: HTTP 404",
        ),
        (
            "HTTP/1.1 302 Found\r\n\r\n",
            "Failed to fetch remote code: HTTP 302",
        ),
        (
            "HTTP/1.1 200 OK\r\n\r\na\0b",
            "Fetched code appears to be binary content",
        ),
        (cut, "Failed to fetch remote code: "),
        ("nonsense\r\n\r\n", "Failed to fetch remote code: "),
    ] {
        let server = Server::new(answer).await;
        let error = get(&fetcher, &server.url("code.test")).await.unwrap_err();
        assert!(error.starts_with(message), "{error}");
    }
    let latin = Server::new(b"HTTP/1.1 200 OK\r\n\r\nprint('\xe9')".as_slice()).await;
    let error = get(&fetcher, &latin.url("code.test")).await.unwrap_err();
    assert_eq!(error, "Fetched code appears to be binary content");
    let packed = Server::new("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nx").await;
    let error = get(&fetcher, &packed.url("code.test")).await.unwrap_err();
    assert_eq!(
        error,
        "Failed to fetch remote code: the answer is compressed"
    );
    let error = get(&fetcher, "http://user:secret@code.test/")
        .await
        .unwrap_err();
    assert!(!error.contains("secret"), "{error}");
}

#[tokio::test]
async fn hashes_are_verified_also_from_the_cache() {
    let server = Server::new(ok("abc")).await;
    let right = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";
    let wrong = "0".repeat(64);
    let strict = fetcher(&serde_json::json!({ "requireHash": true }), HERE);
    let url = server.url("code.test");
    assert_eq!(
        get(&strict, &url).await.unwrap_err(),
        "Hash verification required: provide codeHash for remote code execution."
    );
    assert_eq!(server.requests(), 0);
    for _ in 0..2 {
        assert_eq!(
            get_with_hash(&strict, &url, Some(right)).await.unwrap(),
            "abc"
        );
        let error = get_with_hash(&strict, &url, Some(&wrong))
            .await
            .unwrap_err();
        assert_eq!(error, "Remote code hash mismatch");
    }
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn the_cache_has_its_time_and_can_be_off() {
    for (policy, requests) in [
        (serde_json::json!({}), 1),
        (serde_json::json!({ "cacheTtl": 0 }), 2),
        (serde_json::json!({ "enableCache": false }), 2),
    ] {
        let server = Server::new(ok("abc")).await;
        let fetcher = fetcher(&policy, HERE);
        for part in ["a", "b"] {
            let url = server.url("code.test").replace("part", part);
            assert_eq!(get(&fetcher, &url).await.unwrap(), "abc");
        }
        assert_eq!(server.requests(), requests, "{policy}");
    }
}

#[test]
fn a_wrong_pattern_is_named() {
    let policy = policy(&serde_json::json!({ "blockedHosts": ["ok", "(oops"] }));
    let error = Fetcher::new(&policy).err().unwrap().to_string();
    let start = "Invalid pattern in remoteCode.blockedHosts: \"(oops\": ";
    assert!(error.starts_with(start), "{error}");
}
