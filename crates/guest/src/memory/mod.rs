//! The memory of the sandbox: how much is in use, how much may be, and what the guest keeps for itself.
//!
//! Files in `/sandbox` and `/tmp` are memory that no kill gives back. So a program can leave a sandbox
//! without any: the system then refuses the guest each further byte. The guest therefore holds a
//! [reserve](Reserve) and gives it up when memory is short. It takes none while so much is free that it sees memory
//! become short in time.

mod group;
pub(crate) mod heap;
pub(crate) mod oom_score;
pub(crate) mod reserve;

use std::cell::Cell;

use isol8_protocol::{ErrorKind, MAX_WINDOW_BYTES, MIN_WINDOW_BYTES};

use self::{group::ControlGroup, reserve::Reserve};
use crate::failure::Failure;

/// Largest reserve for the guest's own work, in bytes. To move a file takes about 1.5 MiB: a fork, a buffer
/// and two full pipes.
const OWN_RESERVE_BYTES: u64 = 3 * 1024 * 1024;

/// Largest reserve for a program that removes files from a full session, in bytes: Bash and `rm` take
/// about 3 MiB.
const PROGRAM_RESERVE_BYTES: u64 = 4 * 1024 * 1024;

/// A reserve is at most this part of the limit.
const RESERVE_PART: u64 = 8;

/// Less room than this is little, in bytes.
const SHORT_BYTES: u64 = 1024 * 1024;

/// With this much free, in bytes, there is time to take the reserve. Programs fill memory with about 4 GiB a second,
/// and the guest looks at it every 25 ms.
const AMPLE_BYTES: u64 = 256 * 1024 * 1024;

/// What a start of a program takes before the program can be killed for its memory, in bytes. Half of it is
/// for what the system counts ahead on each processor.
const START_BYTES: u64 = 1024 * 1024;

/// What part of the limit the bytes on their way to the guest may be.
const WINDOW_PART: u64 = 32;

/// The least that may be on its way, and the most.
const LEAST_WINDOW_BYTES: u64 = 1024 * 1024;
const MOST_WINDOW_BYTES: u64 = (MAX_WINDOW_BYTES - MIN_WINDOW_BYTES) as u64;

/// What stays free when the guest takes its reserve again, in bytes.
const LEFT_BYTES: u64 = 64 * 1024;

/// The memory of the sandbox's control group, and what is reserved of it.
pub(crate) struct Memory {
    group: ControlGroup,
    own: Reserve,
    for_programs: Reserve,
    /// How many requests need the room that the guest's own reserve gives.
    workers: Cell<u32>,
    /// Whether programs may run that nobody looks after: those of a session.
    has_session: Cell<bool>,
}

impl Memory {
    /// Opens what there is, and takes the reserve for the guest's own work where little is free.
    pub(crate) fn open() -> Self {
        let group = ControlGroup::open();
        let part = group.limit().unwrap_or_default() / RESERVE_PART;
        let memory = Self {
            group,
            own: Reserve::of_memory(part.min(OWN_RESERVE_BYTES)),
            for_programs: Reserve::of_memory(part.min(PROGRAM_RESERVE_BYTES)),
            workers: Cell::default(),
            has_session: Cell::default(),
        };
        drop(memory.room_for_work());
        memory
    }

    /// The most bytes that may be in use; none when there is no limit.
    pub(crate) fn limit(&self) -> Option<u64> {
        self.group.limit()
    }

    /// Bytes in use, the reserve included.
    pub(crate) fn usage(&self) -> Option<u64> {
        self.group.usage()
    }

    /// The most bytes that were ever in use, the reserve included.
    pub(crate) fn peak(&self) -> Option<u64> {
        self.group.peak()
    }

    /// How many processes the system has killed for their memory so far; none where it does not count them.
    /// The number rises before such a process ends.
    pub(crate) fn kills(&self) -> Option<u64> {
        self.group.kills()
    }

    /// How much of the limit the reserve takes now, in bytes.
    pub(crate) fn reserved(&self) -> u64 {
        self.own.held() + self.for_programs.held()
    }

    /// Whether at least `bytes` are free, the reserve included.
    pub(crate) fn has_room(&self, bytes: u64) -> bool {
        self.free()
            .is_none_or(|free| free + self.reserved() >= bytes)
    }

