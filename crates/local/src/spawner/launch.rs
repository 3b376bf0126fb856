//! Starts a spawner and prepares it.

use std::{
    fs, io,
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    time::Duration,
};

use isol8_backend::{BackendError, BackendErrorKind};
use isol8_protocol::{FromSpawner, RootPlan, SPAWNER_ARGUMENT, ToSpawner};
use rustix::net::{
    SendFlags,
    sockopt::{Timeout, set_socket_timeout},
};

use super::{memory_files::MemoryFiles, packets};
use crate::{
    Limits,
    users::{self, Subordinates, Users, unavailable},
};

/// How long a spawner that is being prepared may take for an answer. It takes milliseconds, and a second at most for each
/// group of a killed spawner that cannot be removed.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// A spawner that is ready.
pub(super) struct Launched {
    pub(super) socket: OwnedFd,
    pub(super) child: Child,
}

/// Starts a spawner with this root. Blocks for some milliseconds.
pub(super) fn launch(
    plan: &RootPlan,
    users: &Users,
    limits: Limits,
) -> Result<Launched, BackendError> {
    let (socket, theirs) = packets::pair().map_err(failed)?;
    let files = MemoryFiles::get().map_err(failed)?;
    let mut child = start(files, theirs).map_err(failed)?;
    let prepared = limit_waits(&socket, Some(LONGEST_WAIT))
        .and_then(|()| prepare(&socket, &child, files, plan, users))
        .and_then(|lacks| accept(&lacks, limits))
        .and_then(|()| limit_waits(&socket, None));
    if prepared.is_err() {
        // It has ended by itself, or is of no use.
        let _ = child.kill();
        let _ = child.wait();
    }
    prepared.map(|()| Launched { socket, child })
}

fn failed(error: io::Error) -> BackendError {
    BackendError::new(
        BackendErrorKind::System,
        format!("Cannot start the process that makes local sandboxes: {error}"),
    )
    .caused_by(error)
}

/// Limits each wait for a spawner that does not read or does not answer. `None`: waits have no limit.
fn limit_waits(socket: &OwnedFd, longest: Option<Duration>) -> Result<(), BackendError> {
    let limit = |side| set_socket_timeout(socket, side, longest);
    let limited = limit(Timeout::Recv).and_then(|()| limit(Timeout::Send));
    limited.map_err(|cause| failed(cause.into()))
}

/// Explains why a spawner is not prepared.
fn unprepared(error: io::Error) -> BackendError {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => failed(io::Error::new(
            io::ErrorKind::TimedOut,
            "it does not answer. Another process may hold a lock on the directory \"isol8\" of the control groups",
        )),
        _ => failed(error),
    }
}

/// Starts the guest's program from memory. The standard library does that with `posix_spawn`, which does not copy this
/// process.
fn start(files: &MemoryFiles, socket: OwnedFd) -> io::Result<Child> {
    Command::new(format!("/proc/self/fd/{}", files.program.as_raw_fd()))
        .arg(SPAWNER_ARGUMENT)
        .env_clear()
        .stdin(socket)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // A terminal's signals are for its program, which ends its sandboxes itself.
        .process_group(0)
        .spawn()
}

/// Hands over the guest's files and the root. Returns what this system does not have for it.
fn prepare(
    socket: &OwnedFd,
    child: &Child,
    files: &MemoryFiles,
    plan: &RootPlan,
    users: &Users,
) -> Result<Vec<String>, BackendError> {
    let send = |message: &ToSpawner, descriptor| {
        packets::send(socket, message, descriptor, SendFlags::empty()).map_err(unprepared)
    };
    let others = ToSpawner::Files(files.lengths.clone());
    send(&others, Some(files.others.as_fd()))?;
    send(&ToSpawner::Prepare(Box::new(plan.clone())), None)?;
    let mut buffer = packets::buffer();
    loop {
        match packets::receive(socket, &mut buffer).map_err(unprepared)? {
            Some(FromSpawner::Ready { lacks }) => return Ok(lacks),
            Some(FromSpawner::NeedsUsers) => {
                match users {
                    Users::Subordinate(subordinates) => map_users(child.id(), subordinates)?,
                    Users::RootOfContainer => map_as_root(child.id()).map_err(failed)?,
                    Users::Root => return Err(failed(io::ErrorKind::InvalidData.into())),
                }
                send(&ToSpawner::UsersMapped, None)?;
            }
            Some(FromSpawner::Failed { message }) => return Err(refused(&message)),
            Some(_) => return Err(failed(io::ErrorKind::InvalidData.into())),
            None => return Err(failed(io::ErrorKind::UnexpectedEof.into())),
        }
    }
}

