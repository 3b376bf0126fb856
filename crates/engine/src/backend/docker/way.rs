//! How the guests of a daemon are reached. What works is remembered as long as this process lives, so
//! that a start does neither more than it must nor waits for what will not come.

use std::{
    collections::BTreeMap,
    sync::{LazyLock, Mutex, PoisonError},
};

/// The way to a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Either: its socket and the attached streams are both there, and the guest takes the socket
    /// when it can.
    Either,
    /// Its socket.
    Socket,
    /// The container's attached streams.
    Attached,
}

/// Whose guests: one OCI runtime of one daemon. What runs them decides what a socket is worth.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// The daemon's address.
    pub(super) url: String,
    /// The OCI runtime, unless it is the daemon's default.
    pub(super) oci_runtime: Option<String>,
}

/// One entry for each place that this process's options name.
static FOUND: LazyLock<Mutex<BTreeMap<Place, Way>>> = LazyLock::new(Mutex::default);

impl Place {
    /// What is known about the way to guests here.
    pub(super) fn way(&self) -> Way {
        // On other systems the daemon is in a virtual machine, which no socket leads into.
        if !cfg!(target_os = "linux") || !self.url.starts_with("unix://") {
            return Way::Attached;
        }
        let found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        found.get(self).copied().unwrap_or(Way::Either)
    }

    /// Remembers what a guest took. Once a guest could not use its socket, none gets one.
    pub(super) fn found(&self, way: Way) {
        let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        if found.get(self) != Some(&Way::Attached) {
            found.insert(self.clone(), way);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str, oci_runtime: Option<&str>) -> Place {
        Place {
            url: url.to_owned(),
            oci_runtime: oci_runtime.map(str::to_owned),
        }
    }

    #[test]
    fn what_works_is_remembered_for_each_daemon_and_runtime() {
        let plain = place("unix:///way-test.sock", None);
        let gvisor = place("unix:///way-test.sock", Some("runsc"));
        assert_eq!(plain.way(), Way::Either);
        plain.found(Way::Socket);
        gvisor.found(Way::Attached);
        assert_eq!((plain.way(), gvisor.way()), (Way::Socket, Way::Attached));
        gvisor.found(Way::Socket);
        assert_eq!(gvisor.way(), Way::Attached, "for good");
    }

    #[test]
    fn a_daemon_elsewhere_has_no_way_to_a_socket() {
        for url in ["tcp://127.0.0.1:2375", "ssh://build", "https://build:2376"] {
            assert_eq!(place(url, None).way(), Way::Attached);
        }
    }
}
