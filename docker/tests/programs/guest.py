"""What the guest does as root with its three capabilities, under the seccomp profile."""

import ctypes
import os
import signal
import socket

libc = ctypes.CDLL(None, use_errno=True)
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
