//! Whether guests of a daemon can have the capability that keeps them from being killed when memory runs
//! out. A daemon that has not got it itself, as in some virtual machines, refuses to start a container
//! with it. This process remembers that.

use std::{
    collections::BTreeSet,
    fs,
    sync::{Mutex, PoisonError},
};

use bollard::errors::Error as DockerError;

use crate::link_kind::LinkScope;

/// The numbers of `CAP_SYS_ADMIN` and `CAP_SYS_RESOURCE`.
const SYS_ADMIN: u32 = 21;
const SYS_RESOURCE: u32 = 24;

/// Where a daemon has refused.
static REFUSED: Mutex<BTreeSet<LinkScope>> = Mutex::new(BTreeSet::new());

/// Whether to ask the daemon for it.
pub(crate) fn is_possible(scope: &LinkScope) -> bool {
    let refused = REFUSED.lock().unwrap_or_else(PoisonError::into_inner);
    let is_withheld = scope.is_on_this_machine() && is_withheld_here();
    !is_withheld && !refused.contains(scope)
}

/// Whether a start has failed because of it.
pub(crate) fn is_refused(error: &DockerError, scope: &LinkScope) -> bool {
    let DockerError::DockerResponseServerError { message, .. } = error else {
        return false;
    };
    let message = message.to_lowercase();
    is_possible(scope) && message.contains("cap") && message.contains("not permitted")
}

/// Remembers that this daemon refuses.
pub(crate) fn remember_refusal(scope: &LinkScope) {
    let mut refused = REFUSED.lock().unwrap_or_else(PoisonError::into_inner);
    refused.insert(scope.clone());
}

/// Whether nothing on this machine may have it, as far as this process can see. In a container it
/// cannot: there other capabilities are withheld as well, and the daemon has them.
fn is_withheld_here() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    bounding_set(&status).is_some_and(is_withheld)
}

fn is_withheld(bounding_set: u64) -> bool {
    bounding_set & (1 << SYS_ADMIN) != 0 && bounding_set & (1 << SYS_RESOURCE) == 0
}

/// The capabilities that this process could have, in the text of `/proc/PID/status`. See proc(5).
fn bounding_set(status: &str) -> Option<u64> {
    let set = status
        .lines()
        .find_map(|line| line.strip_prefix("CapBnd:"))?;
    u64::from_str_radix(set.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_whole_machine_lacks_is_not_asked_for() {
        let withheld = |set: &str| is_withheld(bounding_set(&format!("CapBnd:\t{set}\n")).unwrap());
        assert!(!withheld("000001ffffffffff"), "all");
        assert!(withheld("000001fffeffffff"), "all but this one");
        assert!(!withheld("00000000a80425fb"), "a container of Docker's");
    }

    #[test]
    fn a_refusal_is_recognised_and_remembered() {
        let scope = LinkScope {
            url: "tcp://protection.test:2375".to_owned(),
            oci_runtime: None,
        };
        let error = |message: &str| DockerError::DockerResponseServerError {
            status_code: 500,
            message: message.to_owned(),
        };
        let refusal = error("unable to apply caps: operation not permitted: unknown");
        assert!(is_refused(&refusal, &scope));
        assert!(!is_refused(&error("no such file"), &scope));
        remember_refusal(&scope);
        assert!(!is_possible(&scope));
        assert!(!is_refused(&refusal, &scope), "it was not asked for");
    }
}
