//! One sandbox, from its order to its end.

use std::{
    fs::File,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

use isol8_protocol::SandboxPlan;
use nix::{
    errno::Errno,
    fcntl::OFlag,
    sched::{CloneFlags, unshare},
    sys::signal::{Signal, kill},
    unistd::{Pid, pipe2, read},
};

use super::{
    child::{self, Parts},
    clone::{clone, give_up},
    failure::{Failure, Trying},
    groups::Groups,
    layers::Layers,
    network::Networks,
    users::{Range, Users},
};

/// Longest report of a failure in bytes.
const REPORT_BYTES: usize = 1024;

/// What all sandboxes are made of.
pub(crate) struct Workshop {
    pub(crate) groups: Groups,
    pub(crate) layers: Layers,
    pub(crate) users: Users,
    pub(crate) networks: Networks,
    /// The program of the spawner and of guests. Nobody can change it: the host has sealed it.
    pub(crate) program: File,
}

/// A sandbox that is being made, or runs.
pub(crate) struct Sandbox {
    pub(crate) number: u64,
    pub(crate) pid: Pid,
    range: Range,
    /// Where its process and then the guest tell a failure. The guest closes it when its start is over.
    report: Option<OwnedFd>,
    /// The messages that have come so far.
    told: Vec<u8>,
}

/// How the start of a guest ended.
pub(crate) enum Report {
    Pending,
    Started,
    Failed(String),
}

impl Workshop {
    /// Begins to make a sandbox.
    pub(crate) fn begin(&mut self, plan: &SandboxPlan, link: OwnedFd) -> Result<Sandbox, Failure> {
        if !plan.host_network {
            self.networks.make_next()?;
        }
        let range = self.users.take()?;
        let begun = self
            .groups
            .add(plan)
            .and_then(|()| self.clone_into(plan, range, link));
        match begun {
            Ok(sandbox) => {
                if !plan.host_network {
                    self.networks.given();
                }
                Ok(sandbox)
            }
            Err(failure) => {
                self.groups.remove(plan.number);
                self.users.give_back(range);
                Err(failure)
            }
        }
    }

    fn clone_into(
        &self,
        plan: &SandboxPlan,
        range: Range,
        link: OwnedFd,
    ) -> Result<Sandbox, Failure> {
        // Neither end may keep the spawner or the guest waiting.
        let flags = OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
        let (reading, writing) = pipe2(flags).trying("make a pipe")?;
        // Its clock counts from the same moments. Where the kernel has no such namespace, there is nothing to hide.
        let _ = unshare(CloneFlags::from_bits_retain(NEW_TIME));
        let Some(pid) = clone(child::NAMESPACES).trying("make the namespaces")? else {
            drop(reading);
            let parts = Parts {
                plan,
                groups: &self.groups,
                layers: &self.layers,
                networks: &self.networks,
                users: &self.users,
                program: self.program.as_fd(),
                range,
                link,
                report: writing.as_fd(),
            };
            match child::become_guest(&parts) {
                Ok(never) => match never {},
                Err(failure) => give_up(writing.as_raw_fd(), &failure),
            }
        };
        Ok(Sandbox {
            number: plan.number,
            pid,
            range,
            report: Some(reading),
            told: Vec::new(),
        })
    }

    /// Removes what is left of a sandbox whose first process has ended, and with it all others.
    pub(crate) fn clear(&mut self, sandbox: &Sandbox) {
        self.groups.remove(sandbox.number);
        self.users.give_back(sandbox.range);
    }
}

/// Adds to what was told. A text is whole at the end of the pipe, or when it is as long as one may be.
fn read_to_end(report: &OwnedFd, told: &mut Vec<u8>) -> Report {
    let mut text = [0; REPORT_BYTES];
    while told.len() < REPORT_BYTES {
        match read(report, &mut text[told.len()..]) {
            Ok(0) if told.is_empty() => return Report::Started,
            Ok(0) => break,
            Ok(count) => told.extend_from_slice(&text[told.len()..][..count]),
            Err(Errno::EINTR | Errno::EAGAIN) => return Report::Pending,
            Err(errno) => return Report::Failed(errno.desc().to_owned()),
        }
    }
    Report::Failed(String::from_utf8_lossy(told).trim_end().to_owned())
}

/// `CLONE_NEWTIME` of linux/sched.h.
const NEW_TIME: i32 = 0x80;

impl Sandbox {
    /// Where its report comes from, as long as it is not known whether the guest runs.
    pub(crate) fn report(&self) -> Option<BorrowedFd<'_>> {
        self.report.as_ref().map(AsFd::as_fd)
    }

    /// Reads what there is of the report.
    pub(crate) fn read_report(&mut self) -> Report {
        let Some(report) = &self.report else {
            return Report::Pending;
        };
        let outcome = read_to_end(report, &mut self.told);
        if !matches!(outcome, Report::Pending) {
            self.report = None;
        }
        outcome
    }

    /// Whether the guest is known to run.
    pub(crate) fn is_pending(&self) -> bool {
        self.report.is_some()
    }

    pub(crate) fn kill(&self) {
        let _ = kill(self.pid, Signal::SIGKILL);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn pipe() -> (OwnedFd, File) {
        let (reading, writing) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).unwrap();
        (reading, writing.into())
    }

    #[test]
    fn a_failure_is_told_whole_when_nobody_can_add_to_it() {
        let (reading, mut writing) = pipe();
        let mut told = Vec::new();
        for part in ["the guest: ", "it has no room\n"] {
            writing.write_all(part.as_bytes()).unwrap();
            assert!(matches!(read_to_end(&reading, &mut told), Report::Pending));
        }
        drop(writing);
        let Report::Failed(message) = read_to_end(&reading, &mut told) else {
            panic!("no failure");
        };
        assert_eq!(message, "the guest: it has no room");
    }

    #[test]
    fn a_start_that_tells_nothing_has_not_failed() {
        let (reading, writing) = pipe();
        let mut told = Vec::new();
        assert!(matches!(read_to_end(&reading, &mut told), Report::Pending));
        drop(writing);
        assert!(matches!(read_to_end(&reading, &mut told), Report::Started));
    }

    #[test]
    fn a_long_text_is_cut() {
        let (reading, mut writing) = pipe();
        writing.write_all(&[b'x'; 3 * REPORT_BYTES]).unwrap();
        let mut told = Vec::new();
        let Report::Failed(message) = read_to_end(&reading, &mut told) else {
            panic!("no failure");
        };
        assert_eq!(message.len(), REPORT_BYTES);
    }
}
