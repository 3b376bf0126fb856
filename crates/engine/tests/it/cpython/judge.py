# Runs one module of CPython's own tests in this very process, and leaves a verdict for each of its
# tests in /sandbox/verdicts. MODULE and EXCLUDED come before this text.
import os
import sys
import unittest
from test import support

PLACE = "/sandbox/verdicts"
verdicts = []


class Verdicts(unittest.TestResult):
    """Collects names and verdicts; the text of what failed is for people, on standard error."""

    def tell(self, test, verdict, text=""):
        line = f"{name_of(test)}\t{verdict}"
        verdicts.append(line.replace("\n", " "))
        if text:
            os.write(2, f"{line}\n{text}\n".encode(errors="replace"))

    def addSuccess(self, test):
        self.tell(test, "ok")

    def addFailure(self, test, error):
        self.tell(test, "fail", self._exc_info_to_string(error, test))

    def addError(self, test, error):
        self.tell(test, "error", self._exc_info_to_string(error, test))

    def addSkip(self, test, reason):
        # Names of temporary files have it in them.
        self.tell(test, f"skip {reason}".replace(f"_{os.getpid()}_", "_PID_"))

    def addExpectedFailure(self, test, error):
        self.tell(test, "fails as expected")

    def addUnexpectedSuccess(self, test):
        self.tell(test, "unexpected success")

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.tell(subtest, "fail", self._exc_info_to_string(error, test))


def tests_of(suite):
    for entry in suite:
        if isinstance(entry, unittest.TestSuite):
            yield from tests_of(entry)
        else:
            yield entry


def name_of(test):
    return test.id().removeprefix(f"test.{MODULE}.")


def excluded(test):
    name = name_of(test)
    return any(name == one or name.startswith(one + ".") for one in EXCLUDED)


def judge():
    # As CPython's own runner has it: nothing that needs the outside world or hours.
    support.use_resources = ["subprocess", "cpu", "walltime"]
    support.verbose = 0
    unittest.case.TestCase.maxDiff = None
    result = Verdicts()
    try:
        suite = unittest.defaultTestLoader.loadTestsFromName(f"test.{MODULE}")
    except unittest.SkipTest as reason:
        verdicts.append(f"{MODULE}\tskip {reason}")
        suite = unittest.TestSuite()
    suite = unittest.TestSuite(test for test in tests_of(suite) if not excluded(test))
    suite.run(result)
    os.chdir("/sandbox")
    with open(PLACE, "w", errors="backslashreplace") as file:
        file.write("\n".join(sorted(verdicts)))


# Processes that `multiprocessing` starts anew load this file, too, under another name.
if __name__ == "__main__":
    judge()
