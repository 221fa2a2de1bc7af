"""Run pytest beside a notebook's cells, and print what it says: a line for each test, without seconds and paths.

pytest runs in a thread of its own, since tests call `asyncio.run()` or have an event loop of their own, and the thread
of the cells runs one already.
"""

import asyncio
import inspect
import sys
import tempfile
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from wslab.breaking_off import raise_in_thread

LIMIT = 100.0  # seconds for all tests of a report: busy machines, and pages, are slow
WIDTH = 100  # characters of a line
ITS_OWN = ["terminal", "cacheprovider", "logging", "faulthandler"]  # parts of pytest that this does without
OPTIONS = ["-s", "--disable-plugin-autoload", "-p", "anyio.pytest_plugin", *(f"-pno:{name}" for name in ITS_OWN)]
SETTINGS = "[pytest]\nanyio_mode = auto\nverbosity_assertions = 2\n"
NOTEBOOK = "from __main__ import *  # what the cells have defined\n\n\n"


class Outcomes:
    """A plugin of pytest's that notes a line for each test."""

    def __init__(self):
        self.lines: list[str] = []
        self.session: pytest.Session | None = None

    def pytest_sessionstart(self, session):
        """pytest's hook"""
        self.session = session

    def pytest_collectreport(self, report):
        """pytest's hook: a file that cannot be imported is no test, and must not look like none."""
        if report.failed:
            self.lines.append(f"ERROR   {report.nodeid}: {str(report.longrepr).splitlines()[-1]}")

    def pytest_runtest_logreport(self, report):
        """pytest's hook: it comes for a test's fixtures, the test itself, and the end of the fixtures."""
        if report.when == "call" or not report.passed:
            outcome = "FAILED" if report.failed else report.outcome
            what = reason(report) if report.failed else ""
            self.lines.append(f"{outcome:7} {report.nodeid.rpartition('::')[2]}{what}")


def reason(report) -> str:
    """The error of a test that has failed: its type, and the first line of its text."""
    crash = getattr(report.longrepr, "reprcrash", None)
    # Where a fixture is missing, nothing has crashed, and that stands in another place.
    text = crash.message if crash else getattr(report.longrepr, "errorstring", str(report.longrepr))
    kind, colon, rest = text.partition(":")
    first_line = (kind.rpartition(".")[2] + colon + " " + rest.lstrip()).splitlines()[0]
    where = "" if report.when == "call" else f" ({report.when})"
    return f"{where}: {first_line.rstrip()}"


async def report(*tests: Callable | str) -> None:
    """Run tests, and print for each whether it passed, or the first line of its error.

    tests: functions of a cell, or names of files, as pytest takes them.
    Raises TimeoutError if they take more than 100 seconds.
    """
    outcomes = Outcomes()
    with as_files(tests) as arguments:
        thread = threading.Thread(target=pytest.main, args=([*OPTIONS, *arguments], [outcomes]), daemon=True)
        thread.start()
        try:
            async with asyncio.timeout(LIMIT):
                while thread.is_alive():
                    await asyncio.sleep(0.01)
        finally:
            if thread.is_alive():  # too slow, or the reader has pressed Interrupt
                if outcomes.session:
                    outcomes.session.shouldstop = "given up"
                raise_in_thread(thread.ident)
    for line in outcomes.lines:
        print(textwrap.fill(line, WIDTH, subsequent_indent=" " * 8, break_long_words=False))


@contextmanager
def as_files(tests: tuple[Callable | str, ...]) -> Iterator[list[str]]:
    """The arguments for pytest. Functions of cells go into a file for it, which sees all that the cells have defined.

    Afterwards what was imported for the tests is forgotten, so that a file which is changed is read again.
    """
    modules, path = set(sys.modules), list(sys.path)
    try:
        with tempfile.TemporaryDirectory() as folder:
            if isinstance(tests[0], str):
                yield [str(test) for test in tests]
            else:
                file = Path(folder, "test_cells.py")
                file.write_text(NOTEBOOK + "\n\n".join(map(inspect.getsource, tests)), encoding="utf-8")
                Path(folder, "pytest.ini").write_text(SETTINGS, encoding="utf-8")
                yield [f"{file}::{test.__name__}" for test in tests]
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - modules:
            if name.partition(".")[0] in ("conftest", "examples", "test_cells"):
                del sys.modules[name]
