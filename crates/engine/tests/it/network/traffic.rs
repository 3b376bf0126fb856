//! What this namespace has sent.

use std::collections::BTreeMap;

/// Counters of packets and connections that this namespace has begun. No denied request may change them.
pub(crate) fn traffic() -> BTreeMap<String, u64> {
    let mut counters = BTreeMap::new();
    let snmp = std::fs::read_to_string("/proc/self/net/snmp").unwrap();
    let lines: Vec<_> = snmp.lines().collect();
    for pair in lines.chunks(2) {
        let names = pair[0].split(' ').skip(1);
        let family = pair[0].split(':').next().unwrap();
        for (name, value) in names.zip(pair[1].split(' ').skip(1)) {
            if ["ActiveOpens", "OutDatagrams", "OutMsgs", "OutRequests"].contains(&name) {
                counters.insert(format!("{family}{name}"), value.parse().unwrap());
            }
        }
    }
    let snmp6 = std::fs::read_to_string("/proc/self/net/snmp6").unwrap();
    let all: BTreeMap<&str, u64> = snmp6
        .lines()
        .map(|line| {
            let (name, value) = line.split_once(char::is_whitespace).unwrap();
            (name, value.trim().parse().unwrap())
        })
        .collect();
    // For some seconds the system tells a new network which multicast groups it is in. No program can cause that.
    let reports: u64 = ["Icmp6OutMLDv2Reports", "Icmp6OutGroupMembReports"]
        .iter()
        .filter_map(|name| all.get(name))
        .sum();
    for (name, own) in [
        ("Ip6OutRequests", reports),
        ("Udp6OutDatagrams", 0),
        ("Icmp6OutMsgs", reports),
    ] {
        counters.insert(name.to_owned(), all[name] - own);
    }
    counters
}
