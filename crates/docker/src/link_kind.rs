//! How the guests of a daemon are reached: by a socket, or by the streams of their container. This process
//! remembers what works, so that a start does no more than it must and waits for nothing that will not come.

use std::{
    collections::BTreeMap,
    sync::{LazyLock, Mutex, PoisonError},
};

/// What carries the link to a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkKind {
    /// Its socket and the attached streams are both there. The guest takes the socket when it can.
    Undecided,
    /// Its socket.
    Socket,
    /// The container's attached streams.
    Attached,
}

/// The guests that are reached in the same way: those of one OCI runtime of one daemon.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LinkScope {
    /// The daemon's address.
    pub(crate) url: String,
    /// The OCI runtime, unless it is the daemon's default.
    pub(crate) oci_runtime: Option<String>,
}

/// One entry for each scope that this process's options name.
static FOUND: LazyLock<Mutex<BTreeMap<LinkScope, LinkKind>>> = LazyLock::new(Mutex::default);

impl LinkScope {
    /// What is known to work here.
    pub(crate) fn known(&self) -> LinkKind {
        if !self.is_on_this_machine() {
            return LinkKind::Attached;
        }
        let found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        found.get(self).copied().unwrap_or(LinkKind::Undecided)
    }

    /// Whether containers run under this process's own kernel. On other systems than Linux the daemon is
    /// in a virtual machine.
    pub(crate) fn is_on_this_machine(&self) -> bool {
        cfg!(target_os = "linux") && self.url.starts_with("unix://")
    }

    /// Remembers what a guest took. Once a guest could not use its socket, none gets one.
    pub(crate) fn remember(&self, taken: LinkKind) {
        let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        if found.get(self) != Some(&LinkKind::Attached) {
            found.insert(self.clone(), taken);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(url: &str, oci_runtime: Option<&str>) -> LinkScope {
        LinkScope {
            url: url.to_owned(),
            oci_runtime: oci_runtime.map(str::to_owned),
        }
    }

    #[test]
    fn what_works_is_remembered_for_each_daemon_and_runtime() {
        let plain = scope("unix:///link-kind-test.sock", None);
        let gvisor = scope("unix:///link-kind-test.sock", Some("runsc"));
        assert_eq!(plain.known(), LinkKind::Undecided);
        plain.remember(LinkKind::Socket);
        gvisor.remember(LinkKind::Attached);
        assert_eq!(
            (plain.known(), gvisor.known()),
            (LinkKind::Socket, LinkKind::Attached)
        );
        gvisor.remember(LinkKind::Socket);
        assert_eq!(gvisor.known(), LinkKind::Attached, "for good");
    }

    #[test]
    fn a_daemon_elsewhere_cannot_be_reached_by_a_socket() {
        for url in ["tcp://127.0.0.1:2375", "ssh://build", "https://build:2376"] {
            assert_eq!(scope(url, None).known(), LinkKind::Attached);
        }
    }
}
