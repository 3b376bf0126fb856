//! What the rules decide.

use super::*;

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|&s| s.to_owned()).collect()
}

fn policy(whitelist: &[&str], blacklist: &[&str]) -> Policy {
    Policy::new(PolicyOptions {
        whitelist: strings(whitelist),
        blacklist: strings(blacklist),
        ..PolicyOptions::default()
    })
    .unwrap()
}

fn judge(policy: &Policy, host: &str, port: u16) -> Result<Grant, Denial> {
    policy.judge(&Host::parse(host).unwrap(), port)
}

#[test]
fn blacklist_then_whitelist_then_port() {
    let open = policy(&[], &["evil"]);
    assert!(judge(&open, "example.com", 443).is_ok());
    assert!(judge(&open, "example.com", 80).is_ok());
    assert_eq!(judge(&open, "example.com", 22), Err(Denial::Port));
    assert_eq!(judge(&open, "EVIL.example.", 443), Err(Denial::Blacklisted));

    let closed = policy(&["^(.*\\.)?Example\\.com$"], &["^admin\\."]);
    assert!(judge(&closed, "api.example.com", 22).is_ok());
    assert_eq!(judge(&closed, "api.example.com", 0), Err(Denial::Port));
    assert_eq!(
        judge(&closed, "example.com.evil.net", 443),
        Err(Denial::NotWhitelisted)
    );
    assert_eq!(
        judge(&closed, "ADMIN.example.com", 443),
        Err(Denial::Blacklisted)
    );
}

#[test]
fn ipv6_matches_with_and_without_brackets() {
    for pattern in ["^2606:4700::1111$", "^\\[2606:4700::1111\\]$"] {
        assert!(judge(&policy(&[pattern], &[]), "[2606:4700:0:0::1111]", 443).is_ok());
        assert!(judge(&policy(&[], &[pattern]), "2606:4700::1111", 443).is_err());
    }
    let denied = policy(&[], &["^8\\.8\\.8\\.8$"]);
    for host in [
        "[64:ff9b::808:808]",
        "[2002:808:808::1]",
        "[::ffff:8.8.8.8]",
        "8.8.2056",
    ] {
        assert_eq!(
            judge(&denied, host, 443),
            Err(Denial::Blacklisted),
            "{host}"
        );
    }
}

#[test]
fn address_rules() {
    let admits = |policy: &Policy, host: &str, address: &str| {
        let grant = judge(policy, host, 443).unwrap();
        let host = Host::parse(host).unwrap();
        policy
            .admits(&host, grant, address.parse().unwrap(), false)
            .is_ok()
    };
    let open = policy(&[], &[]);
    let catch_all = policy(&["."], &[]);
    let listed = policy(&["^a\\.test$"], &[]);
    for (address, by_open, by_listed) in [
        ("8.8.8.8", true, true),
        ("10.0.0.1", false, true),
        ("fd00::1", false, true),
        ("127.0.0.1", false, false),
        ("::1", false, false),
        ("::ffff:127.0.0.1", false, false),
        ("169.254.169.254", false, false),
        ("fd00:ec2::23", false, false),
        ("0.0.0.0", false, false),
        ("64:ff9b::7f00:1", false, false),
    ] {
        assert_eq!(admits(&open, "a.test", address), by_open, "{address}");
        assert_eq!(admits(&catch_all, "a.test", address), by_open, "{address}");
        assert_eq!(admits(&listed, "a.test", address), by_listed, "{address}");
    }
    let opened = Policy::new(PolicyOptions {
        allow_private: strings(&["10.0.0.0/8", "intra.test", "fd00::5"]),
        allow_loopback: strings(&["127.0.0.0/8", "self.test"]),
        ..PolicyOptions::default()
    })
    .unwrap();
    assert!(admits(&opened, "a.test", "10.1.1.1"));
    assert!(admits(&opened, "a.test", "fd00::5"));
    assert!(!admits(&opened, "a.test", "192.168.0.1"));
    assert!(admits(&opened, "Intra.test.", "192.168.0.1"));
    assert!(admits(&opened, "a.test", "127.0.0.9"));
    assert!(admits(&opened, "a.test", "::ffff:127.0.0.9"));
    assert!(!admits(&opened, "a.test", "::1"));
    assert!(admits(&opened, "self.test", "::1"));
    assert!(!admits(&opened, "self.test", "169.254.1.1"));
    assert!(!admits(&opened, "self.test", "64:ff9b::127.0.0.1"));
}

