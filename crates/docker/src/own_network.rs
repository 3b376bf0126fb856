//! Settings of a network that one sandbox has for itself.

use std::{collections::HashMap, path::Path};

/// What every network of a sandbox's own has.
///
/// A closed connection would be listed for a minute, for the next program to read, and make the sandbox
/// one that cannot be used again. So none is kept.
///
/// Control groups of version 1 do not count the buffers of sockets. By default those of one connection grow
/// to 12 MiB within a sandbox; with these sizes it has at most 0.55 MiB (both measured on Linux 6.18).
const NETWORK_SETTINGS: [(&str, &str); 3] = [
    ("net.ipv4.tcp_max_tw_buckets", "0"),
    ("net.ipv4.tcp_rmem", "4096 65536 131072"),
    ("net.ipv4.tcp_wmem", "4096 65536 131072"),
];

/// Switches IPv6 off in a network, where the system has it.
const NO_IPV6: &str = "net.ipv6.conf.all.disable_ipv6";

/// Where this machine's system has [`NO_IPV6`].
const NO_IPV6_FILE: &str = "/proc/sys/net/ipv6/conf/all/disable_ipv6";

/// The settings by name. `without_ipv6` switches IPv6 off, where the system has it.
pub(crate) fn settings(without_ipv6: bool) -> HashMap<String, String> {
    let no_ipv6 = without_ipv6 && Path::new(NO_IPV6_FILE).exists();
    NETWORK_SETTINGS
        .into_iter()
        .chain(no_ipv6.then_some((NO_IPV6, "1")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Whether `message` is about the setting that depends on this machine.
pub(crate) fn is_named_in(message: &str) -> bool {
    message.contains(NO_IPV6) || message.contains(NO_IPV6_FILE)
}
