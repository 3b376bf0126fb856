"""The text of programs. Every program is the same file, so functions of an earlier one would be shown
with the text of the present one. When the next program comes, their code gets a name that looks the
same and has an entry of its own among the cached lines."""

import _imp
import sys

rename, modules, getrefcount, version = _imp._fix_co_filename, sys.modules, sys.getrefcount, sys.version_info
CodeType = type((lambda: None).__code__)
ELSEWHERE = "<earlier program>"
MAX_SOURCE = 1 << 20  # of earlier programs in all, in bytes
REFERENCES = 3  # the list, the loop, and the count itself


class Name(str):
    """The name of an earlier program's file."""

    def __hash__(self):
        return id(self)

    def __reduce_ex__(self, _protocol):
        return str, (str(self),)


class Programs:
    def __init__(self):
        self.names = []
        self.path = self.source = self.code = None

    def read(self, path):
        """The text of the next program, or the error that it cannot be read. It is read before the call's streams are
        opened, because a program may have taken all other descriptors."""
        try:
            with open(path, "rb") as file:
                return file.read()
        except OSError as error:
            return error

    def begin(self, path, source):
        """Puts the last program away."""
        if self.code is not None and has_functions(self.code):
            name = Name(self.path)
            rename(self.code, ELSEWHERE)
            rename(self.code, name)
            name.source = self.source
            self.names.append(name)
        self.path, self.source, self.code = path, source, None
        self._keep_lines()

    def compile(self):
        """The code of the program; a syntax error is the program's own."""
        if isinstance(self.source, OSError):
            raise self.source
        try:
            self.code = compile(without_nul(self.source, self.path), self.path, "exec", dont_inherit=True)
        except SyntaxError as error:
            if (error.msg or "").startswith("unknown encoding: "):
                raise SyntaxError(error.msg.replace("unknown encoding", "encoding problem")) from None
            raise
        return self.code

    def _keep_lines(self):
        """Makes the lines of earlier programs known, as long as some of their code is alive."""
        if not self.names and "linecache" not in modules:
            return
        import linecache

        linecache.cache.pop(self.path, None)
        kept, room = [], MAX_SOURCE
        while self.names:
            name = self.names.pop()
            cached = linecache.cache.pop(name, None)
            if getrefcount(name) >= REFERENCES:
                room -= len(name.source)
                if room < 0:
                    # An entry all the same: without one, the text of the file would be taken.
                    cached, name.source = None, b""
                lines = cached[2] if cached else lines_of(name.source)
                linecache.cache[name] = len(name.source), None, lines, name
                kept.append(name)
        self.names = kept[::-1]


def has_functions(code):
    return any(isinstance(constant, CodeType) for constant in code.co_consts)


def lines_of(source):
    lines = source.decode("utf-8", "replace").lstrip("\ufeff").splitlines(True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    return lines


def without_nul(source, path):
    """The text as the interpreter sees that of a file: it used to read a line up to its first NUL."""
    at = source.find(b"\0")
    if at < 0:
        return source
    if version < (3, 11, 4):
        return b"".join(line.partition(b"\0")[0] for line in source.splitlines(True))
    before = source[:at].decode("utf-8", "replace")
    line = before.rpartition("\n")[2]
    place = path, before.count("\n") + 1, 0, line
    raise SyntaxError("source code cannot contain null bytes", place)
