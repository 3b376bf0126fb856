//! The seccomp filter that programs run under, on top of the container's own.
//!
//! Its purpose is its listener. The kernel reports the listener as hung up as soon as the last process under
//! the filter begins to end (Linux 6.11; before, when that process is collected). The filter asks nothing of
//! the listener. So it costs a running program nothing and cannot hold one up.
//!
//! It refuses the call that installs it. The container's profile allows that call to the guest for this
//! purpose alone, so that user code gets the answer that the profile would give.
//!
//! It keeps the limit of core dumps, and answers programs that set it as if they had. The limit is 1, with
//! which the system makes no core dump. With 0 the system would still start the program that the host's
//! `core_pattern` names, as root.
//!
//! In the same way it keeps the sizes of socket buffers. Control groups of version 1 do not count them, so
//! the host's maximum would be the only limit. The system takes these sizes as a hint anyway.
//!
//! It refuses filters of programs, as a system without filters does. The system compiles them, and the machine has one
//! limit for the memory of all that is compiled.
//!
//! It refuses IPv6 flow labels. A label stays for minutes after its socket is closed, and the next program
//! could read it with its addresses. A container's profile cannot refuse one option exactly: it compares 64
//! bits, of which the system looks at 32.
//!
//! It sees to it that the guest can count record locks (see `locks.rs`), which no control group does:
//!
//! * Locks of open file descriptions are answered as by a system that has none. They outlive every descriptor
//!   that a process shows.
//! * All threads of a process share its descriptors, and no other process does. So one look at a process shows
//!   them all.
//! * A process stays one that the guest may look at. A program that asks for something else gets the answer that
//!   it was done.

use std::{
    io,
    mem::offset_of,
    os::fd::{FromRawFd, OwnedFd},
};

use nix::libc::{self, seccomp_data, sock_filter, sock_fprog};

/// How many instructions the filter has.
const LENGTH: libc::c_ushort = 47;

/// The machine in [`seccomp_data`]: its ELF number, 64 bits, little-endian. See linux/audit.h.
pub(crate) const ARCH: u32 = ELF_MACHINE as u32 | 0x8000_0000 | 0x4000_0000;
#[cfg(target_arch = "x86_64")]
const ELF_MACHINE: u16 = libc::EM_X86_64;
#[cfg(target_arch = "aarch64")]
const ELF_MACHINE: u16 = libc::EM_AARCH64;

/// The option of a socket that makes flow labels. See linux/in6.h.
const IPV6_FLOWLABEL_MGR: u32 = 32;

/// The target of a jump that does not jump: the next instruction.
pub(crate) const NEXT: u8 = 0;

