//! The spawner's loop: orders of the host, and the ends of its sandboxes.

use std::{
    collections::HashMap,
    fs,
    os::fd::{AsFd, FromRawFd, OwnedFd},
    process::ExitCode,
};

use isol8_protocol::{FromSpawner, RootPlan, ToSpawner};
use nix::{
    errno::Errno,
    libc,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sched::{CloneFlags, unshare},
    sys::{
        prctl,
        signal::{SigSet, Signal},
        signalfd::{SfdFlags, SignalFd},
        stat::{Mode, umask},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::{Gid, Pid, Uid, setgroups, setresgid, setresuid},
};

use super::{
    control::{Control, Packet},
    failure::{Failure, Trying},
    groups::Groups,
    network::Networks,
    root,
    sandbox::{Report, Sandbox, Workshop},
    users::{PART_OF_OWNER, Users},
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

/// Receives the files and the plan of the root, and makes it. `None`: the host has ended.
fn prepare(control: &mut Control) -> Result<Option<Workshop>, Failure> {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let plan = loop {
        let Some(Packet { message, .. }) = control.receive()? else {
            return Ok(None);
        };
        match message {
            ToSpawner::File { path, bytes } => match files.last_mut() {
                Some((last, content)) if *last == path => content.extend(bytes),
                _ => files.push((path, bytes)),
            },
            ToSpawner::Prepare(plan) => break plan,
            _ => return Err(Failure::new("an order before the plan of the root")),
        }
    };
    if plan.own_users && !enter_own_users(control)? {
        return Ok(None);
    }
    let (workshop, lacks) = make_workshop(&plan, &files)?;
    control.send(&FromSpawner::Ready { lacks });
    Ok(Some(workshop))
}

/// Enters a user namespace whose users the host maps. False: the host has ended.
fn enter_own_users(control: &mut Control) -> Result<bool, Failure> {
    let of_user = MOST_WATCHED.map(|file| fs::read_to_string(file).unwrap_or_default());
    unshare(CloneFlags::CLONE_NEWUSER).trying("make a user namespace")?;
    control.send(&FromSpawner::NeedsUsers);
    match control.receive()? {
        None => Ok(false),
        Some(Packet {
            message: ToSpawner::UsersMapped,
            ..
        }) => {
            let (user, group) = (Uid::from_raw(0), Gid::from_raw(0));
            setgroups(&[]).trying("leave all groups")?;
            setresgid(group, group, group).trying("become the root group")?;
            setresuid(user, user, user).trying("become root")?;
            // A change of user makes the files of this process root's alone, those of its namespaces among them.
            prctl::set_dumpable(true).trying("prepare the process")?;
            limit_watchers(&of_user)?;
            Ok(true)
        }
        Some(_) => Err(Failure::new("an order before the users are mapped")),
    }
}

/// The most inotify instances and watches of one user. Each user namespace has its own values.
const MOST_WATCHED: [&str; 2] = [
    "/proc/sys/user/max_inotify_instances",
    "/proc/sys/user/max_inotify_watches",
];

/// Leaves a sandbox a part of what the user whose namespace this is may have: that user pays for it.
fn limit_watchers(of_user: &[String; 2]) -> Result<(), Failure> {
    for (file, most) in MOST_WATCHED.iter().zip(of_user) {
        // A system without inotify has neither.
        if let Ok(most) = most.trim().parse::<u64>() {
            fs::write(file, (most / PART_OF_OWNER).to_string())
                .trying(format_args!("set {file}"))?;
        }
    }
    Ok(())
}

fn make_workshop(
    plan: &RootPlan,
    files: &[(String, Vec<u8>)],
) -> Result<(Workshop, Vec<String>), Failure> {
    let networks = Networks::new(!plan.own_users)?;
    let groups = Groups::make(plan.groups.clone())?;
    let (layers, lacks) = root::build(plan, files, &groups)?;
    let workshop = Workshop {
        groups,
        layers,
        users: Users::new(plan.first_user, plan.slots, plan.own_users),
        networks,
    };
    Ok((workshop, lacks))
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

    /// Waits until there is something to do. With nothing to do, the next network is made.
    fn wait(&mut self) -> Result<Ready, Failure> {
        let ready = self.look(PollTimeout::ZERO)?;
        if ready.is_any() {
            return Ok(ready);
        }
        // The start that needs this reports the failure.
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
