//! Hosts and addresses that must not be reached. One server stands behind every name and address here. Each case
//! asserts that no byte reached it, and no connection either where none is needed.

use crate::support::{
    Client, Play, Recorder, Scripted, ask, assert_untouched, lenient, ok, proxy, strings,
};
use isol8_egress::{Action, BlockReason, PolicyOptions};

/// A whitelist that matches every host, so that only the address rules can refuse.
fn any_host() -> PolicyOptions {
    PolicyOptions {
        whitelist: strings(&[".*"]),
        ..PolicyOptions::default()
    }
}

#[tokio::test]
async fn hosts_that_the_filter_denies() {
    for host in [
        "denied.test",
        "DENIED.test",
        "denied.test.",
        "xallowed.test",
        "allowed.test.evil.test",
        "evil-allowed.test",
        "127.0.0.1",
        "[::1]",
        "[2001:db8::1]",
        "xn--bcher-kva.test",
        "allowed_test",
    ] {
        let (answer, recorder, log) = ask(
            lenient(),
            &format!("GET http://{host}:{{port}}/secret HTTP/1.1\r\nHost: allowed.test\r\n\r\n"),
        )
        .await;
        assert!(
            answer.starts_with("HTTP/1.1 403 Forbidden\r\n"),
            "{host}: {answer}"
        );
        let shown = host.to_lowercase();
        let shown = shown.trim_end_matches('.').trim_matches(['[', ']']);
        let body = format!(
            "\r\n\r\nisol8: request to {shown} blocked by network filter: networkFilter.whitelist can allow it"
        );
        assert!(answer.ends_with(&body), "{host}: {answer}");
        assert_untouched(&recorder, host);
        assert_eq!(log.entries.len(), 1);
        assert_eq!(log.entries[0].action(), Action::Block);
        assert_eq!(log.entries[0].host, shown);
        assert_eq!(log.entries[0].path.as_deref(), Some("/secret"));
        let reason = log.entries[0].blocked.as_ref();
        assert_eq!(reason.map(BlockReason::code), Some("filter_mismatch"));
        assert_eq!(log.entries[0].method, "GET");

        let (answer, recorder, log) = ask(
            lenient(),
            &format!("CONNECT {host}:{{port}} HTTP/1.1\r\nHost: allowed.test\r\n\r\nsecret"),
        )
        .await;
        assert!(
            answer.starts_with("HTTP/1.1 403 Forbidden\r\n"),
            "{host}: {answer}"
        );
        let body = format!("\r\n\r\nisol8: CONNECT to {shown} blocked by network filter: ");
        assert!(answer.contains(&body), "{host}: {answer}");
        assert_untouched(&recorder, host);
        assert_eq!(
            (log.entries[0].path.as_deref(), log.entries[0].action()),
            (None, Action::Block)
        );
    }
}

#[tokio::test]
async fn addresses_that_are_refused_in_every_spelling() {
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "0",
        "0.0.0.0",
        "[::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::FFFF:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "169.254.169.254",
        "[::ffff:169.254.169.254]",
        "0xa9fea9fe",
        "2852039166",
        "[fd00:ec2::254]",
        "100.100.100.200",
        "168.63.129.16",
        "224.0.0.1",
        "255.255.255.255",
        "[ff02::1]",
        "allowed.test",
    ] {
        for request in [
            format!("GET http://{host}:{{port}}/ HTTP/1.1\r\n\r\n"),
            format!("CONNECT {host}:{{port}} HTTP/1.1\r\n\r\n"),
        ] {
            let (answer, recorder, log) = ask(any_host(), &request).await;
            assert!(answer.starts_with("HTTP/1.1 403 "), "{request}: {answer}");
            assert_untouched(&recorder, &request);
            assert_eq!(log.entries[0].action(), Action::Block, "{request}");
        }
    }
}

#[tokio::test]
async fn private_addresses_need_a_whitelist_entry() {
    // The addresses are refused before anything is dialled.
    for host in [
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "100.64.0.1",
        "[fd00::1]",
        "203.0.113.1",
    ] {
        let request = format!("GET http://{host}/ HTTP/1.1\r\n\r\n");
        let (answer, _recorder, _log) = ask(PolicyOptions::default(), &request).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{host}: {answer}");
    }
}

#[tokio::test]
async fn a_pattern_for_every_host_opens_no_private_address() {
    let names = |address: &'static str| Scripted::new(&[("evil.test", &[address])]);
    for whitelist in [".*", "", "^(?!denied)", "[a-z]"] {
        for (address, advice) in [
            (
                "10.0.0.1",
                "its address is private; networkFilter.allowPrivate can allow it",
            ),
            (
                "fd00::1",
                "its address is private; networkFilter.allowPrivate can allow it",
            ),
            (
                "127.0.0.1",
                "its address is the host's own; networkFilter.allowLoopback can allow it",
            ),
        ] {
            let options = PolicyOptions {
                whitelist: strings(&[whitelist]),
                ..PolicyOptions::default()
            };
            let mut client = Client::connect(&proxy(options, names(address)));
            client.send("CONNECT evil.test:443 HTTP/1.1\r\n\r\n").await;
            let answer = client.answer().await;
            let expected =
                format!("isol8: CONNECT to evil.test blocked by network filter: {advice}");
            assert!(answer.ends_with(&expected), "{whitelist} {answer}");
        }
    }
}

#[tokio::test]
async fn ports_without_a_whitelist() {
    let open = || PolicyOptions {
        allow_loopback: strings(&["127.0.0.1"]),
        ..PolicyOptions::default()
    };
    let (answer, recorder, _log) =
        ask(open(), "GET http://allowed.test:{port}/ HTTP/1.1\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(answer.contains("networkFilter.ports"), "{answer}");
    assert_untouched(&recorder, "a port that is not open");
}

#[tokio::test]
async fn a_redirect_is_judged_when_it_is_followed() {
    let denied = Recorder::start(ok("leaked")).await;
    let location = format!("http://denied.test:{}/", denied.port());
    let redirect =
        format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
    let allowed = Recorder::start(Play::Http(redirect.into())).await;
    let mut client = Client::asking(allowed.port()).await;
    let answer = client.answer().await;
    assert!(answer.contains(&location), "{answer}");
    client
        .send(format!("GET {location} HTTP/1.1\r\n\r\n"))
        .await;
    let answer = client.answer().await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert_untouched(&denied, "the redirect's target");
}
