"""The named pipes between the guest and the launcher."""

import posix

PIPES = "/.isol8-session"
NO_DESCRIPTOR = 24  # EMFILE
open, close = posix.open, posix.close


def open_pipe(name, flags, spare):
    """Opens a pipe. Where a program has taken all descriptors, it gets that of `spare`, which nobody needs now."""
    path = f"{PIPES}/{name}"
    try:
        return open(path, flags)
    except OSError as error:
        if error.errno != NO_DESCRIPTOR:
            raise
        close(spare)
        return open(path, flags)
