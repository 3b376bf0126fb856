//! The first process of a sandbox from its clone until it becomes the guest.

use std::{
    convert::Infallible,
    ffi::CString,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

use isol8_protocol::{KNOWN_MOUNTS_ARGUMENT, MEMORY_ARGUMENT, START_REPORT_ARGUMENT, SandboxPlan};
use nix::{
    errno::Errno,
    fcntl::AtFlags,
    libc::{self, c_int},
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sched::{CloneFlags, setns, unshare},
    sys::{
        prctl,
        signal::{SigSet, Signal},
    },
    unistd::{Gid, Uid, execveat, setgroups, sethostname, setresgid, setresuid, setsid},
};

use super::{
    failure::{Failure, Trying},
    filters,
    groups::Groups,
    landlock,
    layers::Layers,
    limits, mounting,
    network::Networks,
    paths::ROOT,
    places,
    users::{Range, Users},
};

/// The namespaces that a sandbox's first process is cloned into. That of users comes last, when it needs no rights
/// over the others any more; that of control groups when it is in its own.
pub(crate) const NAMESPACES: c_int =
    libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;

/// The capabilities of the guest: KILL, SETGID and SETUID. See linux/capability.h.
const CAPABILITIES: [c_int; 3] = [5, 6, 7];

/// More capabilities than the kernel has.
const MAX_CAPABILITY: c_int = 63;

/// What the guest finds in its environment. It is what an image defines.
const ENVIRONMENT: [&str; 4] = [
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "DENO_NO_UPDATE_CHECK=1",
    "DENO_TLS_CA_STORE=system",
    "SSL_CERT_DIR=/etc/ssl/certs",
];

/// What the child needs of the spawner.
pub(crate) struct Parts<'a> {
    pub(crate) plan: &'a SandboxPlan,
    pub(crate) groups: &'a Groups,
    pub(crate) layers: &'a Layers,
    pub(crate) networks: &'a Networks,
    pub(crate) users: &'a Users,
    /// The program of the spawner, which is also that of the guest.
    pub(crate) program: BorrowedFd<'a>,
    pub(crate) range: Range,
    pub(crate) link: OwnedFd,
    /// The pipe for messages about failures. It is the standard error of the guest, too.
    pub(crate) report: BorrowedFd<'a>,
}

/// Becomes the guest.
pub(crate) fn become_guest(parts: &Parts<'_>) -> Result<Infallible, Failure> {
    let Parts { plan, groups, .. } = *parts;
    prepare_signals()?;
    // The host's terminal would take input from whoever has it.
    setsid().trying("leave the host's terminal")?;
    groups.join(plan.number)?;
    unshare(CloneFlags::CLONE_NEWCGROUP).trying("make a namespace of control groups")?;
    parts.networks.enter(plan.host_network)?;
    join_new_keyring()?;
    mounting::make_private()?;
    let counted = groups.limit("memory");
    if !counted {
        // The sandbox's own /proc allows nobody to do that.
        limits::bound_ipc(plan.memory_bytes)?;
    }
    parts.layers.mount()?;
    places::mount(plan, groups, parts.range)?;
    mounting::enter_root(ROOT)?;
    sethostname(&plan.host_name).trying("set the name of the machine")?;
    let by_user = (!groups.limit("pids")).then_some(plan.processes);
    limits::set(parts.users, by_user)?;
    let namespace = parts.users.namespace(parts.range);
    setns(namespace, CloneFlags::CLONE_NEWUSER).trying("enter the user namespace")?;
    become_root()?;
    drop_capabilities()?;
    prctl::set_no_new_privs().trying("give up privileges")?;
    landlock::restrict(plan.host_network)?;
    end_with_spawner(parts.report)?;
    use_streams(&parts.link, parts.report)?;
    if !counted {
        filters::refuse_shared_memory()?;
    }
    if !plan.filter.is_empty() {
        filters::install_list(&plan.filter)?;
    }
    let own_limit = (!counted).then(|| format!("{MEMORY_ARGUMENT}{}", plan.memory_bytes));
    let words = plan.arguments.iter().chain(&own_limit);
    let of_spawner = [KNOWN_MOUNTS_ARGUMENT, START_REPORT_ARGUMENT];
    execute(parts.program, words.map(String::as_str).chain(of_spawner))
}

fn prepare_signals() -> Result<(), Failure> {
    SigSet::empty().thread_set_mask().trying("unblock signals")
}

