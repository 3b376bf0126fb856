"""Exit hooks: those that a call has registered run when the call ends.

Hooks of libraries wait for the end of the interpreter, because their libraries live on. A hook is a
program's when the program's own files have registered it.
"""

import _imp
import atexit
import sys

OWN = "/sandbox/"
frame_at, display = sys._getframe, sys.__excepthook__


def hide():
    """Lets the program that imports the module be the first to do so."""
    module, create = sys.modules.pop("atexit"), _imp.create_builtin

    def create_builtin(spec):
        return module if spec.name == "atexit" else create(spec)

    _imp.create_builtin = create_builtin


class Hooks:
    def __init__(self):
        self.entries = []
        self.first = 0
        register, unregister = atexit.register, atexit.unregister

        def of_program(func, *args, **kwargs):
            name = frame_at(1).f_code.co_filename
            if not callable(func) or not name.startswith(OWN) or "-packages/" in name:
                return register(func, *args, **kwargs)
            self.entries.append((func, args, kwargs))
            return func

        def unregister_any(func):
            self.entries[:] = [entry for entry in self.entries if entry[0] != func]
            unregister(func)

        of_program.__name__ = of_program.__qualname__ = "register"
        unregister_any.__name__ = unregister_any.__qualname__ = "unregister"
        of_program.__doc__, unregister_any.__doc__ = register.__doc__, unregister.__doc__
        atexit.register, atexit.unregister = of_program, unregister_any
        hide()
        # What is left at the end of the interpreter, or of a fork of the program.
        register(self.run_all)

    def begin(self):
        """Notes which hooks are there before a call."""
        self.first = len(self.entries)

    def run(self):
        """Runs the hooks of the call, the last one first."""
        while len(self.entries) > self.first:
            func, args, kwargs = self.entries.pop()
            try:
                func(*args, **kwargs)
            except (Exception, SystemExit) as error:
                error = error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
                sys.stderr.write(f"Exception ignored in atexit callback: {func!r}\n")
                display(type(error), error, error.__traceback__)

    def run_all(self):
        self.first = 0
        self.run()
