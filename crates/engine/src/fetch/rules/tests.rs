//! Which addresses a program may come from.

use super::*;
use isol8_api::options::RawOptions;

use crate::options::Options;

fn rules(policy: &serde_json::Value) -> Rules {
    let raw: RawOptions =
        serde_json::from_value(serde_json::json!({ "remoteCode": policy })).unwrap();
    Rules::new(&Options::try_from(raw).unwrap().remote_code).unwrap()
}

fn check(rules: &Rules, url: &str, insecure: bool) -> Result<Target, String> {
    rules
        .check(&url.parse().unwrap(), insecure)
        .map_err(|error| error.to_string())
}

#[test]
fn schemes_and_hosts_have_the_public_messages() {
    let rules = rules(&serde_json::json!({}));
    assert!(check(&rules, "https://example.com:8443/a.py", false).is_ok());
    let insecure = "Insecure code URL blocked. Use allowInsecureCodeUrl=true to allow HTTP.";
    assert_eq!(
        check(&rules, "http://example.com/", false).unwrap_err(),
        insecure
    );
    for scheme in ["http", "ftp", "file", "data", "ws"] {
        let error = check(&rules, &format!("{scheme}://example.com/"), true).unwrap_err();
        assert_eq!(error, format!("URL scheme not allowed: {scheme}"));
    }
    for (url, host) in [
        ("https://localhost/", "localhost"),
        ("https://LOCALHOST./", "localhost"),
        ("https://a.localhost/", "a.localhost"),
        ("https://127.1/", "127.0.0.1"),
        ("https://0x7f000001/", "127.0.0.1"),
        ("https://[::ffff:10.0.0.1]/", "10.0.0.1"),
        ("https://[::1]/", "::1"),
        ("https://169.254.169.254/latest", "169.254.169.254"),
        (
            "https://metadata.google.internal/",
            "metadata.google.internal",
        ),
    ] {
        let error = check(&rules, url, false).unwrap_err();
        assert_eq!(error, format!("Blocked code URL host: {host}"), "{url}");
    }
}

#[test]
fn allowed_hosts_are_the_only_ones_and_blocked_ones_win() {
    let rules = rules(&serde_json::json!({
        "allowedHosts": ["^(.*\\.)?example\\.com$", "^127\\."],
        "blockedHosts": ["^bad\\.", "^127\\."],
    }));
    assert!(check(&rules, "https://API.Example.com./x", false).is_ok());
    for host in ["example.org", "bad.example.com", "127.0.0.1"] {
        assert!(
            check(&rules, &format!("https://{host}/"), false).is_err(),
            "{host}"
        );
    }
}

/// Whether `name`, which resolves to `address`, may be asked.
fn admits(rules: &Rules, name: &str, address: &str) -> bool {
    let url = format!("https://{name}/");
    check(rules, &url, false)
        .is_ok_and(|target| rules.admits(&target, address.parse().unwrap(), false))
}

#[test]
fn an_interface_of_this_machine_is_not_public() {
    let own = |policy| {
        let rules = rules(&policy);
        let target = check(&rules, "https://code.test/", false).unwrap();
        rules.admits(&target, "93.184.216.34".parse().unwrap(), true)
    };
    assert!(!own(serde_json::json!({ "blockedHosts": [] })));
    assert!(!own(serde_json::json!({ "allowPrivate": ["10.0.0.0/8"] })));
    assert!(own(
        serde_json::json!({ "allowPrivate": ["93.184.216.34"] })
    ));
}

const NOT_PUBLIC: &[&str] = &[
    "127.0.0.1",
    "127.9.9.9",
    "::1",
    "::ffff:127.0.0.1",
    "10.1.2.3",
    "::ffff:10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "fd12::1",
    "169.254.1.1",
    "169.254.169.254",
    "100.100.100.200",
    "168.63.129.16",
    "fe80::1",
    "fd00:ec2::254",
    "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1",
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "2001:0:7f00:1::1",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "255.255.255.255",
];

#[test]
fn no_pattern_opens_an_address_that_is_not_public() {
    for policy in [
        serde_json::json!({}),
        serde_json::json!({ "blockedHosts": [] }),
        serde_json::json!({ "blockedHosts": ["^localhost$"] }),
        serde_json::json!({ "blockedHosts": [], "allowedHosts": ["."] }),
    ] {
        let rules = rules(&policy);
        for address in NOT_PUBLIC {
            assert!(!admits(&rules, "code.test", address), "{policy} {address}");
            let host = if address.contains(':') {
                format!("[{address}]")
            } else {
                (*address).to_owned()
            };
            assert!(!admits(&rules, &host, address), "{policy} {host}");
        }
        assert!(admits(&rules, "code.test", "93.184.216.34"), "{policy}");
    }
}

