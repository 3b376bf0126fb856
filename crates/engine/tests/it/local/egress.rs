//! The filtered network of local sandboxes: the same tests as Docker's.

use super::support::is_root;
use crate::common::BACKEND;

/// Those that need no image and no other interpreter than Python and Bash.
const FILTERS: [&str; 4] = [
    "network::denied",
    "network::tunnels",
    "network::records",
    "network::resources",
];

#[test]
fn the_filter_decides_as_for_docker() {
    if !is_root() {
        isol8_testing::not_run("local sandboxes in a network namespace are tried as root");
        return;
    }
    for filter in FILTERS {
        isol8_test_network::run_inside_as_root(filter, &[(BACKEND, "local")]);
    }
}
