"""Imports modules into a parked CPython ahead of its program. Used by `sitecustomize` alone.

What the modules leave behind is put out of the way of the program's own garbage collections, and of
the interpreter's end, which would take longer to take a large library apart than the program ran.
"""


def load(names):
    import atexit
    import gc
    import posix
    import sys

    modules = sys.modules
    atexit.register(lambda: leave())  # before what the modules register, so that it is called last
    for name in names:
        try:
            __import__(name)
        except BaseException as error:
            reason = f"preload {name}: {type(error).__name__}: {error}"
            posix.write(2, reason.encode(errors="replace")[:2048])
            posix._exit(1)

    own = {"sys", "builtins", "__main__"}
    kept = {name: module for name, module in modules.items() if name not in own}
    # In a cycle that is never collected: the interpreter finds them in use, and leaves them alone.
    cycle = [kept]
    cycle.append(cycle)
    gc.collect()
    gc.freeze()

    def leave():
        # What the interpreter does next, while imports still work.
        if gc.isenabled():
            gc.collect()
        for name, module in kept.items():
            if modules.get(name) is module:
                del modules[name]
