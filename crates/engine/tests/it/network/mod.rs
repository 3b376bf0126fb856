//! The filtered network in real sandboxes, against hosts of a network namespace of the test's own,
//! out of which no packet can get: addresses of the public Internet, of private networks and of
//! cloud metadata are all on its loopback interface.
//!
//! Needs Docker, the images of the runtimes, `unshare`, `ip`, `git` and `curl`.

mod agent;
mod allowed;
mod configured;
mod denied;
mod install;
mod records;
mod world;

use std::process::Command;

const INSIDE: &str = "ISOL8_INSIDE_NETNS";

/// Runs the other tests, which are ignored outside.
#[test]
fn in_a_network_of_its_own() {
    let mut script = String::from("set -e; ip link set lo up; ");
    for address in world::ADDRESSES {
        let prefix = if address.contains(':') {
            "128 nodad"
        } else {
            "32"
        };
        script.extend(["ip addr add ", address, "/", prefix, " dev lo; "]);
    }
    // One at a time: some count every packet of the namespace.
    script.push_str(
        "exec \"$0\" --ignored --test-threads=1 --nocapture network::$ISOL8_INSIDE_FILTER",
    );
    let status = Command::new("unshare")
        .args(["--map-root-user", "--net", "sh", "-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env(INSIDE, "1")
        .status()
        .expect("unshare (util-linux) can be run");
    assert!(status.success());
}
