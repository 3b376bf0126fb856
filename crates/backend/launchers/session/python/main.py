"""The resident Python of a session.

Reads commands, runs each program in one lasting `__main__` and reports its exit code. The program finds
what it would find in a process of its own. What remains afterwards is its module, and everything that it
imported or changed.

Programs replace functions of modules and of `builtins`, also those that the launcher needs. So each part
of the launcher has builtins of its own, and takes what it needs from modules before any program runs.
"""

import _signal
import builtins
import posix
import sys

FOLDER = "/.isol8/session/python"
COMMAND, REPORT = 250, 251
INTERRUPTED = 130  # what a shell makes of SIGINT
OWN_BUILTINS = dict(vars(builtins))
SIGINT = _signal.SIGINT
getpid, getsignal, set_signal = posix.getpid, _signal.getsignal, _signal.signal
gettrace, settrace, getprofile, setprofile = sys.gettrace, sys.settrace, sys.getprofile, sys.setprofile
SourceFileLoader = sys.modules["_frozen_importlib_external"].SourceFileLoader
modules, argv, orig_argv, path_list, leave = sys.modules, sys.argv, sys.orig_argv, sys.path, sys.exit
ModuleType, finders = type(sys), sys.path_importer_cache


def load(name):
    """The names of another part."""
    path = f"{FOLDER}/{name}.py"
    names = {"__builtins__": OWN_BUILTINS, "__name__": name}
    with open(path, "rb") as file:
        exec(compile(file.read(), path, "exec"), names)
    return names


def new_main(path):
    """An empty `__main__`, as the interpreter makes it for a script."""
    main = ModuleType("__main__")
    main.__loader__ = SourceFileLoader("__main__", path)
    main.__dict__.update(__annotations__={}, __builtins__=builtins, __file__=path, __cached__=None)
    modules["__main__"] = main
    argv[:] = [path]
    orig_argv[1:] = [path]
    path_list[0] = path.rpartition("/")[0]
    # Found by the interpreter when it looks at what it is to run.
    finders.pop(FOLDER, None)
    finders[path] = None
    return main


def nothing(_number, _frame):
    """Between two programs there is nothing to interrupt."""


def serve():
    """Serves calls until the guest closes the pipe of commands."""
    open_pipe = load("pipes")["open_pipe"]
    Channel = load("channel")["Channel"]
    Streams = load("streams")["Streams"]
    Programs = load("programs")["Programs"]
    Surroundings = load("surroundings")["Surroundings"]
    Hooks = load("hooks")["Hooks"]
    conclude = load("errors")["conclude"]
    wait_for_work = load("work")["wait_for_work"]
    channel, streams, programs, hooks = Channel(open_pipe), Streams(open_pipe), Programs(), Hooks()
    process, main, handler, tracing = getpid(), None, getsignal(SIGINT), (None, None)
    set_signal(SIGINT, nothing)
    while True:
        command = channel.command()
        if command is None:
            return
        source = programs.read(command.program)
        streams.take()
        channel.ready()
        main = main or new_main(command.program)
        main.__dict__.pop("__warningregistry__", None)
        main.__doc__ = None
        surroundings = Surroundings(command)
        programs.begin(command.program, source)
        hooks.begin()
        before = work_before()
        ended, status, code = None, 0, None
        try:
            set_signal(SIGINT, handler)
            code = programs.compile()
            setprofile(tracing[1])
            settrace(tracing[0])
            # The program's frame comes next to this one.
            exec(code, main.__dict__)
        except BaseException as error:
            frames = error.__traceback__ and error.__traceback__.tb_next
            ended = error.with_traceback(frames if code else None)
        try:
            tracing = gettrace(), getprofile()
            settrace(None)
            setprofile(None)
            if ended is not None:
                status = conclude(ended, channel.is_interrupted)
            wait_for_work(before)
            if getpid() == process and not isinstance(ended, KeyboardInterrupt):
                hooks.run()
        except KeyboardInterrupt as error:
            status = conclude(error, channel.is_interrupted)
        handler = quiet()
        if getpid() != process:
            # A fork of the program came to its end, and a fork is no session.
            leave(status)
        status = streams.flush() or status
        surroundings.restore()
        ended = code = None
        channel.report(status)


def quiet():
    """Lets nothing interrupt the launcher. Returns the program's own handler."""
    while True:
        try:
            handler = getsignal(SIGINT)
            set_signal(SIGINT, nothing)
            return handler
        except KeyboardInterrupt:
            continue


def work_before():
    """The threads and child processes that are there before a program."""
    threading = modules.get("threading")
    processes = modules.get("multiprocessing.process")
    threads = threading.enumerate() if threading else ()
    return set(threads) | set(getattr(processes, "_children", ()))


if __name__ == "__main__":
    for descriptor in (COMMAND, REPORT):
        posix.close(descriptor)
    serve()
