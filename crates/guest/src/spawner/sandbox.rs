//! One sandbox, from its order to its end.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

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
}

/// A sandbox that is being made, or runs.
pub(crate) struct Sandbox {
    pub(crate) number: u64,
    pub(crate) pid: Pid,
    range: Range,
    /// Where its process tells a failure. Closed by the start of the guest.
    report: Option<OwnedFd>,
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
        let (reading, writing) = pipe2(OFlag::O_CLOEXEC).trying("make a pipe")?;
        // Its clock counts from the same moments. Where the kernel has no such namespace, there is nothing to hide.
        let _ = unshare(CloneFlags::from_bits_retain(NEW_TIME));
        let Some(pid) = child::clone(child::NAMESPACES).trying("make the namespaces")? else {
            drop(reading);
            let parts = Parts {
                plan,
                groups: &self.groups,
                layers: &self.layers,
                networks: &self.networks,
                users: &self.users,
                range,
                link,
                report: writing.as_fd(),
            };
            match child::become_guest(&parts) {
                Ok(never) => match never {},
                Err(failure) => child::give_up(writing.as_raw_fd(), &failure),
            }
        };
        Ok(Sandbox {
            number: plan.number,
            pid,
            range,
            report: Some(reading),
        })
    }

    /// Removes what is left of a sandbox whose first process has ended, and with it all others.
    pub(crate) fn clear(&mut self, sandbox: &Sandbox) {
        self.groups.remove(sandbox.number);
        self.users.give_back(sandbox.range);
    }
}

/// `CLONE_NEWTIME` of linux/sched.h.
const NEW_TIME: i32 = 0x80;

impl Sandbox {
    /// Where its report comes from, as long as it is not known whether the guest runs.
    pub(crate) fn report(&self) -> Option<BorrowedFd<'_>> {
        self.report.as_ref().map(AsFd::as_fd)
    }

    /// Reads the report, which is there.
    pub(crate) fn read_report(&mut self) -> Report {
        let Some(report) = &self.report else {
            return Report::Pending;
        };
        let mut text = [0; REPORT_BYTES];
        let outcome = match read(report, &mut text) {
            Ok(0) => Report::Started,
            Ok(count) => Report::Failed(String::from_utf8_lossy(&text[..count]).into_owned()),
            Err(Errno::EINTR) => return Report::Pending,
            Err(errno) => Report::Failed(errno.desc().to_owned()),
        };
        self.report = None;
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
