//! The moment in which a program begins to end, which comes before its process is gone.
//!
//! When its last thread has entered `exit`, a program's exit code is final, its output is in the
//! pipes, and its files are written. Nothing of it runs any more. The system then frees its memory (Node:
//! 2 to 3 ms), closes its descriptors, and lets the process be collected. Only a reset has to wait for
//! that.
//!
//! The listener of the program's [filter](crate::user::filter) reports that moment. It reports nothing while a
//! process that the program has started still runs, because that process may still write output. It
//! reports every kind of end: `exit_group`, the `exit` of the last thread, a signal.
//!
//! Nothing is intercepted. A filter could stop `exit_group` until the guest answers. But then a signal
//! handler without `SA_RESTART` would make the call fail with `EINTR`, and C libraries crash after that.

use std::{fs, future::pending, io, os::fd::OwnedFd};

use isol8_protocol::ExitStatus;
use nix::libc;

use crate::{
    fd::Fd, processes::reaper::status_of_wait, usage::read_small, user::rights::with_rights_of_user,
};

/// In the flags of a process: it runs nothing of its program any more.
const PF_EXITING: u64 = 0x4;

/// Reports when the last process of a program begins to end.
pub(super) struct Ending(Fd);

impl Ending {
    pub(super) fn new(listener: OwnedFd) -> io::Result<Self> {
        Ok(Self(Fd::new(listener)?))
    }

    /// Waits until the last process begins to end. Cancel safe.
    pub(super) async fn begun(&self) {
        if self.0.readable().await.is_err() {
            pending::<()>().await;
        }
    }
}

impl From<Ending> for Fd {
    fn from(Ending(listener): Ending) -> Self {
        listener
    }
}

/// How the process `pid` ends. The process is a child that has not been collected. `None` when it does not
/// end, and when it has collected children itself: their CPU time is not exact before it is collected.
pub(super) fn status_of(pid: i32) -> Option<ExitStatus> {
    let stat = with_rights_of_user(|| {
        // The system shows 0 as exit code to processes without the right to see it. So the right is checked
        // first. It may come, when the memory is gone. It does not go again.
        fs::read_link(format!("/proc/{pid}/ns/user"))?;
        read_small(&format!("/proc/{pid}/stat"))
    });
    parse(&stat.ok()?)
}

/// Reads `/proc/PID/stat`, whose fields proc(5) numbers. User code chooses the name, and may put anything
/// into it, also brackets. What stands after the last bracket is the system's.
fn parse(stat: &[u8]) -> Option<ExitStatus> {
    const AFTER_NAME: usize = 3;
    const FLAGS: usize = 9;
    const OF_CHILDREN: [usize; 4] = [11, 13, 16, 17]; // page faults of two kinds, times of two kinds
    const EXIT_CODE: usize = 52;
    let after_name = stat.iter().rposition(|byte| *byte == b')')? + 1;
    let text = std::str::from_utf8(&stat[after_name..]).ok()?;
    let fields = text.split_ascii_whitespace().collect::<Vec<_>>();
    let field = |number: usize| fields.get(number - AFTER_NAME)?.parse::<u64>().ok();
    let alone = OF_CHILDREN.iter().all(|number| field(*number) == Some(0));
    let ends = field(FLAGS)? & PF_EXITING != 0;
    let status = libc::c_int::try_from(field(EXIT_CODE)?).ok()?;
    (ends && alone).then(|| status_of_wait(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "7 (a) 9 9) R 1 7 7 0 -1";
    const BETWEEN: &str = "0 0 20 0 1 0 999 0 0 18446744073709551615 0 0 0 0 0 0 0 16781312 2 0 0 0 17 1 \
        0 0 0 0 0 0 0 0 0 0 0 0";

    fn status(flags: u64, of_children: &str, code: i32) -> Option<ExitStatus> {
        parse(format!("{BEFORE} {flags} 55 {of_children} {BETWEEN} {code}\n").as_bytes())
    }

    #[test]
    fn codes_and_signals_are_known_from_the_beginning_of_the_end() {
        let alone = "0 1 0 2 3";
        assert_eq!(status(4_194_572, alone, 7 << 8), Some(ExitStatus::Code(7)));
        assert_eq!(status(4_194_572, alone, 9), Some(ExitStatus::Signal(9)));
        assert_eq!(status(4_194_560, alone, 0), None, "it runs");
        assert_eq!(status(4_194_572, "8 1 0 2 3", 0), None, "it had a child");
        assert_eq!(parse(b"7 (a) R 1"), None);
    }
}
