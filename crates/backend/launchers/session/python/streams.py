"""The standard streams of a call: descriptors opened anew, and objects that are as at the start of the
interpreter, whatever the last program did to either."""

import posix
import sys
from io import BufferedReader, BufferedWriter, FileIO, TextIOWrapper

FLUSH_FAILED = 120  # the exit code of an interpreter that cannot write its last output
close, dup2, set_inheritable = posix.close, posix.dup2, posix.set_inheritable
display = sys.__excepthook__


class Streams:
    def __init__(self, open_pipe):
        self.open_pipe = open_pipe
        self.like = [sys.stdin, sys.stdout, sys.stderr]
        self.settings = [
            (stream.encoding, stream.errors, stream.line_buffering) for stream in self.like
        ]
        self.writers = self.like[1:]

    def take(self):
        """Opens the descriptors 0 to 2, and puts the objects in their places."""
        for number, flags in enumerate((posix.O_RDONLY, posix.O_WRONLY, posix.O_WRONLY)):
            # A program that has taken all descriptors has opened this one.
            opened = self.open_pipe(number, flags | posix.O_CLOEXEC, number)
            if opened == number:
                set_inheritable(number, True)
            else:
                dup2(opened, number)
                close(opened)
        sys.stdin = sys.__stdin__ = self._reader()
        for index in (0, 1):
            if not self._is_sound(index):
                self.writers[index] = self._writer(index + 1)
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__ = self.writers

    def flush(self):
        """Writes what is buffered. Returns the exit code when standard output cannot be."""
        status = 0
        for stream in (sys.stdout, sys.stderr):
            try:
                if stream is not None and not getattr(stream, "closed", False):
                    stream.flush()
            except Exception as error:
                status = FLUSH_FAILED
                if stream is sys.stdout:
                    tell(stream, error)
        for index, stream in enumerate(self.writers):
            try:
                stream.flush()
            except Exception:
                self.writers[index] = None
                give_up(stream)
        return status

    def _reader(self):
        encoding, errors, _ = self.settings[0]
        raw = FileIO(0, "rb", closefd=False)
        raw.name = "<stdin>"
        stream = TextIOWrapper(BufferedReader(raw), encoding, errors, newline="\n")
        stream.mode = "r"
        return stream

    def _writer(self, number):
        encoding, errors, line_buffering = self.settings[number]
        raw = FileIO(number, "wb", closefd=False)
        raw.name = ("<stdout>", "<stderr>")[number - 1]
        buffer = BufferedWriter(raw)
        stream = TextIOWrapper(buffer, encoding, errors, newline="\n", line_buffering=line_buffering)
        stream.mode = "w"
        return stream

    def _is_sound(self, index):
        encoding, errors, line_buffering = self.settings[index + 1]
        stream = self.writers[index]
        try:
            stream.reconfigure(
                encoding=encoding, errors=errors, newline="\n", line_buffering=line_buffering
            )
            return stream.fileno() == index + 1
        except Exception:
            return False


def give_up(stream):
    """Keeps what a stream still holds from being written into the output of a later call."""
    try:
        stream.buffer.raw.close()
    except Exception:
        pass


def tell(stream, error):
    """Says as the interpreter does that the last output could not be written."""
    try:
        sys.stderr.write(f"Exception ignored in: {stream!r}\n")
        display(type(error), error.with_traceback(None), None)
    except Exception:
        pass
