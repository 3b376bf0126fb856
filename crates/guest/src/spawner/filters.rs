//! The filters of system calls that a sandbox has from its start: the list, and one for sandboxes whose memory no control
//! group counts.

use std::mem::offset_of;

use nix::{
    errno::Errno,
    libc::{self, seccomp_data, sock_filter},
};

use super::failure::{Failure, Trying};
use crate::user::filter::{
    ARCH, NEXT, argument, give_back, instruction, jump_if_any, jump_if_equal, keep, load,
};

/// Calls of the other ABI of x86-64, whose numbers have this bit.
const X32: u32 = 0x4000_0000;

/// Which bits of the flags of `mmap` say whether memory is shared. See linux/mman.h.
const MAP_TYPE: u32 = 0x0f;

/// Refuses memory that belongs to no process and no file: the guest could not count it. A program can fill it, and keep
/// it while it has hardly a page of it mapped. Files in `/dev/shm` take its place.
#[expect(
    clippy::cast_possible_truncation,
    reason = "an offset, a call's number and flags of a few bits"
)]
const SHARED_MEMORY: [sock_filter; 16] = [
    load(offset_of!(seccomp_data, arch) as u32),
    jump_if_equal(ARCH, NEXT, 12),
    load(offset_of!(seccomp_data, nr) as u32),
    jump_if_not_below(X32, 10, NEXT),
    jump_if_equal(libc::SYS_memfd_create as u32, 9, NEXT),
    jump_if_equal(libc::SYS_memfd_secret as u32, 8, NEXT),
    jump_if_equal(libc::SYS_mmap as u32, NEXT, 8),
    // Whether it shares memory that no file has.
    load(argument(3)),
    keep(MAP_TYPE),
    jump_if_equal(libc::MAP_SHARED as u32, 1, NEXT),
    jump_if_equal(libc::MAP_SHARED_VALIDATE as u32, NEXT, 4),
    load(argument(3)),
    jump_if_any(libc::MAP_ANONYMOUS as u32, NEXT, 2),
    give_back(libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
    give_back(libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32),
    give_back(libc::SECCOMP_RET_ALLOW),
];

const fn jump_if_not_below(value: u32, then: u8, otherwise: u8) -> sock_filter {
    let code = libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K;
    instruction(code, then, otherwise, value)
}

/// Keeps this process, and all that it starts, from memory that the guest cannot count.
pub(crate) fn refuse_shared_memory() -> Result<(), Failure> {
    install(&mut SHARED_MEMORY.clone()).trying("refuse shared memory")
}

/// Puts this process under the list of system calls, which has eight bytes for each instruction.
pub(crate) fn install_list(list: &[u8]) -> Result<(), Failure> {
    let instructions = list.chunks_exact(8).map(|bytes| sock_filter {
        code: u16::from_ne_bytes([bytes[0], bytes[1]]),
        jt: bytes[2],
        jf: bytes[3],
        k: u32::from_ne_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
    });
    let mut program: Vec<_> = instructions.collect();
    install(&mut program).trying("install the list of system calls")
}

fn install(program: &mut [sock_filter]) -> Result<(), Errno> {
    let program = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(|_| Errno::E2BIG)?,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: the filter is valid for the call, which copies it.
    let done = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            0,
            &raw const program,
        )
    };
    Errno::result(done).map(drop)
}
