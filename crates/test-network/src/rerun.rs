//! Running a test program once more, in a network namespace of its own.

use std::io;
use std::process::{Command, ExitStatus};

/// Set in the program that runs inside.
const INSIDE: &str = "ISOL8_INSIDE_NETNS";

/// Whether this program runs in a network namespace of its own.
#[must_use]
pub fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Runs this test program in a new network namespace and waits for its end. `arguments` choose the
/// tests. Fails where `unshare` cannot be run.
pub fn rerun(arguments: &[&str]) -> io::Result<ExitStatus> {
    Command::new("unshare")
        .args(["--map-root-user", "--net"])
        .arg(std::env::current_exe()?)
        .args(arguments)
        .env(INSIDE, "1")
        .status()
}
