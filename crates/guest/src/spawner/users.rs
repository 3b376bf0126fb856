//! Users: each sandbox has a range of its own, in a user namespace of its own. A namespace is made once for each
//! range, and one sandbox has it at a time.

use std::{
    fs,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use isol8_protocol::IDS_OF_A_SANDBOX;
use nix::{
    fcntl::{OFlag, open},
    libc,
    sys::{
        signal::{Signal, kill},
        stat::Mode,
    },
    unistd::pause,
};

use super::{
    child::clone,
    failure::{Failure, Trying},
};

/// The ranges of all sandboxes.
pub(crate) struct Users {
    first: u32,
    slots: Vec<Slot>,
    limit: usize,
}

struct Slot {
    namespace: OwnedFd,
    in_use: bool,
}

/// A range that a sandbox has.
#[derive(Clone, Copy)]
pub(crate) struct Range {
    slot: usize,
    /// Who is root there, as the spawner sees it.
    pub(crate) first: u32,
}

impl Users {
    pub(crate) fn new(first: u32, slots: u32) -> Self {
        Self {
            first,
            slots: Vec::new(),
            limit: usize::try_from(slots).unwrap_or(usize::MAX),
        }
    }

    /// Takes a range that nobody has.
    pub(crate) fn take(&mut self) -> Result<Range, Failure> {
        let slot = match self.slots.iter().position(|slot| !slot.in_use) {
            Some(slot) => slot,
            None => self.add()?,
        };
        self.slots[slot].in_use = true;
        Ok(self.range(slot))
    }

    /// The user namespace of a range.
    pub(crate) fn namespace(&self, range: Range) -> BorrowedFd<'_> {
        self.slots[range.slot].namespace.as_fd()
    }

    /// Gives a range back: no process of its sandbox is left.
    pub(crate) fn give_back(&mut self, range: Range) {
        self.slots[range.slot].in_use = false;
    }

    fn range(&self, slot: usize) -> Range {
        let before = u32::try_from(slot).unwrap_or(u32::MAX);
        Range {
            slot,
            first: self.first + before * IDS_OF_A_SANDBOX,
        }
    }

    fn add(&mut self) -> Result<usize, Failure> {
        let slot = self.slots.len();
        if slot == self.limit {
            return Err(Failure::new(format!(
                "there are users for {} sandboxes at the same time; a larger range in /etc/subuid and \
                 /etc/subgid allows more",
                self.limit
            )));
        }
        let namespace = make_namespace(self.range(slot).first)?;
        self.slots.push(Slot {
            namespace,
            in_use: false,
        });
        Ok(slot)
    }
}

/// A user namespace in which the user `first` is root. It lives as long as its descriptor.
fn make_namespace(first: u32) -> Result<OwnedFd, Failure> {
    let Some(holder) = clone(libc::CLONE_NEWUSER).trying("make a user namespace")? else {
        loop {
            pause();
        }
    };
    let line = format!("0 {first} {IDS_OF_A_SANDBOX}\n");
    let mapped = || {
        let write = |name: &str| {
            let path = format!("/proc/{holder}/{name}");
            fs::write(&path, &line).trying(format_args!("map users ({path})"))
        };
        write("uid_map")?;
        write("gid_map")?;
        let path = format!("/proc/{holder}/ns/user");
        open(
            path.as_str(),
            OFlag::O_RDONLY | OFlag::O_CLOEXEC,
            Mode::empty(),
        )
        .trying("open a user namespace")
    };
    let namespace = mapped();
    // It is collected as sandboxes are.
    let _ = kill(holder, Signal::SIGKILL);
    namespace
}