fn public(host: &str) -> [ExtraHost; 1] {
    [ExtraHost::Public(host.to_owned())]
}

#[test]
fn extra_hosts_are_exact_and_below_the_blacklist() {
    let base = policy(&["^a\\.test$"], &["bad"]);
    let derived = base.with_extra_hosts(&public("Registry.Test.")).unwrap();
    assert!(judge(&derived, "registry.test", 443).is_ok());
    assert!(judge(&derived, "registry.test", 80).is_ok());
    assert!(judge(&derived, "registry.test", 8443).is_err());
    assert!(judge(&derived, "a.test", 443).is_ok());
    assert!(judge(&derived, "x.registry.test", 443).is_err());
    assert!(judge(&base, "registry.test", 443).is_err());
    let bad = base.with_extra_hosts(&public("bad.test")).unwrap();
    assert_eq!(judge(&bad, "bad.test", 443), Err(Denial::Blacklisted));
    assert!(base.with_extra_hosts(&public("a b")).is_err());
    let open = policy(&[], &[])
        .with_extra_hosts(&public("r.test"))
        .unwrap();
    assert!(judge(&open, "b.test", 80).is_ok());
}

#[test]
fn an_extra_host_opens_no_more_addresses_and_ports_than_its_kind() {
    let base = policy(&["(?!)"], &[]);
    let name = || "r.test".to_owned();
    for (extra, port, opened) in [
        (ExtraHost::Public(name()), 443, [true, false, false, false]),
        (ExtraHost::Known(name()), 80, [true, true, false, false]),
        (
            ExtraHost::Exact(name(), 8081),
            8081,
            [true, true, true, false],
        ),
    ] {
        let policy = base.with_extra_hosts(std::slice::from_ref(&extra)).unwrap();
        let host = Host::parse("r.test").unwrap();
        let grant = policy.judge(&host, port).unwrap();
        for (addresses, open) in [
            ["9.9.9.9", "2620:fe::fe"],
            ["10.0.0.5", "fd00::5"],
            ["127.0.0.1", "::1"],
            ["169.254.169.254", "fd00:ec2::254"],
        ]
        .iter()
        .zip(opened)
        {
            for address in addresses {
                let admitted = policy.admits(&host, grant, address.parse().unwrap(), false);
                assert_eq!(admitted.is_ok(), open, "{extra:?} {address}");
            }
        }
        let own = policy.admits(&host, grant, "9.9.9.9".parse().unwrap(), true);
        assert_eq!(own.is_ok(), opened[2], "{extra:?} on this machine");
        let others = [80, 443, 8081, 6379]
            .into_iter()
            .filter(|other| match extra {
                ExtraHost::Exact(..) => *other != port,
                _ => *other > 443,
            });
        for other in others {
            assert!(
                judge(&policy, "r.test", other).is_err(),
                "{extra:?} {other}"
            );
        }
    }
}

#[test]
fn ports_override() {
    let policy = Policy::new(PolicyOptions {
        whitelist: strings(&["a"]),
        ports: Some(vec![8080]),
        ..PolicyOptions::default()
    })
    .unwrap();
    assert!(judge(&policy, "a", 8080).is_ok());
    assert_eq!(judge(&policy, "a", 443), Err(Denial::Port));
}

