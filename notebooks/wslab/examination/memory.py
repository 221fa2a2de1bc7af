"""What grows with each visit, looked at from time to time.

Memory that lines of the app's own have allocated; processes that have ended, and open files.
"""

import contextlib
import gc
import linecache
import os
import tracemalloc
from collections import Counter
from pathlib import Path

from wslab import library
from wslab.examination.clients import SOME_VISITS
from wslab.examination.evidence import Spot, cuts_by_hand, limited, made_at
from wslab.examination.findings import Kind, Sign, sign

LOOKS = 4  # the first one begins; what grew between the last three is compared
PROCESS, FILE = "a process", "an open file"


def handles() -> dict[str, int]:
    """How many child processes have ended that nobody has asked how, and how many files are open, sockets among them.

    Nothing, where the system does not tell. Linux does: https://man7.org/linux/man-pages/man5/proc.5.html
    """
    with contextlib.suppress(OSError):
        children = " ".join(path.read_text() for path in Path("/proc/self/task").glob("*/children")).split()
        states = [Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] for child in children]
        return {PROCESS: states.count("Z"), FILE: len(os.listdir("/proc/self/fd"))}
    return {}


class Memory:
    """Looks at it, in one visit."""

    def __init__(self):
        self._kept: list[dict] = []  # how much each line has allocated that is still there
        self._lengths: list[dict] = []  # of what has a limit, then
        self._counts: list[dict[str, int]] = []  # see `handles`

    @property
    def is_known(self) -> bool:
        """Whether it was looked at often enough."""
        return len(self._kept) == LOOKS

    def look(self, errors: bool) -> list[Sign]:
        """Take a look. The last one finds what grows with each visit, if something does.

        errors: some are logged. Whoever keeps log records, as pytest does, keeps them, and what they hold.
        """
        if self.is_known or (not self._kept and tracemalloc.is_tracing()):
            return []
        gc.collect()
        self._counts.append(handles())
        if not self._kept:
            tracemalloc.start()
            self._kept.append({})
            return []
        histories = limited()
        self._lengths.append({id(history): len(history) for history in histories})
        lines = tracemalloc.take_snapshot().statistics("lineno")
        own = {(s.traceback[0].filename, s.traceback[0].lineno): s.count for s in lines}
        # What is made by exec() has no file: so are data classes.
        self._kept.append({line: n for line, n in own.items() if line[0][0] != "<" and not library.is_library(line[0])})
        if not self.is_known:
            return []
        grows = self._what_grows(histories)
        return self._what_is_left(errors) or ([] if errors else grows)  # what is left takes memory

    def _what_is_left(self, errors: bool) -> list[Sign]:
        """Of what the system counts."""
        _, first, second, now = (Counter(count) for count in self._counts)
        left = [
            what for what in (PROCESS, FILE) if min(now[what] - second[what], second[what] - first[what]) >= SOME_VISITS
        ]
        left = [what for what in left if what is PROCESS or not errors]
        return [sign(Kind.LEAVES, f"each visit leaves {' and '.join(left)}")] if left else []

    def is_over(self) -> bool:
        """Whether some of what was left is gone by now: something had to be finished."""
        now = Counter(handles())
        return any(count - now[what] >= SOME_VISITS for what, count in self._counts[-1].items())

    def _what_grows(self, histories: list) -> list[Sign]:
        before = self._lengths[-2]
        fill = [h for h in histories if len(h) - before.get(id(h), len(h)) >= SOME_VISITS]
        in_a_history = {made_at(history[-1]) for history in fill}
        tracemalloc.stop()
        _, first, second, now = self._kept
        grown = {
            line: min(now[line] - second.get(line, 0), second.get(line, 0) - first.get(line, 0))
            for line in now
            if line not in in_a_history
        }
        line = max(grown, key=grown.get, default=None)
        source = linecache.getline(*line).strip() if line else ""
        # Not what an `except*` makes: on Python 3.11 it stays, whatever the app does.
        if not line or grown[line] < SOME_VISITS or source.startswith("except") or cuts_by_hand(*line):
            return []
        return [sign(Kind.GROWS, f"with each visit it keeps more in memory: `{source}`", Spot(*line))]

    def stop(self) -> None:
        """Look no more, where the visit has ended before."""
        if self._kept and not self.is_known:
            tracemalloc.stop()
