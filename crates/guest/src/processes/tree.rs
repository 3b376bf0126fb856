//! The processes of the sandbox: their list, and which program each belongs to.

use std::{collections::BTreeSet, fs, io};

use nix::libc;

use crate::usage::read_small;

/// A process of which at least one thread has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    pub(crate) parent: i32,
    pub(crate) session: i32,
    /// Start time in clock ticks. With the id, it identifies a process uniquely.
    pub(crate) started: u64,
}

impl Process {
    pub(crate) fn identity(self) -> (i32, u64) {
        (self.pid, self.started)
    }
}

/// Lists the processes. Returns whether the list is complete. A process that starts during the listing may be
/// missing, and so may its parent, if that has ended meanwhile.
pub(crate) fn list_exactly() -> io::Result<(Vec<Process>, bool)> {
    let before = last_born()?;
    let processes = list()?;
    Ok((processes, last_born()? == before))
}

/// Returns the id that was assigned last to a process or a thread. The next ones follow it, until the ids wrap
/// around. gVisor reports 0.
pub(crate) fn last_born() -> io::Result<Option<i32>> {
    let load = read_small("/proc/loadavg")?;
    let id = load.rsplit(|byte| *byte == b' ').next();
    let id = id.and_then(|id| std::str::from_utf8(id).ok());
    Ok(id.and_then(|id| id.trim_end().parse().ok()))
}

/// Lists every process but the guest and those that have ended and wait to be collected.
pub(crate) fn list() -> io::Result<Vec<Process>> {
    let mut processes = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        if pid == 1 {
            continue;
        }
        match read_small(&format!("/proc/{pid}/stat")) {
            Ok(stat) => processes.extend(parse(pid, &stat)),
            // A process may end during the listing. Every other error counts.
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(processes)
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

/// Parses `/proc/PID/stat`, see proc(5). User code chooses the name in it, which may contain anything, even
/// brackets. It does not choose anything after the last bracket.
fn parse(pid: i32, stat: &[u8]) -> Option<Process> {
    let after_name = stat.iter().rposition(|byte| *byte == b')')? + 1;
    let fields = std::str::from_utf8(&stat[after_name..]).ok()?;
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let session = fields.nth(1)?.parse().ok()?;
    let threads = fields.nth(13)?.parse::<u64>().ok()?;
    let started = fields.nth(1)?.parse().ok()?;
    // The state is that of the first thread. User code may end that one only.
    let ended = state == "X" || (state == "Z" && threads <= 1);
    (!ended).then_some(Process {
        pid,
        parent,
        session,
        started,
    })
}

/// Returns the processes that belong to the program `main`: its session and its descendants. When it is the
/// `only` program, processes without any tie to it belong to it as well, unless another one started them.
/// Processes in `others` and their descendants never belong to it.
pub(crate) fn belonging_to(
    main: i32,
    processes: &[Process],
    others: &BTreeSet<(i32, u64)>,
    only: bool,
) -> Vec<i32> {
    let mine = |process: &&Process| {
        let mut current = **process;
        // No chain of parents is longer than the list, even if processes change during the listing.
        for _ in 0..=processes.len() {
            if current.pid == main {
                return true;
            }
            if others.contains(&current.identity()) || current.parent == 0 {
                return false;
            }
            if process.session == main {
                return true;
            }
            match processes.iter().find(|parent| parent.pid == current.parent) {
                Some(parent) => current = *parent,
                None => return only,
            }
        }
        only
    };
    processes
        .iter()
        .filter(mine)
        .map(|process| process.pid)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: i32, parent: i32, session: i32) -> Process {
        Process {
            pid,
            parent,
            session,
            started: 1,
        }
    }

    #[test]
    fn a_hostile_process_name_does_not_confuse_the_parser() {
        let stat = b"7 (a) S 1 1 1 (\xff) ) R 3 7 5 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 999 0";
        let expected = Process {
            pid: 7,
            parent: 3,
            session: 5,
            started: 999,
        };
        assert_eq!(parse(7, stat), Some(expected));
    }

    #[test]
    fn an_ended_process_is_not_listed() {
        let stat = b"7 (a) Z 3 7 5 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 999 0";
        assert_eq!(parse(7, stat), None);
    }

    #[test]
    fn a_process_lives_on_when_its_first_thread_has_ended() {
        let stat = b"7 (a) Z 3 7 5 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 2 0 999 0";
        assert_eq!(parse(7, stat).unwrap().identity(), (7, 999));
    }

    #[test]
    fn descendants_and_strays_belong_to_the_program_and_older_services_do_not() {
        let processes = [
            process(10, 1, 10), // the program
            process(11, 10, 10),
            process(12, 11, 12), // setsid under it
            process(13, 1, 13),  // a daemon, without a parent
            process(14, 1, 10),  // an orphan in the program's session
            process(20, 1, 20),  // a service from before
            process(21, 20, 20),
            process(30, 0, 30), // entered from outside
        ];
        let others = BTreeSet::from([(20, 1)]);
        assert_eq!(
            belonging_to(10, &processes, &others, true),
            [10, 11, 12, 13, 14]
        );
        assert_eq!(
            belonging_to(10, &processes, &others, false),
            [10, 11, 12, 14]
        );
    }
}