/// Without one, the keys of the host's session could be seen.
fn join_new_keyring() -> Result<(), Failure> {
    const GET_KEYRING_ID: libc::c_long = 0;
    const JOIN_SESSION_KEYRING: libc::c_long = 1;
    const SESSION_KEYRING: libc::c_long = -3;
    let keyctl = |operation: libc::c_long, argument: libc::c_long| {
        // SAFETY: these calls take numbers only.
        let done = unsafe { libc::syscall(libc::SYS_keyctl, operation, argument, 0) };
        Errno::result(done).map(drop)
    };
    let joined = keyctl(JOIN_SESSION_KEYRING, 0);
    let has_keyring = || keyctl(GET_KEYRING_ID, SESSION_KEYRING).is_ok();
    unless_without_keyrings(joined, has_keyring).trying("join an empty keyring")
}

/// Leaves out failures of a system that has no keyrings, or forbids all use of them.
fn unless_without_keyrings(
    joined: Result<(), Errno>,
    has_keyring: impl Fn() -> bool,
) -> Result<(), Errno> {
    match joined {
        Err(Errno::ENOSYS) => Ok(()),
        Err(Errno::EPERM | Errno::EACCES) if !has_keyring() => Ok(()),
        joined => joined,
    }
}

fn become_root() -> Result<(), Failure> {
    let (user, group) = (Uid::from_raw(0), Gid::from_raw(0));
    setgroups(&[]).trying("leave all groups")?;
    setresgid(group, group, group).trying("become the root group")?;
    setresuid(user, user, user).trying("become root")
}

/// Leaves the guest its three capabilities. It is root, so that it gets what the bounding set has.
fn drop_capabilities() -> Result<(), Failure> {
    for capability in 0..=MAX_CAPABILITY {
        if CAPABILITIES.contains(&capability) {
            continue;
        }
        // SAFETY: the call takes numbers only.
        let done = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
        match Errno::result(done) {
            // No such capability: the kernel has no higher one.
            Err(Errno::EINVAL) => break,
            done => done.map(drop).trying("drop a capability")?,
        }
    }
    Ok(())
}

/// The end of the spawner ends this process. A change of user would undo that, so it comes after it.
fn end_with_spawner(report: BorrowedFd<'_>) -> Result<(), Failure> {
    prctl::set_pdeathsig(Signal::SIGKILL).trying("end with the spawner")?;
    // It may have ended before. Then nobody reads the report.
    let mut ends = [PollFd::new(report, PollFlags::empty())];
    poll(&mut ends, PollTimeout::ZERO).trying("look for the spawner")?;
    let gone = ends[0]
        .revents()
        .is_some_and(|events| events.contains(PollFlags::POLLERR));
    if gone {
        return Err(Failure::new("the spawner has ended"));
    }
    Ok(())
}

/// Makes the link the guest's standard input and output, and the report its standard error. Its start closes all other
/// descriptors.
fn use_streams(link: &OwnedFd, report: BorrowedFd<'_>) -> Result<(), Failure> {
    for (from, to) in [(link.as_fd(), 0), (link.as_fd(), 1), (report, 2)] {
        // SAFETY: the standard streams of this process have no owner.
        let done = unsafe { libc::dup2(from.as_raw_fd(), to) };
        Errno::result(done).trying("pass the link on")?;
    }
    Ok(())
}

/// Starts a program that is open. It has no path in the sandbox.
fn execute<'a>(
    program: BorrowedFd<'_>,
    arguments: impl Iterator<Item = &'a str>,
) -> Result<Infallible, Failure> {
    let text = |text: &str| CString::new(text).map_err(|_| Failure::new("an argument with NUL"));
    let words = std::iter::once("guest").chain(arguments).map(text);
    let words = words.collect::<Result<Vec<_>, _>>()?;
    let environment = ENVIRONMENT.into_iter().map(text);
    let environment = environment.collect::<Result<Vec<_>, _>>()?;
    let flags = AtFlags::AT_EMPTY_PATH;
    execveat(program, c"", &words, &environment, flags).trying("start the guest")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyring_that_cannot_be_joined_matters_where_there_are_keyrings() {
        for errno in [Errno::EDQUOT, Errno::ENOMEM, Errno::EPERM, Errno::EACCES] {
            assert_eq!(unless_without_keyrings(Err(errno), || true), Err(errno));
        }
        for errno in [Errno::EDQUOT, Errno::ENOMEM] {
            assert_eq!(unless_without_keyrings(Err(errno), || false), Err(errno));
        }
        for errno in [Errno::ENOSYS, Errno::EPERM, Errno::EACCES] {
            assert_eq!(unless_without_keyrings(Err(errno), || false), Ok(()));
        }
        assert_eq!(unless_without_keyrings(Ok(()), || true), Ok(()));
    }
}