#[test]
fn blocked_hosts_hold_for_resolved_addresses() {
    let rules = rules(&serde_json::json!({ "blockedHosts": ["^8\\.8\\."] }));
    assert!(!admits(&rules, "code.test", "8.8.8.8"));
    assert!(!admits(&rules, "code.test", "64:ff9b::808:808"));
    assert!(admits(&rules, "code.test", "9.9.9.9"));
}

#[test]
fn allow_private_opens_exactly_what_it_names() {
    let list = ["10.0.0.0/8", "127.0.0.1", "intra.test", "fd00::/8"];
    let rules = rules(&serde_json::json!({ "allowPrivate": list }));
    for (name, address, open) in [
        ("code.test", "10.1.2.3", true),
        ("code.test", "::ffff:10.1.2.3", true),
        ("10.1.2.3", "10.1.2.3", true),
        ("code.test", "127.0.0.1", true),
        ("127.0.0.1", "127.0.0.1", true),
        ("code.test", "127.0.0.2", false),
        ("code.test", "192.168.0.1", false),
        ("intra.test", "192.168.0.1", true),
        ("INTRA.test.", "::1", true),
        ("a.intra.test", "::1", false),
        ("code.test", "fd12::1", true),
        // A block or a name never opens metadata, nor what only carries an open address.
        ("code.test", "fd00:ec2::254", false),
        ("intra.test", "169.254.169.254", false),
        ("code.test", "64:ff9b::7f00:1", false),
        ("localhost", "127.0.0.1", false),
    ] {
        assert_eq!(admits(&rules, name, address), open, "{name} {address}");
    }
}

#[test]
fn link_local_addresses_open_one_by_one() {
    let list = ["169.254.0.0/16", "169.254.7.7", "0.0.0.0/0"];
    let rules = rules(&serde_json::json!({ "allowPrivate": list }));
    assert!(admits(&rules, "code.test", "169.254.7.7"));
    assert!(admits(&rules, "169.254.7.7", "169.254.7.7"));
    assert!(!admits(&rules, "code.test", "169.254.169.254"));
    assert!(!admits(&rules, "169.254.169.254", "169.254.169.254"));
    assert!(admits(&rules, "code.test", "127.0.0.1"));
}

#[test]
fn blocked_hosts_of_the_caller_win_over_allow_private() {
    let rules = rules(&serde_json::json!({
        "allowPrivate": ["10.0.0.0/8", "intra.test"],
        "blockedHosts": ["^10\\.", "^10\\.0\\.", "^intra"],
    }));
    assert!(admits(&rules, "code.test", "10.1.0.1"));
    assert!(!admits(&rules, "code.test", "10.0.0.1"));
    assert!(!admits(&rules, "intra.test", "10.1.0.1"));
}

#[test]
fn plain_http_needs_the_scheme_and_the_request() {
    let url = "http://example.com/";
    let scheme = "URL scheme not allowed: ";
    let both = rules(&serde_json::json!({ "allowedSchemes": ["https", "http"] }));
    assert!(check(&both, url, true).is_ok());
    let insecure = "Insecure code URL blocked. Use allowInsecureCodeUrl=true to allow HTTP.";
    assert_eq!(check(&both, url, false).unwrap_err(), insecure);
    let only = rules(&serde_json::json!({ "allowedSchemes": ["http"] }));
    assert!(check(&only, url, true).is_ok());
    let error = check(&only, "https://example.com/", true).unwrap_err();
    assert_eq!(error, format!("{scheme}https"));
    for schemes in [vec!["https"], vec![]] {
        let rules = rules(&serde_json::json!({ "allowedSchemes": schemes }));
        assert_eq!(
            check(&rules, url, true).unwrap_err(),
            format!("{scheme}http")
        );
    }
}

#[test]
fn a_wrong_entry_of_allow_private_is_named() {
    let raw: RawOptions = serde_json::from_value(serde_json::json!({
        "remoteCode": { "allowPrivate": ["10.0.0.0/99"] },
    }))
    .unwrap();
    let error = Rules::new(&Options::try_from(raw).unwrap().remote_code).unwrap_err();
    let error = error.to_string();
    let start = "Invalid remoteCode.allowPrivate: \"10.0.0.0/99\": ";
    assert!(error.starts_with(start), "{error}");
}
