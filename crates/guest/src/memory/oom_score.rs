//! Whom the system kills when memory runs out: programs, and never the guest or its helpers.

use std::{fs, io};

use crate::user::capabilities;

/// The value of this process.
const FILE: &str = "/proc/self/oom_score_adj";

/// That of the guest and of its helpers: the system never chooses them.
const NEVER: &str = "-1000";

/// That of programs: the system chooses them first.
const FIRST: &str = "1000";

/// Keeps the guest, and the helpers that it forks, from being killed for memory. Where the daemon's user is
/// not root the system does not allow that; programs are still killed first.
pub(crate) fn protect_guest() -> io::Result<()> {
    capabilities::set_resource_in_effect(true)?;
    // What is not allowed leaves the value as it is.
    let _ = fs::write(FILE, NEVER);
    capabilities::set_resource_in_effect(false)
}

/// Lets the system choose the program that this child becomes. Written with the capability, the value is
/// also the least that the program may set itself. To be called as root: the file is root's until then.
pub(crate) fn prefer_program() {
    // Without the capability the program may lower its value again.
    let _ = capabilities::set_resource_in_effect(true);
    // Without the value the system still prefers any program to a protected guest.
    let _ = fs::write(FILE, FIRST);
}
