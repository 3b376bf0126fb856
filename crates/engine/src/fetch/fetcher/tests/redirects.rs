//! Each address and each redirect is checked.

use super::*;

#[tokio::test]
async fn resolved_addresses_are_checked() {
    let server = Server::new(ok("1")).await;
    // The documented example: it names one host, and opens no address.
    let default = serde_json::json!({ "allowPrivate": [], "blockedHosts": ["^localhost$"] });
    for (name, addresses) in [
        ("a.test", "127.0.0.1"),
        ("b.test", "::ffff:127.0.0.1"),
        ("c.test", "10.0.0.1"),
        ("e.test", "64:ff9b::7f00:1"),
        ("f.test", "2002:7f00:1::"),
        // One bad address is enough: which one would be dialled is the other side's choice.
        ("d.test", "93.184.216.34 169.254.169.254"),
    ] {
        let fetcher = fetcher(&default, &[(name, &[addresses])]);
        let error = get(&fetcher, &server.url(name)).await.unwrap_err();
        assert_eq!(error, format!("Blocked code URL host: {name}"));
    }
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn every_redirect_is_checked_and_resolved_again() {
    let end = Server::new(ok("1")).await;
    let inside = Server::new(moved(&end.url("end.test"))).await;
    let names: &[(&str, &[&str])] = &[
        ("start.test", &["127.0.0.1"]),
        ("end.test", &["127.0.0.1"]),
        ("evil.test", &["169.254.169.254"]),
    ];
    let open = fetcher(&serde_json::json!({}), names);
    assert_eq!(get(&open, &inside.url("start.test")).await.unwrap(), "1");

    let listed = fetcher(&serde_json::json!({ "blockedHosts": ["^end\\."] }), names);
    assert_eq!(
        get(&listed, &inside.url("start.test")).await.unwrap_err(),
        "Blocked code URL host: end.test"
    );
    for (location, message) in [
        ("http://evil.test/", "Blocked code URL host: evil.test"),
        (
            "http://[::ffff:169.254.169.254]/",
            "Blocked code URL host: 169.254.169.254",
        ),
        ("http://10.0.0.1/", "Blocked code URL host: 10.0.0.1"),
        ("http://127.0.0.2/", "Blocked code URL host: 127.0.0.2"),
        ("file:///etc/passwd", "URL scheme not allowed: file"),
    ] {
        let start = Server::new(moved(location)).await;
        assert_eq!(
            get(&open, &start.url("start.test")).await.unwrap_err(),
            message
        );
    }
    let server = Server::new(moved("/again")).await;
    assert_eq!(
        get(&open, &server.url("start.test")).await.unwrap_err(),
        "Failed to fetch remote code: more than 5 redirects"
    );
    assert_eq!(server.requests(), 6);
}

#[tokio::test]
async fn a_name_that_changes_its_address_is_not_asked_twice() {
    let server = Server::new(ok("1")).await;
    let policy = serde_json::json!({ "blockedHosts": ["^10\\."] });
    let fetcher = fetcher(&policy, &[("code.test", &["127.0.0.1", "10.0.0.1"])]);
    // The lookup that was checked is the one that is dialled: the second answer is never seen.
    assert_eq!(get(&fetcher, &server.url("code.test")).await.unwrap(), "1");
    let error = get(
        &fetcher,
        &format!("http://code.test:{}/", server.address.port()),
    )
    .await;
    assert_eq!(error.unwrap_err(), "Blocked code URL host: code.test");
}

#[tokio::test]
async fn a_redirect_from_tls_to_plain_http_needs_leave() {
    let plain = Server::new(ok("1")).await;
    let certified = rcgen::generate_simple_self_signed(["code.test".to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certified.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key.into())
        .unwrap();
    let tls = TlsAcceptor::from(Arc::new(config));
    let start = Server::start(moved(&plain.url("code.test")).into(), Some(tls.clone())).await;
    let end = Server::start(ok("2").into(), Some(tls)).await;
    let url = |server: &Server, host| format!("https://{host}:{}/", server.address.port());

    let names = &[
        ("code.test", &["127.0.0.1"][..]),
        ("other.test", &["127.0.0.1"]),
    ];
    let dialler = Dialler::trusting(roots).unwrap();
    let fetcher =
        Fetcher::with(&policy(&serde_json::json!({})), Names::with(names), dialler).unwrap();
    let get = async |url: String, insecure| {
        let request = FetchRequest {
            url: &url,
            hash: None,
            insecure,
        };
        fetcher
            .fetch(request)
            .await
            .map_err(|error| error.to_string())
    };
    assert_eq!(get(url(&end, "code.test"), false).await.unwrap(), "2");
    assert_eq!(
        get(url(&start, "code.test"), false).await.unwrap_err(),
        "Insecure code URL blocked. Use allowInsecureCodeUrl=true to allow HTTP."
    );
    assert_eq!(get(url(&start, "code.test"), true).await.unwrap(), "1");
    // What was fetched with leave is not given to those without.
    assert!(get(url(&start, "code.test"), false).await.is_err());
    let error = get(url(&end, "other.test"), false).await.unwrap_err();
    assert!(
        error.starts_with("Failed to fetch remote code: "),
        "{error}"
    );
}
