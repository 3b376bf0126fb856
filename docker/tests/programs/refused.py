"""Makes the calls that the profile refuses, raw, and prints {call: errno} as JSON; 0 is success.

The arguments are such that without a profile each call ends differently (see seccomp.test.mjs).
"""

import ctypes
import json
import mmap
import os
import platform

ARM = platform.machine() == "aarch64"
NULL = 0
BAD = -1  # no such descriptor

# name: (number on x86-64, number on arm64, arguments)
CALLS = {
    "add_key": (248, 217, (NULL, NULL, NULL, 0, 0)),
    "bpf": (321, 280, (99, NULL, 0)),
    "chroot": (161, 51, (NULL,)),
    "clone with a user namespace": (56, 220, (0x10000000 | 17, 0, 0, 0, 0)),
    "clone3": (435, 435, (NULL, 0)),
    "fanotify_init": (300, 262, (0x1000, 0)),
    "get_mempolicy": (239, 236, (NULL, NULL, 0, NULL, 0)),
    "io_setup": (206, 0, (1, NULL)),
    "io_uring_enter": (426, 426, (BAD, 0, 0, 0, 0, 0)),
    "io_uring_register": (427, 427, (BAD, 0, 0, 0)),
    "io_uring_setup": (425, 425, (1, NULL)),
    "kcmp": (312, 272, (os.getpid(), os.getpid(), 0, 0, 0)),
    "keyctl": (250, 219, (0, -3, 0)),
    "memfd_secret": (447, 447, (0xFFFF,)),
    "mount": (165, 40, (NULL, NULL, NULL, 0, NULL)),
    "name_to_handle_at": (303, 264, (BAD, NULL, NULL, NULL, 0)),
    "open_tree": (428, 428, (BAD, NULL, 0)),
    "perf_event_open": (298, 241, (NULL, 0, -1, -1, 0)),
    "personality, no address randomisation": (135, 92, (0x0040000,)),
    "personality, 32 bits": (135, 92, (8,)),
    "pidfd_getfd": (438, 438, (BAD, 0, 0)),
    "process_madvise": (440, 440, (BAD, NULL, 0, 0, 0)),
    "process_vm_readv": (310, 270, (os.getpid(), NULL, 0, NULL, 0, 0)),
    "process_vm_writev": (311, 271, (os.getpid(), NULL, 0, NULL, 0, 0)),
    "ptrace": (101, 117, (0x4200, 0, 0, 0)),
    "quotactl": (179, 60, (NULL, NULL, 0, NULL)),
    "request_key": (249, 218, (NULL, NULL, NULL, 0)),
    "seccomp": (317, 277, (99, 0, NULL)),
    "seccomp, without a listener": (317, 277, (1, 0, NULL)),
    "seccomp, for all threads": (317, 277, (1, 9, NULL)),
    "setns": (308, 268, (BAD, 0)),
    "socket, AF_ALG": (41, 198, (38, 5, 0)),
    "socket, AF_VSOCK": (41, 198, (40, 1, 0)),
    "socket, netlink generic": (41, 198, (16, 3, 16)),
    "socket, SCTP": (41, 198, (2, 1, 132)),
    "socket, MPTCP": (41, 198, (2, 1, 262)),
    "umount2": (166, 39, (NULL, 0)),
    "unshare": (272, 97, (0,)),
    "unshare, user namespace": (272, 97, (0x10000000,)),
    "userfaultfd": (323, 282, (0xFFFF,)),
    "vmsplice": (278, 75, (BAD, NULL, 0, 0)),
}

# getpid as a 32-bit system call: mov eax, 20; int 0x80; ret
GATE_32 = b"\xb8\x14\0\0\0\xcd\x80\xc3"

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def in_child(function):
    """What `function` returns, called in a child since some calls fork or change the caller; minus the
    signal if that ended the child."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, b"%d\n" % function())
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    os.close(write)
    answer = os.read(read, 64)
    os.close(read)
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else int(answer.split()[0])


def call(number, arguments):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments))
    return ctypes.get_errno() if result < 0 else 0


def call_32():
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(GATE_32)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    return 0 if ctypes.CFUNCTYPE(ctypes.c_int)(address)() > 0 else 1


results = {
    name: in_child(lambda: call(arm if ARM else x86, arguments))
    for name, (x86, arm, arguments) in CALLS.items()
}
if not ARM:
    results["getpid, 32-bit"] = in_child(call_32)
print(json.dumps(results))
