//! The filtered network of local sandboxes: the same tests as Docker's.

use std::os::unix::fs::MetadataExt as _;

use crate::common::BACKEND;

/// Runs the tests of what is denied, and of tunnels.
#[test]
fn what_is_denied_sends_nothing() {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    if !is_root {
        isol8_testing::not_run("local sandboxes in a network namespace are tried as root");
        return;
    }
    for filter in ["network::denied", "network::tunnels"] {
        isol8_test_network::run_inside_as_root(filter, &[(BACKEND, "local")]);
    }
}
