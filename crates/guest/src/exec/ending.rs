//! The end of a program, before it is over.
//!
//! When its last thread has entered `exit`, a program's exit code is final, its output is in the
//! pipes, and its files are written; nothing of it runs any more. What follows is the system's work:
//! it takes the memory apart (Node: 2 to 3 ms), closes what is open, and then lets the process be
//! collected. Nobody needs to wait for that but a reset, which does.
//!
//! The listener of the program's [filter](crate::filter) tells that moment. It is not told while
//! anything that the program has started still runs, whose output would have to be waited for; and it
//! holds for every way to end, by `exit_group`, by the `exit` of the last thread, or by a signal.
//! Nothing is intercepted: a filter that stops `exit_group` itself until the guest answers would let a
//! signal handler without `SA_RESTART` make that call fail with `EINTR`, after which C libraries crash.

use std::{fs, future::pending, io, os::fd::OwnedFd};

use isol8_protocol::ExitStatus;
use nix::libc;

use crate::{
    fd::{Fd, with_rights_of_user},
    reaper::status_of_wait,
    usage::read_small,
};

/// In the flags of a process: it runs nothing of its program any more.
const PF_EXITING: u64 = 0x4;

/// Tells when the last process of a program begins to end.
pub(super) struct Ending(Fd);

impl Ending {
    pub(super) fn new(listener: OwnedFd) -> io::Result<Self> {
        Ok(Self(Fd::new(listener)?))
    }

    /// Waits for that. Cancel safe.
    pub(super) async fn begun(&self) {
        if self.0.readable().await.is_err() {
            pending::<()>().await;
        }
    }
}

/// How the process `pid` ends, which is a child that has not been collected; when it does end, and has
/// itself collected no children: their CPU time cannot be known exactly before it is collected, too.
pub(super) fn status_of(pid: i32) -> Option<ExitStatus> {
    let stat = with_rights_of_user(|| {
        // To those who may not know it, the system says that the exit code is 0. So it is asked first
        // whether they may. The answer may change from no to yes, when the memory is gone, not back.
        fs::read_link(format!("/proc/{pid}/ns/user"))?;
        read_small(&format!("/proc/{pid}/stat"))
    });
    parse(&stat.ok()?)
}

/// Reads `/proc/PID/stat`, whose fields proc(5) numbers. The name is chosen by user code and may hold
/// anything, also brackets; nothing after its last bracket is.
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