/// The filter. System calls of another architecture are left to the container's profile.
#[expect(
    clippy::cast_possible_truncation,
    reason = "an offset, a call's number and a code of a few bits"
)]
const PROGRAM: [sock_filter; LENGTH as usize] = [
    load(offset_of!(seccomp_data, arch) as u32),
    jump_if_equal(ARCH, NEXT, 44),
    load(offset_of!(seccomp_data, nr) as u32),
    jump_if_equal(libc::SYS_seccomp as u32, 39, NEXT),
    jump_if_equal(libc::SYS_setsockopt as u32, 8, NEXT),
    jump_if_equal(libc::SYS_prlimit64 as u32, 15, NEXT),
    jump_if_equal(libc::SYS_prctl as u32, 20, NEXT),
    jump_if_equal(libc::SYS_fcntl as u32, 26, NEXT),
    jump_if_equal(libc::SYS_clone as u32, 28, NEXT),
    jump_if_equal(libc::SYS_close_range as u32, 31, NEXT),
    jump_if_equal(libc::SYS_setrlimit as u32, NEXT, 35),
    // setrlimit: which limit it sets.
    load(argument(0)),
    jump_if_equal(RLIMIT_CORE, 32, 33),
    // setsockopt: its level and its option.
    load(argument(1)),
    jump_if_equal(libc::SOL_IPV6 as u32, NEXT, 2),
    load(argument(2)),
    jump_if_equal(IPV6_FLOWLABEL_MGR, 26, 29),
    jump_if_equal(libc::SOL_SOCKET as u32, NEXT, 28),
    load(argument(2)),
    jump_if_equal(libc::SO_SNDBUF as u32, 25, NEXT),
    jump_if_equal(libc::SO_RCVBUF as u32, 24, 25),
    // prlimit64: whether it sets a limit (the pointer, in two halves, is not null), and which limit.
    load(argument(2)),
    jump_if_equal(0, NEXT, 2),
    load(argument(2) + HALF),
    jump_if_equal(0, 21, NEXT),
    load(argument(1)),
    jump_if_equal(RLIMIT_CORE, 18, 19),
    // prctl: whether it installs a filter, or others may no longer look at this process.
    load(argument(0)),
    jump_if_equal(libc::PR_SET_DUMPABLE as u32, 3, NEXT),
    jump_if_equal(libc::PR_SET_SECCOMP as u32, NEXT, 16),
    load(argument(1)),
    jump_if_equal(libc::SECCOMP_MODE_FILTER, 12, 14),
    load(argument(1)),
    jump_if_equal(0, 11, 12),
    // fcntl: whether it locks for an open file description.
    load(argument(1)),
    jump_if_equal(libc::F_OFD_SETLK as u32, 8, NEXT),
    jump_if_equal(libc::F_OFD_SETLKW as u32, 7, 9),
    // clone: whether the new one is a thread and shares descriptors, or neither.
    load(argument(0)),
    keep(SHARING_THREAD),
    jump_if_equal(0, 6, NEXT),
    jump_if_equal(SHARING_THREAD, 5, 3),
    // close_range: whether this thread gets descriptors of its own.
    load(argument(2)),
    jump_if_any(libc::CLOSE_RANGE_UNSHARE, 1, 3),
    give_back(libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
    give_back(libc::SECCOMP_RET_ERRNO | libc::EINVAL as u32),
    give_back(libc::SECCOMP_RET_ERRNO),
    give_back(libc::SECCOMP_RET_ALLOW),
];

/// Flags of clone(2): the descriptors are shared, and the new one is a thread of the same process.
const SHARING_THREAD: u32 = (libc::CLONE_FILES | libc::CLONE_THREAD) as u32;

/// The limit of core dumps. Its type differs among C libraries. See asm-generic/resource.h.
const RLIMIT_CORE: u32 = 4;

/// From the lower half of an argument to the upper one, in bytes.
const HALF: u32 = 4;

/// Where the lower half of an argument is.
#[expect(clippy::cast_possible_truncation, reason = "an offset")]
pub(crate) const fn argument(number: usize) -> u32 {
    (offset_of!(seccomp_data, args) + number * size_of::<u64>()) as u32
}

pub(crate) const fn load(offset: u32) -> sock_filter {
    instruction(
        libc::BPF_LD | libc::BPF_W | libc::BPF_ABS,
        NEXT,
        NEXT,
        offset,
    )
}

pub(crate) const fn jump_if_equal(value: u32, then: u8, otherwise: u8) -> sock_filter {
    instruction(
        libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
        then,
        otherwise,
        value,
    )
}

pub(crate) const fn jump_if_any(bits: u32, then: u8, otherwise: u8) -> sock_filter {
    let code = libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K;
    instruction(code, then, otherwise, bits)
}

pub(crate) const fn keep(bits: u32) -> sock_filter {
    let code = libc::BPF_ALU | libc::BPF_AND | libc::BPF_K;
    instruction(code, NEXT, NEXT, bits)
}

pub(crate) const fn give_back(action: u32) -> sock_filter {
    instruction(libc::BPF_RET | libc::BPF_K, NEXT, NEXT, action)
}

#[expect(clippy::cast_possible_truncation, reason = "codes have eight bits")]
pub(crate) const fn instruction(code: u32, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    }
}

/// Puts this process under the filter, with everything that it starts. Returns the listener, where the system
/// has one.
pub(crate) fn install() -> io::Result<Option<OwnedFd>> {
    let mut program = PROGRAM;
    let filter = sock_fprog {
        len: LENGTH,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: the filter is valid for the call, which copies it.
    let listener = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const filter,
        )
    };
    if let Ok(listener @ 0..) = i32::try_from(listener) {
        // SAFETY: the system has just opened it for this process.
        return Ok(Some(unsafe { OwnedFd::from_raw_fd(listener) }));
    }
    // SAFETY: as above.
    let done = unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const filter,
        )
    };
    let error = io::Error::last_os_error();
    // Where there are no filters there is no call to install one, either.
    if done == 0 || error.raw_os_error() == Some(libc::EINVAL) {
        return Ok(None);
    }
    Err(error)
}

