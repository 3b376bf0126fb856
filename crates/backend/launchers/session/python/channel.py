"""What the guest and the launcher say to each other, over named pipes: no descriptor is open while a
program runs, so none can be closed by it."""

import posix
import sys

STDIN = 0  # needed by nobody between two programs
READ, WRITE = posix.O_RDONLY | posix.O_CLOEXEC, posix.O_WRONLY | posix.O_CLOEXEC
NOW = READ | posix.O_NONBLOCK
fsdecode = sys.modules["os"].fsdecode
read, write, close = posix.read, posix.write, posix.close
CHUNK = 1 << 16


class Command:
    def __init__(self, fields):
        self.call, self.program, self.directory = fields[0], fsdecode(fields[1]), fields[2]
        self.environment = dict(zip(fields[4::2], fields[5::2]))


class Channel:
    def __init__(self, open_pipe):
        self.call, self.open_pipe = None, open_pipe

    def command(self):
        """Returns the next command, or None when the guest has closed the pipe."""
        pipe, data = self._open("commands", READ), b""
        try:
            while True:
                fields = data.split(b"\0")[:-1]
                if fields and fields[0] == self.call:
                    # That call was to be interrupted, and is over.
                    data = data[len(self.call) + 1 :]
                    continue
                if len(fields) >= 4 and len(fields) >= 4 + 2 * int(fields[3]):
                    self.call = fields[0]
                    return Command(fields)
                chunk = read(pipe, CHUNK)
                if not chunk:
                    return None
                data += chunk
        finally:
            close(pipe)

    def ready(self):
        self._say(b"%s\n" % self.call)

    def report(self, status):
        self._say(b"%s %d\n" % (self.call, status))

    def is_interrupted(self):
        """Whether it is the guest that interrupts."""
        pipe = self._open("commands", NOW)
        try:
            return read(pipe, CHUNK) == self.call + b"\0"
        except BlockingIOError:
            return False
        finally:
            close(pipe)

    def _say(self, line):
        pipe = self._open("reports", WRITE)
        try:
            write(pipe, line)
        finally:
            close(pipe)

    def _open(self, name, flags):
        return self.open_pipe(name, flags, STDIN)
