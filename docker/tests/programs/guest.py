"""What the guest does as root with its three capabilities, under the seccomp profile."""

import ctypes
import os
import platform
import signal
import socket
import struct

libc = ctypes.CDLL(None, use_errno=True)
SECCOMP = 277 if platform.machine() == "aarch64" else 317
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38

assert os.getuid() == 0
assert libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
assert libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0

server = socket.create_server(("127.0.0.1", 8118))
read, write = os.pipe()
child = os.fork()
if child == 0:
    os.setsid()
    os.setgroups([])
    os.setresgid(101, 101, 101)
    os.setresuid(100, 100, 100)
    assert libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) == 0
    assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    for become_root in (lambda: os.setuid(0), lambda: os.setresuid(0, 0, 0), lambda: os.setgroups([0])):
        try:
            become_root()
        except PermissionError:
            continue
        raise AssertionError("the sandbox user could become root")
    # A filter with a listener, which refuses itself: return EPERM when the call has this number.
    parts = (0x20, 0, 0, 0), (0x15, 0, 1, SECCOMP), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000)
    instructions = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *part) for part in parts))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(parts), ctypes.addressof(instructions)))
    assert libc.syscall(SECCOMP, 1, 8, program) >= 0
    assert libc.syscall(SECCOMP, 1, 8, program) == -1 and ctypes.get_errno() == 1
    socket.create_connection(("127.0.0.1", 8118)).close()
    os.write(write, b"dropped")
    signal.pause()
os.close(write)
assert os.read(read, 16) == b"dropped"
server.accept()[0].close()
os.killpg(child, signal.SIGKILL)
pid, status, usage = os.wait4(child, 0)
assert pid == child and os.WTERMSIG(status) == signal.SIGKILL and usage.ru_maxrss > 0
print("ok steps")
print("done")
