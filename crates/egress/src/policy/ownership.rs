//! Whether a pattern depends on whose host it is.
//!
//! Whoever owns a domain decides where its names point. So a whitelist entry that matches names of
//! any owner would let a program reach every private address: it asks for a name whose owner points
//! it there. Such an entry (`.*`, `\.com$`, `^api\.`) is found by trying it on names that differ from
//! the host's name in the owner alone.

use std::net::{IpAddr, Ipv4Addr};

use super::host_pattern::HostPattern;
use crate::address::{AddressClass, classify};
use crate::host::Host;
use crate::pattern::{MatchBudget, TimedOut};

/// Top-level domains that are in no public registry (RFC 6761, 6762, 7686, 8375 and the names that
/// ICANN has withheld): nobody can own a name there from outside.
const PRIVATE_SUFFIXES: [&str; 16] = [
    "alt",
    "arpa",
    "corp",
    "example",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "mail",
    "onion",
    "private",
    "test",
];

/// Second-level labels under which countries register names, as in `example.co.uk`.
const SECOND_LEVELS: [&str; 16] = [
    "ac", "co", "com", "ed", "edu", "gob", "gouv", "gov", "id", "mil", "ne", "net", "nom", "or",
    "org", "web",
];

/// Names of owners that no pattern means.
const UNRELATED_NAMES: [&str; 6] = [
    "qzxvkwj.com",
    "www.qzxvkwj.net",
    "a1.b2.qz-7x.org",
    "qzxvkwj.io",
    "qz7xk.dev",
    "qzxvkwj.de",
];

/// Public suffixes that an owner's name is tried under beside its own.
const OTHER_SUFFIXES: [&str; 3] = ["com", "net", "org"];

/// Public addresses without anything in common.
const UNRELATED_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(37, 187, 12, 201),
    Ipv4Addr::new(151, 64, 233, 9),
    Ipv4Addr::new(212, 90, 5, 77),
];

/// The same for IPv6. Each segment pair is the first of an address.
const UNRELATED_V6: [[u16; 2]; 3] = [[0x2606, 0x4700], [0x2a00, 0x1450], [0x2400, 0xcb00]];

