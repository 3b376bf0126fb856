"""What belongs to one call: its environment, its working directory and its timers."""

import _signal
import os
import site
import sys
import time

chdir, getcwdb, isdir, stat, environ = os.chdir, os.getcwdb, os.path.isdir, os.stat, os.environb
tzset, setitimer = time.tzset, _signal.setitimer
addsitedir, getusersitepackages = site.addsitedir, site.getusersitepackages
OWN_VARIABLES = {b"LC_CTYPE"}
TIMERS = _signal.ITIMER_REAL, _signal.ITIMER_VIRTUAL, _signal.ITIMER_PROF
path_list, meta_path, finders = sys.path, sys.meta_path, sys.path_importer_cache
PathFinder = sys.modules["_frozen_importlib_external"].PathFinder


class Surroundings:
    def __init__(self, command):
        self.pairs = command.environment
        self.values = {name: environ.get(name) for name in self.pairs}
        environ.update(self.pairs)
        if None in self.values.values():
            sort_environment()
        if b"TZ" in self.pairs:
            tzset()
        self.before = self.here = None
        if command.directory:
            self._enter(command.directory)
        see_packages()

    def _enter(self, directory):
        try:
            self.before = getcwdb()
        except OSError:
            self.before = b"/sandbox"
        chdir(directory)
        self.here = getcwdb()

    def restore(self):
        """Undoes what the call brought along, unless the program changed it again."""
        for timer in TIMERS:
            # It would end a later program, which knows nothing of it.
            setitimer(timer, 0)
        for name, value in self.values.items():
            if environ.get(name) != self.pairs[name]:
                continue
            if value is None:
                del environ[name]
            else:
                environ[name] = value
        if b"TZ" in self.pairs:
            tzset()
        try:
            if self.here is not None and getcwdb() == self.here:
                chdir(self.before)
        except OSError:
            pass


def sort_environment():
    """Puts the variables into the order in which a process gets them. The interpreter's own come last."""
    for name in sorted(environ, key=lambda name: (name in OWN_VARIABLES, name)):
        environ[name] = environ.pop(name)


def invalidate_caches():
    """What `importlib` does, without that module."""
    for finder in [*finders.values(), *meta_path]:
        if finder is not PathFinder and hasattr(finder, "invalidate_caches"):
            finder.invalidate_caches()
    for path in [path for path, finder in finders.items() if finder is None and is_there(path)]:
        del finders[path]


def is_there(path):
    """Whether there is something that no finder was made for, beside a program."""
    try:
        return not path.startswith("/sandbox/main.") and bool(stat(path))
    except OSError:
        return False


def see_packages():
    """Finds what was installed since the last call, also when nothing had been before."""
    invalidate_caches()
    folder = getusersitepackages() if site.ENABLE_USER_SITE else None
    if folder is None or folder in path_list or not isdir(folder):
        return
    addsitedir(folder)
    if folder in path_list:
        path_list.remove(folder)
    others = [index for index, entry in enumerate(path_list) if entry.endswith("-packages")]
    path_list.insert(others[0] if others else len(path_list), folder)
