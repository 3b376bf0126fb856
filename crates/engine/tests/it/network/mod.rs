//! The filtered network in real sandboxes, against hosts of a network of the test's own
//! (`isol8-test-network`), out of which no packet can get.
//!
//! Needs Docker, the images of the runtimes, `unshare`, `ip`, `git` and `curl`.

mod agent;
mod allowed;
mod configured;
mod denied;
mod install;
mod records;
mod resources;
mod tunnels;
mod world;

/// Runs the other tests, which are ignored outside, one at a time: some count every packet of the namespace.
#[test]
fn in_a_network_of_its_own() {
    isol8_test_network::run_inside("network");
}
