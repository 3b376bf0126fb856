"""Parks CPython: waits in the middle of its start, at the place where a site may customise it.

Found through PYTHONPATH. It says that it is ready, waits for the program's environment, directory
and text on standard input, and leaves no trace: the real site customisation takes its place. Any
failure ends the process before it has said that it goes on, and the guest starts a plain one.
"""


def park():
    import os
    import posix
    import sys

    here = "/.isol8/python"
    own = sys.modules.pop("sitecustomize")
    if os.environ.get("PYTHONPATH") != here:
        # A sub-interpreter, which begins with the paths that the first one was started with.
        sys.path.remove(here)
        sys.path_importer_cache.pop(here, None)
        import sitecustomize
        return
    del os.environ["PYTHONPATH"]
    preload = os.environ.pop("ISOL8_PRELOAD", None)
    if preload:
        nursery = os.environ.pop("ISOL8_NURSERY", None)
        import isol8_nursery, isol8_preload
        del sys.modules["isol8_nursery"], sys.modules["isol8_preload"]
    sys.path.remove(here)
    sys.path_importer_cache.pop(here, None)

    def receive(count):
        parts = []
        while count:
            part = posix.read(0, count)
            if not part:
                posix._exit(1)
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def wait():
        posix.write(1, b"\x06")
        body = receive(int(receive(8), 16))
        cwd, path, count, rest = body.split(b"\0", 3)
        posix.chdir(cwd)
        if count != b"-":
            *pairs, rest = rest.split(b"\0", int(count))
            pairs = dict(pair.split(b"=", 1) for pair in pairs)
            # What CPython itself has set at its start (PEP 538).
            for name, value in posix.environ.items():
                pairs.setdefault(name, value)
            for name in list(posix.environ):
                posix.unsetenv(name)
            posix.environ.clear()  # which os.environ is a view of
            for name, value in pairs.items():
                posix.putenv(name, value)
                posix.environ[name] = value
        if path:
            file = posix.open(path, posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC | posix.O_CLOEXEC, 0o666)
            while rest:
                rest = rest[posix.write(file, rest):]
            posix.close(file)
        posix.write(1, b"\x06")

    def find_spec(name, path=None, target=None):
        try:
            del sys.meta_path[0]
            wait()
        except BaseException:
            posix._exit(1)
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    try:
        # The customisation that this file stands before.
        try:
            import sitecustomize
        except ImportError as error:
            if error.name != "sitecustomize":
                raise
            sitecustomize = None
        if preload:
            objects = isol8_preload.load(preload.split(" "))
            if nursery:
                isol8_nursery.serve(int(nursery), objects)
            del objects
        # The other customisation, which is looked for next. When there is none, as usual, the best
        # place to wait is where it would be found: that search is then over, too.
        later = sys.modules["site"].ENABLE_USER_SITE
        if later:
            try:
                import usercustomize
                later = False
            except ImportError as error:
                if error.name != "usercustomize":
                    raise
        if later:
            # No class of its own, which would stay behind as garbage.
            finder = type(sys.implementation)(find_spec=find_spec)
            sys.meta_path.insert(0, finder)
        else:
            wait()
    except BaseException:
        posix._exit(1)
    if sitecustomize is None:
        raise ImportError("No module named 'sitecustomize'", name="sitecustomize")


park()
