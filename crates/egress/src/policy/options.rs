//! The rules as an operator writes them.

use std::net::IpAddr;

/// The rules as an operator writes them. The default allows every public address on ports 80 and 443.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyOptions {
    /// Allowed hosts, as ECMAScript patterns, not anchored, ignoring case. Empty: every public host.
    /// IPv6 addresses match with and without brackets.
    ///
    /// An entry also opens the private addresses of a host. An entry that would match the host under
    /// another owner's domain as well does not (`.*`, `\.com$`, `^api\.`).
    pub whitelist: Vec<String>,
    /// Refused hosts, in the same form. This list wins over every other rule. It also applies to the
    /// addresses that a host resolves to. There, an entry that matches every address (`^[\d.]+$`) is
    /// ignored: it refuses addresses in the place of names.
    pub blacklist: Vec<String>,
    /// Addresses of host names that are not looked up. The other rules apply to them too.
    pub hosts: Vec<(String, Vec<IpAddr>)>,
    /// Private addresses that are allowed without a whitelist entry. Each entry is a CIDR block, an
    /// address, or an exact host name, which stands for any private address of that host.
    pub allow_private: Vec<String>,
    /// The same for addresses of this machine: loopback, and those of its network interfaces. A
    /// whitelist entry alone never opens these.
    pub allow_loopback: Vec<String>,
    /// The allowed ports. `None`: every port of a whitelisted host. Without a whitelist: the TLS and
    /// HTTP ports below.
    pub ports: Option<Vec<u16>>,
    /// The ports whose tunnels must begin with a TLS hello. `None`: 443.
    pub tls_ports: Option<Vec<u16>>,
    /// The ports whose tunnels carry nothing but TLS, or HTTP in which each request is judged.
    /// `None`: 80.
    pub http_ports: Option<Vec<u16>>,
}
