//! The spawner's loop: orders of the host, and the ends of its sandboxes.

use std::{
    collections::HashMap,
    os::fd::{AsFd, FromRawFd, OwnedFd},
    process::ExitCode,
};

use isol8_protocol::{FromSpawner, ToSpawner};
use nix::{
    errno::Errno,
    libc,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{SigSet, Signal},
        signalfd::{SfdFlags, SignalFd},
        stat::{Mode, umask},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

use super::{
    control::{Control, Packet},
    failure::{Failure, Trying},
    prepare::prepare,
    sandbox::{Report, Sandbox, Workshop},
};

/// Runs the spawner until its host ends.
pub(crate) fn run() -> ExitCode {
    close_inherited();
    // The host's may hide the files of the root from the sandboxes' users.
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
    // SAFETY: nothing else in this process owns its standard input.
    let mut control = Control::new(unsafe { OwnedFd::from_raw_fd(libc::STDIN_FILENO) });
    let prepared = prepare(&mut control);
    let served = match prepared {
        Ok(Some(workshop)) => Spawner::new(control, workshop).and_then(Spawner::serve),
        Ok(None) => Ok(()),
        Err(failure) => {
            let message = failure.to_string();
            control.send(&FromSpawner::Failed { message });
            Err(failure)
        }
    };
    if served.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Closes what the host's process has left open to its children: it would stay open in every sandbox.
fn close_inherited() {
    const FIRST: libc::c_uint = 3;
    // SAFETY: nothing in this process has opened a descriptor yet. An old kernel has no such call, and no sandboxes.
    unsafe { libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, 0) };
}

struct Spawner {
    control: Control,
    children: SignalFd,
    workshop: Workshop,
    sandboxes: HashMap<Pid, Sandbox>,
}

impl Spawner {
    fn new(control: Control, workshop: Workshop) -> Result<Self, Failure> {
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGCHLD);
        signals.thread_block().trying("block signals")?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        Ok(Self {
            control,
            children: SignalFd::with_flags(&signals, flags).trying("listen to signals")?,
            workshop,
            sandboxes: HashMap::new(),
        })
    }

    /// Serves until the host ends. Then every sandbox ends.
    fn serve(mut self) -> Result<(), Failure> {
        let served = self.serve_host();
        for sandbox in self.sandboxes.values() {
            sandbox.kill();
        }
        while !self.sandboxes.is_empty() {
            match waitpid(None, None) {
                Ok(status) => self.collected(status),
                Err(Errno::EINTR) => {}
                Err(_) => break,
            }
        }
        self.workshop.groups.end();
        served
    }

    fn serve_host(&mut self) -> Result<(), Failure> {
        loop {
            let ready = self.wait()?;
            if ready.children {
                while let Ok(Some(_)) = self.children.read_signal() {}
                self.collect();
            }
            for pid in ready.reports {
                self.read_report(pid);
            }
            if ready.host {
                let Some(packet) = self.control.receive()? else {
                    return Ok(());
                };
                self.obey(packet);
            }
        }
    }

    /// Waits until there is something to do. With nothing to do, what the next sandbox needs is made.
    fn wait(&mut self) -> Result<Ready, Failure> {
        let ready = self.look(PollTimeout::ZERO)?;
        if ready.is_any() {
            return Ok(ready);
        }
        // The start that needs one of these reports the failure.
        let _ = self.workshop.users.make_next();
        let _ = self.workshop.networks.make_next();
        self.look(PollTimeout::NONE)
    }

    fn look(&self, timeout: PollTimeout) -> Result<Ready, Failure> {
        let pending: Vec<_> = self
            .sandboxes
            .values()
            .filter(|it| it.is_pending())
            .collect();
        let reports = pending.iter().filter_map(|sandbox| sandbox.report());
        let fixed = [self.control.as_fd(), self.children.as_fd()];
        let mut watched: Vec<_> = fixed
            .into_iter()
            .chain(reports)
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
            .collect();
        match poll(&mut watched, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno).trying("wait for orders"),
        }
        let mut ready = watched.iter().map(|fd| fd.any().unwrap_or(true));
        Ok(Ready {
            host: ready.next().unwrap_or_default(),
            children: ready.next().unwrap_or_default(),
            reports: pending
                .iter()
                .zip(ready)
                .filter_map(|(sandbox, ready)| ready.then_some(sandbox.pid))
                .collect(),
        })
    }

    fn obey(&mut self, packet: Packet) {
        match (packet.message, packet.descriptor) {
            (ToSpawner::Start(plan), Some(link)) => match self.workshop.begin(&plan, link) {
                Ok(sandbox) => {
                    self.sandboxes.insert(sandbox.pid, sandbox);
                }
                Err(failure) => self.control.send(&FromSpawner::NotStarted {
                    number: plan.number,
                    message: failure.to_string(),
                }),
            },
            (ToSpawner::Stop { number }, _) => {
                let mut sandboxes = self.sandboxes.values();
                if let Some(sandbox) = sandboxes.find(|sandbox| sandbox.number == number) {
                    sandbox.kill();
                }
            }
            // The host sends nothing else.
            _ => {}
        }
    }

    fn read_report(&mut self, pid: Pid) {
        let Some(sandbox) = self.sandboxes.get_mut(&pid) else {
            return;
        };
        let number = sandbox.number;
        match sandbox.read_report() {
            // The host hears the guest itself.
            Report::Pending | Report::Started => {}
            Report::Failed(message) => self
                .control
                .send(&FromSpawner::NotStarted { number, message }),
        }
    }

    /// Collects the children that have ended.
    fn collect(&mut self) {
        while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            if status == WaitStatus::StillAlive {
                return;
            }
            self.collected(status);
        }
    }

    fn collected(&mut self, status: WaitStatus) {
        let Some(pid) = status.pid() else { return };
        // What it reported at its end comes first.
        self.read_report(pid);
        if let Some(sandbox) = self.sandboxes.remove(&pid) {
            self.workshop.clear(&sandbox);
            let number = sandbox.number;
            self.control.send(&FromSpawner::Ended { number });
        }
    }
}

/// What there is to do.
struct Ready {
    host: bool,
    children: bool,
    reports: Vec<Pid>,
}

impl Ready {
    fn is_any(&self) -> bool {
        self.host || self.children || !self.reports.is_empty()
    }
}
