"""What ordinary Python programs do; each step must work under the seccomp profile."""

import asyncio
import concurrent.futures
import fcntl
import mmap
import multiprocessing
import os
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from multiprocessing import shared_memory


def square(n):
    return n * n


def processes():
    for method in multiprocessing.get_all_start_methods():
        with multiprocessing.get_context(method).Pool(2) as pool:
            assert pool.map(square, [1, 2, 3]) == [1, 4, 9], method
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        assert list(pool.map(square, [4, 5])) == [16, 25]
    block = shared_memory.SharedMemory(create=True, size=4096)
    block.buf[0] = 7
    block.close()
    block.unlink()


def children():
    assert subprocess.run(["echo", "hi"], capture_output=True, text=True).stdout == "hi\n"
    assert subprocess.run("exit 3", shell=True).returncode == 3
    child = subprocess.Popen(["sleep", "60"], start_new_session=True)
    pidfd = os.pidfd_open(child.pid)
    signal.pidfd_send_signal(pidfd, signal.SIGTERM)
    assert child.wait() == -signal.SIGTERM
    pid = os.posix_spawn("/bin/true", ["true"], os.environ)
    assert os.waitpid(pid, 0)[1] == 0
    master, slave = os.openpty()
    assert os.isatty(slave)


def threads():
    assert list(concurrent.futures.ThreadPoolExecutor(8).map(square, range(50)))[7] == 49
    done = threading.Event()
    threading.Thread(target=done.set).start()
    assert done.wait(5)


def loopback():
    families = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
    for family, address in families:
        with socket.socket(family) as server:
            try:
                server.bind((address, 0))
            except OSError:
                # A sandbox may have no IPv6 at all.
                assert family == socket.AF_INET6
                continue
            server.listen()
            client = socket.create_connection(server.getsockname()[:2])
            peer = server.accept()[0]
            client.sendall(b"x" * 1000)
            assert peer.recv(1000, socket.MSG_WAITALL) == b"x" * 1000
        datagram = socket.socket(family, socket.SOCK_DGRAM)
        datagram.bind((address, 0))
        datagram.sendto(b"d", datagram.getsockname()[:2])
        assert datagram.recv(1) == b"d"
    left, right = socket.socketpair()
    socket.send_fds(left, [b"f"], [0])
    assert len(socket.recv_fds(right, 1, 1)[1]) == 1
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind("/sandbox/s.sock")
    assert socket.if_nameindex()


def event_loop():
    async def main():
        async def echo(reader, writer):
            writer.write(await reader.readline())
            writer.close()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"line\n")
        assert await reader.readline() == b"line\n"
        process = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
        assert (await process.communicate(b"in"))[0] == b"in"
        assert await asyncio.to_thread(square, 3) == 9
        server.close()

    asyncio.run(main())


def files():
    with tempfile.NamedTemporaryFile(dir="/sandbox") as a, open("/sandbox/copy", "wb") as b:
        a.write(b"abc")
        a.flush()
        assert os.copy_file_range(a.fileno(), b.fileno(), 3, offset_src=0) == 3
        assert os.sendfile(b.fileno(), a.fileno(), 0, 3) == 3
        os.posix_fallocate(a.fileno(), 0, 8192)
        fcntl.flock(a, fcntl.LOCK_EX)
        fcntl.lockf(a, fcntl.LOCK_EX)
        with mmap.mmap(a.fileno(), 4096) as view:
            view[0:3] = b"xyz"
            view.flush()
    os.mkfifo("/sandbox/fifo")
    os.symlink("copy", "/sandbox/link")
    os.link("/sandbox/copy", "/sandbox/hard")
    os.chmod("/sandbox/copy", 0o600)
    os.utime("/sandbox/copy", (1, 1))
    os.truncate("/sandbox/copy", 1)
    os.rename("/sandbox/copy", "/sandbox/renamed")
    assert os.memfd_create("m") > 0
    assert os.stat("/sandbox/renamed").st_size == 1
    os.statvfs("/sandbox")


def waiting():
    read, write = os.pipe2(os.O_NONBLOCK)
    poller = select.epoll()
    poller.register(read, select.EPOLLIN)
    os.write(write, b"x")
    assert poller.poll(1)
    assert select.select([read], [], [], 1)[0]
    event = os.eventfd(1)
    assert os.eventfd_read(event) == 1
    ticks = []
    signal.signal(signal.SIGALRM, lambda *_: ticks.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    time.sleep(0.05)
    assert ticks


def database():
    base = sqlite3.connect("/sandbox/base.db")
    base.execute("pragma journal_mode=wal")
    base.execute("create table t (x)")
    base.executemany("insert into t values (?)", [(i,) for i in range(1000)])
    base.commit()
    assert base.execute("select sum(x) from t").fetchone() == (499500,)


def system():
    assert os.getuid() == 100 and os.getgid() == 101
    os.sched_setaffinity(0, os.sched_getaffinity(0))
    os.nice(1)
    os.setpriority(os.PRIO_PROCESS, 0, 2)
    assert len(os.urandom(8)) == 8
    os.uname(), os.getloadavg(), os.times()


if __name__ == "__main__":
    for step in (processes, children, threads, loopback, event_loop, files, waiting, database, system):
        step()
        print("ok", step.__name__)
    print("done")
    sys.exit(0)