#[test]
fn errors_name_the_entry_and_the_list() {
    let error = Policy::new(PolicyOptions {
        blacklist: strings(&["ok", "(oops"]),
        ..PolicyOptions::default()
    })
    .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("invalid pattern in network blacklist: \"(oops\"")
    );
    assert_eq!(error.code(), "NETWORK_PATTERN_INVALID");
    let error = Policy::new(PolicyOptions {
        allow_private: strings(&["10.0.0.0/99"]),
        ..PolicyOptions::default()
    })
    .unwrap_err();
    assert!(
        error.to_string().contains("allowPrivate: \"10.0.0.0/99\""),
        "{error}"
    );
}

#[test]
fn the_blacklist_holds_for_resolved_addresses() {
    let refused = |policy: &Policy, address: &str| {
        let host = Host::parse("a.test").unwrap();
        let grant = policy.judge(&host, 443).unwrap();
        let address = address.parse().unwrap();
        policy.admits(&host, grant, address, false) == Err(Denial::Blacklisted)
    };
    let some = policy(&[], &["^8\\.8\\.", "^2620:fe::", "^\\[2400:cb00::1\\]$"]);
    for address in [
        "8.8.4.4",
        "::ffff:8.8.4.4",
        "64:ff9b::808:404",
        "2002:808:404::1",
        "2620:fe::fe",
        "2400:cb00::1",
    ] {
        assert!(refused(&some, address), "{address}");
    }
    for address in ["8.9.4.4", "2620:ff::fe", "2400:cb00::2"] {
        assert!(!refused(&some, address), "{address}");
    }
    // A pattern that every address matches refuses addresses in the place of names.
    let literals = policy(&[], &["^[\\d.]+$", ":"]);
    for address in ["8.8.4.4", "2620:fe::fe"] {
        assert!(!refused(&literals, address), "{address}");
        assert_eq!(judge(&literals, address, 443), Err(Denial::Blacklisted));
    }
}

#[test]
fn addresses_of_interfaces_are_the_hosts_own() {
    let host = Host::parse("a.test").unwrap();
    let decide = |options: PolicyOptions, address: &str| {
        let policy = Policy::new(options).unwrap();
        let grant = policy.judge(&host, 443).unwrap();
        policy.admits(&host, grant, address.parse().unwrap(), true)
    };
    let listed = PolicyOptions {
        whitelist: strings(&["^a\\.test$"]),
        allow_private: strings(&["10.0.0.0/8", "a.test"]),
        ..PolicyOptions::default()
    };
    for address in ["8.8.8.8", "10.0.0.1", "2620:fe::fe"] {
        assert_eq!(decide(listed.clone(), address), Err(Denial::HostAddress));
        let opened = PolicyOptions {
            allow_loopback: strings(&[address]),
            ..listed.clone()
        };
        assert_eq!(decide(opened, address), Ok(()));
    }
    let never = PolicyOptions {
        allow_loopback: strings(&["a.test", "0.0.0.0/0"]),
        ..listed
    };
    let forbidden = decide(never, "169.254.169.254");
    assert_eq!(forbidden, Err(Denial::ForbiddenAddress));
}

#[test]
fn a_pattern_that_takes_too_long_denies_by_its_name() {
    let slow = "^(a+)+\\1x$";
    let host = "a".repeat(60);
    for (list, policy) in [
        ("blacklist", policy(&[], &[slow])),
        ("whitelist", policy(&[slow], &[])),
    ] {
        let Err(denial) = judge(&policy, &host, 443) else {
            panic!("{list}");
        };
        assert_eq!(denial.code(), "pattern_timeout");
        assert_eq!(
            denial.to_string(),
            format!("the {list} pattern {slow:?} took longer than 50 ms")
        );
        assert!(!policy.is_fast());
        // The same pattern decides about the next host.
        let expected = list == "blacklist";
        assert_eq!(judge(&policy, "b.test", 443).is_ok(), expected);
    }
    // A linear pattern that matches is enough.
    let both = policy(&[slow, "^a+$"], &[]);
    assert!(judge(&both, &host, 443).is_ok());
}
