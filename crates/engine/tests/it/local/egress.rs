//! The filtered network of local sandboxes: the same tests as Docker's.

use std::os::unix::fs::MetadataExt as _;

use crate::common::BACKEND;

/// Those that count no packets: local sandboxes start so fast that the system still tells the network of the test which
/// multicast groups it is in.
const FILTERS: [&str; 3] = [
    "network::denied::a_",
    "network::tunnels",
    "network::records::a_log",
];

#[test]
fn the_filter_decides_as_for_docker() {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    if !is_root {
        isol8_testing::not_run("local sandboxes in a network namespace are tried as root");
        return;
    }
    for filter in FILTERS {
        isol8_test_network::run_inside_as_root(filter, &[(BACKEND, "local")]);
    }
}