    /// Checks that `bytes` of a file can be written, and leave the guest something to work with: more when
    /// the file is large, as its next bytes are on their way. Beyond that the system would kill
    /// programs for the file, and then refuse it all the same.
    pub(crate) fn check_file(
        &self,
        path: &str,
        bytes: usize,
        is_large: bool,
    ) -> Result<(), Failure> {
        let limit = self.limit().unwrap_or_default();
        let left = if is_large {
            SHORT_BYTES + self.window_bytes()
        } else {
            SHORT_BYTES
        };
        let needed = left.saturating_add(bytes as u64);
        let Some(free) = self.free() else {
            return Ok(());
        };
        if free >= needed || free.saturating_add(self.group.cached()) >= needed {
            return Ok(());
        }
        let message = format!(
            "the file does not fit into the memory of the sandbox ({limit} bytes, its other files included)"
        );
        Err(Failure::new(ErrorKind::NoSpace, path, message))
    }

    /// How many bytes of one large file may be on their way to the guest.
    pub(crate) fn window_bytes(&self) -> u64 {
        let part = self.limit().map_or(u64::MAX, |limit| limit / WINDOW_PART);
        part.clamp(LEAST_WINDOW_BYTES, MOST_WINDOW_BYTES)
    }

    /// Gives up the reserve for the guest's own work, if memory is short, until the returned value is
    /// dropped.
    pub(crate) fn room_for_work(&self) -> RoomForWork<'_> {
        self.workers.set(self.workers.get() + 1);
        let room = RoomForWork(self);
        room.renew();
        room
    }

    /// To be called before a program starts in a session: gives up the reserve for it when memory is
    /// short, and takes it when memory is not.
    pub(crate) fn make_room_for_program(&self) {
        self.has_session.set(true);
        self.keep_reserve(self.usage());
        match self.free() {
            Some(free) if free < SHORT_BYTES => {
                self.for_programs.give_up();
            }
            Some(free) => self.for_programs.take(free.saturating_sub(SHORT_BYTES)),
            None => {}
        }
    }

    /// Checks that there is memory for the start of a program. Without, the system would have nobody to
    /// kill for it but the guest.
    pub(crate) fn check_start(&self) -> Result<(), Failure> {
        if self.free().is_none_or(|free| free >= START_BYTES) {
            return Ok(());
        }
        let message =
            "cannot start the program: the memory of the sandbox is full, most likely of files";
        Err(Failure::new(ErrorKind::NoSpace, "", message))
    }

    /// To be called after a reset: there is no session any more.
    pub(crate) fn end_session(&self) {
        self.has_session.set(false);
        self.for_programs.give_up();
        if self.free().is_some_and(|free| free >= AMPLE_BYTES) {
            self.own.give_up();
        }
    }

    /// Takes the reserve for the guest's own work, unless that work needs it now, or much is free of what this `usage`
    /// leaves. To be called while a program runs.
    pub(crate) fn keep_reserve(&self, usage: Option<u64>) {
        if self.workers.get() == 0
            && let Some(free) = self.free_of(usage)
            && (free < AMPLE_BYTES || self.has_session.get())
        {
            self.own.take(free.saturating_sub(LEFT_BYTES));
        }
    }

    /// Gives up the reserve for the guest's own work. To be called when the system has refused the guest memory.
    pub(crate) fn give_up_own(&self) {
        self.own.give_up();
    }

    /// Whether there is hardly any room left beside the reserve.
    pub(crate) fn is_short(&self) -> bool {
        self.is_short_of(self.usage())
    }

    /// The same with this `usage`.
    pub(crate) fn is_short_of(&self, usage: Option<u64>) -> bool {
        self.free_of(usage).is_some_and(|free| free < SHORT_BYTES)
    }

    /// Bytes between the usage and the limit.
    fn free(&self) -> Option<u64> {
        self.free_of(self.usage())
    }

    fn free_of(&self, usage: Option<u64>) -> Option<u64> {
        Some(self.limit()?.saturating_sub(usage?))
    }
}

/// Memory is there for the guest's work.
pub(crate) struct RoomForWork<'a>(&'a Memory);

impl RoomForWork<'_> {
    /// Gives up what was taken meanwhile. To be called when programs may have filled memory since.
    pub(crate) fn renew(&self) {
        let Self(memory) = self;
        if memory.is_short() {
            memory.own.give_up();
        }
    }
}

impl Drop for RoomForWork<'_> {
    fn drop(&mut self) {
        let Self(memory) = self;
        memory.workers.set(memory.workers.get() - 1);
        memory.keep_reserve(memory.usage());
    }
}
