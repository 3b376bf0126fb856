//! The one caller of `wait`. It collects every ended child, including adopted ones, and notifies whoever
//! waits for it.
//!
//! A process id stays in [`Reaper::children`] from the fork to the collection. Both happen on this one
//! thread. So an id found there still belongs to the same process.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    io,
    time::Instant,
};

use isol8_protocol::ExitStatus;
use nix::libc;
use tokio::sync::{Notify, oneshot};

use crate::fd::Fd;

/// The purpose of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// User code.
    Program,
    /// The interpreter of a session, which outlives the programs that it runs.
    Resident,
    /// A nursery, from which parked interpreters are forked. It survives resets.
    Nursery,
    /// A helper, which does the guest's own work with the user's rights. It survives the end of a program.
    Helper,
}

/// How a child ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) at: Instant,
    /// Largest resident memory of the child or of a descendant it waited for, in bytes.
    pub(crate) max_rss_bytes: u64,
}

/// Converts the status from wait(2) of a process that has ended.
pub(crate) fn status_of_wait(status: libc::c_int) -> ExitStatus {
    if libc::WIFSIGNALED(status) {
        ExitStatus::Signal(libc::WTERMSIG(status))
    } else {
        ExitStatus::Code(libc::WEXITSTATUS(status))
    }
}

struct Child {
    role: Role,
    ended: oneshot::Sender<Ended>,
    kept: Option<Fd>,
}

/// The children of the guest.
#[derive(Default)]
pub(crate) struct Reaper {
    children: RefCell<BTreeMap<i32, Child>>,
    reaped: Cell<u32>,
    changed: Notify,
}

impl Reaper {
    /// Registers a child. Call it between the fork and the next await.
    pub(crate) fn register(&self, pid: i32, role: Role) -> oneshot::Receiver<Ended> {
        let (ended, receiver) = oneshot::channel();
        self.children.borrow_mut().insert(
            pid,
            Child {
                role,
                ended,
                kept: None,
            },
        );
        receiver
    }

    /// Closes `fd` when this child has been collected. To close the listener of a filter takes long while the last
    /// process under the filter ends, and the report of its exit would wait.
    pub(crate) fn keep(&self, pid: i32, fd: Option<Fd>) {
        if let Some(child) = self.children.borrow_mut().get_mut(&pid) {
            child.kept = fd;
        }
    }

    /// Collects every child that has ended. Returns whether any child is left, own or adopted.
    pub(crate) fn collect(&self) -> bool {
        let before = self.reaped.get();
        let left = loop {
            let mut status = 0;
            // SAFETY: all-zero bytes are a valid `rusage`, a structure of integers.
            let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
            // SAFETY: both pointers are valid for the call.
            let pid = unsafe { libc::wait4(-1, &raw mut status, libc::WNOHANG, &raw mut usage) };
            match pid {
                0 => break true,
                pid if pid > 0 => self.ended(pid, status, &usage),
                _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
                _ => break false, // ECHILD
            }
        };
        if self.reaped.get() != before {
            self.changed.notify_waiters();
        }
        left
    }

    fn ended(&self, pid: i32, status: i32, usage: &libc::rusage) {
        self.reaped.set(self.reaped.get().wrapping_add(1));
        let Some(child) = self.children.borrow_mut().remove(&pid) else {
            return;
        };
        let status = status_of_wait(status);
        let max_rss_bytes = u64::try_from(usage.ru_maxrss)
            .unwrap_or(0)
            .saturating_mul(1024);
        // The receiver may not wait any more.
        let _ = child.ended.send(Ended {
            status,
            at: Instant::now(),
            max_rss_bytes,
        });
    }

    /// Whether `pid` is a child that has not been collected. Then the id still belongs to it.
    pub(crate) fn is_child(&self, pid: i32) -> bool {
        self.children.borrow().contains_key(&pid)
    }

    /// Whether every registered child has been collected.
    pub(crate) fn has_no_child(&self) -> bool {
        self.children.borrow().is_empty()
    }

    /// Changes the role of a child.
    pub(crate) fn set_role(&self, pid: i32, role: Role) {
        if let Some(child) = self.children.borrow_mut().get_mut(&pid) {
            child.role = role;
        }
    }

    /// Returns the ids of the children with this role.
    pub(crate) fn pids(&self, role: Role) -> Vec<i32> {
        let children = self.children.borrow();
        children
            .iter()
            .filter(|(_, child)| child.role == role)
            .map(|(pid, _)| *pid)
            .collect()
    }

    /// Number of processes collected so far. It wraps around.
    pub(crate) fn reaped(&self) -> u32 {
        self.reaped.get()
    }

    /// Waits until another child was collected.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }
}
