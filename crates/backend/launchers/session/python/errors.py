"""What an interpreter says of an exception that nobody caught, and its exit code."""

import sys

display, modules = sys.__excepthook__, sys.modules
INTERRUPTED = 130  # what a shell makes of SIGINT
OVERFLOW = 255


def conclude(error, is_interrupted):
    """Tells of what has ended a program. Returns its exit code."""
    if isinstance(error, SystemExit):
        return code_of(error)
    interrupted = isinstance(error, KeyboardInterrupt)
    if interrupted and is_interrupted():
        return INTERRUPTED
    try:
        show(error)
    except SystemExit as second:
        return code_of(second)
    return INTERRUPTED if interrupted else 1


def code_of(error):
    code = error.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF if -(2**63) <= code < 2**63 else OVERFLOW
    try:
        sys.stderr.write(str(code) + "\n")
    except Exception:
        pass
    return 1


def show(error):
    kind, traceback = type(error), error.__traceback__
    sys.last_type, sys.last_value, sys.last_traceback = kind, error, traceback
    hook = sys.excepthook
    try:
        (display_own if hook is display else hook)(kind, error, traceback)
    except SystemExit:
        raise
    except BaseException as second:
        second = second.with_traceback(second.__traceback__ and second.__traceback__.tb_next)
        sys.stderr.write("Error in sys.excepthook:\n")
        display(type(second), second, second.__traceback__)
        sys.stderr.write("\nOriginal exception was:\n")
        display_own(kind, error, traceback)


def display_own(kind, error, traceback):
    """The interpreter's own display reads the file, which has only the text of the last program."""
    if is_of_earlier(error, set()):
        import traceback as module

        module.print_exception(kind, error, traceback)
    else:
        display(kind, error, traceback)


def is_of_earlier(error, seen):
    if error is None or id(error) in seen:
        return False
    seen.add(id(error))
    traceback = error.__traceback__
    while traceback is not None:
        if type(traceback.tb_frame.f_code.co_filename) is not str:
            return True
        traceback = traceback.tb_next
    return is_of_earlier(error.__cause__, seen) or is_of_earlier(error.__context__, seen)
