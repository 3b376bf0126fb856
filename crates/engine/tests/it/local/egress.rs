//! The filtered network of local sandboxes: the same tests as Docker's.

use std::path::Path;

use super::support::{INSTALLED, RUNTIMES, is_root};
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

#[test]
fn the_agent_edits_a_project_and_reaches_its_provider_only() {
    if !is_root() {
        isol8_testing::not_run("local sandboxes in a network namespace are tried as root");
        return;
    }
    if !Path::new(INSTALLED).join("agent").exists() {
        isol8_testing::not_run("the agent is not installed for local sandboxes");
        return;
    }
    let variables = [(BACKEND, "local"), (RUNTIMES, INSTALLED)];
    isol8_test_network::run_inside_as_root("network::agent::the_agent_edits", &variables);
}
