//! Which URLs and addresses code may come from. Pure: no lookups, no sockets.
//!
//! A place is a host or an address. Four options decide about it:
//!
//! * `allowedHosts` and `blockedHosts` are patterns. `blockedHosts` sees the host and each address that
//!   the host resolves to.
//! * Addresses that are not public are refused, whatever these patterns match.
//! * `allowPrivate` opens such addresses. The default entries of `blockedHosts` do not hold for the
//!   places that it names, because they stand for the same addresses. Other entries do.
//! * `allowedSchemes` holds for every request.

use std::net::IpAddr;

use isol8_api::options::DEFAULT_BLOCKED_HOSTS;
use isol8_egress::{
    AddressClass, AllowList, Denial, Host, Policy, PolicyError, PolicyOptions, classify,
};
use url::Url;

use super::{FetchError, FetchPolicyError};
use crate::options::RemoteCodePolicy;

/// The compiled policy.
#[derive(Debug)]
pub(super) struct Rules {
    schemes: Vec<String>,
    /// The rules for places that `allowPrivate` does not name.
    hosts: Policy,
    /// The rules for places that `allowPrivate` names.
    private_hosts: Policy,
    private: AllowList,
}

/// A host that a URL names and that the rules allow by its name.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) tls: bool,
}

impl Rules {
    /// Compiles the lists. The error names the wrong entry and its option.
    pub(super) fn new(policy: &RemoteCodePolicy) -> Result<Self, FetchPolicyError> {
        let compile = |blocked: Vec<String>| {
            Policy::new(PolicyOptions {
                whitelist: policy.allowed_hosts.clone(),
                blacklist: blocked,
                ..PolicyOptions::default()
            })
            .map_err(|error| refused(&error))
        };
        let own = policy
            .blocked_hosts
            .iter()
            .filter(|pattern| !DEFAULT_BLOCKED_HOSTS.contains(&pattern.as_str()));
        Ok(Self {
            schemes: policy.allowed_schemes.clone(),
            hosts: compile(policy.blocked_hosts.clone())?,
            private_hosts: compile(own.cloned().collect())?,
            private: AllowList::new("allowPrivate", &policy.allow_private)
                .map_err(|error| refused(&error))?,
        })
    }

    /// Whether `url` may be asked at all. `insecure` is the request's permission to use plain HTTP.
    pub(super) fn check(&self, url: &Url, insecure: bool) -> Result<Target, FetchError> {
        let scheme = url.scheme();
        if scheme == "http" && !insecure {
            return Err(FetchError::Insecure);
        }
        let listed = self.schemes.iter().any(|allowed| allowed == scheme);
        let tls = match scheme {
            "http" if listed => false,
            "https" if listed => true,
            _ => {
                return Err(FetchError::Scheme {
                    scheme: scheme.to_owned(),
                });
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::failed(
                "a URL with a user name or password is not supported",
            ));
        }
        let raw = url.host_str().unwrap_or_default();
        let host = Host::parse(raw).map_err(|_| FetchError::BlockedHost {
            host: raw.to_owned(),
        })?;
        let hosts = self.hosts_for(self.names(&host));
        // The policy's rules for ports are for programs. Code may come from any port.
        if hosts.judge(&host, isol8_egress::TLS_PORT).is_err() {
            return Err(FetchError::BlockedHost {
                host: host.as_str().to_owned(),
            });
        }
        let port = url
            .port_or_known_default()
            .unwrap_or(isol8_egress::TLS_PORT);
        Ok(Target { host, port, tls })
    }

    /// Whether `address`, which `target` resolved to, may be dialled. `is_own` says that it is one of
    /// this machine's interfaces.
    pub(super) fn admits(&self, target: &Target, address: IpAddr, is_own: bool) -> bool {
        let address = address.to_canonical();
        let (is_closed, is_named) = match classify(address) {
            // Whoever answers for a name must not be able to choose one of these.
            AddressClass::Forbidden => (true, self.private.has_address(address)),
            class => (
                is_own || class != AddressClass::Public,
                self.private.names(&target.host) || self.private.contains(address),
            ),
        };
        (is_named || !is_closed)
            && Host::parse(&address.to_string())
                .is_ok_and(|host| !blocks(self.hosts_for(is_named), &host))
    }

    /// Whether `allowPrivate` names `host`.
    fn names(&self, host: &Host) -> bool {
        self.private.names(host)
            || host
                .ip()
                .is_some_and(|address| self.private.contains(address))
    }

    fn hosts_for(&self, named: bool) -> &Policy {
        if named {
            &self.private_hosts
        } else {
            &self.hosts
        }
    }
}

fn refused(error: &PolicyError) -> FetchPolicyError {
    FetchPolicyError {
        message: explain(error),
    }
}

/// A wrong entry in the words of the options that it comes from.
fn explain(error: &PolicyError) -> String {
    let option = |list: &str| match list {
        "whitelist" => "remoteCode.allowedHosts",
        "blacklist" => "remoteCode.blockedHosts",
        _ => "remoteCode.allowPrivate",
    };
    match error {
        PolicyError::Pattern {
            list,
            pattern,
            reason,
        } => format!("Invalid pattern in {}: {pattern:?}: {reason}", option(list)),
        PolicyError::PatternTooLong { list, index } => {
            format!("Invalid {}: pattern {index} is too long", option(list))
        }
        PolicyError::TooManyPatterns { list } => {
            format!("Invalid {}: too many patterns", option(list))
        }
        PolicyError::Host { list, host, reason } => {
            format!("Invalid {}: {host:?}: {reason}", option(list))
        }
    }
}

/// Whether an entry of `blockedHosts` matches `host`, whatever `allowedHosts` matches.
fn blocks(hosts: &Policy, host: &Host) -> bool {
    let judged = hosts.judge(host, isol8_egress::TLS_PORT);
    // A pattern that cannot be matched in time may be one of `blockedHosts`.
    matches!(
        judged,
        Err(Denial::Blacklisted | Denial::PatternTimeout { .. })
    )
}

#[cfg(test)]
mod tests;
