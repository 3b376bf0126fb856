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
mod world;

/// Runs the other tests, which are ignored outside.
#[test]
fn in_a_network_of_its_own() {
    let filter = std::env::var("ISOL8_INSIDE_FILTER").unwrap_or_default();
    let tests = format!("network::{filter}");
    // One at a time: some count every packet of the namespace.
    let arguments = ["--ignored", "--test-threads=1", "--nocapture", &tests];
    let status = isol8_test_network::rerun(&arguments).expect("unshare (util-linux) can be run");
    assert!(status.success());
}