/// The call that installs the filter, and the filter, for a process that is not a program of the guest: the
/// number of the call in four bytes, then the instructions in the system's form.
pub(crate) fn order() -> Vec<u8> {
    let number = u32::try_from(libc::SYS_seccomp).unwrap_or_default();
    let mut order = number.to_ne_bytes().to_vec();
    for instruction in PROGRAM {
        order.extend(instruction.code.to_ne_bytes());
        order.extend([instruction.jt, instruction.jf]);
        order.extend(instruction.k.to_ne_bytes());
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jumps_end_at_the_actions_that_they_mean() {
        let [.., refuse, invalid, pretend, allow] = PROGRAM.map(|instruction| instruction.k);
        let run = |nr: libc::c_long, args: [u64; 3]| {
            let mut data = vec![u32::try_from(nr).unwrap(), ARCH, 0, 0];
            for arg in args {
                data.extend(
                    [arg & 0xffff_ffff, arg >> 32].map(|half| u32::try_from(half).unwrap()),
                );
            }
            let (mut at, mut loaded) = (0, 0);
            loop {
                let sock_filter { code, jt, jf, k } = PROGRAM[at];
                at += 1;
                match u32::from(code) & 7 {
                    libc::BPF_LD => loaded = data[usize::try_from(k).unwrap() / 4],
                    libc::BPF_ALU => loaded &= k,
                    libc::BPF_JMP => {
                        let any = u32::from(code) & 0xf0 == libc::BPF_JSET;
                        let holds = if any { loaded & k != 0 } else { loaded == k };
                        at += usize::from(if holds { jt } else { jf });
                    }
                    _ => return k,
                }
            }
        };
        let core = u64::from(RLIMIT_CORE);
        assert_eq!(run(libc::SYS_seccomp, [0; 3]), refuse);
        assert_eq!(run(libc::SYS_setsockopt, [3, 41, 32]), refuse);
        assert_eq!(run(libc::SYS_setsockopt, [3, 41, 31]), allow);
        assert_eq!(run(libc::SYS_setsockopt, [3, 6, 32]), allow);
        assert_eq!(run(libc::SYS_setsockopt, [3, 1, 7]), pretend);
        assert_eq!(run(libc::SYS_setsockopt, [3, 1, 8]), pretend);
        assert_eq!(run(libc::SYS_setsockopt, [3, 1, 9]), allow);
        assert_eq!(run(libc::SYS_setsockopt, [3, 6, 7]), allow);
        for pointer in [1, 1 << 40] {
            assert_eq!(run(libc::SYS_prlimit64, [0, core, pointer]), pretend);
            assert_eq!(run(libc::SYS_prlimit64, [0, core + 1, pointer]), allow);
        }
        assert_eq!(run(libc::SYS_prlimit64, [0, core, 0]), allow, "it reads");
        assert_eq!(run(libc::SYS_setrlimit, [core, 1, 0]), pretend);
        assert_eq!(run(libc::SYS_setrlimit, [core + 1, 1, 0]), allow);
        assert_eq!(run(libc::SYS_getpid, [core, core, core]), allow);
        for (command, answer) in [
            (36, allow),
            (37, invalid),
            (38, invalid),
            (39, allow),
            (6, allow),
        ] {
            assert_eq!(run(libc::SYS_fcntl, [3, command, 0]), answer, "{command}");
            // The system looks at the lower half only.
            assert_eq!(run(libc::SYS_fcntl, [3, command | 1 << 32, 0]), answer);
        }
        let (files, thread) = (0x400, 0x1_0000);
        for (flags, answer) in [
            (17, allow),
            (files, invalid),
            (thread, invalid),
            (files | thread, allow),
        ] {
            assert_eq!(run(libc::SYS_clone, [flags, 0, 0]), answer, "{flags:x}");
            assert_eq!(run(libc::SYS_clone, [flags | 0x4100, 0, 0]), answer);
        }
        for (flags, answer) in [(0, allow), (2, invalid), (4, allow), (6, invalid)] {
            assert_eq!(run(libc::SYS_close_range, [3, 9, flags]), answer, "{flags}");
        }
        assert_eq!(run(libc::SYS_prctl, [4, 0, 0]), pretend);
        assert_eq!(run(libc::SYS_prctl, [4, 1, 0]), allow);
        assert_eq!(run(libc::SYS_prctl, [3, 0, 0]), allow);
        assert_eq!(run(libc::SYS_prctl, [22, 2, 0]), invalid);
        assert_eq!(run(libc::SYS_prctl, [0x16 | 1 << 32, 2, 1 << 40]), invalid);
        assert_eq!(run(libc::SYS_prctl, [22, 1, 0]), allow);
        assert_eq!(run(libc::SYS_prctl, [21, 2, 0]), allow);
    }

    #[test]
    fn an_order_has_eight_bytes_for_each_instruction() {
        assert_eq!(order().len(), 4 + usize::from(LENGTH) * 8);
        // The launcher of Python reads as much, with one byte before it.
        assert!(order().len() < 4096);
    }
}
