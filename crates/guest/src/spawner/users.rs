//! Users: each sandbox has a range of its own, in a user namespace of its own. A namespace is made once for each
//! range, and one sandbox has it at a time.

use std::{
    fs,
    io::{IoSlice, IoSliceMut},
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
};

use isol8_protocol::IDS_OF_A_SANDBOX;
use nix::{
    cmsg_space,
    errno::Errno,
    fcntl::{OFlag, open},
    libc,
    sched::{CloneFlags, unshare},
    sys::{
        prctl,
        signal::{Signal, kill},
        socket::{
            AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType,
            recvmsg, sendmsg, socketpair,
        },
        stat::Mode,
        wait::waitpid,
    },
    unistd::{Gid, Pid, Uid, pause, setgroups, setresgid, setresuid},
};

use super::{
    clone::{clone, give_up},
    failure::{Failure, Trying},
};

/// Where the spawner is not root, one sandbox gets at most this part of what the kernel gives the user of the spawner.
pub(crate) const PART_OF_OWNER: u64 = 4;

/// The ranges of all sandboxes.
pub(crate) struct Users {
    first: u32,
    owned: bool,
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
    /// With `owned`, the user of the spawner pays for all of them.
    pub(crate) fn new(first: u32, slots: u32, owned: bool) -> Self {
        Self {
            first,
            owned,
            slots: Vec::new(),
            limit: usize::try_from(slots).unwrap_or(usize::MAX),
        }
    }

    /// Takes a range that nobody has.
    pub(crate) fn take(&mut self) -> Result<Range, Failure> {
        let slot = self.free()?;
        self.slots[slot].in_use = true;
        Ok(self.range(slot))
    }

    /// Makes the namespace of the next range, unless there is one.
    pub(crate) fn make_next(&mut self) -> Result<(), Failure> {
        self.free().map(drop)
    }

    fn free(&mut self) -> Result<usize, Failure> {
        let free = self.slots.iter().position(|slot| !slot.in_use);
        free.map_or_else(|| self.add(), Ok)
    }

    /// The user namespace of a range.
    pub(crate) fn namespace(&self, range: Range) -> BorrowedFd<'_> {
        self.slots[range.slot].namespace.as_fd()
    }

    /// What a sandbox may have of something that the host's user may have `most` of.
    pub(crate) fn part_of(&self, most: u64) -> u64 {
        if self.owned {
            most / PART_OF_OWNER
        } else {
            most
        }
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
///
/// That user makes it: the kernel charges what a sandbox takes to the owner of its namespace, too, and that is to be
/// nobody else.
fn make_namespace(first: u32) -> Result<OwnedFd, Failure> {
    let (ours, theirs) = socketpair(
        AddressFamily::Unix,
        SockType::SeqPacket,
        None,
        SockFlag::SOCK_CLOEXEC,
    )
    .trying("make a pair of sockets")?;
    let Some(holder) = clone(0).trying("make a process for a user namespace")? else {
        drop(ours);
        hold(first, &theirs)
    };
    drop(theirs);
    let made = held(&ours).and_then(|namespace| map(holder, first).map(|()| namespace));
    let _ = kill(holder, Signal::SIGKILL);
    let _ = waitpid(holder, None);
    made
}

/// A change of user takes no capabilities away, by capabilities(7).
const SECBIT_NO_SETUID_FIXUP: libc::c_ulong = 1 << 2;

/// Makes the namespace as the user `first`, passes it on, and lives until the process is killed. The spawner could not
/// open it: that takes rights over processes of another user.
fn hold(first: u32, spawner: &OwnedFd) -> ! {
    let made = || {
        let (user, group) = (Uid::from_raw(first), Gid::from_raw(first));
        // Some systems let only processes with rights make user namespaces. These rights end with the new namespace.
        // SAFETY: the call takes numbers only.
        Errno::result(unsafe {
            libc::prctl(libc::PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
        })
        .trying("keep the rights of the spawner")?;
        setgroups(&[]).trying("leave all groups")?;
        setresgid(group, group, group).trying("become a group of a sandbox")?;
        setresuid(user, user, user).trying("become a user of a sandbox")?;
        // A change of user undoes both: the spawner could not write the maps, nor end this process with it.
        prctl::set_dumpable(true).trying("prepare the process")?;
        prctl::set_pdeathsig(Signal::SIGKILL).trying("end with the spawner")?;
        unshare(CloneFlags::CLONE_NEWUSER).trying("make a user namespace")?;
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let own = open("/proc/self/ns/user", flags, Mode::empty());
        let own = own.trying("open a user namespace")?;
        let descriptors = [own.as_raw_fd()];
        let passed = [ControlMessage::ScmRights(&descriptors)];
        let text = [IoSlice::new(b"made")];
        // A spawner that has ended meanwhile receives nothing, and ends nobody.
        sendmsg::<()>(
            spawner.as_raw_fd(),
            &text,
            &passed,
            MsgFlags::MSG_NOSIGNAL,
            None,
        )
        .trying("pass a user namespace on")
    };
    match made() {
        Ok(_) => loop {
            pause();
        },
        Err(failure) => give_up(spawner.as_raw_fd(), &failure),
    }
}

/// Receives the namespace from the process that has made it, or what it could not do.
fn held(holder: &OwnedFd) -> Result<OwnedFd, Failure> {
    let mut text = [0; 256];
    let mut space = cmsg_space!(RawFd);
    let mut parts = [IoSliceMut::new(&mut text)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let received = loop {
        match recvmsg::<()>(holder.as_raw_fd(), &mut parts, Some(&mut space), flags) {
            Err(Errno::EINTR) => {}
            received => break received.trying("receive a user namespace")?,
        }
    };
    let mut messages = received.cmsgs().trying("receive a user namespace")?;
    let numbers = messages.find_map(|message| match message {
        ControlMessageOwned::ScmRights(numbers) => numbers.first().copied(),
        _ => None,
    });
    if let Some(number) = numbers {
        // SAFETY: the system has just opened it for this process.
        return Ok(unsafe { OwnedFd::from_raw_fd(number) });
    }
    let count = received.bytes;
    Err(Failure::new(match &text[..count] {
        b"" => "the process that makes a user namespace has ended".into(),
        failure => String::from_utf8_lossy(failure),
    }))
}

fn map(holder: Pid, first: u32) -> Result<(), Failure> {
    let line = format!("0 {first} {IDS_OF_A_SANDBOX}\n");
    for name in ["uid_map", "gid_map"] {
        let path = format!("/proc/{holder}/{name}");
        fs::write(&path, &line).trying(format_args!("map users ({path})"))?;
    }
    Ok(())
}
