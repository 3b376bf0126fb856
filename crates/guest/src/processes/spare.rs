//! Places among the processes of a sandbox, kept free for the guest.
//!
//! The system limits how many processes and threads a sandbox has. In a session, programs that live on can
//! take them all. Then no call could begin, and nothing could end them. So the guest holds some places with
//! threads that wait in the kernel, and gives them up when it can start nothing else.
//!
//! These threads run nothing of the guest: each waits for one byte and ends. They hold no lock, so that
//! forks and shared children may treat the guest as a process with one thread.

use std::{
    cell::RefCell,
    fs, io,
    os::fd::{AsRawFd, OwnedFd, RawFd},
    ptr::null_mut,
    sync::atomic::{AtomicI32, Ordering},
    time::Duration,
};

use nix::{
    errno::Errno,
    fcntl::OFlag,
    libc::{self, c_int, c_void},
    sys::signal::{SigSet, SigmaskHow},
    unistd::{ForkResult, fork, pipe2, write},
};

/// How many places are kept: for a helper of the guest or the call's own process, and for what a short
/// command starts.
const MOST: usize = 4;

/// The places are at most this part of all.
const PART: usize = 8;

/// The limit, in version 2 and in version 1 of control groups.
const LIMITS: [&str; 2] = ["/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max"];

/// Stack of a thread in bytes. It makes two calls to the system.
const STACK_BYTES: usize = 16 * 1024;

/// How often a fork is tried again while the threads end, and the pause before each time. The guest stands
/// still meanwhile.
const ATTEMPTS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(1);

thread_local! {
    static SPARE: RefCell<Option<Spare>> = const { RefCell::new(None) };
}

/// Takes the places that are kept, as far as there are any. To be called before and after programs of a
/// session.
pub(crate) fn hold() {
    SPARE.with_borrow_mut(|spare| {
        if spare.is_none() {
            *spare = Spare::new().ok();
        }
        if let Some(spare) = spare {
            spare.fill();
        }
    });
}

/// Gives up the places. Returns whether there were any.
fn release() -> bool {
    SPARE.with_borrow_mut(|spare| spare.as_mut().is_some_and(Spare::release))
}

/// Forks, and gives up the places that are kept when there are no others.
///
/// # Safety
///
/// As for [`fork`].
pub(crate) unsafe fn fork_with_spare() -> nix::Result<ForkResult> {
    // SAFETY: the caller's.
    let mut forked = unsafe { fork() };
    if matches!(forked, Err(Errno::EAGAIN)) && release() {
        for _ in 0..ATTEMPTS {
            std::thread::sleep(PAUSE);
            // SAFETY: the caller's.
            forked = unsafe { fork() };
            if !matches!(forked, Err(Errno::EAGAIN)) {
                break;
            }
        }
    }
    forked
}

/// The threads and what they wait for.
struct Spare {
    reader: OwnedFd,
    writer: OwnedFd,
    wanted: usize,
    waiting: usize,
    /// Never removed, because a thread may still use its stack.
    seats: Vec<Box<Seat>>,
}

/// The memory of one thread.
#[repr(align(16))]
struct Seat {
    stack: [u8; STACK_BYTES],
    /// The thread that uses this. The system writes 0 when it has ended.
    thread: AtomicI32,
    /// Where it waits for a byte.
    reader: RawFd,
}

impl Spare {
    fn new() -> io::Result<Self> {
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
        let limit = LIMITS.iter().find_map(|path| fs::read_to_string(path).ok());
        let limit = limit.and_then(|text| text.trim().parse::<usize>().ok());
        Ok(Self {
            reader,
            writer,
            wanted: limit.map_or(0, |limit| MOST.min(limit / PART)),
            waiting: 0,
            seats: Vec::new(),
        })
    }

    fn fill(&mut self) {
        while self.waiting < self.wanted && self.start().is_ok() {
            self.waiting += 1;
        }
    }

    fn release(&mut self) -> bool {
        let count = std::mem::take(&mut self.waiting);
        count > 0 && write(&self.writer, &[0; MOST][..count]).is_ok()
    }

    fn start(&mut self) -> io::Result<()> {
        let is_free = |seat: &Seat| seat.thread.load(Ordering::Acquire) == 0;
        let index = self.seats.iter().position(|seat| is_free(seat));
        let index = index.unwrap_or_else(|| {
            self.seats.push(Box::new(Seat {
                stack: [0; STACK_BYTES],
                thread: AtomicI32::new(0),
                reader: self.reader.as_raw_fd(),
            }));
            self.seats.len() - 1
        });
        let seat = &mut *self.seats[index];
        let top = seat.stack.as_mut_ptr_range().end;
        let thread = seat.thread.as_ptr();
        let reader = &raw mut seat.reader;
        let flags = libc::CLONE_VM
            | libc::CLONE_FS
            | libc::CLONE_FILES
            | libc::CLONE_SIGHAND
            | libc::CLONE_THREAD
            | libc::CLONE_SYSVSEM
            | libc::CLONE_PARENT_SETTID
            | libc::CLONE_CHILD_CLEARTID;
        // No signal reaches the thread: it has no `errno` of its own.
        let mask = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
        // SAFETY: the stack is the thread's alone until the system has set `thread` to 0, and lives as long
        // as the guest. The thread makes one call to the system with that stack and ends.
        let started = unsafe {
            libc::clone(
                wait,
                top.cast(),
                flags,
                reader.cast(),
                thread,
                null_mut::<c_void>(),
                thread,
            )
        };
        let error = io::Error::last_os_error();
        mask.thread_set_mask()?;
        if started < 0 { Err(error) } else { Ok(()) }
    }
}

/// What a thread does: it waits for its byte.
extern "C" fn wait(reader: *mut c_void) -> c_int {
    let mut byte = 0_u8;
    // SAFETY: `Spare::start` passes a pointer to this type, in memory that is never freed or written to
    // again. One byte is read into a variable that lives until then.
    unsafe { libc::read(*reader.cast::<RawFd>(), (&raw mut byte).cast(), 1) };
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_held_by_threads_that_end_when_they_are_given_up() {
        let mut spare = Spare::new().unwrap();
        spare.wanted = 3;
        for _ in 0..5 {
            spare.fill();
            assert_eq!(spare.waiting, 3);
            assert!(spare.release());
            assert!(!spare.release());
            let lives = |seat: &Seat| seat.thread.load(Ordering::Acquire) != 0;
            while spare.seats.iter().any(|seat| lives(seat)) {
                std::thread::sleep(PAUSE);
            }
        }
        assert_eq!(spare.seats.len(), 3);
    }
}
