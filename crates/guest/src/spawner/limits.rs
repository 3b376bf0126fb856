//! Limits that processes of a sandbox inherit from its first one.

use std::{fs, io::ErrorKind};

use nix::{
    errno::Errno,
    sys::resource::{Resource, getrlimit, setrlimit},
    unistd::{SysconfVar, sysconf},
};

use super::{
    failure::{Failure, Trying},
    users::Users,
};

/// Open files of one process, as the Docker backend has it.
const OPEN_FILES: u64 = 16_384;

/// Largest core dump in bytes: with this value none is made, and no program of the host is started for it.
const CORE_BYTES: u64 = 1;

/// Limits of one user: no program gets a higher priority.
const OF_USER: [(Resource, u64); 2] = [(Resource::RLIMIT_RTPRIO, 0), (Resource::RLIMIT_NICE, 0)];

/// Limits of one user of what the owner of the user namespace pays for, too: signals that wait, and bytes of message
/// queues.
const CHARGED: [(Resource, u64); 2] = [
    (Resource::RLIMIT_SIGPENDING, 4096),
    (Resource::RLIMIT_MSGQUEUE, 819_200),
];

/// The most pages of all segments of System V in an IPC namespace.
const SHARED_PAGES: &str = "/proc/sys/kernel/shmall";

/// Objects of System V that the guest cannot count: their limits in an IPC namespace, for about 11 MiB at most.
/// Semaphores take 64 bytes each: the most of a set, of all sets, of an operation, and sets. A message queue takes 1 MiB
/// when it has 16,384 messages of one byte, 64 bytes each.
const UNCOUNTED: [(&str, &str); 2] = [
    ("/proc/sys/kernel/sem", "32000 32000 500 1024"),
    ("/proc/sys/kernel/msgmni", "8"),
];

/// Sets the limits of this process. With `processes`, no control group counts them.
pub(crate) fn set(users: &Users, processes: Option<u64>) -> Result<(), Failure> {
    limit(Resource::RLIMIT_NOFILE, OPEN_FILES)?;
    limit_core_dumps()?;
    for (resource, value) in OF_USER {
        limit(resource, value)?;
    }
    for (resource, most) in CHARGED {
        let (_, hard) = getrlimit(resource).trying("read a limit")?;
        limit(resource, users.part_of(hard).min(most))?;
    }
    if let Some(processes) = processes {
        // The users of a sandbox are nobody else's, so only its own processes count.
        limit(Resource::RLIMIT_NPROC, processes)?;
    }
    Ok(())
}

/// Prefers the limit with which no program of the host is started, over a lower one of the host. That takes rights.
fn limit_core_dumps() -> Result<(), Failure> {
    match setrlimit(Resource::RLIMIT_CORE, CORE_BYTES, CORE_BYTES) {
        Err(Errno::EPERM) => limit(Resource::RLIMIT_CORE, CORE_BYTES),
        done => done.trying("set a limit"),
    }
}

/// Sets a limit, which is lower where the host's own is.
fn limit(resource: Resource, wanted: u64) -> Result<(), Failure> {
    let (_, hard) = getrlimit(resource).trying("read a limit")?;
    let value = wanted.min(hard);
    setrlimit(resource, value, value).trying("set a limit")
}

/// Bounds the memory of objects of System V in this process's IPC namespace. An old kernel allows that to nobody but the
/// host's root. The guest counts segments anyway.
pub(crate) fn bound_ipc(bytes: u64) -> Result<(), Failure> {
    let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    let page = page.and_then(|page| u64::try_from(page).ok());
    let pages = bytes.div_ceil(page.unwrap_or(4096)).to_string();
    for (file, most) in [(SHARED_PAGES, &*pages)].into_iter().chain(UNCOUNTED) {
        match fs::write(file, most) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
            done => done.trying(format_args!("set {file}"))?,
        }
    }
    Ok(())
}
