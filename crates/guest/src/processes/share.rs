//! A child that shares the guest's memory until it becomes another program. So nothing is copied. A forked
//! child would cost more than everything else in the start of a small program.
//!
//! The guest stands still until the child has become the program or has ended. So no process may exist that
//! could stop the child, and only the first program of a clean sandbox starts this way. The shared memory is
//! as protected as the guest's own: it is not dumpable, whichever user the child becomes.

use std::{
    cell::RefCell,
    io,
    ptr::{NonNull, null_mut},
};

use nix::libc::{self, c_int, c_void};

/// The child's stack in bytes. Only what it touches takes memory.
const STACK_BYTES: usize = 256 * 1024;

/// Guard below the stack, in bytes: a stack that grows too large ends the child. A multiple of every page size.
const GUARD_BYTES: usize = 64 * 1024;

/// Runs `child` in a new process. Returns the id of the process when it has become another program, or has
/// ended with the exit code that `child` returned.
///
/// Memory that `child` has allocated when it becomes another program is never freed.
pub(crate) fn clone_sharing<F: FnOnce() -> i32>(child: F) -> io::Result<i32> {
    thread_local! {
        static STACK: RefCell<Option<Stack>> = const { RefCell::new(None) };
    }
    STACK.with_borrow_mut(|kept| {
        let stack = match kept {
            Some(stack) => stack,
            None => kept.insert(Stack::new()?),
        };
        clone_on(stack, child)
    })
}

fn clone_on<F: FnOnce() -> i32>(stack: &mut Stack, child: F) -> io::Result<i32> {
    let mut child = Some(child);
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the stack is the child's alone and outlives it, since this process goes on only when
    // the child uses its memory no more. The pointer is to what `enter` expects. There is one
    // thread, so the child finds no lock that another one holds.
    let pid = unsafe { libc::clone(enter::<F>, stack.top(), flags, (&raw mut child).cast()) };
    if pid < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(pid)
}

/// Where the child begins.
extern "C" fn enter<F: FnOnce() -> i32>(child: *mut c_void) -> c_int {
    // SAFETY: `clone_sharing` passes a pointer to this type, which it does not touch meanwhile.
    let child = unsafe { &mut *child.cast::<Option<F>>() };
    let code = child.take().map_or(0, |child| child());
    // SAFETY: ends the process without running the guest's clean-up in the child.
    unsafe { libc::_exit(code) }
}

/// Memory for a stack, with a guard at its lower end.
struct Stack(NonNull<c_void>);

impl Stack {
    fn new() -> io::Result<Self> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK;
        // SAFETY: asks for new memory wherever there is room.
        let base = unsafe { libc::mmap(null_mut(), Self::LENGTH, protection, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let stack = Self(NonNull::new(base).ok_or(io::ErrorKind::OutOfMemory)?);
        // SAFETY: the guard is the beginning of what was just mapped, and nothing uses it.
        if unsafe { libc::mprotect(base, GUARD_BYTES, libc::PROT_NONE) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(stack)
    }

    const LENGTH: usize = GUARD_BYTES + STACK_BYTES;

    /// Returns the start of the stack, which grows downwards. It is aligned to a page.
    fn top(&self) -> *mut c_void {
        self.0.as_ptr().wrapping_byte_add(Self::LENGTH)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: mapped by `new` with this length, and used no more.
        unsafe { libc::munmap(self.0.as_ptr(), Self::LENGTH) };
    }
}

#[cfg(test)]
mod tests {
    use nix::{
        sys::wait::{WaitStatus, waitpid},
        unistd::Pid,
    };

    use super::*;

    #[test]
    fn the_child_is_another_process_with_the_same_memory() {
        let (mut pid_inside, own) = (0, std::process::id());
        let pid = clone_sharing(|| {
            pid_inside = std::process::id();
            7
        });
        let pid = pid.unwrap();
        assert_eq!(u32::try_from(pid).unwrap(), pid_inside);
        assert_ne!(pid_inside, own);
        let pid = Pid::from_raw(pid);
        assert_eq!(waitpid(pid, None).unwrap(), WaitStatus::Exited(pid, 7));
    }
}
