"""Imports modules into a parked CPython ahead of its program. Used by `sitecustomize` alone.

What the modules leave behind is put out of the way of the program's own garbage collections, and of
the interpreter's end, which would take longer to take a large library apart than the program ran.
"""


def load(names):
    import atexit
    import posix
    import sys

    modules = sys.modules
    kept = {}
    atexit.register(lambda: leave(kept))  # before the modules register theirs: it is called last
    for name in names:
        try:
            __import__(name)
        except BaseException as error:
            reason = f"preload {name}: {type(error).__name__}: {error}"
            posix.write(2, reason.encode(errors="replace")[:2048])
            posix._exit(1)

    main = modules["__main__"]
    if sys.getrefcount(main) == 3:
        import gc

        own = {"sys", "builtins", "__main__"}
        kept.update(item for item in modules.items() if item[0] not in own)
        # In a cycle that is never collected: the interpreter finds them in use, and leaves them alone.
        cycle = [kept]
        cycle.append(cycle)
        gc.collect()
        objects = gc.get_objects()
        gc.freeze()
        # What the program leaves in its own module must be collected.
        modules["__main__"] = type(main)("__main__")
        modules["__main__"].__dict__.update(main.__dict__)
        return objects
    return ()


def leave(kept):
    import gc
    import sys

    # What the interpreter does next, while imports still work.
    if kept and gc.isenabled():
        gc.collect()
    for name, module in kept.items():
        if sys.modules.get(name) is module:
            del sys.modules[name]
