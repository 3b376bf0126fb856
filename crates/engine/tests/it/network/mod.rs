//! The filtered network in real sandboxes. The hosts are in a network of the test (`isol8-test-network`). No
//! packet can leave it.
//!
//! Needs Docker, the images of the runtimes, `unshare`, `ip`, `git` and `curl`.

mod agent;
mod allowed;
mod configured;
mod denied;
mod direct;
mod install;
mod records;
mod registries;
mod resources;
mod site;
mod traffic;
mod tunnels;
mod world;

/// Runs the other tests, which are ignored outside, one at a time: some count every packet of the namespace.
#[test]
fn in_a_network_of_its_own() {
    isol8_test_network::run_inside("network");
}
