"""Makes a CPython that has imported modules a nursery: it forks parked interpreters. See the guest.

Used by `sitecustomize` alone. It ends at once when its children would not be what a process of their
own is: then the guest starts one for each program. A child returns from `serve`.
"""

OWN_USER = 102
CAPABILITIES = (b"CapInh", b"CapPrm", b"CapEff", b"CapAmb")


def serve(control, objects):
    import posix
    import sys

    user = posix.getuid()

    before = set(sys.modules)
    import _ctypes  # for three system calls that nothing else offers
    import _socket
    import array

    if not forkable(posix, control):
        posix._exit(2)
    # When memory runs out the program goes first.
    score(posix, b"900")
    posix.setresuid(OWN_USER, OWN_USER, OWN_USER)
    orders = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, control)
    posix.write(1, b"\x05")
    while True:
        order, extra, flags, _ = orders.recvmsg(4096, _socket.CMSG_SPACE(12))
        if not order:
            posix._exit(0)
        if flags & _socket.MSG_TRUNC:  # a part of a filter is none
            posix._exit(2)
        data = extra[0][2]
        streams = [int.from_bytes(data[at:at + 4], sys.byteorder) for at in (0, 4, 8)]
        between = posix.fork()
        if between:
            for stream in streams:
                posix.close(stream)
            posix.waitpid(between, 0)
            continue
        library = _ctypes.dlopen(None, 0)

        def call(name, *arguments):
            return _ctypes.call_function(_ctypes.dlsym(library, name), arguments)

        def filtered(number, instructions):
            kept = array.array("B", instructions)
            address, length = kept.buffer_info()
            program = b"".join(value.to_bytes(8, sys.byteorder) for value in (length // 8, address))
            found = call("syscall", number, 1, 8, program)  # with a listener
            if found < 0 and call("prctl", 22, 2, program) != 0:
                orders.send(b"0")
                posix._exit(1)
            return found

        listener = filtered(int.from_bytes(order[1:5], sys.byteorder), order[5:]) if order[1:] else -1
        # So that the guest is the parent.
        child = posix.fork()
        if child:
            rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, listener.to_bytes(4, sys.byteorder))]
            try:
                orders.sendmsg([b"%d" % child], rights if listener >= 0 else [])
            except OSError:
                # How many descriptors may be under way is limited.
                orders.send(b"%d" % child)
            posix._exit(0)
        break

    if listener >= 0:
        posix.close(listener)
    for number, stream in enumerate(streams):
        posix.dup2(stream, number)
        posix.close(stream)
    posix.close(orders.detach())
    while posix.getppid() != 1:
        posix.sched_yield()
    posix.setsid()
    posix.setresuid(user, user, user)
    if call("capset", (0x20080522).to_bytes(4, sys.byteorder) + bytes(4), bytes(24)) != 0:
        posix._exit(1)
    if call("prctl", 4, 1, 0, 0, 0) != 0:  # it may look at itself again
        posix._exit(1)
    score(posix, b"1000")
    for line in read(posix, "/proc/self/status").splitlines():
        name, _, value = line.partition(b":")
        if name in CAPABILITIES and int(value, 16) or name == b"Uid" and set(value.split()) != {b"%d" % user}:
            posix._exit(1)
    numbers = sys.modules.get("numpy.random")
    if numbers:
        numbers.seed()  # `random` does so itself
    for name in set(sys.modules) - before:
        del sys.modules[name]
    for _ in objects:  # counts a reference: the pages are copied now, not while the program runs
        pass


def forkable(posix, control):
    """Whether there is nothing that children would share, or lose."""
    for place in ("/sandbox", "/tmp", "/dev/shm"):
        if posix.listdir(place):
            return False
    # The lowest free number is the listing's own.
    if sorted(map(int, posix.listdir("/proc/self/fd"))) != [0, 1, 2, 3, control]:
        return False
    rights = [line.split()[1] for line in read(posix, "/proc/self/maps").splitlines()]
    if any(b"w" in right and b"s" in right for right in rights):
        return False
    # Libraries that know of forks end their threads before one, and start them again when needed.
    child = posix.fork()
    if not child:
        posix._exit(0)
    posix.waitpid(child, 0)
    return len(posix.listdir("/proc/self/task")) == 1


def score(posix, value):
    file = posix.open("/proc/self/oom_score_adj", posix.O_WRONLY)
    posix.write(file, value)
    posix.close(file)


def read(posix, path):
    file = posix.open(path, posix.O_RDONLY)
    parts = []
    while part := posix.read(file, 65536):
        parts.append(part)
    posix.close(file)
    return b"".join(parts)