/// Refuses sandboxes that share inodes with the host, unless the caller has chosen what can be had.
fn accept(lacks: &[String], limits: Limits) -> Result<(), BackendError> {
    if let (Some(what), Limits::Required) = (lacks.first(), limits) {
        return Err(unavailable(format!(
            "{what}. Root needs the kernel's module overlay (`sudo modprobe overlay`), other users Linux 5.11, too. \
             Without it, `limits: \"best-effort\"` starts sandboxes that share them."
        )));
    }
    for what in lacks {
        tracing::warn!(what, "local sandboxes lack something");
    }
    Ok(())
}

/// Gives the spawner root and the users that root gives to sandboxes.
fn map_as_root(spawner: u32) -> io::Result<()> {
    let map = users::map_of_container();
    for name in ["uid_map", "gid_map"] {
        fs::write(format!("/proc/{spawner}/{name}"), &map)?;
    }
    Ok(())
}

/// Gives the spawner this user as its root, and the subordinate users, by the helpers that may do that.
fn map_users(spawner: u32, all: &Subordinates) -> Result<(), BackendError> {
    let run = |helper: &std::path::Path, own: u32, first: u32| {
        let numbers = [0, own, 1, 1, first, all.count];
        Command::new(helper)
            .arg(spawner.to_string())
            .args(numbers.map(|number| number.to_string()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
    };
    // Both at once.
    let started = [
        run(&all.helpers.0, all.own.0, all.first.0),
        run(&all.helpers.1, all.own.1, all.first.1),
    ];
    for (helper, child) in [&all.helpers.0, &all.helpers.1].into_iter().zip(started) {
        let output = child.and_then(Child::wait_with_output).map_err(failed)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(unavailable(format!(
                "{} does not map the subordinate ids: {}",
                helper.display(),
                said.trim()
            )));
        }
    }
    Ok(())
}

/// Explains what a spawner could not do.
fn refused(message: &str) -> BackendError {
    let is_about_rights =
        message.contains("(EPERM)") || message.contains("Operation not permitted");
    if is_about_rights || message.contains("Read-only file system") {
        return unavailable(format!(
            "the system refuses namespaces: {message}. In a container they need `docker run --security-opt \
             seccomp=unconfined --security-opt systempaths=unconfined`; elsewhere, root or a user with subordinate ids."
        ));
    }
    BackendError::new(
        BackendErrorKind::System,
        format!("Cannot prepare local sandboxes: {message}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sandboxes_that_share_inodes_with_the_host_have_to_be_chosen() {
        let lacks = ["no overlay in front of /usr: Operation not permitted".to_owned()];
        let error = accept(&lacks, Limits::Required).unwrap_err();
        assert_eq!(error.kind, BackendErrorKind::Unavailable);
        for part in [&*lacks[0], "modprobe overlay", "best-effort"] {
            assert!(error.message.contains(part), "{error}");
        }
        assert!(accept(&lacks, Limits::BestEffort).is_ok());
        assert!(accept(&[], Limits::Required).is_ok());
    }
    #[test]
    fn a_spawner_that_does_not_answer_is_an_error() {
        let (socket, _silent) = packets::pair().unwrap();
        limit_waits(&socket, Some(Duration::from_millis(20))).unwrap();
        let plan = RootPlan {
            own_users: false,
            first_user: 0,
            slots: 1,
            binds: Vec::new(),
            own_directories: Vec::new(),
            links: Vec::new(),
            files: Vec::new(),
            host_network_files: Vec::new(),
            groups: Vec::new(),
        };
        let mut child = Command::new("true").spawn().unwrap();
        let files = MemoryFiles::get().unwrap();
        let prepared = prepare(&socket, &child, files, &plan, &Users::Root);
        child.wait().unwrap();
        let error = prepared.unwrap_err();
        assert!(error.message.contains("does not answer"), "{error}");
    }
}
