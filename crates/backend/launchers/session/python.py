"""The resident Python of a session.

Waits for commands on descriptor 250, runs each program in one lasting `__main__` and reports its
exit code on descriptor 251. The program finds what it would find in a process of its own; what
remains afterwards is its module, and everything that it imported or changed.
"""

import builtins
import importlib.machinery
import io
import os
import site
import sys
import threading
import time
import types

COMMANDS, REPORTS = 250, 251
PIPES = "/.isol8-session"
INTERRUPTED = 130  # what a shell makes of SIGINT


def read_command(last):
    """The fields of the next command after call `last`; None when nobody is left to send one."""
    data = b""
    while True:
        fields = data.split(b"\0")[:-1]
        if fields and fields[0] == last:
            # That call was to be interrupted, and is over.
            data = data[len(last) + 1 :]
            continue
        if len(fields) >= 4 and len(fields) >= 4 + 2 * int(fields[3]):
            return fields
        try:
            chunk = os.read(COMMANDS, 1 << 16)
        except KeyboardInterrupt:
            continue
        if not chunk:
            return None
        data += chunk


def take_streams():
    """Opens the standard streams of a call, whatever the last one has done to them."""
    for number, flags in enumerate((os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)):
        opened = os.open(f"{PIPES}/{number}", flags | os.O_CLOEXEC)
        if opened == number:
            os.set_inheritable(number, True)
        else:
            os.dup2(opened, number)
            os.close(opened)


def new_main(path):
    """An empty `__main__`, as the interpreter makes it for a script."""
    main = types.ModuleType("__main__")
    main.__loader__ = importlib.machinery.SourceFileLoader("__main__", path)
    main.__dict__.update(
        __annotations__={}, __builtins__=builtins, __file__=path, __cached__=None
    )
    return main


def new_stdin(like):
    """Standard input with nothing buffered of an earlier call."""
    raw = io.FileIO(0, "rb", closefd=False)
    raw.name = "<stdin>"
    stdin = io.TextIOWrapper(io.BufferedReader(raw), like.encoding, like.errors, newline="\n")
    stdin.mode = "r"
    return stdin


def enter(directory):
    """Changes the working directory. Returns what undoes it, unless the program moved on."""
    if not directory:
        return lambda: None
    try:
        before = os.getcwdb()
    except OSError:
        before = b"/sandbox"
    os.chdir(directory)
    here = os.getcwdb()

    def leave():
        try:
            if os.getcwdb() == here:
                os.chdir(before)
        except OSError:
            pass

    return leave


def set_environment(pairs):
    """Sets variables. Returns what undoes it, unless the program changed them again."""
    environ = os.environb
    before = {name: environ.get(name) for name in pairs}
    environ.update(pairs)

    def restore():
        for name, value in before.items():
            if environ.get(name) != pairs[name]:
                continue
            if value is None:
                del environ[name]
            else:
                environ[name] = value

    return restore


def see_packages():
    """Finds what was installed since the last call, also when nothing had been before."""
    importlib.invalidate_caches()
    folder = site.getusersitepackages() if site.ENABLE_USER_SITE else None
    if folder is None or folder in sys.path or not os.path.isdir(folder):
        return
    site.addsitedir(folder)
    if folder in sys.path:
        sys.path.remove(folder)
    others = [index for index, entry in enumerate(sys.path) if entry.endswith("-packages")]
    sys.path.insert(others[0] if others else len(sys.path), folder)


def wait_for_work(threads_before):
    """Waits for what the interpreter would wait for at the end of a script."""
    while True:
        pools = sys.modules.get("concurrent.futures.thread")
        queues = getattr(pools, "_threads_queues", {})
        busy = False
        for thread in threading.enumerate():
            if thread in queues:
                busy = busy or has_work(thread)
            elif not thread.daemon and thread not in threads_before:
                thread.join()
                busy = True
        if not busy:
            break
        time.sleep(0.002)
    processes = sys.modules.get("multiprocessing.process")
    for child in list(getattr(processes, "_children", ())):
        if not child.daemon:
            child.join()


def has_work(worker):
    """Whether a worker's pool, which lives on, has anything to do."""
    pool = (getattr(worker, "_args", None) or (lambda: None,))[0]()
    if pool is None:
        return False
    return not pool._work_queue.empty() or pool._idle_semaphore._value < len(pool._threads)


def show(error):
    """Tells of an uncaught exception as the interpreter does, without the launcher's frame."""
    traceback = error.__traceback__ and error.__traceback__.tb_next
    error = error.with_traceback(traceback)
    try:
        sys.excepthook(type(error), error, traceback)
    except Exception:
        sys.__excepthook__(type(error), error, traceback)


def flush():
    for stream in {sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__}:
        try:
            stream.flush()
        except Exception:
            pass


def run(path, main):
    """Runs the program; the exit code that it would have had."""
    threads_before = set(threading.enumerate())
    linecache = sys.modules.get("linecache")
    if linecache:
        linecache.cache.pop(path, None)
    main.__dict__.pop("__warningregistry__", None)
    try:
        with open(path, "rb") as file:
            source = file.read()
        # The program's frame comes next to this one.
        exec(compile(source, path, "exec", dont_inherit=True), main.__dict__)
        status = 0
    except SystemExit:
        raise
    except BaseException as error:
        show(error)
        status = INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
    try:
        wait_for_work(threads_before)
    except KeyboardInterrupt as error:
        show(error)
        status = INTERRUPTED
    return status


def serve():
    for descriptor in (COMMANDS, REPORTS):
        os.set_inheritable(descriptor, False)
    process = os.getpid()
    original, main, call = sys.stdin, None, None
    while True:
        fields = read_command(call)
        if fields is None:
            return
        call, path, directory = fields[0], os.fsdecode(fields[1]), fields[2]
        take_streams()
        os.write(REPORTS, call + b"\n")
        if main is None:
            main = sys.modules["__main__"] = new_main(path)
            sys.argv[:] = [path]
            sys.orig_argv[1:] = [path]
            sys.path[0] = os.path.dirname(path)
        if original is not None:
            fresh = new_stdin(original)
            if sys.stdin is sys.__stdin__:
                sys.stdin = fresh
            sys.__stdin__ = fresh
        leave = enter(directory)
        restore = set_environment(dict(zip(fields[4::2], fields[5::2])))
        see_packages()
        status = run(path, main)
        if os.getpid() != process:
            # A fork of the program came to its end, and a fork is no session.
            sys.exit(status)
        restore()
        leave()
        flush()
        os.write(REPORTS, b"%s %d\n" % (call, status))


if __name__ == "__main__":
    serve()