/// Whether `pattern`, which matches `host`, also matches hosts of other owners.
pub(super) fn matches_other_owners(
    pattern: &HostPattern,
    host: &Host,
    budget: &mut MatchBudget,
) -> Result<bool, TimedOut> {
    let unrelated = UNRELATED_NAMES.iter().map(|&name| name.to_owned());
    let others = match host.ip() {
        None => of_other_owners(host.as_str()),
        Some(ip) => unrelated_addresses(ip)
            .chain(first_replaced(ip))
            .map(|ip| ip.to_string())
            .collect(),
    };
    for name in unrelated.chain(others) {
        let matched = match Host::parse(&name) {
            Ok(other) if other != *host => pattern.matches(&other, budget)?,
            _ => false,
        };
        if matched {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether `pattern`, which matches `address`, matches addresses without anything in common with it:
/// it then describes what an address looks like.
pub(super) fn matches_every_address(
    pattern: &HostPattern,
    address: IpAddr,
    budget: &mut MatchBudget,
) -> Result<bool, TimedOut> {
    for other in unrelated_addresses(address) {
        if !pattern.matches(&Host::from(other), budget)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Names like `name` that belong to others: with another label where the owner's is, in part or as a
/// whole, and under other public suffixes.
fn of_other_owners(name: &str) -> Vec<String> {
    let labels: Vec<&str> = name.split('.').collect();
    let suffix = match labels[..] {
        [] | [_] => 0,
        [.., last] if PRIVATE_SUFFIXES.contains(&last) => 0,
        [_, .., second, last] if last.len() == 2 && SECOND_LEVELS.contains(&second) => 2,
        _ => 1,
    };
    let (labels, suffix) = labels.split_at(labels.len() - suffix);
    let Some((owner, before)) = labels.split_last() else {
        return Vec::new();
    };
    let joined = |label: &str, suffix: &[&str]| {
        let labels = before.iter().copied().chain([label]);
        let labels: Vec<&str> = labels.chain(suffix.iter().copied()).collect();
        labels.join(".")
    };
    let mut names = Vec::new();
    for distance in [7, 13] {
        let other = shifted(owner, distance);
        names.extend(OTHER_SUFFIXES.map(|another| joined(&other, &[another])));
        if !suffix.is_empty() {
            names.push(joined(&other, suffix));
        }
    }
    if !suffix.is_empty() {
        // A pattern that is not anchored in front of the owner's label, or behind it.
        for cut in 1..owner.len() {
            let (head, tail) = owner.split_at(cut);
            for other in [
                shifted(head, 7) + tail,
                format!("{head}{}", shifted(tail, 7)),
            ] {
                names.push(joined(&other, suffix));
            }
        }
    }
    names
}

/// `label` with every letter and digit replaced by another one, so that its form stays.
fn shifted(label: &str, distance: u8) -> String {
    let shift = |base: u8, count: u8, byte: u8| (byte - base + distance) % count + base;
    let bytes = label.bytes().map(|byte| match byte {
        b'a'..=b'z' => shift(b'a', 26, byte),
        b'0'..=b'9' => shift(b'0', 10, byte),
        other => other,
    });
    bytes.map(char::from).collect()
}

/// Public addresses of the family of `ip` without anything in common with it.
fn unrelated_addresses(ip: IpAddr) -> impl Iterator<Item = IpAddr> {
    let v4 = UNRELATED_V4.map(IpAddr::from);
    let v6 =
        UNRELATED_V6.map(|[first, second]| IpAddr::from([first, second, 0x51, 9, 0, 0, 3, 0x8a]));
    if ip.is_ipv4() { v4 } else { v6 }.into_iter()
}

/// `ip` with other first parts, where that is a public address.
fn first_replaced(ip: IpAddr) -> Vec<IpAddr> {
    let all: Vec<IpAddr> = match ip {
        IpAddr::V4(ip) => {
            let [_, b, c, d] = ip.octets();
            (1..=223).map(|a| IpAddr::from([a, b, c, d])).collect()
        }
        IpAddr::V6(ip) => UNRELATED_V6
            .iter()
            .map(|[first, second]| {
                let mut segments = ip.segments();
                segments[..2].copy_from_slice(&[*first, *second]);
                IpAddr::from(segments)
            })
            .collect(),
    };
    all.into_iter()
        .filter(|&ip| classify(ip) == AddressClass::Public)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_pattern_is_tried_on_names_of_other_owners() {
        for (pattern, host, expected) in [
            // Whoever asks: any name does.
            ("", "intra.test", true),
            (".*", "intra.test", true),
            (".", "a.b", true),
            ("^(?!evil)", "intra.test", true),
            ("[a-z]", "intra.test", true),
            ("\\.com$", "intra.com", true),
            ("^[a-z]{5}\\.com$", "intra.com", true),
            ("\\.co\\.uk$", "intra.co.uk", true),
            ("^api\\.", "api.intra.com", true),
            ("intra", "intra.evil.com", true),
            ("intra\\.test", "intra.test.evil.com", true),
            ("corp\\.com$", "evilcorp.com", true),
            ("^corp", "corp-evil.com", true),
            ("^10\\.", "10.evil.com", true),
            ("\\d$", "10.0.0.5", true),
            ("^1", "10.0.0.5", true),
            ("^[\\d.]+$", "10.0.0.5", true),
            (":", "fd00::5", true),
            // It is this host's owner alone.
            ("^intra\\.test$", "intra.test", false),
            ("intra\\.test", "intra.test", false),
            ("intra", "intra", false),
            ("^intra$", "intra", false),
            ("\\.test$", "intra.test", false),
            ("\\.internal$", "db.prod.internal", false),
            ("^(.*\\.)?corp\\.com$", "db.corp.com", false),
            ("^(.*\\.)?corp\\.co\\.uk$", "db.corp.co.uk", false),
            ("^(api|db)-\\d+\\.corp\\.com$", "db-7.corp.com", false),
            ("^corp\\.com$", "corp.com", false),
            ("^10\\.", "10.0.0.5", false),
            ("^192\\.168\\.", "192.168.7.5", false),
            ("^fd00:", "fd00::5", false),
            ("^\\[fd00::5\\]$", "fd00::5", false),
        ] {
            let host = Host::parse(host).unwrap();
            let mut budget = MatchBudget::new(Duration::from_mins(1));
            let compiled = HostPattern::new(pattern).unwrap();
            assert!(compiled.matches(&host, &mut budget).unwrap());
            let found = matches_other_owners(&compiled, &host, &mut budget);
            assert_eq!(found, Ok(expected), "{pattern} {host}");
        }
    }

    #[test]
    fn other_owners_keep_the_form_of_the_host() {
        let names = of_other_owners("db-1.corp.com");
        assert!(names.contains(&"db-1.jvyw.com".to_owned()), "{names:?}");
        assert!(names.contains(&"db-1.jvyw.net".to_owned()), "{names:?}");
        assert!(names.contains(&"db-1.jorp.com".to_owned()), "{names:?}");
        assert!(names.contains(&"db-1.corw.com".to_owned()), "{names:?}");
    }
}
