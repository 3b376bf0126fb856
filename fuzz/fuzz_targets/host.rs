//! What the filtering proxy takes for a host, and what its policy says of it. The input is the host as a
//! program in a sandbox writes it.
#![no_main]
#![expect(clippy::expect_used, reason = "a target fails by panicking")]

use std::{net::IpAddr, sync::LazyLock};

use isol8_egress::{Grant, Host, MAX_HOST, Policy, PolicyOptions, classify};
use libfuzzer_sys::fuzz_target;

static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let options = PolicyOptions {
        whitelist: vec!["^allowed\\.test$".to_owned()],
        blacklist: vec!["(?=denied)".to_owned()],
        ..PolicyOptions::default()
    };
    Policy::new(options).expect("valid patterns")
});

/// Whether a resolver could take a name's last label for a number.
fn is_numeric(label: &str) -> bool {
    match label.strip_prefix("0x") {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

fuzz_target!(|bytes: &[u8]| {
    let written = String::from_utf8_lossy(bytes);
    let Ok(host) = Host::parse(&written) else {
        return;
    };
    let text = host.as_str();
    assert_eq!(Host::parse(text).as_ref(), Ok(&host), "not normalised");
    assert!(!text.is_empty() && text.len() <= MAX_HOST);
    assert_eq!(text.parse::<IpAddr>().ok(), host.ip());
    if let Some(ip) = host.ip() {
        let _ = classify(ip);
        assert!(!matches!(ip, IpAddr::V6(six) if six.to_ipv4_mapped().is_some()));
    } else {
        let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
        assert!(text.bytes().all(plain), "a name with other characters");
        assert!(
            !text.rsplit('.').next().is_some_and(is_numeric),
            "an address after all"
        );
    }
    let allowed: Result<Grant, _> = POLICY.judge(&host, 443);
    assert_eq!(allowed.is_ok(), text == "allowed.test");
});
