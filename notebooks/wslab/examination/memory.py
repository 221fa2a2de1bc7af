"""What grows with each visit: memory that lines of the app's own have allocated, looked at from time to time."""

import gc
import linecache
import tracemalloc

from wslab import library
from wslab.examination.clients import SOME_VISITS
from wslab.examination.evidence import Spot, cuts_by_hand, limited, made_at
from wslab.examination.findings import Kind, Sign, sign

LOOKS = 4  # the first one begins; what grew between the last three is compared


class Memory:
    """Looks at it, in one visit."""

    def __init__(self):
        self._kept: list[dict] = []  # how much each line has allocated that is still there
        self._lengths: list[dict] = []  # of what has a limit, then

    @property
    def is_known(self) -> bool:
        """Whether it was looked at often enough."""
        return len(self._kept) == LOOKS

    def look(self) -> list[Sign]:
        """Take a look. The last one finds the line of which more is kept with each visit, if there is one."""
        if self.is_known or (not self._kept and tracemalloc.is_tracing()):
            return []
        gc.collect()
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
        return self._what_grows(histories) if self.is_known else []

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
